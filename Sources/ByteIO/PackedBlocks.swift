import Synchronization

/// How the bytes of a block are packed; formats/plumb.md §4.
package enum BlockPacking: Hashable, Sendable {
  /// As they are, with a CRC-32.
  case raw
  /// One part: a zstd frame, or coded.
  case frame
  /// A part per byte plane of elements of `width` bytes.
  case planes(width: Int)
  /// The same of the elements rotated left by one bit.
  case rotatedPlanes(width: Int)

  fileprivate var planes: (width: Int, rotated: Bool)? {
    switch self {
    case .raw, .frame: nil
    case .planes(let width): (width, false)
    case .rotatedPlanes(let width): (width, true)
    }
  }
}

/// A block as it lies in a file.
package struct PackedBlock: Hashable, Sendable {
  /// Bytes each part takes, one behind the other: one part, or one per byte plane.
  package var parts: [Int]
  /// CRC-32 of a raw block; 0 otherwise, as zstd frames carry their own.
  package var checksum: UInt32

  package init(parts: [Int], checksum: UInt32 = 0) {
    self.parts = parts
    self.checksum = checksum
  }
}

/// Content cut into blocks of one size, but for the last, which may be smaller.
package struct BlockCut: Hashable, Sendable {
  package let byteCount: Int
  package let blockByteCount: Int

  /// Precondition: `blockByteCount` is positive.
  package init(byteCount: Int, blockByteCount: Int) {
    precondition(blockByteCount > 0 && byteCount >= 0)
    self.byteCount = byteCount
    self.blockByteCount = blockByteCount
  }

  /// How many blocks there are.
  package var count: Int {
    byteCount / blockByteCount + (byteCount % blockByteCount > 0 ? 1 : 0)
  }

  /// The bytes of block `index` in the content.
  package subscript(index: Int) -> Range<Int> {
    let start = index * blockByteCount
    return start..<start + min(blockByteCount, byteCount - start)
  }

  /// The blocks that hold some of the content's bytes.
  func blocks(of range: Range<Int>) -> Range<Int> {
    if range.isEmpty { return 0..<0 }
    return range.lowerBound / blockByteCount..<(range.upperBound - 1) / blockByteCount + 1
  }
}

/// Packs content on all cores and appends its blocks in their order. The same content, cut,
/// packing and level give the same bytes, however many cores there are. However slow the disk,
/// blocks of 64 MiB and one for each core are in memory at most.
///
/// - Parameters:
///   - level: zstd's, 1 to 22.
///   - source: copies the given range of the content to a span of its size.
package func packBlocks(
  _ cut: BlockCut, _ packing: BlockPacking, level: Int, into writer: inout AtomicFileWriter,
  reading source: @Sendable (Range<Int>, inout MutableRawSpan) -> Void
) throws(ByteIOError) -> [PackedBlock] {
  let queue = Mutex(WriteQueue(count: cut.count))
  let window = PieceWindow(max(maximumWaitingByteCount / max(cut.blockByteCount, 1), coreCount + 1))
  var failure: ByteIOError?
  withUnsafeMutablePointer(to: &writer) { writer in
    // Whoever holds the queue's turn writes, nobody else.
    nonisolated(unsafe) let writer = writer
    do throws(ByteIOError) {
      try concurrently(
        cut.count,
        with: { () throws(ByteIOError) in
          try BlockPacker(blockByteCount: cut[0].count, level: level)
        }
      ) { (packer, index) throws(ByteIOError) in
        guard window.enter(index) else { return }
        do throws(ByteIOError) {
          let (parts, checksum) = try packer.pack(cut[index], packing, source)
          let hasTurn = queue.withLock { queue in
            queue.blocks[index] = PackedBlock(parts: parts.map(\.count), checksum: checksum)
            queue.waiting[index] = parts
            return queue.takeTurn()
          }
          guard hasTurn else { return }
          while let parts = queue.withLock({ $0.nextParts() }) {
            for part in parts { try writer.pointee.append(part) }
            window.advance()
          }
        } catch {
          window.close()
          throw error
        }
      }
    } catch { failure = error }
  }
  if let failure { throw failure }
  return queue.withLock { $0.blocks }
}

/// What may be packed and not yet written, in bytes of content.
private let maximumWaitingByteCount = 64 << 20

/// Packed blocks that wait for those before them to be written.
private struct WriteQueue {
  var blocks: [PackedBlock]
  var waiting: [Int: [[UInt8]]] = [:]
  private var next = 0
  private var isWriting = false

  init(count: Int) { blocks = .init(repeating: PackedBlock(parts: []), count: count) }

