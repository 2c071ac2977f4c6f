import CKernels
import Synchronization

/// Runs `body(index)` for every index below `count` on at most `threads` threads, the caller's
/// among them, and returns when all are done. Indices are handed out one at a time, so uneven
/// pieces of work balance.
func parallel(_ count: Int, threads: Int, _ body: (Int) -> Void) {
  let next = Atomic(0)
  workers(min(count, threads)) {
    while true {
      let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
      if index >= count { return }
      body(index)
    }
  }
}

/// The same with scratch memory for each thread: `scratchCount` floats, 64-byte aligned, with
/// whatever was left in them.
func parallel(
  _ count: Int, threads: Int, scratchCount: Int,
  _ body: (Int, UnsafeMutablePointer<Float>) -> Void
) {
  let next = Atomic(0)
  workers(min(count, threads)) {
    let floats = takeScratch(floats: scratchCount)
    defer { plumb_give_scratch(floats) }
    while true {
      let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
      if index >= count { return }
      body(index, floats)
    }
  }
}

/// A block of the calling thread's scratch, to be handed to `plumb_give_scratch` by the same thread.
func takeScratch(floats count: Int) -> UnsafeMutablePointer<Float> {
  guard let memory = plumb_take_scratch(count * MemoryLayout<Float>.stride) else {
    preconditionFailure("plumb_take_scratch aborts rather than return nothing")
  }
  return memory.bindMemory(to: Float.self, capacity: count)
}

/// Cuts `count` elements into pieces of at least `minimum` for `threads` threads and runs
/// `body(range)` for each.
func parallelRanges(
  _ count: Int, minimum: Int, threads: Int, _ body: (Range<Int>) -> Void
) {
  let pieces = threads <= 1 ? 1 : max(1, min(threads * 4, count / max(1, minimum)))
  if count == 0 { return }
  parallel(pieces, threads: threads) { piece in
    body((piece * count / pieces)..<((piece + 1) * count / pieces))
  }
}

/// Runs `body` on up to `count` threads at once. The only place that uses more than one.
private func workers(_ count: Int, _ body: () -> Void) {
  if count <= 1 { return body() }
  withoutActuallyEscaping(body) { body in
    var work = body
    withUnsafeMutablePointer(to: &work) { context in
      plumb_run_on_threads(
        count, { context in context?.assumingMemoryBound(to: (() -> Void).self).pointee() },
        context)
    }
  }
}
