import GraphIR
import TensorBase

/// Operators that cut, pad, repeat and join.
let windowOperators: [ONNXOperator] = [
  ONNXOperator(
    "Slice", inputs: 1...5, attributes: ["starts", "ends", "axes"], expand: expandSlice),
  ONNXOperator(
    "Pad", inputs: 1...4, attributes: ["mode", "pads", "paddings", "value"], expand: expandPad),
  ONNXOperator("CenterCropPad", inputs: 2...2, attributes: ["axes"], expand: expandCenterCropPad),
  ONNXOperator("Tile", inputs: 2...3, expand: expandTile),
  ONNXOperator("Expand", inputs: 2...2, expand: expandExpand),
  ONNXOperator("Concat", inputs: 1...anyCount, attributes: ["axis"], expand: expandConcat),
  ONNXOperator(
    "Split", inputs: 1...2, outputs: 1...anyCount, attributes: ["axis", "split", "num_outputs"],
    expand: expandSplit),
]

private func expandSlice(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let data = try x.input(0), shape = x[data].shape
  let starts: [Int], ends: [Int]
  let axes: [Int]?, steps: [Int]?
  if x.optional(1) == nil {
    (starts, ends) = (try x.ints("starts") ?? [], try x.ints("ends") ?? [])
    (axes, steps) = (try x.ints("axes"), nil)
  } else {
    (starts, ends) = (try x.integers(of: 1), try x.integers(of: 2))
    axes = x.optional(3) == nil ? nil : try x.integers(of: 3)
    steps = x.optional(4) == nil ? nil : try x.integers(of: 4)
  }
  let count = starts.count
  guard ends.count == count, (axes?.count ?? count) == count, (steps?.count ?? count) == count,
    count <= shape.rank
  else {
    throw .misfit("starts, ends, axes and steps are not of one length, at most \(shape.rank)")
  }
  var crop = Crop(whole: shape)
  for (place, axis) in try x.axes(axes ?? Array(0..<count), rank: shape.rank).enumerated() {
    let step = steps?[place] ?? 1
    guard step != 0 else { throw .misfit("a step is 0") }
    crop.take(axis, of: shape[axis], from: starts[place], to: ends[place], step: step)
  }
  return [try cropped(&x, data, crop)]
}

extension Crop {
  fileprivate init(whole shape: Shape) {
    self.init(
      starts: shape.dimensions.map { _ in 0 }, steps: shape.dimensions.map { _ in 1 },
      counts: shape.dimensions)
  }

  /// The entries from `start` to before `end` of an axis of `size`; both may count from the end
  /// and lie outside.
  fileprivate mutating func take(
    _ axis: Int, of size: Int, from start: Int, to end: Int, step: Int
  ) {
    // Going back, a start in front of the axis is its first entry, and an end there includes it.
    let (lowest, highest) = step > 0 ? (0, size) : (-1, size - 1)
    let first = min(max(start < 0 ? start + size : start, 0), highest)
    let last = min(max(end < 0 ? end + size : end, lowest), highest)
    // From here on all lies between -1 and size.
    let way = step > 0 ? last - first : first - last
    let stride = step.magnitude
    counts[axis] = way <= 0 ? 0 : Int((UInt(way) - 1) / stride) + 1
    starts[axis] = counts[axis] == 0 ? 0 : first
    steps[axis] = counts[axis] <= 1 ? 1 : step
  }
}

/// The cut with the plainest op that does it.
private func cropped(
  _ x: inout Expansion, _ data: ValueID, _ crop: Crop
) throws(ExpansionFault) -> ValueID {
  let shape = x[data].shape
  let cut = shape.dimensions.indices.filter {
    crop.counts[$0] != shape[$0] || crop.steps[$0] != 1
  }
  if cut.isEmpty { return data }
  if cut.count == 1, crop.steps[cut[0]] > 0 {
    let axis = cut[0], start = crop.starts[axis], step = crop.steps[axis]
    let count = crop.counts[axis]
    let end = count == 0 ? start : start + (count - 1) * step + 1
    return try x.emit(.slice(Slice(axis: axis, start: start, end: end, step: step)), data)
  }
  return try x.emit(.indexing(.crop(crop)), data)
}

private func expandPad(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let data = try x.input(0), rank = x[data].shape.rank
  guard let listed = try x.ints(x.has("paddings") ? "paddings" : "pads", orInput: 1) else {
    throw .misfit("it has no padding")
  }
  let axes = x.optional(3) == nil ? Array(0..<rank) : try x.integers(of: 3)
  guard listed.count == 2 * axes.count else {
    throw .misfit("\(listed.count) paddings do not fit \(axes.count) axes")
  }
  var before = [Int](repeating: 0, count: rank), after = before
  for (place, axis) in try x.axes(axes, rank: rank).enumerated() {
    (before[axis], after[axis]) = (listed[place], listed[place + axes.count])
  }
  let mode: BorderPad.Mode
  switch try x.string("mode", default: "constant") {
  case "constant": mode = .constant
  case "reflect": mode = .reflect
  case "edge": mode = .edge
  case "wrap": mode = .wrap
  case let other: throw .misfit("there is no padding mode '\(other)'")
  }
  var value: ValueID?
  if mode == .constant {
    if let given = x.optional(2), x[given].shape.count > 0 {
      value = try x.cast(given, to: x[data].type)
    } else if let number = try x.float("value") {
      value = x.scalar(Double(number), x[data].type)
    }
  }
  return [try padded(&x, data, BorderPad(before: before, after: after, mode: mode), value)]
}

