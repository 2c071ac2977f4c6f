/// The rows and columns of a foreground: first and last, both inside.
package struct PixelBox: Sendable, Hashable {
  package let firstColumn: Int
  package let firstRow: Int
  package let lastColumn: Int
  package let lastRow: Int

  package init(firstColumn: Int, firstRow: Int, lastColumn: Int, lastRow: Int) {
    self.firstColumn = firstColumn
    self.firstRow = firstRow
    self.lastColumn = lastColumn
    self.lastRow = lastRow
  }

  /// The box around all true pixels; nil when there are none.
  package init?(around mask: Raster<Bool>) {
    var first = (row: Int.max, column: Int.max)
    var last = (row: -1, column: -1)
    for row in 0..<mask.height {
      for column in 0..<mask.width where mask.values[row * mask.width + column] {
        first = (min(first.row, row), min(first.column, column))
        last = (row, max(last.column, column))
      }
    }
    guard last.row >= 0 else { return nil }
    self.init(
      firstColumn: first.column, firstRow: first.row, lastColumn: last.column, lastRow: last.row)
  }

  /// The middle between the first and last column and row, in pixels.
  package var centre: (x: Double, y: Double) {
    (Double(firstColumn + lastColumn) / 2, Double(firstRow + lastRow) / 2)
  }

  /// The box as a mask. The last row and column are left out, as in the method's released code: a
  /// box one pixel high or wide is empty.
  package func filled(height: Int, width: Int) -> Raster<Bool> {
    Raster(
      height: height, width: width,
      trusted: (0..<height * width).map { index in
        let (row, column) = index.quotientAndRemainder(dividingBy: width)
        return row >= firstRow && row < lastRow && column >= firstColumn && column < lastColumn
      })
  }
}

/// The foreground of a map (method.md §10).
package struct GroundingMask: Sendable, Hashable {
  /// The cut between the two components of the map's values.
  package let threshold: Double
  /// At the map's size.
  package let small: Raster<Bool>
  /// At the size of the image's crop.
  package let large: Raster<Bool>
  /// Around `large`; nil when the foreground is empty.
  package let box: PixelBox?

  /// Cuts the map at the mean of a two-component mixture's means; see `init(map:threshold:side:)`.
  ///
  /// - Throws: `notFinite`, `flatMap`, `sizeMismatch`.
  package init(map: Raster<Float>, side: Int) throws(GroundingError) {
    try self.init(map: map, threshold: GaussianMixture(fitting: map.values).threshold, side: side)
  }

  /// Cuts the map, removes orphans, and brings the mask to the crop.
  ///
  /// The comparison is done in the map's own precision: a map of float16 values, as bias merging
  /// makes it, is compared with the threshold rounded to float16.
  ///
  /// - Parameter side: of the square crop, in pixels.
  /// - Throws: `sizeMismatch`.
  package init(map: Raster<Float>, threshold: Double, side: Int) throws(GroundingError) {
    let single = Float(threshold)
    let cut = map.values.allSatisfy({ half($0) == $0 }) ? half(single) : single
    let foreground = Raster(
      height: map.height, width: map.width, trusted: map.values.map { $0 > cut })
    try self.init(small: foreground.withoutOrphans(), threshold: threshold, side: side)
  }

  /// Brings a mask of the map's size to the crop by bilinear interpolation and rounding (halves to
  /// even).
  ///
  /// - Throws: `sizeMismatch`.
  package init(small: Raster<Bool>, threshold: Double, side: Int) throws(GroundingError) {
    let zeroOne = Raster(
      height: small.height, width: small.width, trusted: small.values.map { $0 ? Float(1) : 0 })
    let enlarged = try zeroOne.resized(height: side, width: side)
    self.threshold = threshold
    self.small = small
    large = Raster(
      height: side, width: side,
      trusted: enlarged.values.map { $0.rounded(.toNearestOrEven) > 0 })
    box = PixelBox(around: large)
  }

  package var isEmpty: Bool { !small.values.contains(true) }
}

extension Raster where Value == Bool {
  /// Each inner pixel becomes true when the mean of its 3 × 3 neighbourhood is at least a half (5
  /// of 9); edge pixels keep their value.
  package func withoutOrphans() -> Raster<Bool> {
    guard height > 2, width > 2 else { return self }
    var filtered = values
    for row in 1..<height - 1 {
      for column in 1..<width - 1 {
        var count = 0
        for y in row - 1...row + 1 {
          for x in column - 1...column + 1 where values[y * width + x] { count += 1 }
        }
        filtered[row * width + column] = count >= 5
      }
    }
    return Raster(height: height, width: width, trusted: filtered)
  }
}
