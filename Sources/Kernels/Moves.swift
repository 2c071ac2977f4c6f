import TensorBase

/// out's axis i is x's axis `permutation[i]`; any type.
package func transpose(
  _ out: MutableTensorView, _ x: TensorView, _ permutation: [Int], threads: Int
) {
  precondition(permutation.sorted() == Array(0..<x.shape.rank), "\(permutation) is no permutation")
  precondition(out.type == x.type && out.shape.dimensions == permutation.map { x.shape[$0] })
  let strides = x.shape.strides
  copyStrided(
    to: out.base, out.shape.strides,
    from: Strided(base: x.base, strides: permutation.map { strides[$0] }),
    out.shape.dimensions, size: x.type.byteCount, threads: threads)
}

/// x repeated to out's shape by numpy's rule; any type.
package func broadcast(_ out: MutableTensorView, _ x: TensorView, threads: Int) {
  precondition(out.type == x.type)
  copyStrided(
    to: out.base, out.shape.strides,
    from: Strided(base: x.base, strides: broadcastStrides(x.shape, to: out.shape)),
    out.shape.dimensions, size: x.type.byteCount, threads: threads)
}

/// The parts one behind the other along `axis`; any type.
package func concat(
  _ out: MutableTensorView, _ parts: [TensorView], axis: Int, threads: Int
) {
  let axis = axis < 0 ? axis + out.shape.rank : axis
  precondition(parts.reduce(0) { $0 + $1.shape[axis] } == out.shape[axis])
  let strides = out.shape.strides, size = out.type.byteCount
  var start = 0
  for part in parts {
    var expected = out.shape.dimensions
    expected[axis] = part.shape[axis]
    precondition(part.type == out.type && part.shape.dimensions == expected)
    copyStrided(
      to: out.base + start * strides[axis] * size, strides,
      from: Strided(base: part.base, strides: part.shape.strides), expected, size: size,
      threads: threads)
    start += part.shape[axis]
  }
}

/// out[…, i, …] = x[…, start + i · step, …] along `axis`; `step` may be negative; any type.
package func slice(
  _ out: MutableTensorView, _ x: TensorView, axis: Int, start: Int, step: Int, threads: Int
) {
  let axis = axis < 0 ? axis + x.shape.rank : axis
  var expected = x.shape.dimensions
  expected[axis] = out.shape[axis]
  precondition(out.type == x.type && out.shape.dimensions == expected)
  if out.shape.count == 0 { return }
  let end = start + (out.shape[axis] - 1) * step
  precondition(min(start, end) >= 0 && max(start, end) < x.shape[axis], "slice leaves \(x.shape)")
  var strides = x.shape.strides
  let base = x.base + start * strides[axis] * x.type.byteCount
  strides[axis] *= step
  copyStrided(
    to: out.base, out.shape.strides, from: Strided(base: base, strides: strides),
    out.shape.dimensions, size: x.type.byteCount, threads: threads)
}

/// x with `before[i]` and, up to out's shape, more elements of `value` (converted to the type)
/// around it along each axis i; any type.
package func pad(
  _ out: MutableTensorView, _ x: TensorView, before: [Int], value: Double, threads: Int
) {
  precondition(out.type == x.type && before.count == x.shape.rank && out.shape.rank == x.shape.rank)
  for axis in before.indices {
    precondition(before[axis] >= 0 && before[axis] + x.shape[axis] <= out.shape[axis])
  }
  fill(out, value)
  let strides = out.shape.strides, size = out.type.byteCount
  let start = zip(before, strides).reduce(0) { $0 + $1.0 * $1.1 }
  copyStrided(
    to: out.base + start * size, strides, from: Strided(base: x.base, strides: x.shape.strides),
    x.shape.dimensions, size: size, threads: threads)
}

/// Sets every element to `value`, converted to the type.
package func fill(_ out: MutableTensorView, _ value: Double) {
  let count = out.shape.count
  switch out.type {
  case .f32: out.floats.update(repeating: Float(value), count: count)
  case .f16, .bf16, .f64, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool:
    for i in 0..<count { Elements.store(value, out.base, i, out.type) }
  }
}
