import Glibc
import TensorBase

/// out[n, c, p] = x[n, c, p] / (bias + alpha / size · Σ of x[n, i, p]²)^beta, the sum over
/// c − ⌊(size − 1) / 2⌋ ≤ i ≤ c + ⌈(size − 1) / 2⌉ within the channels.
///
/// x and out of one float type, [N, C, …], or [N, …, C] when `isChannelsLast`. Sums are in double.
package func localResponseNorm(
  _ out: MutableTensorView, _ x: TensorView, size: Int, alpha: Double, beta: Double, bias: Double,
  isChannelsLast: Bool, threads: Int
) {
  precondition(out.shape == x.shape && out.type == x.type && x.shape.rank >= 2 && size > 0)
  let channels = isChannelsLast ? x.shape[-1] : x.shape[1]
  let pixels = x.shape.dimensions.dropFirst().reduce(1, *) / max(1, channels)
  if x.shape.count == 0 { return }
  let (step, pixelStep) = isChannelsLast ? (1, channels) : (pixels, 1)
  let lower = min(channels, (size - 1) / 2), upper = min(channels, size / 2)
  let factor = alpha / Double(size)
  let (type, from, to) = (x.type, x.base, out.base)
  parallelRanges(x.shape[0] * pixels, minimum: max(1, 8192 / channels), threads: threads) { range in
    let line = UnsafeMutablePointer<Double>.allocate(capacity: channels)
    defer { line.deallocate() }
    for place in range {
      let start = place / pixels * channels * pixels + place % pixels * pixelStep
      if type == .f32 {
        let source = from.assumingMemoryBound(to: Float.self) + start
        for c in 0..<channels { line[c] = Double(source[c * step]) }
      } else {
        for c in 0..<channels { line[c] = Elements.load(from, start + c * step, type) }
      }
      for c in 0..<channels {
        // Summed anew for each channel: what a running sum loses would stay in it.
        var sum = 0.0
        for i in max(0, c - lower)...min(channels - 1, c + upper) { sum += line[i] * line[i] }
        let base = bias + factor * sum
        let divisor =
          beta == 0.75 && base >= 0
          ? base.squareRoot() * base.squareRoot().squareRoot()
          : pow(base, beta)
        Elements.store(line[c] / divisor, to, start + c * step, type)
      }
    }
  }
}
