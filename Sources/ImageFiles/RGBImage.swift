// ImageFiles: pictures in and out. Bytes of PNG and JPEG files become RGBImage (decodeImage), that
// becomes what a model takes (prepare, with the CropGeometry back to original pixels), and maps,
// masks and boxes become a picture for people (renderOverlay, encodePNG). Imports only the C
// libraries; knows no tensors, files or models.

/// A picture in memory: 8 bits a sample, three samples a pixel (red, green, blue), rows from top to
/// bottom without padding.
package struct RGBImage: Equatable, Sendable {
  /// Pixels a row, at least 1.
  package let width: Int
  /// Rows, at least 1.
  package let height: Int
  /// `3 * width * height` samples.
  package var pixels: [UInt8]

  /// Precondition: sides of at least 1 and 3 · width · height samples.
  package init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(width > 0 && height > 0, "a picture has at least one pixel")
    precondition(pixels.count == 3 * width * height, "three samples a pixel")
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// A picture of one colour. Precondition: sides of at least 1.
  package init(width: Int, height: Int, filledWith colour: (UInt8, UInt8, UInt8)) {
    let samples = [colour.0, colour.1, colour.2]
    self.init(
      width: width, height: height,
      pixels: [UInt8](unsafeUninitializedCapacity: 3 * width * height) { buffer, count in
        for index in 0..<3 * width * height { buffer[index] = samples[index % 3] }
        count = 3 * width * height
      })
  }
}
