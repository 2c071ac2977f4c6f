import TensorBase

/// out = values[1] where the coordinate along `axis`, which the indices have not, equals the index
/// (negative ones count from the end), else values[0]. Indices of any type, cut towards zero;
/// values of out's type. An index outside the axis marks nothing.
package func oneHot(
  _ out: MutableTensorView, indices: TensorView, values: TensorView, axis: Int
) {
  precondition(values.type == out.type && values.shape.count == 2)
  let depth = out.shape[axis], inner = out.shape.strides[axis], size = out.type.byteCount
  let count = out.shape.count
  if count == 0 { return }
  precondition(count == indices.shape.count * depth)
  for i in 0..<count { copyElement(out.base + i * size, values.base, size: size) }
  for position in 0..<indices.shape.count {
    let index = Elements.integer(indices.base, position, indices.type)
    guard index >= -Int64(depth), index < Int64(depth) else { continue }
    let place = Int(index) + (index < 0 ? depth : 0)
    let to = position / inner * depth * inner + place * inner + position % inner
    copyElement(out.base + to * size, values.base + size, size: size)
  }
}

/// out[i] = start + i · delta; start and delta are single elements of out's type. Floats in double,
/// rounded once; integers wrap.
package func range(_ out: MutableTensorView, start: TensorView, delta: TensorView) {
  precondition(start.type == out.type && delta.type == out.type && out.shape.rank == 1)
  let type = out.type
  switch type {
  case .f32, .f64, .f16, .bf16:
    let first = Elements.load(start.base, 0, type), step = Elements.load(delta.base, 0, type)
    for i in 0..<out.shape.count {
      Elements.store(first + Double(i) * step, out.base, i, type)
    }
  case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool:
    var value = Elements.integer(start.base, 0, type)
    let step = Elements.integer(delta.base, 0, type)
    for i in 0..<out.shape.count {
      Elements.convert(&value, .i64, out.base + i * type.byteCount, type, 0)
      value &+= step
    }
  }
}
