import TensorBase

/// The coordinates of the elements that are not zero, in row-major order: i64 [rank, how many]. Any
/// type.
package func nonZero(_ x: TensorView) -> Tensor {
  var places: [Int] = []
  for i in 0..<x.shape.count where !isZero(x, i) { places.append(i) }
  let strides = x.shape.strides
  var coordinates: [Int64] = []
  coordinates.reserveCapacity(places.count * strides.count)
  for (axis, stride) in strides.enumerated() {
    let size = x.shape[axis]
    for place in places { coordinates.append(Int64(place / stride % size)) }
  }
  return Tensor(int64s: coordinates, shape: Shape([x.shape.rank, places.count]))
}

private func isZero(_ x: TensorView, _ i: Int) -> Bool {
  switch x.type {
  case .f32: x.floats[i] == 0
  case .f64, .f16, .bf16: Elements.load(x.base, i, x.type) == 0
  case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool:
    Elements.integer(x.base, i, x.type) == 0
  }
}

/// The entries of x along `axis`, of the flattened x without one, where the condition (bool, not
/// more of it than entries hold true) holds. Any type.
///
/// - Throws: `KernelError.indexOutOfRange` where the condition holds behind the last entry.
package func compress(
  _ x: TensorView, condition: TensorView, axis: Int?
) throws(KernelError) -> Tensor {
  let x = axis == nil ? x.reshaped([x.shape.count]) : x
  let axis = axis ?? 0, size = x.shape[axis]
  var kept: [Int] = []
  for i in 0..<condition.shape.count where Elements.integer(condition.base, i, .bool) != 0 {
    guard i < size else { throw .indexOutOfRange(index: Int64(i), position: i, size: size) }
    kept.append(i)
  }
  return picked(x, kept, axis: axis)
}

/// The entries of x at `indices` along `axis`, as a tensor of its own.
func picked(_ x: TensorView, _ indices: [Int], axis: Int) -> Tensor {
  var dimensions = x.shape.dimensions
  dimensions[axis] = indices.count
  let outer = dimensions[..<axis].reduce(1, *)
  let chunk = dimensions[(axis + 1)...].reduce(1, *) * x.type.byteCount, size = x.shape[axis]
  return Tensor(type: x.type, shape: Shape(dimensions)) { bytes in
    guard let target = bytes.baseAddress, chunk > 0 else { return }
    for line in 0..<outer {
      for (place, index) in indices.enumerated() {
        (target + (line * indices.count + place) * chunk).copyMemory(
          from: x.base + (line * size + index) * chunk, byteCount: chunk)
      }
    }
  }
}

/// What `unique` finds; all but the values i64 [how many different] or, the inverse, [how many].
package struct UniqueEntries {
  /// The different entries: each once.
  package var values: Tensor
  /// Where each stands first.
  package var first: Tensor
  /// For each entry of x which of the values it is.
  package var inverse: Tensor
  /// How often each occurs.
  package var counts: Tensor
}

/// The different entries of x along `axis`, of the flattened x without one: ascending (entries of
/// several elements by the first that differs), or as they come first. Any type; all NaNs count as
/// one, the largest.
package func unique(_ x: TensorView, axis: Int?, isSorted: Bool) -> UniqueEntries {
  let x = axis == nil ? x.reshaped([x.shape.count]) : x
  let axis = axis ?? 0, count = x.shape[axis]
  let keys = OrderKeys(x)
  let inner = x.shape.strides[axis]
  let outer = x.shape.dimensions[..<axis].reduce(1, *)
  let base = keys.base
  /// Below, equal or above 0 as entry a stands before, with or behind entry b.
  func compare(_ a: Int, _ b: Int) -> Int {
    for line in 0..<outer {
      let p = base + (line * count + a) * inner, q = base + (line * count + b) * inner
      for i in 0..<inner where p[i] != q[i] { return p[i] < q[i] ? -1 : 1 }
    }
    return 0
  }
  let order = (0..<count).sorted { a, b in
    let difference = compare(a, b)
    return difference < 0 || difference == 0 && a < b
  }
  // Groups of equal entries, ascending; the first of each is its earliest.
  var first: [Int] = [], counts: [Int64] = []
  var group = [Int](repeating: 0, count: count)
  for (place, entry) in order.enumerated() {
    if place == 0 || compare(order[place - 1], entry) != 0 {
      first.append(entry)
      counts.append(0)
    }
    counts[counts.count - 1] += 1
    group[entry] = first.count - 1
  }
  var rank = Array(first.indices)
  if !isSorted {
    rank.sort { first[$0] < first[$1] }
    var place = rank
    for (position, index) in rank.enumerated() { place[index] = position }
    group = group.map { place[$0] }
  }
  let shape = Shape([first.count])
  return UniqueEntries(
    values: picked(x, rank.map { first[$0] }, axis: axis),
    first: Tensor(int64s: rank.map { Int64(first[$0]) }, shape: shape),
    inverse: Tensor(int64s: group.map(Int64.init), shape: [count]),
    counts: Tensor(int64s: rank.map { counts[$0] }, shape: shape))
}
