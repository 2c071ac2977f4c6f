import TensorBase

/// out = the entries of x at the indices along `axis`: out's shape is x's with the axis replaced
/// by the indices' shape. x of any type, indices i32 or i64. With axis 0 and x [rows, width] this
/// is an embedding.
///
/// - Throws: `KernelError.indexOutOfRange` for an index below 0 or behind the axis; out is then
///   undefined.
package func gather(
  _ out: MutableTensorView, _ x: TensorView, indices: TensorView, axis: Int
) throws(KernelError) {
  precondition(indices.type == .i64 || indices.type == .i32, "indices of \(indices.type)")
  let axis = axis < 0 ? axis + x.shape.rank : axis
  let before = Array(x.shape.dimensions[..<axis]), after = Array(x.shape.dimensions[(axis + 1)...])
  precondition(
    out.type == x.type && out.shape.dimensions == before + indices.shape.dimensions + after)
  let size = x.shape[axis], count = indices.shape.count
  let chunk = after.reduce(1, *) * x.type.byteCount
  for position in 0..<count {
    let index = Elements.integer(indices.base, position, indices.type)
    guard index >= 0, index < size else {
      throw .indexOutOfRange(index: index, position: position, size: size)
    }
    for outer in 0..<before.reduce(1, *) where chunk > 0 {
      (out.base + (outer * count + position) * chunk).copyMemory(
        from: x.base + (outer * size + Int(index)) * chunk, byteCount: chunk)
    }
  }
}
