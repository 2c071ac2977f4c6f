import TensorBase

/// out = (x − mean) / √(variance + epsilon) · scale + shift along the last axis; without centring
/// x / √(mean of squares + epsilon) · scale + shift.
///
/// x and out [rows, n], scale and shift [n], of one float type; mean and inverse, 1 / the root,
/// [rows, 1], f32. Sums are in double.
package func standardize(
  _ out: MutableTensorView?, mean: MutableTensorView?, inverse: MutableTensorView?, _ x: TensorView,
  scale: TensorView?, shift: TensorView?, epsilon: Double, isCentred: Bool, threads: Int
) {
  precondition(x.shape.rank == 2 && (out == nil || out?.shape == x.shape))
  let (rows, n) = (x.shape[0], x.shape[1])
  for view in [scale, shift] { precondition(view == nil || view?.shape == [n]) }
  for view in [mean, inverse] { precondition(view == nil || view?.shape == [rows, 1]) }
  let means = mean?.floats, inverses = inverse?.floats
  if x.type == .f32 {
    let from = x.floats, to = out?.floats, gamma = scale?.floats, beta = shift?.floats
    parallelRanges(rows, minimum: max(1, 16_384 / max(1, n)), threads: threads) { range in
      for row in range {
        let line = from + row * n
        let average = isCentred ? sum(line, n) / Double(n) : 0
        let factor = 1 / (squares(line, n, from: average) / Double(n) + epsilon).squareRoot()
        means?[row] = Float(average)
        inverses?[row] = Float(factor)
        guard let to = to.map({ $0 + row * n }) else { continue }
        for i in 0..<n { to[i] = Float((Double(line[i]) - average) * factor) }
        if let gamma { for i in 0..<n { to[i] *= gamma[i] } }
        if let beta { for i in 0..<n { to[i] += beta[i] } }
      }
    }
    return
  }
  let values = Doubles(x)
  let gamma = scale.map { Array($0) }, beta = shift.map { Array($0) }
  for row in 0..<rows {
    let line = values.base + row * n
    let average = isCentred ? (0..<n).reduce(0.0) { $0 + line[$1] } / Double(n) : 0
    let square = (0..<n).reduce(0.0) { $0 + (line[$1] - average) * (line[$1] - average) }
    let factor = 1 / (square / Double(n) + epsilon).squareRoot()
    means?[row] = Float(average)
    inverses?[row] = Float(factor)
    for i in 0..<n {
      line[i] = (line[i] - average) * factor * (gamma?[i] ?? 1) + (beta?[i] ?? 0)
    }
  }
  if let out { values.store(to: out) }
}

private func sum(_ x: UnsafePointer<Float>, _ count: Int) -> Double {
  var sums = SIMD8<Double>.zero
  for i in stride(from: 0, through: count - 8, by: 8) {
    sums += SIMD8<Double>(UnsafeRawPointer(x + i).loadUnaligned(as: SIMD8<Float>.self))
  }
  var sum = sums.sum()
  for i in (count / 8 * 8)..<max(count, 0) { sum += Double(x[i]) }
  return sum
}

/// Σ (x − centre)².
private func squares(_ x: UnsafePointer<Float>, _ count: Int, from centre: Double) -> Double {
  var sums = SIMD8<Double>.zero
  for i in stride(from: 0, through: count - 8, by: 8) {
    let loaded = UnsafeRawPointer(x + i).loadUnaligned(as: SIMD8<Float>.self)
    let difference = SIMD8<Double>(loaded) - centre
    sums += difference * difference
  }
  var sum = sums.sum()
  for i in (count / 8 * 8)..<count {
    let difference = Double(x[i]) - centre
    sum += difference * difference
  }
  return sum
}

extension Array where Element == Double {
  /// A tensor's elements, of any type.
  init(_ view: TensorView) {
    let values = Doubles(view)
    self.init(UnsafeBufferPointer(start: values.base, count: values.count))
  }
}

/// out = x / its norm along `axis`, 0 where the norm is; `power` 1: the sum of absolute values,
/// 2: the root of the sum of squares. One float type.
package func scaleToNorm(_ out: MutableTensorView, _ x: TensorView, axis: Int, power: Int) {
  precondition(out.shape == x.shape && (0..<x.shape.rank).contains(axis))
  let n = x.shape[axis], step = x.shape.strides[axis]
  let values = Doubles(x)
  for line in 0..<(n == 0 ? 0 : x.shape.count / n) {
    let base = values.base + line / step * step * n + line % step
    var norm = 0.0
    for i in 0..<n {
      let value = base[i * step]
      norm += power == 1 ? abs(value) : value * value
    }
    if power == 2 { norm = norm.squareRoot() }
    for i in 0..<n { base[i * step] = norm == 0 ? 0 : base[i * step] / norm }
  }
  values.store(to: out)
}
