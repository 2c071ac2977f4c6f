import ByteIO

/// The first bytes of a file; formats/plumb.md §2.
struct Header: Hashable {
  static let byteCount = 128
  static let magic: [UInt8] = [0x50, 0x4c, 0x55, 0x4d, 0x42, 0x0d, 0x0a, 0x1a]
  static let major: UInt16 = 1
  /// The newest minor version this program knows.
  static let minor: UInt16 = 1
  /// The longest header of a newer minor version.
  static let maximumByteCount = 4096
  /// The largest index that is read, in bytes: stored, and unpacked.
  static let maximumIndexByteCount = 64 << 20

  var major = Header.major
  /// The lowest that has all the file uses.
  var minor: UInt16 = 0
  var byteCount = Header.byteCount
  var fileByteCount: UInt64 = 0
  var indexOffset: UInt64 = 0
  var indexByteCount: UInt64 = 0
  var unpackedIndexByteCount: UInt64 = 0
  /// SHA-256 of the index as stored.
  var indexDigest = [UInt8](repeating: 0, count: 32)

  /// Whether a newer minor version wrote the file.
  var isNewer: Bool { minor > Self.minor }
  var versionText: String { "\(major).\(minor)" }

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
    bytes += [UInt8](repeating: 0, count: Self.byteCount - 4 - bytes.count)
    append(crc32(bytes))
    return bytes
  }

  init() {}

  /// Reads and checks the header of `file`.
  init(of file: MappedFile) throws(NativeError) {
    let name = file.name
    func require(_ condition: Bool, _ reason: @autoclosure () -> String) throws(NativeError) {
      if !condition { throw .badHeader(file: name, reason: reason()) }
    }
    guard try file.beginsWithMagic else { throw .notNative(file: name) }
    try require(
      file.size >= Self.byteCount,
      "the file ends after \(file.size) of \(Self.byteCount) bytes")
    var checksum: UInt32 = 0
    var found: UInt32 = 0
    var reserved: [UInt8] = []
    do throws(ByteIOError) {
      var reader = try ByteReader(file, range: Self.magic.count..<file.size)
      major = try reader.u16()
      minor = try reader.u16()
      byteCount = Int(try reader.u32())
      fileByteCount = try reader.u64()
      indexOffset = try reader.u64()
      indexByteCount = try reader.u64()
      unpackedIndexByteCount = try reader.u64()
      indexDigest = try reader.bytes(32)
      if major == Self.major, (Self.byteCount...Self.maximumByteCount).contains(byteCount),
        byteCount <= file.size
      {
        reserved = try reader.bytes(UInt64(byteCount - 4 - reader.offset))
        checksum = try reader.u32()
        found = crc32(try file.bytes(in: 0..<byteCount - 4))
      }
    } catch { throw .bytes(error) }
    guard major == Self.major else {
      throw .newerVersion(
        file: name, found: "\(major).\(minor)", known: "\(Self.major).\(Self.minor)")
    }
    try require(
      (Self.byteCount...Self.maximumByteCount).contains(byteCount) && byteCount <= file.size,
      "it is said to be \(byteCount) bytes long")
    try require(found == checksum, "its CRC-32 is not the one it was written with")
    try require(
      byteCount == Self.byteCount || isNewer,
      "it is said to be \(byteCount) bytes long, not \(Self.byteCount)")
    try require(
      isNewer || reserved.allSatisfy { $0 == 0 }, "its reserved bytes are not zero")
    try require(
      fileByteCount == UInt64(file.size),
      "the file has \(file.size) bytes, not \(fileByteCount): it is cut short or has grown")
    try require(
      indexByteCount <= UInt64(Self.maximumIndexByteCount)
        && unpackedIndexByteCount <= UInt64(Self.maximumIndexByteCount),
      "an index of \(indexByteCount) bytes, unpacked \(unpackedIndexByteCount), is too large")
    try require(
      indexOffset >= UInt64(byteCount) && indexOffset <= fileByteCount
        && indexByteCount == fileByteCount - indexOffset,
      "the index at \(indexOffset) with \(indexByteCount) bytes does not end the file")
  }
}

extension MappedFile {
  /// Whether the file begins as a .plumb does.
  var beginsWithMagic: Bool {
    get throws(NativeError) {
      guard size >= Header.magic.count else { return false }
      do throws(ByteIOError) {
        return try bytes(in: 0..<Header.magic.count) == Header.magic
      } catch { throw .bytes(error) }
    }
  }
}
