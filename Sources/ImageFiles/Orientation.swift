/// How a stored picture has to be turned to stand upright: the EXIF tag 0x0112 (Exif 2.32, 4.6.4 A),
/// by what has to be done to the stored rows.
enum Orientation: Int, CaseIterable {
  case upright = 1
  case mirrored = 2
  case halfTurn = 3
  case flipped = 4
  case transposed = 5
  case clockwise = 6
  case transversed = 7
  case counterclockwise = 8

  /// What the file's EXIF block says; upright when there is none, or none that can be read: viewers
  /// and OpenCV do so too.
  init(of bytes: [UInt8], format: ImageFormat) {
    let block =
      switch format {
      case .jpeg: Self.exifOfJPEG(bytes)
      case .png: Self.exifOfPNG(bytes)
      }
    self = block.flatMap(Self.init(exif:)) ?? .upright
  }

  /// The body of the first APP1 segment that is EXIF: markers FF xx with a 16-bit length each, up to
  /// the first scan.
  private static func exifOfJPEG(_ bytes: [UInt8]) -> ArraySlice<UInt8>? {
    var position = 2
    while position + 4 <= bytes.count, bytes[position] == 0xFF {
      let marker = bytes[position + 1]
      if marker == 0xFF {
        position += 1
        continue
      }
      let length = Int(bytes[position + 2]) << 8 | Int(bytes[position + 3])
      let end = position + 2 + length
      if marker == 0xDA || length < 2 || end > bytes.count { return nil }
      let body = bytes[position + 4..<end]
      if marker == 0xE1, body.starts(with: [0x45, 0x78, 0x69, 0x66, 0, 0]) {
        return body.dropFirst(6)
      }
      position = end
    }
    return nil
  }

  /// The body of the chunk eXIf: chunks are a 32-bit length, four letters, the body, a checksum.
  private static func exifOfPNG(_ bytes: [UInt8]) -> ArraySlice<UInt8>? {
    var position = 8
    while position + 12 <= bytes.count {
      let length = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
      let end = position + 8 + length
      if end + 4 > bytes.count { return nil }
      if bytes[position + 4..<position + 8].elementsEqual("eXIf".utf8) {
        return bytes[position + 8..<end]
      }
      position = end + 4
    }
    return nil
  }

  /// Reads the tag from a TIFF structure: byte order, offset of the first directory, its entries of
  /// 12 bytes (tag, type, count, value).
  private init?(exif block: ArraySlice<UInt8>) {
    let start = block.startIndex
    let isLittle: Bool
    if block.starts(with: [0x49, 0x49, 42, 0]) {
      isLittle = true
    } else if block.starts(with: [0x4D, 0x4D, 0, 42]) {
      isLittle = false
    } else {
      return nil
    }
    func number(at offset: Int, bytes count: Int) -> Int? {
      guard offset >= 0, offset <= block.count - count else { return nil }
      let part = block[start + offset..<start + offset + count]
      return isLittle
        ? part.reversed().reduce(0) { $0 << 8 | Int($1) } : part.reduce(0) { $0 << 8 | Int($1) }
    }
    guard let directory = number(at: 4, bytes: 4), let count = number(at: directory, bytes: 2)
    else { return nil }
    for entry in 0..<count {
      let offset = directory + 2 + 12 * entry
      guard let tag = number(at: offset, bytes: 2) else { return nil }
      guard tag == 0x0112 else { continue }
      guard number(at: offset + 2, bytes: 2) == 3, number(at: offset + 4, bytes: 4) == 1,
        let value = number(at: offset + 8, bytes: 2)
      else { return nil }
      self.init(rawValue: value)
      return
    }
    return nil
  }

  /// The stored picture made upright.
  func applied(to image: RGBImage) -> RGBImage {
    if self == .upright { return image }
    let (right, bottom) = (image.width - 1, image.height - 1)
    let swapsSides = rawValue >= 5
    let width = swapsSides ? image.height : image.width
    let height = swapsSides ? image.width : image.height
    let pixels = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { target, count in
      image.pixels.withUnsafeBufferPointer { source in
        for y in 0..<height {
          for x in 0..<width {
            let (column, row) =
              switch self {
              case .upright: (x, y)
              case .mirrored: (right - x, y)
              case .halfTurn: (right - x, bottom - y)
              case .flipped: (x, bottom - y)
              case .transposed: (y, x)
              case .clockwise: (y, bottom - x)
              case .transversed: (right - y, bottom - x)
              case .counterclockwise: (right - y, x)
              }
            let from = 3 * (row * image.width + column)
            let to = 3 * (y * width + x)
            target[to] = source[from]
            target[to + 1] = source[from + 1]
            target[to + 2] = source[from + 2]
          }
        }
      }
      count = 3 * width * height
    }
    return RGBImage(width: width, height: height, pixels: pixels)
  }
}
