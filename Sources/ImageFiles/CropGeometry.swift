/// A rectangle between pixel edges: column c covers x from c to c + 1. A box that holds the columns
/// first…last thus has x0 = first and x1 = last + 1.
package struct ImageBox: Equatable, Sendable {
  package var x0: Double
  package var y0: Double
  package var x1: Double
  package var y1: Double

  package init(x0: Double, y0: Double, x1: Double, y1: Double) {
    self.x0 = x0
    self.y0 = y0
    self.x1 = x1
    self.y1 = y1
  }
}

/// How a picture became the square that the model sees: the short side scaled to `side` pixels, the
/// long side to trunc(side · long / short), then the centre cropped; and the ways back.
package struct CropGeometry: Equatable, Sendable {
  /// Pixels of the picture as read.
  package let originalWidth: Int
  package let originalHeight: Int
  /// Pixels of the scaled picture before the crop.
  package let resizedWidth: Int
  package let resizedHeight: Int
  /// The crop's first column and row in the scaled picture.
  package let left: Int
  package let top: Int
  /// Pixels along a side of the crop.
  package let side: Int

  /// Precondition: all at least 1, and the picture within `ImageLimits.side`.
  package init(width: Int, height: Int, side: Int) {
    precondition(width > 0 && height > 0 && side > 0)
    precondition(width <= ImageLimits.side && height <= ImageLimits.side)
    precondition(side <= ImageLimits.side)
    let short = min(width, height)
    // torchvision's int(size * long / short): a double division, truncated.
    let long = Int(Double(side * max(width, height)) / Double(short))
    originalWidth = width
    originalHeight = height
    self.side = side
    resizedWidth = width <= height ? side : long
    resizedHeight = width <= height ? long : side
    // torchvision's int(round((size - crop) / 2)): Python rounds halves to even.
    left = Int((Double(resizedWidth - side) / 2).rounded(.toNearestOrEven))
    top = Int((Double(resizedHeight - side) / 2).rounded(.toNearestOrEven))
  }

  /// Original pixels for one pixel of the crop, along x and y.
  package var scaleX: Double { Double(originalWidth) / Double(resizedWidth) }
  package var scaleY: Double { Double(originalHeight) / Double(resizedHeight) }

  /// A point of the crop in the original picture (edges at integers; not clipped).
  package func originalPoint(fromCrop point: (x: Double, y: Double)) -> (x: Double, y: Double) {
    ((point.x + Double(left)) * scaleX, (point.y + Double(top)) * scaleY)
  }

  /// A point of the original picture in the crop (edges at integers; not clipped).
  package func cropPoint(fromOriginal point: (x: Double, y: Double)) -> (x: Double, y: Double) {
    (point.x / scaleX - Double(left), point.y / scaleY - Double(top))
  }

  /// A box of the crop in original pixels, clipped to the picture.
  package func originalBox(fromCrop box: ImageBox) -> ImageBox {
    let (x0, y0) = originalPoint(fromCrop: (box.x0, box.y0))
    let (x1, y1) = originalPoint(fromCrop: (box.x1, box.y1))
    let (right, bottom) = (Double(originalWidth), Double(originalHeight))
    return ImageBox(
      x0: min(max(x0, 0), right), y0: min(max(y0, 0), bottom),
      x1: min(max(x1, 0), right), y1: min(max(y1, 0), bottom))
  }

  /// A box of the original picture in crop pixels, clipped to the crop; nil when nothing is left.
  package func cropBox(fromOriginal box: ImageBox) -> ImageBox? {
    let (x0, y0) = cropPoint(fromOriginal: (box.x0, box.y0))
    let (x1, y1) = cropPoint(fromOriginal: (box.x1, box.y1))
    let edge = Double(side)
    let clipped = ImageBox(
      x0: min(max(x0, 0), edge), y0: min(max(y0, 0), edge),
      x1: min(max(x1, 0), edge), y1: min(max(y1, 0), edge))
    return clipped.x0 < clipped.x1 && clipped.y0 < clipped.y1 ? clipped : nil
  }

  /// Brings a map of the crop to original pixels, bilinearly with half-pixel centres.
  ///
  /// - Parameters:
  ///   - values: `[mapSide, mapSide]` over the whole crop.
  ///   - outside: the value of pixels whose centre the crop does not hold.
  /// - Returns: `[originalHeight, originalWidth]`.
  package func originalMap(fromCrop values: [Float], mapSide: Int, outside: Float = 0) -> [Float] {
    precondition(mapSide > 0 && values.count == mapSide * mapSide)
    let cells = Double(mapSide) / Double(side)
    let columns = (0..<originalWidth).map { x in
      MapSample(cropPoint(fromOriginal: (Double(x) + 0.5, 0)).x, side: side, cells: cells)
    }
    var output = [Float](repeating: outside, count: originalWidth * originalHeight)
    output.withUnsafeMutableBufferPointer { output in
      values.withUnsafeBufferPointer { values in
        for y in 0..<originalHeight {
          let point = cropPoint(fromOriginal: (0, Double(y) + 0.5)).y
          guard let row = MapSample(point, side: side, cells: cells) else { continue }
          for x in 0..<originalWidth {
            guard let column = columns[x] else { continue }
            let upper = column.mix(values, row: row.first * mapSide)
            let lower = column.mix(values, row: row.second * mapSide)
            output[y * originalWidth + x] = upper + (lower - upper) * row.fraction
          }
        }
      }
    }
    return output
  }

  /// Brings a map in original pixels (a ground-truth mask, for one) to the crop, as the picture
  /// itself is brought there: antialiased where it shrinks.
  ///
  /// - Parameter values: `[originalHeight, originalWidth]`.
  /// - Returns: `[side, side]`.
  package func cropMap(fromOriginal values: [Float]) -> [Float] {
    precondition(values.count == originalWidth * originalHeight)
    return resample(width: originalWidth, horizontal: horizontalAxis, vertical: verticalAxis) {
      y, line in
      for x in 0..<line.count { line[x] = values[y * line.count + x] }
    }
  }

  /// The crop's columns, from original ones.
  var horizontalAxis: ResampledAxis {
    ResampledAxis(input: originalWidth, output: resizedWidth, range: left..<left + side)
  }

  /// The crop's rows, from original ones.
  var verticalAxis: ResampledAxis {
    ResampledAxis(input: originalHeight, output: resizedHeight, range: top..<top + side)
  }
}

/// The two neighbouring cells of a map for one position along an axis.
struct MapSample {
  let first: Int
  let second: Int
  let fraction: Float

  /// nil when `point` (crop pixels) lies outside of the crop.
  init?(_ point: Double, side: Int, cells: Double) {
    guard point >= 0 && point <= Double(side) else { return nil }
    let last = Int((Double(side) * cells).rounded()) - 1
    let centre = min(max(point * cells - 0.5, 0), Double(last))
    first = Int(centre)
    second = min(first + 1, last)
    fraction = Float(centre - Double(first))
  }

  func mix(_ values: UnsafeBufferPointer<Float>, row: Int) -> Float {
    let left = values[row + first]
    return left + (values[row + second] - left) * fraction
  }
}
