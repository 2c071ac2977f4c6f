import TensorBase

/// out[…, m, n] = Σₖ a[…, m, k] · b[…, k, n] with NumPy's broadcasting of the leading dimensions;
/// one numeric type. Floats in double; integers keep the low bits.
package func productAny(_ out: MutableTensorView, _ a: TensorView, _ b: TensorView, threads: Int) {
  precondition(a.type == out.type && b.type == out.type)
  let plan = MatMulPlan(out, a, b)
  let (m, n, k) = (plan.m, plan.n, plan.k)
  if out.shape.count == 0 { return }
  if out.type.isFloatingPoint {
    let p = Doubles(a), q = Doubles(b), sums = Doubles(count: out.shape.count)
    let (left, right, target) = (p.base, q.base, sums.base)
    parallelRanges(plan.batches * m, minimum: 4096 / (n * max(k, 1)) + 1, threads: threads) {
      rows in
      for row in rows {
        let (aStart, bStart) = plan.starts[row / m]
        for i in 0..<k {
          let factor = left[aStart + row % m * k + i]
          let line = right + bStart + i * n, sum = target + row * n
          for j in 0..<n { sum[j] += factor * line[j] }
        }
      }
    }
    sums.store(to: out)
  } else {
    let p = Integers(a), q = Integers(b), sums = Integers(count: out.shape.count)
    let (left, right, target) = (p.base, q.base, sums.base)
    parallelRanges(plan.batches * m, minimum: 4096 / (n * max(k, 1)) + 1, threads: threads) {
      rows in
      for row in rows {
        let (aStart, bStart) = plan.starts[row / m]
        for i in 0..<k {
          let factor = left[aStart + row % m * k + i]
          let line = right + bStart + i * n, sum = target + row * n
          for j in 0..<n { sum[j] = sum[j] &+ factor &* line[j] }
        }
      }
    }
    sums.store(to: out)
  }
}
