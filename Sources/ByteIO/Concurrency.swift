import Dispatch
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
