/// Bilinear interpolation with half-pixel centres and clamped edges, as OpenCV's `resize` with
/// INTER_LINEAR does it on float32: across columns first, then down rows, no antialiasing.
struct BilinearResize {
  private let rows: [Tap]
  private let columns: [Tap]

  /// Between which two source indices a target index lies, and how near the second.
  private struct Tap {
    let first: Int
    let second: Int
    let weight: Float
  }

  init(fromHeight: Int, fromWidth: Int, toHeight: Int, toWidth: Int) {
    rows = Self.taps(from: fromHeight, to: toHeight)
    columns = Self.taps(from: fromWidth, to: toWidth)
  }

  private static func taps(from source: Int, to target: Int) -> [Tap] {
    let scale = Double(source) / Double(target)
    return (0..<target).map { index in
      let position = Float((Double(index) + 0.5) * scale - 0.5)
      let floor = position.rounded(.down)
      let first = Int(floor)
      return Tap(
        first: min(max(first, 0), source - 1), second: min(max(first + 1, 0), source - 1),
        weight: position - floor)
    }
  }

  func callAsFunction(_ image: Raster<Float>) -> Raster<Float> {
    var values: [Float] = []
    values.reserveCapacity(rows.count * columns.count)
    func across(_ row: Int) -> [Float] {
      let start = row * image.width
      return columns.map { tap in
        image.values[start + tap.first] * (1 - tap.weight)
          + image.values[start + tap.second] * tap.weight
      }
    }
    // Consecutive target rows mostly lie between the same two source rows.
    var upper = (row: -1, values: [Float]())
    var lower = upper
    for tap in rows {
      if upper.row != tap.first {
        upper = lower.row == tap.first ? lower : (tap.first, across(tap.first))
      }
      if lower.row != tap.second {
        lower = upper.row == tap.second ? upper : (tap.second, across(tap.second))
      }
      for column in columns.indices {
        values.append(
          upper.values[column] * (1 - tap.weight) + lower.values[column] * tap.weight)
      }
    }
    return Raster(height: rows.count, width: columns.count, trusted: values)
  }
}

extension Raster where Value == Float {
  /// The picture at another size; see `BilinearResize`.
  ///
  /// - Throws: `sizeMismatch` when either size has no pixels, or the new one over 2²⁸.
  package func resized(height: Int, width: Int) throws(GroundingError) -> Raster<Float> {
    let (count, overflow) = height.multipliedReportingOverflow(by: width)
    guard self.height > 0, self.width > 0, height > 0, width > 0, !overflow, count <= 1 << 28
    else {
      throw .sizeMismatch(
        what: "The resized picture", found: "\(height)×\(width) from \(self.height)×\(self.width)",
        expected: "at least one pixel and at most 2^28")
    }
    if height == self.height, width == self.width { return self }
    return BilinearResize(
      fromHeight: self.height, fromWidth: self.width, toHeight: height, toWidth: width)(self)
  }
}
