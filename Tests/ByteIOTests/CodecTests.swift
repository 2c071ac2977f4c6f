import ByteIO
import TestSupport
import Testing

@Suite struct ZstandardTests {
  let sample = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 / 7) }

  private func compress(_ bytes: [UInt8], checksum: Bool = true) throws -> [UInt8] {
    let compressor = try ZstandardCompressor(level: 3, checksum: checksum)
    return try compressor.compress(bytes)
  }

  private func error(_ frame: [UInt8], size: Int, checksum: Bool = true) -> ByteIOError? {
    do {
      let decompressor = try ZstandardDecompressor()
      _ = try decompressor.decompress(frame, size: size, checksum: checksum)
      return nil
    } catch { return error }
  }

  @Test(arguments: [0, 1, 1000, 100_000])
  func roundTrip(_ count: Int) throws {
    let bytes = Array(sample.prefix(count))
    let frame = try compress(bytes)
    let decompressor = try ZstandardDecompressor()
    #expect(try decompressor.decompress(frame, size: count) == bytes)
    #expect(try compress(bytes) == frame)
  }

  @Test func wrongSizeIsRefused() throws {
    let frame = try compress(sample)
    #expect(
      error(frame, size: 99_999) == .wrongSize(codec: "zstd", expected: 99_999, found: 100_000))
    #expect(
      error(frame, size: 1 << 60)
        == .wrongSize(codec: "zstd", expected: 1 << 60, found: 100_000))
  }

  @Test func everyFlippedByteIsFoundOrHarmless() throws {
    let frame = try compress(sample)
    for index in frame.indices {
      var damaged = frame
      damaged[index] ^= 0x55
      let decompressor = try ZstandardDecompressor()
      let result = try? decompressor.decompress(damaged, size: sample.count)
      #expect(result == nil || result == sample, "byte \(index)")
    }
  }

  @Test func truncationTrailingBytesAndMissingChecksum() throws {
    let frame = try compress(sample)
    for count in 0..<frame.count {
      #expect(error(Array(frame.prefix(count)), size: sample.count) != nil, "\(count)")
    }
    #expect(
      error(frame + [0], size: sample.count)
        == .corrupt(codec: "zstd", reason: "1 bytes follow its single frame"))
    #expect(error(frame + frame, size: sample.count) != nil)
    let bare = try compress(sample, checksum: false)
    #expect(
      error(bare, size: sample.count) == .corrupt(codec: "zstd", reason: "it has no checksum"))
    #expect(error(bare, size: sample.count, checksum: false) == nil)
  }

  @Test func levels() {
    #expect(throws: ByteIOError.self) {
      let compressor = try ZstandardCompressor(level: 23)
      _ = try compressor.compress([1])
    }
  }
}

@Suite struct DeflateTests {
  /// `zlib.compressobj(9, zlib.DEFLATED, -15)` over b"plumb" * 20 in Python.
  static let packed: [UInt8] = [0x2B, 0xC8, 0x29, 0xCD, 0x4D, 0x2A, 0xA0, 0x2D, 0x01, 0x00]
  let text = Array(String(repeating: "plumb", count: 20).utf8)

  private func unpack(_ bytes: [UInt8], size: Int) throws(ByteIOError) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: size)
    var span = result.mutableSpan
    var target = span.mutableBytes
    try inflate(bytes.span.bytes, into: &target)
    return result
  }

  @Test func unpacks() throws {
    #expect(try unpack(Self.packed, size: 100) == text)
    #expect(try inflatePrefix(Self.packed.span.bytes, count: 7) == Array(text.prefix(7)))
    #expect(try unpack([3, 0], size: 0) == [])
  }

  @Test func refusals() {
    #expect(throws: ByteIOError.wrongSize(codec: "deflate", expected: 99, found: 100)) {
      try unpack(Self.packed, size: 99)
    }
    #expect(throws: ByteIOError.wrongSize(codec: "deflate", expected: 101, found: 100)) {
      try unpack(Self.packed, size: 101)
    }
    #expect(throws: ByteIOError.corrupt(codec: "deflate", reason: "1 bytes follow its end")) {
      try unpack(Self.packed + [0], size: 100)
    }
    #expect(throws: ByteIOError.corrupt(codec: "deflate", reason: "it ends too early")) {
      try unpack(Self.packed.dropLast(4), size: 100)
    }
    #expect(throws: ByteIOError.self) { try unpack([0xFF, 0xFF], size: 100) }
  }

  @Test func checksum() {
    #expect(crc32(Array("123456789".utf8)) == 0xCBF4_3926)
    #expect(crc32([]) == 0)
  }
}

@Suite struct SHA256Tests {
  /// The examples of FIPS 180-2.
  @Test func knownDigests() throws {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    #expect(hexText(try SHA256.digest(of: Array("abc".utf8))) == abc)
    let folder = try temporaryFolder()
    try writeFile(Array("abc".utf8), to: folder.file("abc"))
    #expect(try SHA256.hexDigest(of: MappedFile(path: folder.file("abc"))) == abc)
    try writeFile([], to: folder.file("empty"))
    #expect(
      try SHA256.hexDigest(of: MappedFile(path: folder.file("empty")))
        == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    try writeFile([UInt8](repeating: 0x61, count: 20_000_000), to: folder.file("long"))
    var pieces = try SHA256()
    for _ in 0..<20 { try pieces.update([UInt8](repeating: 0x61, count: 1_000_000)) }
    let digest = hexText(try pieces.digest())
    #expect(try SHA256.hexDigest(of: MappedFile(path: folder.file("long"))) == digest)
  }
}
