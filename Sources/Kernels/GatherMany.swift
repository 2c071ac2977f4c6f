import TensorBase

/// `gather` with negative indices counting from the end, over threads.
///
/// - Throws: `KernelError.relativeIndexOutOfRange`; out is then undefined.
package func take(
  _ out: MutableTensorView, _ x: TensorView, indices: TensorView, axis: Int, threads: Int
) throws(KernelError) {
  let before = x.shape.dimensions[..<axis], after = x.shape.dimensions[(axis + 1)...]
  precondition(
    out.type == x.type && out.shape.dimensions == before + indices.shape.dimensions + after)
  let size = x.shape[axis]
  let checked = try Indices.checked(indices, size: size)
  if out.shape.count == 0 { return }
  let count = checked.count, at = checked.base
  let chunk = after.reduce(1, *) * x.type.byteCount
  let isElement = after.allSatisfy { $0 == 1 }
  let lines = before.reduce(1, *) * count
  parallelRanges(lines, minimum: max(1, 65_536 / chunk), threads: threads) { range in
    for line in range {
      let from = x.base + (line / count * size + at[line % count]) * chunk
      if isElement {
        copyElement(out.base + line * chunk, from, size: chunk)
      } else {
        (out.base + line * chunk).copyMemory(from: from, byteCount: chunk)
      }
    }
  }
}

/// out[i₀, …, i, …] = x[i₀, …, indices[i₀, …, i, …], …]: at each place of the indices, whose shape
/// out has, the element of x whose coordinate along `axis` the index replaces. Any type; the
/// indices' other axes are not longer than x's.
///
/// - Throws: `KernelError.relativeIndexOutOfRange`; out is then undefined.
package func gatherElements(
  _ out: MutableTensorView, _ x: TensorView, indices: TensorView, axis: Int, threads: Int
) throws(KernelError) {
  precondition(out.type == x.type && out.shape == indices.shape && x.shape.rank == out.shape.rank)
  let checked = try Indices.checked(indices, size: x.shape[axis])
  if out.shape.count == 0 { return }
  let at = checked.base, size = x.type.byteCount
  let box = IndexedLines(out.shape.dimensions, strides: x.shape.strides, axis: axis)
  parallelRanges(box.lines, minimum: max(1, 16_384 / box.width), threads: threads) { range in
    for line in range {
      let start = box.start(line)
      for i in 0..<box.width {
        let place = line * box.width + i
        let from = start + at[place] * box.indexStride + i * box.step
        copyElement(out.base + place * size, x.base + from * size, size: size)
      }
    }
  }
}

/// out[b, t, …] = x[b, indices[b, t, 0], …, indices[b, t, k − 1], …]: each k-tuple of indices
/// [b…, t…, k] picks a slice of x; b stands for the first `batchAxes` axes, which both have. Any
/// type.
///
/// - Throws: `KernelError.relativeIndexOutOfRange`; out is then undefined.
package func gatherND(
  _ out: MutableTensorView, _ x: TensorView, indices: TensorView, batchAxes: Int, threads: Int
) throws(KernelError) {
  let width = indices.shape[-1]
  let axes = batchAxes..<(batchAxes + width)
  let checked = try Indices.checked(
    tuples: indices, sizes: Array(x.shape.dimensions[axes]), strides: Array(x.shape.strides[axes]))
  if out.shape.count == 0 { return }
  let batches = x.shape.dimensions[..<batchAxes].reduce(1, *)
  let perBatch = checked.count / max(batches, 1), at = checked.base
  let size = x.type.byteCount, batchStride = x.shape.count / max(batches, 1)
  let chunk = x.shape.dimensions[axes.upperBound...].reduce(1, *)
  precondition(out.type == x.type && out.shape.count == checked.count * chunk)
  parallelRanges(checked.count, minimum: max(1, 16_384 / chunk), threads: threads) { range in
    for tuple in range {
      let from = x.base + (tuple / perBatch * batchStride + at[tuple]) * size
      if chunk == 1 {
        copyElement(out.base + tuple * size, from, size: size)
      } else {
        (out.base + tuple * chunk * size).copyMemory(from: from, byteCount: chunk * size)
      }
    }
  }
}
