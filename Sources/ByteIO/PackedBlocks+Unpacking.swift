/// What becomes of a block's bytes when they are unpacked: more bytes, element by element.
package struct BlockExpansion: Sendable {
  /// Bytes that come of one.
  package let factor: Int
  /// Fills the second span, `factor` times as long, from the first, which begins at that byte of the
  /// content.
  package let expand: @Sendable (_ start: Int, RawSpan, inout MutableRawSpan) -> Void

  package init(
    factor: Int, _ expand: @escaping @Sendable (Int, RawSpan, inout MutableRawSpan) -> Void
  ) {
    self.factor = factor
    self.expand = expand
  }
}

/// Unpacks content or a part of it, checking every block that holds some of it.
///
/// - Parameters:
///   - range: the bytes of the content to unpack.
///   - blocks: as many as `cut` has; they lie within the file, one behind the other from
///     `offset` on. Raw blocks have as many bytes as their part of the cut, others a part per
///     frame.
///   - threads: how many cores take part at most; nil for all.
///   - expansion: applied to the range on its way to the target.
///   - target: as many bytes as the range, times the expansion's factor.
/// - Throws: a damaged block.
package func unpackBlocks(
  _ range: Range<Int>, of blocks: [PackedBlock], _ cut: BlockCut, _ packing: BlockPacking,
  at offset: Int, of file: MappedFile, threads: Int? = nil, expansion: BlockExpansion? = nil,
  into target: inout MutableRawSpan
) throws(ByteIOError) {
  let factor = expansion?.factor ?? 1
  precondition(blocks.count == cut.count && range.upperBound <= cut.byteCount)
  precondition(target.byteCount == range.count * factor)
  let indices = cut.blocks(of: range)
  var offsets = [offset]
  for block in blocks { offsets.append(offsets[offsets.count - 1] + block.parts.reduce(0, +)) }
  let starts = offsets
  defer {
    if !indices.isEmpty { file.release(starts[indices.lowerBound]..<starts[indices.upperBound]) }
  }
  var failure: ByteIOError?
  target.withUnsafeMutableBytes { target in
    // Each piece writes its own bytes.
    nonisolated(unsafe) let target = target
    do throws(ByteIOError) {
      try concurrently(
        indices.count, threads: threads,
        with: { () throws(ByteIOError) in
          try BlockUnpacker(
            packing, blockByteCount: cut[0].count,
            hasRoom: expansion != nil || range != 0..<cut.byteCount)
        }
      ) { (unpacker, piece) throws(ByteIOError) in
        let index = indices.lowerBound + piece
        let block = cut[index]
        let wanted = block.clamped(to: range)
        let place = UnsafeMutableRawBufferPointer(
          rebasing: target[
            (wanted.lowerBound - range.lowerBound)
              * factor..<(wanted.upperBound
              - range.lowerBound) * factor])
        if expansion == nil, wanted == block {
          return try unpacker.unpack(blocks[index], at: starts[index], of: file, into: place)
        }
        let whole = UnsafeMutableRawBufferPointer(rebasing: unpacker.block.bytes[..<block.count])
        try unpacker.unpack(blocks[index], at: starts[index], of: file, into: whole)
        let part = UnsafeRawBufferPointer(
          rebasing: whole[
            wanted.lowerBound - block.lowerBound..<wanted.upperBound - block.lowerBound])
        guard let expansion else { return place.copyMemory(from: part) }
        var span = place.mutableBytes
        expansion.expand(wanted.lowerBound, part.bytes, &span)
      }
    } catch { failure = error }
  }
  if let failure { throw failure }
}

/// One core's tools for unpacking.
private struct BlockUnpacker: ~Copyable {
  private let decompressor: ZstandardDecompressor
  private let planes: AlignedScratch
  /// Room for a block that is not wanted as it is.
  let block: AlignedScratch
  private let packing: BlockPacking

  init(_ packing: BlockPacking, blockByteCount: Int, hasRoom: Bool) throws(ByteIOError) {
    decompressor = try ZstandardDecompressor()
    planes = AlignedScratch(packing == .raw || packing == .frame ? 0 : blockByteCount)
    block = AlignedScratch(hasRoom ? blockByteCount : 0)
    self.packing = packing
  }

  mutating func unpack(
    _ packed: PackedBlock, at offset: Int, of file: MappedFile,
    into target: UnsafeMutableRawBufferPointer
  ) throws(ByteIOError) {
    switch packing {
    case .raw:
      try file.withBytes(in: offset..<offset + target.count) { (bytes) throws(ByteIOError) in
        guard crc32(bytes) == packed.checksum else {
          throw .corrupt(codec: "raw", reason: "its CRC-32 is not the one it was written with")
        }
        bytes.withUnsafeBytes { target.copyMemory(from: $0) }
      }
    case .frame: try decompress(offset..<offset + packed.parts[0], of: file, into: target)
    case .planes(let width):
      try merge(packed, at: offset, of: file, width: width, rotated: false, into: target)
    case .rotatedPlanes(let width):
      try merge(packed, at: offset, of: file, width: width, rotated: true, into: target)
    }
  }

  private func merge(
    _ packed: PackedBlock, at offset: Int, of file: MappedFile, width: Int, rotated: Bool,
    into target: UnsafeMutableRawBufferPointer
  ) throws(ByteIOError) {
    let all = UnsafeMutableRawBufferPointer(rebasing: planes.bytes[..<target.count])
    let count = target.count / width
    var offset = offset
    for (plane, part) in packed.parts.enumerated() {
      try decompress(
        offset..<offset + part, of: file,
        into: UnsafeMutableRawBufferPointer(rebasing: all[plane * count..<(plane + 1) * count]))
      offset += part
    }
    mergePlanes(UnsafeRawBufferPointer(all), width: width, rotated: rotated, into: target)
  }

  private func decompress(
    _ range: Range<Int>, of file: MappedFile, into target: UnsafeMutableRawBufferPointer
  ) throws(ByteIOError) {
    try file.withBytes(in: range) { (frame) throws(ByteIOError) in
      var span = target.mutableBytes
      if isCoded(frame) {
        try decodePart(frame, into: &span)
      } else {
        try decompressor.decompress(frame, into: &span)
      }
    }
  }
}