  /// Whether the caller is to write what is ready.
  mutating func takeTurn() -> Bool {
    guard !isWriting, waiting[next] != nil else { return false }
    isWriting = true
    return true
  }

  /// What is to be written next; nil ends the caller's turn.
  mutating func nextParts() -> [[UInt8]]? {
    guard let parts = waiting.removeValue(forKey: next) else {
      isWriting = false
      return nil
    }
    next += 1
    return parts
  }
}

/// The packing that makes the content smallest, judged by its first bytes.
///
/// - Parameter candidates: not empty; the first of equally good ones is taken.
package func smallestPacking(
  of byteCount: Int, _ candidates: [BlockPacking], level: Int,
  reading source: @Sendable (Range<Int>, inout MutableRawSpan) -> Void
) throws(ByteIOError) -> BlockPacking {
  let sample = 0..<min(byteCount, 1 << 17)
  var packer = try BlockPacker(blockByteCount: sample.count, level: level)
  var best = (packing: candidates[0], size: Int.max)
  for candidate in candidates {
    let size = try packer.pack(sample, candidate, source).parts.reduce(0) { $0 + $1.count }
    if size < best.size { best = (candidate, size) }
  }
  return best.packing
}

/// One core's tools for packing.
private struct BlockPacker: ~Copyable {
  private let thorough: ZstandardCompressor
  /// Huffman codes and hardly any matches: best, and four times faster, for the bytes of trained
  /// weights, in which chance matches cost more than they save.
  private let entropy: ZstandardCompressor
  private let block: AlignedScratch
  private let planes: AlignedScratch
  private let level: Int

  init(blockByteCount: Int, level: Int) throws(ByteIOError) {
    let first = try ZstandardCompressor(level: level)
    let second = try ZstandardCompressor(level: -1000, forcesHuffman: true)
    thorough = first
    entropy = second
    block = AlignedScratch(blockByteCount)
    planes = AlignedScratch(blockByteCount)
    self.level = level
  }

  mutating func pack(
    _ range: Range<Int>, _ packing: BlockPacking,
    _ source: (Range<Int>, inout MutableRawSpan) -> Void
  ) throws(ByteIOError) -> (parts: [[UInt8]], checksum: UInt32) {
    let content = UnsafeMutableRawBufferPointer(rebasing: block.bytes[..<range.count])
    var span = content.mutableBytes
    source(range, &span)
    guard let (width, rotated) = packing.planes else {
      let bytes = UnsafeRawBufferPointer(content)
      return packing == .raw
        ? ([Array(bytes)], crc32(bytes.bytes)) : ([try compress(bytes)], 0)
    }
    let planes = UnsafeMutableRawBufferPointer(rebasing: self.planes.bytes[..<range.count])
    splitPlanes(UnsafeRawBufferPointer(content), width: width, rotated: rotated, into: planes)
    let count = range.count / width
    var parts: [[UInt8]] = []
    for plane in 0..<width {
      let place = planes[plane * count..<(plane + 1) * count]
      parts.append(
        try compress(UnsafeRawBufferPointer(UnsafeMutableRawBufferPointer(rebasing: place))))
    }
    return (parts, 0)
  }

  /// The smallest part that holds the bytes. Coded is only what that makes smaller by 1 in 128, as
  /// a frame that stores its bytes is read many times as fast.
  private func compress(_ bytes: UnsafeRawBufferPointer) throws(ByteIOError) -> [UInt8] {
    let frame = try smallestFrame(bytes)
    return codedPart(bytes.bytes, limit: frame.count - frame.count / 128 - 1) ?? frame
  }

  /// The smaller of both compressors' frames; of long pieces samples tell whether the thorough one
  /// is worth its time, unless a high level asks for all that can be had.
  private func smallestFrame(_ bytes: UnsafeRawBufferPointer) throws(ByteIOError) -> [UInt8] {
    let quick = try entropy.compress(bytes.bytes)
    let sampleCount = 1 << 14
    if bytes.count > 8 * sampleCount, level < 10 {
      var isWorthIt = false
      for start in [0, (bytes.count - sampleCount) / 2, bytes.count - sampleCount] {
        let sample = UnsafeRawBufferPointer(rebasing: bytes[start..<start + sampleCount]).bytes
        let (a, b) = (try thorough.compress(sample).count, try entropy.compress(sample).count)
        isWorthIt = isWorthIt || a < b - b / 64
      }
      if !isWorthIt { return quick }
    }
    let slow = try thorough.compress(bytes.bytes)
    return slow.count < quick.count ? slow : quick
  }
}
