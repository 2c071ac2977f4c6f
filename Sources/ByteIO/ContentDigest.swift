/// The digest of a tensor's content; formats/plumb.md §4: SHA-256 over the SHA-256s of each run of
/// 1 MiB (the last may be shorter), so that all cores can work on it.
///
/// - Parameter source: copies the given range of the content to a span of its size.
package func contentDigest(
  byteCount: Int, reading source: @Sendable (Range<Int>, inout MutableRawSpan) -> Void
) throws(ByteIOError) -> [UInt8] {
  let run = 1 << 20
  let count = (byteCount + run - 1) / run
  var digests = [UInt8](repeating: 0, count: 32 * count)
  var failure: ByteIOError?
  digests.withUnsafeMutableBytes { digests in
    // Each piece writes its own 32 bytes.
    nonisolated(unsafe) let digests = digests
    do throws(ByteIOError) {
      try concurrently(
        count, with: { () throws(ByteIOError) in AlignedScratch(min(run, byteCount)) }
      ) { (scratch, piece) throws(ByteIOError) in
        let range = piece * run..<min((piece + 1) * run, byteCount)
        let bytes = UnsafeMutableRawBufferPointer(rebasing: scratch.bytes[..<range.count])
        var span = bytes.mutableBytes
        source(range, &span)
        var hash = try SHA256()
        try hash.update(UnsafeRawBufferPointer(bytes).bytes)
        UnsafeMutableRawBufferPointer(rebasing: digests[32 * piece..<32 * (piece + 1)])
          .copyBytes(from: try hash.digest())
      }
    } catch { failure = error }
  }
  if let failure { throw failure }
  return try SHA256.digest(of: digests)
}

/// Working memory of one core.
struct AlignedScratch: ~Copyable {
  let bytes: UnsafeMutableRawBufferPointer

  init(_ count: Int) { bytes = .allocate(byteCount: max(count, 1), alignment: 64) }

  deinit { bytes.deallocate() }
}
