/// How a block of elements lies in a file.
package struct PackedBlock: Hashable, Sendable {
  package enum Packing: Hashable, Sendable {
    /// As it is, with a CRC-32.
    case raw(checksum: UInt32)
    /// One zstd frame.
    case frame
    /// A zstd frame per byte plane.
    case planes
  }

  package var packing: Packing
  /// Where the first part begins in the file.
  package var offset: Int
  /// Bytes of each part; the parts follow each other.
  package var parts: [Int]
  /// Bytes of the unpacked block.
  package var byteCount: Int

  package init(packing: Packing, offset: Int, parts: [Int], byteCount: Int) {
    self.packing = packing
    self.offset = offset
    self.parts = parts
    self.byteCount = byteCount
  }
}

/// Packs consecutive blocks of `bytes` on all cores.
///
/// - Parameters:
///   - blockByteCount: unpacked bytes of every block but the last.
///   - blocks: which of them to pack.
///   - planeWidth: bytes of an element, to pack each byte plane on its own; nil packs blocks whole.
/// - Returns: per block its parts.
package func packBlocks(
  _ bytes: RawSpan, blockByteCount: Int, blocks: Range<Int>, planeWidth: Int?, level: Int
) throws(ByteIOError) -> [[[UInt8]]] {
  let count = bytes.byteCount
  var packed = [[[UInt8]]](repeating: [], count: blocks.count)
  var failure: ByteIOError?
  bytes.withUnsafeBytes { source in
    packed.withUnsafeMutableBufferPointer { target in
      // Each piece reads its own bytes and writes its own element.
      nonisolated(unsafe) let source = source
      nonisolated(unsafe) let target = target
      do throws(ByteIOError) {
        try concurrently(blocks.count) { (piece) throws(ByteIOError) in
          let start = (blocks.lowerBound + piece) * blockByteCount
          let end = min(start + blockByteCount, count)
          let block = UnsafeRawBufferPointer(rebasing: source[start..<end]).bytes
          let compressor = try ZstandardCompressor(level: level)
          var parts: [[UInt8]] = []
          if let planeWidth {
            for plane in bytePlanes(block, width: planeWidth) {
              parts.append(try compressor.compress(plane))
            }
          } else {
            parts.append(try compressor.compress(block))
          }
          target[piece] = parts
        }
      } catch { failure = error }
    }
  }
  if let failure { throw failure }
  return packed
}

/// Unpacks the consecutive blocks of one run of bytes on all cores, checking each.
///
/// - Parameters:
///   - blocks: lie within the file, one after the other; all but the last have the first's byte
///     count.
///   - planeWidth: bytes of an element.
///   - target: as many bytes as the blocks have together.
package func unpackBlocks(
  _ blocks: [PackedBlock], of file: MappedFile, planeWidth: Int,
  into target: inout MutableRawSpan
) throws(ByteIOError) {
  let blockByteCount = blocks.first?.byteCount ?? 0
  precondition(blocks.reduce(0) { $0 + $1.byteCount } == target.byteCount)
  var failure: ByteIOError?
  target.withUnsafeMutableBytes { target in
    // Each piece writes its own bytes.
    nonisolated(unsafe) let target = target
    do throws(ByteIOError) {
      try concurrently(blocks.count) { (piece) throws(ByteIOError) in
        let start = piece * blockByteCount
        let end = start + blocks[piece].byteCount
        try unpack(
          blocks[piece], of: file, planeWidth: planeWidth,
          into: UnsafeMutableRawBufferPointer(rebasing: target[start..<end]))
      }
    } catch { failure = error }
  }
  if let failure { throw failure }
}

private func unpack(
  _ block: PackedBlock, of file: MappedFile, planeWidth: Int,
  into target: UnsafeMutableRawBufferPointer
) throws(ByteIOError) {
  var offset = block.offset
  switch block.packing {
  case .raw(let checksum):
    try file.withBytes(in: offset..<offset + target.count) { (bytes) throws(ByteIOError) in
      guard crc32(bytes) == checksum else {
        throw .corrupt(codec: "raw", reason: "its CRC-32 is not the one it was written with")
      }
      bytes.withUnsafeBytes { target.copyMemory(from: $0) }
    }
  case .frame:
    let decompressor = try ZstandardDecompressor()
    try file.withBytes(in: offset..<offset + block.parts[0]) { (frame) throws(ByteIOError) in
      var whole = target.mutableBytes
      try decompressor.decompress(frame, into: &whole)
    }
  case .planes:
    let decompressor = try ZstandardDecompressor()
    let count = target.count / planeWidth
    var planes = [UInt8](repeating: 0, count: target.count)
    var failure: ByteIOError?
    planes.withUnsafeMutableBytes { bytes in
      do throws(ByteIOError) {
        for (plane, part) in block.parts.enumerated() {
          let place = UnsafeMutableRawBufferPointer(
            rebasing: bytes[plane * count..<(plane + 1) * count])
          try file.withBytes(in: offset..<offset + part) { (frame) throws(ByteIOError) in
            var span = place.mutableBytes
            try decompressor.decompress(frame, into: &span)
          }
          offset += part
        }
      } catch { failure = error }
    }
    if let failure { throw failure }
    mergeBytePlanes(planes, width: planeWidth, into: target)
  }
}