/// The padding with the plainest op that does it.
private func padded(
  _ x: inout Expansion, _ data: ValueID, _ pad: BorderPad, _ value: ValueID? = nil
) throws(ExpansionFault) -> ValueID {
  if (pad.before + pad.after).allSatisfy({ $0 == 0 }) { return data }
  if pad.mode == .constant, x[data].type == .f32,
    (pad.before + pad.after).allSatisfy({ (0..<(1 << 40)).contains($0) })
  {
    let number = value.map { x.knownElements($0)?.floats.first } ?? 0
    if let number {
      return try x.emit(
        .pad(Pad(before: pad.before, after: pad.after, value: number)), data)
    }
  }
  return try x.emit(.indexing(.pad(pad)), data, value)
}

private func expandCenterCropPad(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let data = try x.input(0), shape = x[data].shape
  let target = try x.integers(of: 1)
  let axes = try x.axes(try x.ints("axes") ?? Array(0..<shape.rank), rank: shape.rank)
  guard target.count == axes.count else {
    throw .misfit("\(target.count) sizes do not fit \(axes.count) axes")
  }
  var crop = Crop(whole: shape)
  var pad = BorderPad(
    before: [Int](repeating: 0, count: shape.rank), after: [Int](repeating: 0, count: shape.rank),
    mode: .constant)
  for (axis, size) in zip(axes, try x.checked(target).dimensions) {
    let difference = size - shape[axis]
    if difference < 0 {
      (crop.starts[axis], crop.counts[axis]) = (-difference / 2, size)
    } else {
      (pad.before[axis], pad.after[axis]) = (difference / 2, difference - difference / 2)
    }
  }
  return [try padded(&x, try cropped(&x, data, crop), pad)]
}

private func expandTile(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let data = try x.input(0), shape = x[data].shape
  var repeats = try x.integers(of: 1)
  if x.version < 6 {
    // One count for one axis.
    guard let count = repeats.first, let axis = try x.integers(of: 2).first else {
      throw .misfit("it has no axis")
    }
    repeats = [Int](repeating: 1, count: shape.rank)
    repeats[try x.axis(axis, of: shape)] = count
  }
  if repeats.count == shape.rank, repeats.allSatisfy({ $0 == 1 }) { return [data] }
  return [try x.emit(.indexing(.tile(repeats)), data)]
}

private func expandExpand(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let data = try x.input(0), target = try x.checked(try x.integers(of: 1))
  let shape: Shape
  do throws(Misfit) { shape = try GraphIR.broadcast(x[data].shape, target) } catch {
    throw .misfit(error.reason)
  }
  return [try x.broadcast(data, to: shape.dimensions)]
}

private func expandConcat(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let first = try x.input(0)
  guard let listed = try x.int("axis") ?? (x.version < 4 ? 1 : nil) else {
    throw .misfit("it has no axis")
  }
  let axis = try x.axis(listed, of: x[first].shape)
  var parts = try x.inputs.indices.map { index throws(ExpansionFault) in try x.input(index) }
  // A node takes so many at once.
  let most = Op.concat(axis: 0).inputCounts.upperBound
  while parts.count > 1 {
    var joined: [ValueID] = []
    for start in stride(from: 0, to: parts.count, by: most) {
      let group = Array(parts[start..<min(start + most, parts.count)])
      joined.append(group.count == 1 ? group[0] : try x.emitAll(.concat(axis: axis), group)[0])
    }
    parts = joined
  }
  return [parts[0]]
}

private func expandSplit(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let data = try x.input(0), shape = x[data].shape
  let axis = try x.axis(try x.int("axis", default: 0), of: shape)
  let size = shape[axis], count = x.outputCount
  var sizes: [Int]
  if let listed = try x.ints("split", orInput: 1) {
    sizes = listed
  } else {
    let parts = x.version >= 18 ? try x.int("num_outputs", default: count) : count
    guard parts == count else { throw .misfit("\(parts) parts do not fit \(count) outputs") }
    guard x.version >= 18 || size % count == 0 else {
      throw .misfit("axis \(axis) of \(shape) does not split into \(count) equal parts")
    }
    let whole = size / count + (size % count).signum()
    var left = size
    sizes = (0..<count).map { _ in
      let part = min(whole, left)
      left -= part
      return part
    }
  }
  var left: Int? = size
  for part in sizes { left = left.flatMap { (0...$0).contains(part) ? $0 - part : nil } }
  guard sizes.count == count, left == 0 else {
    throw .misfit("the sizes \(sizes) do not split axis \(axis) of \(shape) into \(count) parts")
  }
  var outputs: [ValueID?] = [], start = 0
  for (index, part) in sizes.enumerated() {
    outputs.append(
      x.isWanted(output: index)
        ? try x.slice(data, axis: axis, from: start, to: start + part) : nil)
    start += part
  }
  return outputs
}
