import TensorBase

/// out = condition ? a : b with numpy's broadcasting to out's shape; condition bool, the others of
/// one type.
package func select(
  _ out: MutableTensorView, condition: TensorView, _ a: TensorView, _ b: TensorView,
  threads: Int = 1
) {
  precondition(condition.type == .bool && a.type == out.type && b.type == out.type)
  let size = out.type.byteCount
  let walk = Walk(
    out.shape.dimensions,
    [out.shape.strides] + [condition, a, b].map { broadcastStrides($0.shape, to: out.shape) })
  if out.shape.count == 0 { return }
  let last = walk.dimensions.count - 1, inner = walk.innerCount
  let (cStep, aStep, bStep) = (walk.strides[1][last], walk.strides[2][last], walk.strides[3][last])
  parallelRanges(walk.outerCount, minimum: max(1, 16_384 / inner), threads: threads) { range in
    for outer in range {
      let holds = condition.base.assumingMemoryBound(to: UInt8.self) + walk.offset(1, outer)
      let p = a.base + walk.offset(2, outer) * size, q = b.base + walk.offset(3, outer) * size
      let to = out.base + outer * inner * size
      switch size {
      case 4:
        let target = to.assumingMemoryBound(to: UInt32.self)
        let first = p.assumingMemoryBound(to: UInt32.self)
        let second = q.assumingMemoryBound(to: UInt32.self)
        for i in 0..<inner {
          target[i] = holds[i * cStep] != 0 ? first[i * aStep] : second[i * bStep]
        }
      default:
        for i in 0..<inner {
          let from = holds[i * cStep] != 0 ? p + i * aStep * size : q + i * bStep * size
          (to + i * size).copyMemory(from: from, byteCount: size)
        }
      }
    }
  }
}

/// out = min(max(x, lower), upper); NaN stays NaN; f32.
package func clamp(
  _ out: MutableTensorView, _ x: TensorView, lower: Float, upper: Float, threads: Int = 1
) {
  precondition(out.shape.count == x.shape.count)
  let to = out.floats, from = x.floats
  parallelRanges(x.shape.count, minimum: 16_384, threads: threads) { range in
    for i in range {
      let value = from[i]
      let raised = value < lower ? lower : value
      to[i] = raised > upper ? upper : raised
    }
  }
}
