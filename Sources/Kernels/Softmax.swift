import CKernels
import Glibc
import TensorBase

/// out = exp(x − max) / sum along `axis` (negative counts from the end); f32.
package func softmax(_ out: MutableTensorView, _ x: TensorView, axis: Int, threads: Int) {
  precondition(out.shape == x.shape)
  let axis = axis < 0 ? axis + x.shape.rank : axis
  guard axis == x.shape.rank - 1 else {
    return softmaxColumns(out, x, axis: axis, threads: threads)
  }
  let n = x.shape[-1]
  let to = out.floats, from = x.floats
  parallelRanges(n == 0 ? 0 : x.shape.count / n, minimum: 8, threads: threads) { rows in
    for row in rows { plumb_softmax(from + row * n, to + row * n, n, 1, nil) }
  }
}

/// `softmax` in double.
package func softmaxReference(_ out: MutableTensorView, _ x: TensorView, axis: Int) {
  precondition(out.shape == x.shape)
  let axis = axis < 0 ? axis + x.shape.rank : axis
  precondition(axis >= 0 && axis < x.shape.rank)
  let n = x.shape[axis], step = x.shape.strides[axis]
  for line in 0..<(n == 0 ? 0 : x.shape.count / n) {
    let start = line / step * step * n + line % step
    let values = (0..<n).map { Double(x.floats[start + $0 * step]) }
    let largest = values.max() ?? 0
    let powers = values.map { exp($0 - largest) }
    let sum = powers.reduce(0, +)
    for i in 0..<n { out.floats[start + i * step] = Float(powers[i] / sum) }
  }
}
