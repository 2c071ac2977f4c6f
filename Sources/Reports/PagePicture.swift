import JSONText

/// A picture in a page.
package struct PagePicture: Sendable {
  /// Of the file, without its folder.
  package var name: String
  /// PNG, of any size; it stands for the whole picture.
  package var png: [UInt8]
  /// Pixels of the original.
  package var width: Int
  package var height: Int
  /// [x0, y0, x1, y1] of what the model saw, in the original's pixels.
  package var crop: [Double]
  /// Digest, sizes.
  package var facts: [Fact]

  package init(
    name: String, png: [UInt8], width: Int, height: Int, crop: [Double], facts: [Fact]
  ) {
    self.name = name
    self.png = png
    self.width = width
    self.height = height
    self.crop = crop
    self.facts = facts
  }

  var data: JSONObject {
    [
      "name": .string(name), "png": .string(base64(png)), "width": .integer(Int64(width)),
      "height": .integer(Int64(height)), "crop": numbers(crop),
    ]
  }
}
