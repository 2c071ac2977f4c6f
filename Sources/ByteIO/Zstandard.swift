import CZstd

/// Compresses pieces of a few megabytes, each to one zstd frame that states its size. Keeps its
/// working memory from piece to piece. The same bytes, level and library give the same frame.
package struct ZstandardCompressor: ~Copyable {
  private let context: OpaquePointer

  /// `level`: 1 (fast) … 22 (small); negative ones find ever fewer matches. `checksum`: each frame
  /// ends with one of its content. `forcesHuffman`: negative levels code literals too.
  package init(
    level: Int, checksum: Bool = true, forcesHuffman: Bool = false
  ) throws(ByteIOError) {
    let lowest = Int(ZSTD_minCLevel())
    let highest = Int(ZSTD_maxCLevel())
    guard level >= lowest, level <= highest else {
      throw .corrupt(codec: "zstd", reason: "there is no level \(level), only up to \(highest)")
    }
    guard let context = ZSTD_createCCtx() else {
      throw .corrupt(codec: "zstd", reason: "out of memory")
    }
    let codes = [
      ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level)),
      ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum ? 1 : 0),
      ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1),
      // ZSTD_c_literalCompressionMode with ZSTD_lcm_huffman, whose names are macros.
      forcesHuffman ? ZSTD_CCtx_setParameter(context, ZSTD_c_experimentalParam5, 1) : 0,
    ]
    if let code = codes.first(where: { ZSTD_isError($0) != 0 }) {
      ZSTD_freeCCtx(context)
      throw .corrupt(codec: "zstd", reason: String(cString: ZSTD_getErrorName(code)))
    }
    self.context = context
  }

  deinit { ZSTD_freeCCtx(context) }

  package func compress(_ bytes: RawSpan) throws(ByteIOError) -> [UInt8] {
    let capacity = ZSTD_compressBound(bytes.byteCount)
    var size = 0
    let result = [UInt8](unsafeUninitializedCapacity: capacity) { target, count in
      size = bytes.withUnsafeBytes { source in
        ZSTD_compress2(
          context, target.baseAddress, capacity, source.baseAddress, source.count)
      }
      count = ZSTD_isError(size) != 0 ? 0 : size
    }
    if ZSTD_isError(size) != 0 {
      throw .corrupt(codec: "zstd", reason: String(cString: ZSTD_getErrorName(size)))
    }
    return result
  }
}

extension ZstandardCompressor {
  package func compress(_ bytes: [UInt8]) throws(ByteIOError) -> [UInt8] {
    try compress(bytes.span.bytes)
  }
}

/// Unpacks single zstd frames whose size is known beforehand. Keeps its working memory.
package struct ZstandardDecompressor: ~Copyable {
  private let context: OpaquePointer

  package init() throws(ByteIOError) {
    guard let context = ZSTD_createDCtx() else {
      throw .corrupt(codec: "zstd", reason: "out of memory")
    }
    self.context = context
  }

  deinit { ZSTD_freeDCtx(context) }

  /// Fills `target` exactly. Errors: `frame` is not exactly one frame, states another size than
  /// `target`'s, has no checksum although `checksum` demands one, or is damaged; `target` then
  /// holds rubbish.
  package func decompress(
    _ frame: RawSpan, into target: inout MutableRawSpan, checksum: Bool = true
  ) throws(ByteIOError) {
    try Self.checkHeader(frame, size: target.byteCount, checksum: checksum)
    let size = target.withUnsafeMutableBytes { target in
      frame.withUnsafeBytes { source in
        ZSTD_decompressDCtx(
          context, target.baseAddress, target.count, source.baseAddress, source.count)
      }
    }
    if ZSTD_isError(size) != 0 {
      throw .corrupt(codec: "zstd", reason: String(cString: ZSTD_getErrorName(size)))
    }
    guard size == target.byteCount else {
      throw .wrongSize(codec: "zstd", expected: target.byteCount, found: UInt64(size))
    }
  }

  /// As above, into a new array of `size` bytes, which the frame must state itself, so that a lie
  /// about the size costs no memory.
  package func decompress(
    _ frame: RawSpan, size: Int, checksum: Bool = true
  ) throws(ByteIOError) -> [UInt8] {
    try Self.checkHeader(frame, size: size, checksum: checksum)
    var result = [UInt8](repeating: 0, count: size)
    var span = result.mutableSpan
    var bytes = span.mutableBytes
    try decompress(frame, into: &bytes, checksum: checksum)
    return result
  }

  private static func checkHeader(
    _ frame: RawSpan, size: Int, checksum: Bool
  ) throws(ByteIOError) {
    let (length, stated, flags) = frame.withUnsafeBytes { bytes in
      (
        ZSTD_findFrameCompressedSize(bytes.baseAddress, bytes.count),
        ZSTD_getFrameContentSize(bytes.baseAddress, bytes.count),
        bytes.count > 4 ? bytes[4] : 0
      )
    }
    if ZSTD_isError(length) != 0 {
      throw .corrupt(codec: "zstd", reason: String(cString: ZSTD_getErrorName(length)))
    }
    guard length == frame.byteCount else {
      throw .corrupt(
        codec: "zstd", reason: "\(frame.byteCount - length) bytes follow its single frame")
    }
    // ZSTD_CONTENTSIZE_UNKNOWN and _ERROR, which do not import, are the two largest values.
    guard stated < UInt64.max - 1 else {
      throw .corrupt(codec: "zstd", reason: "it does not state its unpacked size")
    }
    guard stated == UInt64(size) else {
      throw .wrongSize(codec: "zstd", expected: size, found: stated)
    }
    // RFC 8878 §3.1.1.1: bit 2 of the byte behind the magic number.
    guard !checksum || flags & 4 != 0 else {
      throw .corrupt(codec: "zstd", reason: "it has no checksum")
    }
  }
}

extension ZstandardDecompressor {
  package func decompress(
    _ frame: [UInt8], size: Int, checksum: Bool = true
  ) throws(ByteIOError) -> [UInt8] {
    try decompress(frame.span.bytes, size: size, checksum: checksum)
  }
}
