import ByteIO

/// The first 128 bytes of a file; formats/plumb.md §2.
struct Header: Hashable {
  static let byteCount = 128
  static let magic: [UInt8] = [0x50, 0x4c, 0x55, 0x4d, 0x42, 0x0d, 0x0a, 0x1a]
  static let major: UInt16 = 1
  static let minor: UInt16 = 0
  /// The largest index that is read, in bytes: stored, and unpacked.
  static let maximumIndexByteCount = 256 << 20

  var major = Header.major
  var minor = Header.minor
  var fileByteCount: UInt64 = 0
  var indexOffset: UInt64 = 0
  var indexByteCount: UInt64 = 0
  var unpackedIndexByteCount: UInt64 = 0
  /// SHA-256 of the index as stored.
  var indexDigest = [UInt8](repeating: 0, count: 32)

  var bytes: [UInt8] {
    var bytes = Self.magic
    func append<T: FixedWidthInteger>(_ value: T) {
      for shift in stride(from: 0, to: T.bitWidth, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: value >> T(shift)))
      }
    }
    append(major)
    append(minor)
    append(UInt32(Self.byteCount))
    append(fileByteCount)
    append(indexOffset)
    append(indexByteCount)
    append(unpackedIndexByteCount)
    bytes += indexDigest
    bytes += [UInt8](repeating: 0, count: Self.byteCount - bytes.count)
    return bytes
  }

  init() {}

  /// Reads and checks the header of `file`, down to the index's digest.
  init(of file: MappedFile) throws(NativeError) {
    let name = file.name
    guard file.size >= Self.magic.count,
      try NativeFormat.bytes({ () throws(ByteIOError) in
        try file.bytes(in: 0..<Self.magic.count)
      }) == Self.magic
    else { throw .notNative(file: name) }
    guard file.size >= Self.byteCount else {
      throw .badHeader(
        file: name, reason: "the file ends after \(file.size) of \(Self.byteCount) bytes")
    }
    var reserved: [UInt8] = []
    var headerByteCount: UInt32 = 0
    do throws(ByteIOError) {
      var reader = try ByteReader(file, range: Self.magic.count..<Self.byteCount)
      major = try reader.u16()
      minor = try reader.u16()
      headerByteCount = try reader.u32()
      fileByteCount = try reader.u64()
      indexOffset = try reader.u64()
      indexByteCount = try reader.u64()
      unpackedIndexByteCount = try reader.u64()
      indexDigest = try reader.bytes(32)
      reserved = try reader.bytes(UInt64(reader.remaining))
    } catch { throw .bytes(error) }
    guard major == Self.major else {
      throw .newerVersion(
        file: name, found: "\(major).\(minor)", known: "\(Self.major).\(Self.minor)")
    }
    func require(_ condition: Bool, _ reason: String) throws(NativeError) {
      if !condition { throw .badHeader(file: name, reason: reason) }
    }
    try require(
      headerByteCount == UInt32(Self.byteCount) || minor > Self.minor,
      "it is said to be \(headerByteCount) bytes long, not \(Self.byteCount)")
    try require(
      minor > Self.minor || reserved.allSatisfy { $0 == 0 }, "its reserved bytes are not zero")
    try require(
      fileByteCount == UInt64(file.size),
      "the file has \(file.size) bytes, not \(fileByteCount): it is cut short or has grown")
    try require(
      indexByteCount <= UInt64(Self.maximumIndexByteCount)
        && unpackedIndexByteCount <= UInt64(Self.maximumIndexByteCount),
      "an index of \(indexByteCount) bytes, unpacked \(unpackedIndexByteCount), is too large")
    try require(
      indexOffset >= UInt64(headerByteCount) && indexOffset <= fileByteCount
        && indexByteCount == fileByteCount - indexOffset,
      "the index at \(indexOffset) with \(indexByteCount) bytes does not end the file")
  }

  var versionText: String { "\(major).\(minor)" }
}
