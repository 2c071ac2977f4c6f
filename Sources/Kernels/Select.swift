import TensorBase

/// out = condition ? a : b with numpy's broadcasting to out's shape; condition bool, the others of
/// one type.
package func select(
  _ out: MutableTensorView, condition: TensorView, _ a: TensorView, _ b: TensorView
) {
  precondition(condition.type == .bool && a.type == out.type && b.type == out.type)
  let size = out.type.byteCount
  let walk = Walk(
    out.shape.dimensions,
    [out.shape.strides] + [condition, a, b].map { broadcastStrides($0.shape, to: out.shape) })
  if out.shape.count == 0 { return }
  let last = walk.dimensions.count - 1, inner = walk.innerCount
  for outer in 0..<walk.outerCount {
    let (c, p, q) = (walk.offset(1, outer), walk.offset(2, outer), walk.offset(3, outer))
    for i in 0..<inner {
      let holds = condition.base.loadUnaligned(
        fromByteOffset: c + i * walk.strides[1][last], as: UInt8.self)
      let from =
        holds != 0
        ? a.base + (p + i * walk.strides[2][last]) * size
        : b.base + (q + i * walk.strides[3][last]) * size
      (out.base + (outer * inner + i) * size).copyMemory(from: from, byteCount: size)
    }
  }
}

/// out = min(max(x, lower), upper); NaN stays NaN; f32.
package func clamp(_ out: MutableTensorView, _ x: TensorView, lower: Float, upper: Float) {
  precondition(out.shape.count == x.shape.count)
  let to = out.floats, from = x.floats
  for i in 0..<x.shape.count {
    let value = from[i]
    let raised = value < lower ? lower : value
    to[i] = raised > upper ? upper : raised
  }
}
