import ByteIO
import Glibc
import Synchronization
import TestSupport
import Testing

@Suite struct PieceWindowTests {
  /// While the first block takes its time, no more of the others are read than may wait.
  @Test func aSlowBlockHoldsTheOthersBack() throws {
    try withTemporaryFolder { folder in
      let block = 8 << 20
      // 8 blocks of 8 MiB may wait: far fewer than there are.
      let cut = BlockCut(byteCount: 40 * block, blockByteCount: block)
      let begun = Mutex(0)
      let largest = Mutex(0)
      var writer = try AtomicFileWriter(path: folder + "/out")
      let blocks = try packBlocks(cut, .frame, level: 1, into: &writer) { range, span in
        begun.withLock { $0 += 1 }
        for place in stride(from: 0, to: range.count, by: 8) {
          span.storeBytes(of: range.lowerBound, toByteOffset: place, as: Int.self)
        }
        guard range.lowerBound == 0 else { return }
        // Until nothing more is begun for a while.
        var seen = -1
        while true {
          usleep(200_000)
          let now = begun.withLock { $0 }
          if now == seen { break }
          seen = now
        }
        largest.withLock { $0 = seen }
      }
      #expect(blocks.count == 40)
      let most = largest.withLock { $0 }
      #expect((1...9).contains(most), "\(most) blocks were begun")
    }
  }
}
