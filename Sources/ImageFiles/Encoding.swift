import CImageShims

/// Encodes a picture as an 8-bit RGB PNG without ancillary chunks. The same picture gives the same
/// bytes with the same libpng and zlib.
package func encodePNG(_ image: RGBImage) throws(ImageError) -> [UInt8] {
  guard let width = UInt32(exactly: image.width), let height = UInt32(exactly: image.height) else {
    throw .notEncoded(detail: "\(image.width) × \(image.height) pixels are too many")
  }
  var message = emptyMessage
  var block: UnsafeMutablePointer<UInt8>?
  var count = 0
  let code = plumb_png_encode(image.pixels, width, height, &block, &count, &message)
  defer { plumb_image_free(block) }
  guard code == PLUMB_IMAGE_OK, let block else {
    throw .notEncoded(detail: text(of: message))
  }
  return [UInt8](UnsafeBufferPointer(start: block, count: count))
}
