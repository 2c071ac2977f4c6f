import GraphIR
import TensorBase

/// Operators that say anew how elements are laid out, or what a shape is: nothing is copied.
let shapeOperators: [ONNXOperator] = [
  ONNXOperator(
    "Reshape", inputs: 1...2, attributes: ["shape", "allowzero", "consumed_inputs"],
    expand: expandReshape),
  ONNXOperator("Flatten", inputs: 1...1, attributes: ["axis"], expand: expandFlatten),
  ONNXOperator("Squeeze", inputs: 1...2, attributes: ["axes"], expand: expandSqueeze),
  ONNXOperator("Unsqueeze", inputs: 1...2, attributes: ["axes"], expand: expandUnsqueeze),
  ONNXOperator("Shape", inputs: 1...1, attributes: ["start", "end"], expand: expandShape),
  ONNXOperator("Size", inputs: 1...1) { x throws(ExpansionFault) in
    [x.constant(Tensor(scalar: Int64(x[try x.input(0)].shape.count)))]
  },
  ONNXOperator("Identity", inputs: 1...1) { x throws(ExpansionFault) in [try x.input(0)] },
  ONNXOperator(
    "Dropout", inputs: 1...3, outputs: 1...2,
    attributes: ["ratio", "seed", "is_test", "consumed_inputs"], expand: expandDropout),
  // A tensor is an optional value that is there.
  ONNXOperator("Optional", inputs: 0...1, attributes: ["type"]) { x throws(ExpansionFault) in
    guard let value = x.optional(0) else { throw .unsupported("an empty optional value") }
    return [value]
  },
  ONNXOperator("OptionalHasElement", inputs: 0...1) { x throws(ExpansionFault) in
    [x.scalar(x.optional(0) == nil ? 0 : 1, .bool)]
  },
  ONNXOperator("OptionalGetElement", inputs: 1...1) { x throws(ExpansionFault) in
    [try x.input(0)]
  },
]

private func expandReshape(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let data = try x.input(0), shape = x[data].shape
  guard let target = try x.ints("shape", orInput: 1) else { throw .misfit("it has no shape") }
  let keepsZero = try x.flag("allowzero", default: false)
  var dimensions: [Int] = [], rest: Int?
  // What of x the open dimension has to hold, and what of that the given ones do.
  var open = shape.dimensions, given: [Int] = []
  for (axis, size) in target.enumerated() {
    switch size {
    case -1:
      guard rest == nil else { throw .misfit("more than one dimension of \(target) is left open") }
      rest = axis
      dimensions.append(1)
    case 0 where !keepsZero:
      guard axis < shape.rank else {
        throw .misfit("\(target) takes dimension \(axis) from \(shape), which has none")
      }
      dimensions.append(shape[axis])
      open[axis] = 1
    default:
      dimensions.append(size)
      given.append(size)
    }
  }
  if let rest {
    if given.contains(0) && shape.count == 0 {
      // A zero on both sides says nothing; the other sizes do.
      open.removeAll { $0 == 0 }
      given.removeAll { $0 == 0 }
    }
    let (whole, part) = (Shape(open).count, try x.checked(given).count)
    guard part > 0, whole % part == 0 else {
      throw .misfit("\(shape) does not reshape to \(target)")
    }
    dimensions[rest] = whole / part
  }
  return [try x.reshape(data, dimensions)]
}

private func expandFlatten(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let data = try x.input(0), shape = x[data].shape
  let axis = try x.int("axis", default: 1)
  guard axis >= -shape.rank, axis <= shape.rank else {
    throw .misfit("\(shape) cannot be cut in front of axis \(axis)")
  }
  let cut = axis < 0 ? axis + shape.rank : axis
  return [
    try x.reshape(
      data,
      [
        try x.checked(Array(shape.dimensions[..<cut])).count,
        try x.checked(Array(shape.dimensions[cut...])).count,
      ])
  ]
}

private func expandSqueeze(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let data = try x.input(0), shape = x[data].shape
  var gone = shape.dimensions.indices.filter { shape[$0] == 1 }
  if let listed = try x.ints("axes", orInput: 1) {
    gone = try x.axes(listed, rank: shape.rank)
    for axis in gone where shape[axis] != 1 {
      throw .misfit("axis \(axis) of \(shape) has not the size 1")
    }
  }
  return [
    try x.reshape(
      data, shape.dimensions.indices.filter { !gone.contains($0) }.map { shape[$0] })
  ]
}

private func expandUnsqueeze(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let data = try x.input(0)
  guard let listed = try x.ints("axes", orInput: 1) else { throw .misfit("it has no axes") }
  let new = try x.axes(listed, rank: x[data].shape.rank + listed.count)
  var dimensions = x[data].shape.dimensions
  for axis in new.sorted() { dimensions.insert(1, at: axis) }
  return [try x.reshape(data, dimensions)]
}

private func expandShape(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let shape = x[try x.input(0)].shape
  func place(_ axis: Int) -> Int { min(max(axis < 0 ? axis + shape.rank : axis, 0), shape.rank) }
  let start = place(try x.int("start", default: 0))
  let end = max(place(try x.int("end", default: shape.rank)), start)
  let sizes = shape.dimensions[start..<end].map(Int64.init)
  return [x.constant(Tensor(int64s: sizes, shape: [sizes.count]))]
}

private func expandDropout(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let data = try x.input(0), shape = x[data].shape
  if x.version >= 12, x.optional(2) != nil, try x.integers(of: 2).contains(where: { $0 != 0 }) {
    let ratio = x.optional(1) == nil ? 0.5 : try x.numbers(of: 1).first ?? 0.5
    if ratio != 0 { return try dropped(&x, data, ratio) }
  }
  guard x.isWanted(output: 1) else { return [data] }
  let one = x.scalar(1, x.version < 10 ? x[data].type : .bool)
  return [data, try x.broadcast(one, to: shape.dimensions)]
}

/// As in training: elements become zero by chance, the others make up for them. The chance is the
/// one of ONNX's reference, and without a seed always the same.
private func dropped(
  _ x: inout Expansion, _ data: ValueID, _ ratio: Double
) throws(ExpansionFault) -> [ValueID?] {
  let (type, shape) = (x[data].type, try x.writable(x[data].shape.dimensions))
  let seed = try x.int("seed", default: 0)
  var engine = MersenneTwister(seed: UInt32(truncatingIfNeeded: seed))
  let kept = (0..<shape.count).map { _ in UInt8(engine.nextFraction() >= ratio ? 1 : 0) }
  let mask = x.constant(Tensor(type: .bool, shape: shape, bytes: kept))
  let product = try x.binary(.multiply, try x.cast(mask, to: type), data)
  return [try x.binary(.multiply, product, x.scalar(1 / (1 - ratio), type)), mask]
}
