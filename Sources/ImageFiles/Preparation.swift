/// A picture as the model's image encoder takes it, and how it came about.
package struct PreparedImage: Equatable, Sendable {
  /// `[3, side, side]`, red, green, blue; each value 8-bit level / 127.5 − 1, so in [−1, 1].
  package let values: [Float]
  package let crop: CropGeometry
}

/// Scales the short side to `side` and crops the centre, as torchvision's `Resize(side)` (bilinear,
/// antialiased) and `CenterCrop(side)` do on a float tensor that is already in [−1, 1]. Only what
/// the crop needs is computed, so thin pictures cost no more than others.
///
/// - Parameter side: pixels along a side of the crop, at least 1 (512 for Stable Diffusion 1.5).
package func prepare(_ image: RGBImage, side: Int) -> PreparedImage {
  let crop = CropGeometry(width: image.width, height: image.height, side: side)
  let (horizontal, vertical) = (crop.horizontalAxis, crop.verticalAxis)
  let levels = (0...255).map { Float($0) / 127.5 - 1 }
  var values: [Float] = []
  values.reserveCapacity(3 * side * side)
  image.pixels.withUnsafeBufferPointer { pixels in
    levels.withUnsafeBufferPointer { levels in
      for channel in 0..<3 {
        values += resample(width: image.width, horizontal: horizontal, vertical: vertical) {
          y, line in
          for x in 0..<line.count {
            line[x] = levels[Int(pixels[3 * (y * line.count + x) + channel])]
          }
        }
      }
    }
  }
  return PreparedImage(values: values, crop: crop)
}
