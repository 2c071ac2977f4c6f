import CKernels

/// Floating-point operations a second that `threads` threads reach when they do nothing but
/// multiply-adds in registers; the best of several short attempts.
package func measuredPeakRate(threads: Int) -> Double {
  let pieces = threads * 8, rounds = 1_000_000
  let operations = Double(pieces * rounds) * plumb_multiply_adds(1)
  let clock = ContinuousClock()
  var best = 0.0
  for _ in 0..<10 {
    let start = clock.now
    parallel(pieces, threads: threads) { _ in _ = plumb_multiply_adds(rounds) }
    let parts = start.duration(to: clock.now).components
    let seconds = Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
    best = max(best, operations / seconds)
  }
  return best
}
