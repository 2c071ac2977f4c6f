/// A picture of one channel in row-major order: `values[row * width + column]`.
package struct Raster<Value: Sendable & Hashable>: Sendable, Hashable {
  package let height: Int
  package let width: Int
  package let values: [Value]

  /// - Throws: `countMismatch` when `values` has not `height * width` elements.
  package init(height: Int, width: Int, values: [Value]) throws(GroundingError) {
    let (count, overflow) = height.multipliedReportingOverflow(by: width)
    guard height >= 0, width >= 0, !overflow, values.count == count else {
      throw .countMismatch(
        what: "A \(height)×\(width) raster", found: values.count,
        expected: overflow || height < 0 || width < 0 ? 0 : count)
    }
    self.init(height: height, width: width, trusted: values)
  }

  /// For rasters made here, whose size is right by construction.
  init(height: Int, width: Int, trusted values: [Value]) {
    precondition(values.count == height * width)
    self.height = height
    self.width = width
    self.values = values
  }

  package var count: Int { values.count }

  /// - Precondition: the row and column exist.
  package subscript(row: Int, column: Int) -> Value {
    precondition(column >= 0 && column < width)
    return values[row * width + column]
  }
}

extension Raster where Value == Float {
  /// The index of the first value that is no number, if any.
  func firstNonFinite() -> Int? {
    values.firstIndex { !$0.isFinite }
  }
}
