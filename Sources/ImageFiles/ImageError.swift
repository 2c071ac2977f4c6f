/// A kind of picture file, told by its first bytes.
package enum ImageFormat: String, Sendable, CaseIterable {
  case png = "PNG"
  case jpeg = "JPEG"
}

/// Why a picture could not be read, written or prepared. `name` is what the caller called it.
package enum ImageError: Error, Equatable, CustomStringConvertible {
  case empty(name: String)
  /// Neither PNG nor JPEG; `lookingLike` names a known other format.
  case notAPicture(name: String, lookingLike: String?)
  case truncated(name: String, format: ImageFormat, detail: String)
  case corrupt(name: String, format: ImageFormat, detail: String)
  case unsupported(name: String, format: ImageFormat, detail: String)
  case tooLarge(name: String, width: Int, height: Int)
  case outOfMemory(name: String, bytes: Int)
  case notEncoded(detail: String)

  package var description: String {
    switch self {
    case .empty(let name):
      "\(name) is empty; expected a PNG or JPEG picture"
    case .notAPicture(let name, .some(let other)):
      "\(name) looks like \(other); convert it to PNG or JPEG first"
    case .notAPicture(let name, nil):
      "\(name) is no picture: it starts like neither PNG nor JPEG"
    case .truncated(let name, let format, let detail):
      "\(name) is cut off: the \(format.rawValue) data ends early (\(detail)); get the whole file"
    case .corrupt(let name, let format, let detail):
      "\(name) is a damaged \(format.rawValue) file: \(detail)"
    case .unsupported(let name, let format, let detail):
      "\(name) is a \(format.rawValue) file of a kind that is not read: \(detail)"
    case .tooLarge(let name, let width, let height):
      """
      \(name) has \(width) × \(height) pixels; at most \(ImageLimits.side) a side and \
      \(ImageLimits.pixels / 1_000_000) megapixels are read, so scale it down first
      """
    case .outOfMemory(let name, let bytes):
      "\(name) needs \(bytes / 1_000_000 + 1) MB of memory to be read, which are not to be had"
    case .notEncoded(let detail):
      "the picture could not be written as PNG: \(detail)"
    }
  }
}

/// What is read at most. A radiograph has up to about 4000 × 5000 pixels.
package enum ImageLimits {
  /// Pixels along a side.
  package static let side = 32_768
  /// Pixels in all.
  package static let pixels = 100_000_000
  /// Bytes that libjpeg may take beside the pixels (a progressive file's coefficients: two bytes
  /// a sample).
  static let codecBytes = 1_000_000_000
  /// Raw bytes that one byte of deflated data can stand for (zlib's technical notes: 1032).
  static let inflation = 1032
}
