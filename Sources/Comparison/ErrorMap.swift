import TensorBase

/// A picture of where two tensors differ: of the last two axes, at the leading coordinates where
/// the largest error is.
package struct ErrorMap: Sendable, Hashable {
  /// Coordinates along all but the last two axes.
  package let leading: [Int]
  /// Rows and columns of the tensor that are shown.
  package let size: (rows: Int, columns: Int)
  /// Rows and columns of the picture: the tensor's own, or fewer when these are too many.
  package let picture: (rows: Int, columns: Int)
  /// Row by row the largest |actual − expected| of the elements that a cell stands for; NaN when it
  /// is NaN for one of them, or one is infinite and the other not that.
  package let errors: [Double]

  package static func == (a: ErrorMap, b: ErrorMap) -> Bool {
    a.leading == b.leading && a.size == b.size && a.picture == b.picture && a.errors == b.errors
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(leading)
    hasher.combine(errors)
  }

  /// nil for tensors of less than two axes, without elements, or of different shapes or types.
  ///
  /// - Parameters:
  ///   - index: coordinates of the element whose surroundings are shown.
  ///   - maximumSide: of the picture, in cells.
  package init?(_ actual: Tensor, _ expected: Tensor, around index: [Int], maximumSide: Int) {
    let shape = expected.shape
    guard actual.shape == shape, actual.type == expected.type, shape.rank >= 2, shape.count > 0,
      index.count == shape.rank
    else { return nil }
    let size = (rows: shape[-2], columns: shape[-1])
    func cells(_ side: Int) -> Int { min(side, maximumSide) }
    let picture = (rows: cells(size.rows), columns: cells(size.columns))
    let strides = shape.strides
    let leading = Array(index.dropLast(2))
    let start = zip(leading, strides).reduce(0) { $0 + $1.0 * $1.1 }
    let end = start + size.rows * size.columns
    var errors = [Double](repeating: 0, count: picture.rows * picture.columns)
    forEachChunk(actual, expected) { chunk in
      let first = max(start, chunk.start)
      let last = min(end, chunk.start + chunk.count)
      guard first < last else { return }
      for place in first..<last {
        let i = place - chunk.start
        var error = chunk.errors[i]
        // The same infinity on both sides differs by nothing.
        if error.isNaN && chunk.actual[i] == chunk.expected[i] { error = 0 }
        guard error != 0 else { continue }
        let (row, column) = ((place - start) / size.columns, (place - start) % size.columns)
        let cell =
          row * picture.rows / size.rows * picture.columns
          + column * picture.columns / size.columns
        if !(errors[cell] >= error) { errors[cell] = errors[cell].isNaN ? .nan : error }
      }
    }
    self.leading = leading
    self.size = size
    self.picture = picture
    self.errors = errors
  }
}
