import CKernels
import Glibc
import TensorBase

/// What becomes of a line x of numbers.
package enum LineNormalisationKind: CaseIterable, Sendable {
  /// exp(x − max) / Σ.
  case softmax
  /// x − max − log Σexp(x − max).
  case logSoftmax
  /// 1 at the first of the largest, else 0.
  case hardmax
}

/// out = x normalised along `axis`; one float type, sums in double. Softmax of f16 rounds each step
/// to f16: difference, exponential, sum and quotient.
package func normalise(
  _ out: MutableTensorView, _ x: TensorView, _ kind: LineNormalisationKind, axis: Int, threads: Int
) {
  precondition(out.type == x.type && out.shape == x.shape)
  if x.shape.count == 0 { return }
  let n = x.shape[axis], step = x.shape.strides[axis]
  let isHalf = x.type == .f16
  func rounded(_ value: Double) -> Double {
    isHalf ? Double(floatFromHalf(halfFromFloat(Float(value)))) : value
  }
  parallelRanges(x.shape.count / n, minimum: max(1, 4096 / n), threads: threads) { range in
    let line = Doubles(count: n)
    let v = line.base
    for index in range {
      let start = index / step * step * n + index % step
      readLine(v, x.base, x.type, first: start, step: step, count: n)
      var best = 0
      for i in 0..<n where v[i] > v[best] || v[i].isNaN && !v[best].isNaN { best = i }
      let largest = v[best]
      switch kind {
      case .softmax:
        var sum = 0.0
        for i in 0..<n {
          v[i] = rounded(exp(rounded(v[i] - largest)))
          sum += v[i]
        }
        sum = rounded(sum)
        for i in 0..<n { v[i] /= sum }
      case .logSoftmax:
        var sum = 0.0
        for i in 0..<n { sum += exp(v[i] - largest) }
        let shift = log(sum)
        for i in 0..<n { v[i] = v[i] - largest - shift }
      case .hardmax:
        for i in 0..<n { v[i] = i == best ? 1 : 0 }
      }
      if step == 1 {
        writeLine(out.base, out.type, first: start, v, count: n)
      } else {
        for i in 0..<n { Elements.store(v[i], out.base, start + i * step, out.type) }
      }
    }
  }
}

/// Softmax along an axis that is not the last; f32. Works on up to 512 neighbouring columns at once.
func softmaxColumns(_ out: MutableTensorView, _ x: TensorView, axis: Int, threads: Int) {
  if x.shape.count == 0 { return }
  let n = x.shape[axis], width = x.shape.strides[axis]
  let pieces = (width - 1) / lineLength + 1
  let to = out.floats, from = x.floats
  parallel(x.shape.count / (n * width) * pieces, threads: threads, scratchCount: lineLength * 2) {
    piece, scratch in
    let column = piece % pieces * lineLength, count = min(lineLength, width - column)
    let start = piece / pieces * n * width + column
    let largest = scratch, sum = scratch + lineLength
    for c in 0..<count { (largest[c], sum[c]) = (-.infinity, 0) }
    for row in 0..<n {
      let line = from + start + row * width
      for c in 0..<count {
        largest[c] = line[c] > largest[c] || line[c].isNaN ? line[c] : largest[c]
      }
    }
    for row in 0..<n {
      let line = from + start + row * width, target = to + start + row * width
      for c in 0..<count { target[c] = line[c] - largest[c] }
      plumb_unary(PLUMB_EXP, target, target, count)
      for c in 0..<count { sum[c] += target[c] }
    }
    for row in 0..<n {
      let target = to + start + row * width
      for c in 0..<count { target[c] /= sum[c] }
    }
  }
}
