/// A window that slides over the spatial axes of an image, however many there are: tap t of place
/// p sees the image at p · stride + t · dilation − before, along each axis.
package struct SlidingWindow: Sendable {
  /// Spatial sizes of the image, and how many places the window takes along each axis.
  package let image, places: [Int]
  package let size, strides, dilations, before: [Int]
  /// Products of the above.
  let imageCount, placeCount, tapCount: Int
  /// Places along the last axis, and how many such lines there are.
  let lineLength, lineCount: Int
  private let imageStrides: [Int]

  package init(
    image: [Int], places: [Int], size: [Int], strides: [Int], dilations: [Int], before: [Int]
  ) {
    let rank = image.count
    precondition(
      rank > 0
        && [places, size, strides, dilations, before].allSatisfy { $0.count == rank }
        && (strides + dilations + size).allSatisfy { $0 > 0 })
    self.image = image
    self.places = places
    self.size = size
    self.strides = strides
    self.dilations = dilations
    self.before = before
    imageCount = image.reduce(1, *)
    placeCount = places.reduce(1, *)
    tapCount = size.reduce(1, *)
    lineLength = places[rank - 1]
    lineCount = places.dropLast().reduce(1, *)
    var stride = 1
    var found = [Int](repeating: 1, count: rank)
    for axis in (0..<rank).reversed() {
      found[axis] = stride
      stride *= image[axis]
    }
    imageStrides = found
  }

  /// The places of a line from which a tap sees the image: from `first` to before `end`. Place
  /// `first` sees the image's element `source`, the next one that `step` further on, and so on.
  struct Run {
    var first, end, source, step: Int
  }

  /// What tap `tap` sees of the image from the places `columns` of line `line`; an empty run when
  /// that is outside of the image.
  func run(line: Int, tap: Int, columns: Range<Int>) -> Run {
    let last = image.count - 1, step = strides[last]
    // Where place 0 of the line would see the last axis.
    let shift = tap % size[last] * dilations[last] - before[last]
    let first = shift >= 0 ? 0 : (step - 1 - shift) / step
    let end = image[last] > shift ? (image[last] - 1 - shift) / step + 1 : 0
    var run = Run(
      first: max(first, columns.lowerBound), end: min(end, columns.upperBound), source: 0,
      step: step)
    run.end = max(run.first, run.end)
    if run.first == run.end { return run }
    run.source = run.first * step + shift
    var line = line, tap = tap / size[last], axis = last - 1
    while axis >= 0 {
      let at =
        line % places[axis] * strides[axis] + tap % size[axis] * dilations[axis] - before[axis]
      if at < 0 || at >= image[axis] {
        run.end = run.first
        return run
      }
      run.source += at * imageStrides[axis]
      line /= places[axis]
      tap /= size[axis]
      axis -= 1
    }
    return run
  }

  /// Along one axis, for each place the taps that see the image: the first, and how many.
  func seenTaps(axis: Int) -> [(first: Int, count: Int)] {
    taps(axis: axis, from: 0, to: image[axis])
  }

  /// Along one axis, for each place how many taps lie between `from` and before `to`, counted from
  /// the image's first element.
  func taps(axis: Int, from: Int, to: Int) -> [(first: Int, count: Int)] {
    (0..<places[axis]).map { place in
      let start = place * strides[axis] - before[axis], dilation = dilations[axis]
      let first = start >= from ? 0 : (from - start + dilation - 1) / dilation
      let end = to > start ? min(size[axis], (to - 1 - start) / dilation + 1) : 0
      return (min(first, size[axis]), max(0, end - min(first, size[axis])))
    }
  }
}
