import TensorBase

/// out = where along `axis` the largest (or smallest) element lies, of equals the first or the
/// last, NaN counting as extreme; x of any type, out i64 with x's shape less the axis.
package func argExtreme(
  _ out: MutableTensorView, _ x: TensorView, axis: Int, isMaximum: Bool, takesLast: Bool,
  threads: Int
) {
  let n = x.shape[axis], step = x.shape.strides[axis]
  precondition(n > 0 && out.shape.count == x.shape.count / n)
  let to = out.int64s
  let isFloating = x.type.isFloatingPoint, turn = x.type == .u64 ? Int64.min : 0
  parallelRanges(x.shape.count / n, minimum: max(1, 4096 / n), threads: threads) { range in
    let buffers = LineBuffers(1)
    for line in range {
      let start = line / step * step * n + line % step
      var best = 0
      var real = 0.0, whole: Int64 = 0
      for first in stride(from: 0, to: n, by: lineLength) {
        let count = min(lineLength, n - first)
        if isFloating {
          let v = buffers.doubles(0)
          readLine(v, x.base, x.type, first: start + first * step, step: step, count: count)
          if first == 0 { real = v[0] }
          for i in 0..<count where first + i > 0 {
            let isBeyond = isMaximum ? v[i] > real : v[i] < real
            let isNew = v[i].isNaN && !real.isNaN
            let isTie = takesLast && (v[i] == real || v[i].isNaN && real.isNaN)
            if isBeyond || isNew || isTie { (best, real) = (first + i, v[i]) }
          }
        } else {
          let v = buffers.integers(0)
          readLine(v, x.base, x.type, first: start + first * step, step: step, count: count)
          if first == 0 { whole = v[0] ^ turn }
          for i in 0..<count where first + i > 0 {
            let value = v[i] ^ turn
            if (isMaximum ? value > whole : value < whole) || takesLast && value == whole {
              (best, whole) = (first + i, value)
            }
          }
        }
      }
      to[line] = Int64(best)
    }
  }
}

/// out[…, i, …] = the sum (or product) of x's entries along `axis` up to the i-th, which counts
/// unless exclusive; from the end when reversed. Floats in double; integers keep the low bits.
package func cumulate(
  _ out: MutableTensorView, _ x: TensorView, axis: Int, isProduct: Bool, isExclusive: Bool,
  isReversed: Bool
) {
  precondition(out.type == x.type && out.shape == x.shape)
  let n = x.shape[axis], step = x.shape.strides[axis]
  if x.shape.count == 0 { return }
  let first = isReversed ? (n - 1) * step : 0, next = isReversed ? -step : step
  if x.type.isFloatingPoint {
    let values = Doubles(x)
    for line in 0..<(x.shape.count / n) {
      var place = line / step * step * n + line % step + first
      var total = isProduct ? 1.0 : 0.0
      for _ in 0..<n {
        let value = values.base[place], before = total
        total = isProduct ? total * value : total + value
        values.base[place] = isExclusive ? before : total
        place += next
      }
    }
    values.store(to: out)
  } else {
    let values = Integers(x)
    for line in 0..<(x.shape.count / n) {
      var place = line / step * step * n + line % step + first
      var total: Int64 = isProduct ? 1 : 0
      for _ in 0..<n {
        let value = values.base[place], before = total
        total = isProduct ? total &* value : total &+ value
        values.base[place] = isExclusive ? before : total
        place += next
      }
    }
    values.store(to: out)
  }
}
