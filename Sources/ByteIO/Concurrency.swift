import Dispatch
import Glibc
import Synchronization

/// Does `count` independent pieces of work on the machine's cores; the first error, by piece, is
/// thrown after all have ended.
package func concurrently<Failure: Error>(
  _ count: Int, _ body: @Sendable (Int) throws(Failure) -> Void
) throws(Failure) {
  if count == 1 { return try body(0) }
  let failures = Mutex<(piece: Int, error: Failure)?>(nil)
  DispatchQueue.concurrentPerform(iterations: count) { piece in
    do throws(Failure) {
      try body(piece)
    } catch {
      failures.withLock { first in
        if first == nil || piece < first?.piece ?? 0 { first = (piece, error) }
      }
    }
  }
  if let failure = failures.withLock({ $0 }) { throw failure.error }
}

/// Does `count` independent pieces of work, each core with a tool of its own: made once, used for
/// every piece the core takes, in ascending order. After an error no new pieces are begun.
///
/// - Parameter threads: how many cores at most; nil for all.
package func concurrently<Tool: ~Copyable, Failure: Error>(
  _ count: Int, threads: Int? = nil, with makeTool: @Sendable () throws(Failure) -> Tool,
  _ body: @Sendable (inout Tool, Int) throws(Failure) -> Void
) throws(Failure) {
  let next = Atomic<Int>(0)
  try concurrently(min(count, threads ?? coreCount, coreCount)) { (_) throws(Failure) in
    var tool = try makeTool()
    while true {
      let piece = next.add(1, ordering: .relaxed).oldValue
      guard piece < count else { return }
      do throws(Failure) {
        try body(&tool, piece)
      } catch {
        next.store(count, ordering: .relaxed)
        throw error
      }
    }
  }
}

/// How many cores this process may use, at least one.
let coreCount = max(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1)

/// Memory the machine has, in bytes; `Int.max` where the system does not say.
package let physicalMemoryByteCount: Int = {
  let pages = Int(sysconf(Int32(_SC_PHYS_PAGES)))
  let size = Int(sysconf(Int32(_SC_PAGESIZE)))
  return pages > 0 && size > 0 ? pages * size : Int.max
}()
