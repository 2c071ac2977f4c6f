import TensorBase

/// What becomes of an element that an update meets.
package enum ScatterFunction: CaseIterable, Sendable {
  /// The update takes its place; of several the last.
  case replace
  /// On bool: or.
  case add
  /// On bool: and.
  case multiply
  /// NaN when one of both is.
  case minimum, maximum
}

/// out = x, but for each place of the indices, whose shape the updates have, the element of x whose
/// coordinate along `axis` the index replaces is combined with the update. Any type, one after the
/// other.
///
/// - Throws: `KernelError.relativeIndexOutOfRange`; out is then undefined.
package func scatterElements(
  _ out: MutableTensorView, _ x: TensorView, indices: TensorView, updates: TensorView, axis: Int,
  _ function: ScatterFunction
) throws(KernelError) {
  precondition(indices.shape == updates.shape && x.shape.rank == indices.shape.rank)
  let checked = try Indices.checked(indices, size: x.shape[axis])
  copyAll(out, x)
  if indices.shape.count == 0 { return }
  let box = IndexedLines(indices.shape.dimensions, strides: x.shape.strides, axis: axis)
  let at = checked.base
  for line in 0..<box.lines {
    let start = box.start(line)
    for i in 0..<box.width {
      let place = line * box.width + i
      at[place] = start + at[place] * box.indexStride + i * box.step
    }
  }
  combine(out, at: at, count: checked.count, updates, width: 1, function)
}

/// out = x, but each k-tuple of indices [t…, k] names a slice of x that is combined with a slice of
/// the updates [t…, x's axes from k on]. Any type, one after the other.
///
/// - Throws: `KernelError.relativeIndexOutOfRange`; out is then undefined.
package func scatterND(
  _ out: MutableTensorView, _ x: TensorView, indices: TensorView, updates: TensorView,
  _ function: ScatterFunction
) throws(KernelError) {
  let depth = indices.shape[-1]
  let checked = try Indices.checked(
    tuples: indices, sizes: Array(x.shape.dimensions[..<depth]),
    strides: Array(x.shape.strides[..<depth]))
  let width = x.shape.dimensions[depth...].reduce(1, *)
  precondition(updates.shape.count == checked.count * width)
  copyAll(out, x)
  combine(out, at: checked.base, count: checked.count, updates, width: width, function)
}

/// out = x [batch, …, length, …] with the update [batch, …, n, …] written over it along `axis`,
/// from `starts[batch]` on (0 without starts; i64); when circular, on from the front at the end.
/// Any type.
///
/// - Throws: `KernelError.indexOutOfRange` when an update leaves x.
package func scatterRows(
  _ out: MutableTensorView, _ x: TensorView, update: TensorView, starts: TensorView?, axis: Int,
  isCircular: Bool
) throws(KernelError) {
  precondition(axis > 0 && out.shape == x.shape && update.type == x.type)
  copyAll(out, x)
  if update.shape.count == 0 || x.shape.count == 0 { return }
  let length = x.shape[axis], rows = update.shape[axis]
  let chunk = x.shape.dimensions[(axis + 1)...].reduce(1, *) * x.type.byteCount
  let prefixes = x.shape.dimensions[..<axis].reduce(1, *)
  let perBatch = prefixes / x.shape[0]
  for prefix in 0..<prefixes {
    let batch = prefix / perBatch
    let start = starts.map { Elements.integer($0.base, batch, $0.type) } ?? 0
    guard start >= 0, isCircular || start <= Int64(length - rows) else {
      throw .indexOutOfRange(index: start, position: batch, size: max(length - rows + 1, 0))
    }
    for row in 0..<rows {
      let place = (Int(start) % length + row) % length
      (out.base + (prefix * length + place) * chunk).copyMemory(
        from: update.base + (prefix * rows + row) * chunk, byteCount: chunk)
    }
  }
}

private func copyAll(_ out: MutableTensorView, _ x: TensorView) {
  precondition(out.type == x.type && out.shape == x.shape)
  if out.base != x.base {
    out.base.copyMemory(from: x.base, byteCount: x.shape.count * x.type.byteCount)
  }
}

/// For each of `count` places in out, combines the `width` elements from there on with the next
/// `width` updates.
private func combine(
  _ out: MutableTensorView, at: UnsafePointer<Int>, count: Int, _ updates: TensorView, width: Int,
  _ function: ScatterFunction
) {
  precondition(updates.type == out.type)
  let type = out.type, size = type.byteCount
  if function == .replace {
    for place in 0..<count {
      let to = out.base + at[place] * size, from = updates.base + place * width * size
      if width == 1 {
        copyElement(to, from, size: size)
      } else {
        to.copyMemory(from: from, byteCount: width * size)
      }
    }
    return
  }
  switch type {
  case .f32:
    let to = out.floats, from = updates.floats
    for place in 0..<count {
      for i in 0..<width {
        let old = Double(to[at[place] + i]), new = Double(from[place * width + i])
        to[at[place] + i] = Float(combined(old, new, function))
      }
    }
  case .f64, .f16, .bf16:
    for place in 0..<count {
      for i in 0..<width {
        let old = Elements.load(out.base, at[place] + i, type)
        let new = Elements.load(updates.base, place * width + i, type)
        Elements.store(combined(old, new, function), out.base, at[place] + i, type)
      }
    }
  case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool:
    for place in 0..<count {
      for i in 0..<width {
        let old = Elements.integer(out.base, at[place] + i, type)
        let new = Elements.integer(updates.base, place * width + i, type)
        var value = combined(old, new, function, isUnsigned: type == .u64)
        Elements.convert(&value, .i64, out.base + (at[place] + i) * size, type, 0)
      }
    }
  }
}

private func combined(_ old: Double, _ new: Double, _ function: ScatterFunction) -> Double {
  switch function {
  case .replace: new
  case .add: old + new
  case .multiply: old * new
  case .minimum: BinaryFunction.minimum(old, new)
  case .maximum: BinaryFunction.maximum(old, new)
  }
}

private func combined(
  _ old: Int64, _ new: Int64, _ function: ScatterFunction, isUnsigned: Bool
) -> Int64 {
  switch function {
  case .replace: return new
  case .add: return old &+ new
  case .multiply: return old &* new
  case .minimum, .maximum:
    let isLess =
      isUnsigned ? UInt64(bitPattern: new) < UInt64(bitPattern: old) : new < old
    return isLess == (function == .minimum) ? new : old
  }
}
