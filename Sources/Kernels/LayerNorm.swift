import CKernels
import TensorBase

/// out[…, c] = (x − mean) / √(variance + epsilon) · scale[c] + shift[c], mean and variance over
/// the last axis. x and out […, C], scale and shift [C]; f32.
package func layerNorm(
  _ out: MutableTensorView, _ x: TensorView, scale: TensorView?, shift: TensorView?,
  epsilon: Double, threads: Int
) {
  let n = checkLayerNorm(out, x, scale, shift)
  let to = out.floats, from = x.floats, gamma = scale?.floats, beta = shift?.floats
  parallelRanges(n == 0 ? 0 : x.shape.count / n, minimum: 16, threads: threads) { rows in
    plumb_layer_norm(
      from + rows.lowerBound * n, to + rows.lowerBound * n, rows.count, n, gamma, beta,
      Float(epsilon))
  }
}

/// `layerNorm` in double.
package func layerNormReference(
  _ out: MutableTensorView, _ x: TensorView, scale: TensorView?, shift: TensorView?,
  epsilon: Double
) {
  let n = checkLayerNorm(out, x, scale, shift)
  for row in 0..<(n == 0 ? 0 : x.shape.count / n) {
    let values = (0..<n).map { Double(x.floats[row * n + $0]) }
    let mean = values.reduce(0, +) / Double(n)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(n)
    for c in 0..<n {
      let normal = (values[c] - mean) / (variance + epsilon).squareRoot()
      out.floats[row * n + c] = Float(
        normal * Double(scale?.floats[c] ?? 1) + Double(shift?.floats[c] ?? 0))
    }
  }
}

private func checkLayerNorm(
  _ out: MutableTensorView, _ x: TensorView, _ scale: TensorView?, _ shift: TensorView?
) -> Int {
  precondition(x.shape.rank >= 1 && out.shape == x.shape)
  let n = x.shape[-1]
  precondition(scale == nil || scale?.shape == [n])
  precondition(shift == nil || shift?.shape == [n])
  return n
}
