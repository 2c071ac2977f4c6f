import TensorBase

/// out[i₀, i₁, …] = x[start₀ + i₀ · step₀, start₁ + i₁ · step₁, …]; steps may be negative; any type.
package func crop(
  _ out: MutableTensorView, _ x: TensorView, starts: [Int], steps: [Int], threads: Int
) {
  precondition(out.type == x.type && out.shape.rank == x.shape.rank)
  if out.shape.count == 0 { return }
  var strides = x.shape.strides
  var base = x.base
  for axis in starts.indices {
    let end = starts[axis] + (out.shape[axis] - 1) * steps[axis]
    precondition(
      min(starts[axis], end) >= 0 && max(starts[axis], end) < x.shape[axis],
      "crop leaves \(x.shape)")
    base += starts[axis] * strides[axis] * x.type.byteCount
    strides[axis] = out.shape[axis] == 1 ? 0 : strides[axis] * steps[axis]
  }
  copyStrided(
    to: out.base, out.shape.strides, from: Strided(base: base, strides: strides),
    out.shape.dimensions, size: x.type.byteCount, threads: threads)
}

/// out[i] = x[i mod x's shape], axis by axis; out's axes are multiples of x's; any type.
package func tile(_ out: MutableTensorView, _ x: TensorView, threads: Int) {
  precondition(out.type == x.type && out.shape.rank == x.shape.rank)
  if out.shape.count == 0 { return }
  // Each axis becomes two: which repetition, and where in it.
  var dimensions: [Int] = [], strides: [Int] = []
  for (axis, stride) in x.shape.strides.enumerated() {
    precondition(out.shape[axis] % x.shape[axis] == 0)
    dimensions += [out.shape[axis] / x.shape[axis], x.shape[axis]]
    strides += [0, stride]
  }
  copyStrided(
    to: out.base, Shape(dimensions).strides, from: Strided(base: x.base, strides: strides),
    dimensions, size: x.type.byteCount, threads: threads)
}

/// out[…, i, j] = x[…, i, j] where j − i ≥ diagonal (upper) or j − i ≤ diagonal (lower), else zero;
/// any type.
package func triangle(_ out: MutableTensorView, _ x: TensorView, isUpper: Bool, diagonal: Int) {
  precondition(out.type == x.type && out.shape == x.shape && x.shape.rank >= 2)
  let rows = x.shape[-2], columns = x.shape[-1], size = x.type.byteCount
  if x.shape.count == 0 { return }
  let length = columns * size
  for line in 0..<(x.shape.count / columns) {
    let row = line % rows
    // The first column of the upper part, or the first behind the lower one.
    let (sum, overflow) = row.addingReportingOverflow(diagonal)
    let edge = overflow ? (diagonal > 0 ? columns : 0) : sum
    let cut = min(max(isUpper || edge == .max ? edge : edge + 1, 0), columns) * size
    let to = out.base + line * length, from = x.base + line * length
    if isUpper {
      to.initializeMemory(as: UInt8.self, repeating: 0, count: cut)
      (to + cut).copyMemory(from: from + cut, byteCount: length - cut)
    } else {
      to.copyMemory(from: from, byteCount: cut)
      (to + cut).initializeMemory(as: UInt8.self, repeating: 0, count: length - cut)
    }
  }
}

/// out = x with, for each place b of `batchAxis`, the first lengths[b] entries along `timeAxis` in
/// reverse order; lengths i64; any type.
///
/// - Throws: `KernelError.badValue` for a length that the axis has not.
package func reverseSequence(
  _ out: MutableTensorView, _ x: TensorView, lengths: TensorView, batchAxis: Int, timeAxis: Int
) throws(KernelError) {
  precondition(out.type == x.type && out.shape == x.shape && batchAxis != timeAxis)
  let time = x.shape[timeAxis], batches = x.shape[batchAxis]
  for batch in 0..<batches {
    let length = Elements.integer(lengths.base, batch, lengths.type)
    guard length >= 0, length <= Int64(time) else {
      throw .badValue("the sequence length \(length) at position \(batch) is not in 0 to \(time)")
    }
  }
  if x.shape.count == 0 { return }
  let strides = x.shape.strides
  let last = max(batchAxis, timeAxis)
  let chunk = strides[last] * x.type.byteCount
  for piece in 0..<(x.shape.count / strides[last]) {
    let place = piece * strides[last]
    let batch = place / strides[batchAxis] % batches, step = place / strides[timeAxis] % time
    let length = Int(Elements.integer(lengths.base, batch, lengths.type))
    let source = step < length ? length - 1 - step : step
    let from = place + (source - step) * strides[timeAxis]
    (out.base + piece * chunk).copyMemory(
      from: x.base + from * x.type.byteCount, byteCount: chunk)
  }
}
