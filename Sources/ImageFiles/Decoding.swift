import CImageShims

/// Decodes a PNG or JPEG picture, told by its first bytes. Alpha is dropped, not blended; of 16 bits
/// the high byte is kept; colour profiles and gamma are not applied; CMYK is taken as Adobe's
/// inverted kind. The pixels are those of PIL's `Image.open(…).convert("RGB")`, with two deviations
/// in which we go with OpenCV: the EXIF orientation is applied, so that the picture is the one that
/// people see; and 16-bit grey keeps its high byte, where PIL clips to 255 and a radiograph turns
/// white.
///
/// - Parameters:
///   - bytes: the whole file; what follows the picture's end is ignored.
///   - name: what errors call it.
///   - appliesOrientation: false leaves the rows as they are stored, as PIL does.
/// - Throws: damage of any kind, libjpeg's warnings about lost data included; pictures over
///   `ImageLimits`.
package func decodeImage(
  bytes: [UInt8], name: String, appliesOrientation: Bool = true
) throws(ImageError) -> RGBImage {
  if bytes.isEmpty { throw .empty(name: name) }
  guard let format = ImageFormat(signatureOf: bytes) else {
    throw .notAPicture(name: name, lookingLike: otherFormat(of: bytes))
  }
  let decoder = Decoder(bytes: bytes, name: name, format: format)
  let image =
    switch format {
    case .png: try decoder.png()
    case .jpeg: try decoder.jpeg()
    }
  return appliesOrientation
    ? Orientation(of: bytes, format: format).applied(to: image) : image
}

extension ImageFormat {
  fileprivate init?(signatureOf bytes: [UInt8]) {
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .png
    } else if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else {
      return nil
    }
  }
}

/// What people are likely to hand over instead.
private func otherFormat(of bytes: [UInt8]) -> String? {
  func has(_ text: String, at offset: Int = 0) -> Bool {
    bytes.count >= offset + text.utf8.count && bytes[offset...].starts(with: text.utf8)
  }
  if has("DICM", at: 128) { return "a DICOM file" }
  if has("II*\0") || has("MM\0*") { return "a TIFF file" }
  if has("GIF8") { return "a GIF file" }
  if has("RIFF") && has("WEBP", at: 8) { return "a WebP file" }
  if has("BM") { return "a BMP file" }
  if has("%PDF") { return "a PDF file" }
  if has("ftyp", at: 4) { return "a HEIF, AVIF or video file" }
  if has("\u{0}\u{0}\u{0}\u{C}jP  ") { return "a JPEG 2000 file" }
  return nil
}

private struct Decoder {
  let bytes: [UInt8]
  let name: String
  let format: ImageFormat

  func png() throws(ImageError) -> RGBImage {
    let header = try header(plumb_png_header)
    let (width, height) = (Int(header.width), Int(header.height))
    // At most 32768 · 4 samples · 16 bits a row after the check of the sides: no overflow.
    let rowBytes = (width * Int(header.channels) * Int(header.bits) + 7) / 8
    if rowBytes * height / ImageLimits.inflation > bytes.count {
      throw .truncated(
        name: name, format: format,
        detail: "\(width) × \(height) pixels cannot be held by \(bytes.count) bytes")
    }
    let pixels = try samples(3 * width * height) { target, message in
      plumb_png_decode(bytes, bytes.count, target, header.width, header.height, message)
    }
    return RGBImage(width: width, height: height, pixels: pixels)
  }

  func jpeg() throws(ImageError) -> RGBImage {
    let header = try header(plumb_jpeg_header)
    let (width, height) = (Int(header.width), Int(header.height))
    let alongside = header.channels == 3 ? 0 : 3 * width * height
    let stored = try samples(Int(header.channels) * width * height, alongside: alongside) {
      target, message in
      plumb_jpeg_decode(
        bytes, bytes.count, target, header.width, header.height, header.channels,
        ImageLimits.codecBytes, message)
    }
    if header.channels == 3 { return RGBImage(width: width, height: height, pixels: stored) }
    let count = width * height
    let pixels = [UInt8](unsafeUninitializedCapacity: 3 * count) { rgb, filled in
      stored.withUnsafeBufferPointer { stored in
        if header.channels == 1 {
          for index in 0..<count {
            for channel in 0..<3 { rgb[3 * index + channel] = stored[index] }
          }
        } else {
          for index in 0..<count {
            // Stored inverted: 255 is no ink. PIL's integer arithmetic, rounded division by 255.
            let light = Int(stored[4 * index + 3])
            for channel in 0..<3 {
              let ink = 255 - Int(stored[4 * index + channel])
              let product = ink * light + 128
              rgb[3 * index + channel] = UInt8(light - (product + product >> 8) >> 8)
            }
          }
        }
      }
      filled = 3 * count
    }
    return RGBImage(width: width, height: height, pixels: pixels)
  }

  /// Reads the header with a shim and checks the size it claims.
  private func header(
    _ read: (
      UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<plumb_image_header>?,
      UnsafeMutablePointer<CChar>?
    ) -> Int32
  ) throws(ImageError) -> plumb_image_header {
    var header = plumb_image_header()
    var message = emptyMessage
    try check(read(bytes, bytes.count, &header, &message), message, needing: 0)
    let (width, height) = (Int(header.width), Int(header.height))
    if width > ImageLimits.side || height > ImageLimits.side
      || width * height > ImageLimits.pixels
    {
      throw .tooLarge(name: name, width: width, height: height)
    }
    if width == 0 || height == 0 {
      throw .corrupt(name: name, format: format, detail: "it has no pixels")
    }
    return header
  }

  /// Has a shim fill `count` samples, after asking whether they, and the bytes that will be needed
  /// alongside, can be had: an allocation that fails inside Swift ends the program.
  private func samples(
    _ count: Int, alongside: Int = 0,
    _ decode: (UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<CChar>?) -> Int32
  ) throws(ImageError) -> [UInt8] {
    if plumb_can_allocate(count + alongside) == 0 {
      throw .outOfMemory(name: name, bytes: count + alongside)
    }
    var message = emptyMessage
    var code = Int32(PLUMB_IMAGE_OK)
    let samples = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      code = decode(buffer.baseAddress, &message)
      filled = code == PLUMB_IMAGE_OK ? count : 0
    }
    try check(code, message, needing: count)
    return samples
  }

  private func check(_ code: Int32, _ message: [CChar], needing bytes: Int) throws(ImageError) {
    if code == PLUMB_IMAGE_OK { return }
    let detail = text(of: message)
    switch Int(code) {
    case PLUMB_IMAGE_TRUNCATED:
      throw .truncated(name: name, format: format, detail: detail)
    case PLUMB_IMAGE_UNSUPPORTED:
      throw .unsupported(name: name, format: format, detail: detail)
    case PLUMB_IMAGE_NO_MEMORY:
      throw .outOfMemory(name: name, bytes: max(bytes, ImageLimits.codecBytes))
    default:
      throw .corrupt(name: name, format: format, detail: detail)
    }
  }
}

/// Room for a shim's message.
var emptyMessage: [CChar] { [CChar](repeating: 0, count: Int(PLUMB_IMAGE_MESSAGE_SIZE)) }

/// A shim's message as text.
func text(of message: [CChar]) -> String {
  String(decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
