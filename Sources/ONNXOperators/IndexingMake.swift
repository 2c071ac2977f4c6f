import GraphIR
import TensorBase

/// Operators that make elements out of nothing, or mark places.
let makingOperators: [ONNXOperator] = [
  ONNXOperator(
    "Constant", inputs: 0...0,
    attributes: ["value", "value_float", "value_floats", "value_int", "value_ints"],
    expand: expandConstant),
  ONNXOperator("ConstantOfShape", inputs: 1...1, attributes: ["value"]) {
    x throws(ExpansionFault) in
    let shape = try x.checked(try x.integers(of: 0))
    let value = try x.tensor("value") ?? Tensor(scalar: Float(0))
    guard value.shape.count == 1 else { throw .misfit("the value has not one element") }
    return [try x.broadcast(x.constant(value.reshaped([])), to: shape.dimensions)]
  },
  ONNXOperator("Range", inputs: 3...3, attributes: ["stash_type"], expand: expandRange),
  ONNXOperator("EyeLike", inputs: 1...1, attributes: ["dtype", "k"], expand: expandEyeLike),
  ONNXOperator("OneHot", inputs: 3...3, attributes: ["axis"]) { x throws(ExpansionFault) in
    let (indices, values) = (try x.input(0), try x.input(2))
    guard let depth = try x.numbers(of: 1).first, depth >= 0, depth < 0x1p40 else {
      throw .misfit("the depth is no count")
    }
    let axis = try x.axis(try x.int("axis", default: -1), rank: x[indices].shape.rank + 1)
    return [try x.emit(.indexing(.oneHot(axis: axis, depth: Int(depth))), indices, values)]
  },
  ONNXOperator("Trilu", inputs: 1...2, attributes: ["upper"]) { x throws(ExpansionFault) in
    let diagonal = x.optional(1) == nil ? 0 : try x.integers(of: 1).first ?? 0
    let isUpper = try x.flag("upper", default: true)
    return [
      try x.emit(.indexing(.triangle(isUpper: isUpper, diagonal: diagonal)), try x.input(0))
    ]
  },
]

private func expandConstant(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  if let tensor = try x.tensor("value") { return [x.constant(tensor)] }
  if let number = try x.float("value_float") { return [x.constant(Tensor(scalar: number))] }
  if let number = try x.int("value_int") { return [x.constant(Tensor(scalar: Int64(number)))] }
  if let list = try x.floats("value_floats") {
    return [x.constant(Tensor(floats: list, shape: [list.count]))]
  }
  if let list = try x.ints("value_ints") {
    return [x.constant(Tensor(int64s: list.map(Int64.init), shape: [list.count]))]
  }
  throw .misfit("it has no value")
}

private func expandRange(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let (start, delta) = (try x.input(0), try x.input(2))
  for index in 0..<3 where x[try x.input(index)].shape.count != 1 {
    throw .misfit("input \(index) is \(x[try x.input(index)]), not one number")
  }
  let count: Int
  if x[start].type.isFloatingPoint {
    let first = try x.numbers(of: 0)[0], limit = try x.numbers(of: 1)[0]
    let steps = ((limit - first) / (try x.numbers(of: 2)[0])).rounded(.up)
    guard steps.isFinite, steps < 0x1p40 else {
      throw .misfit("a range from \(first) to \(limit) has no such steps")
    }
    count = max(Int(max(steps, 0)), 0)
  } else {
    let first = try x.integers(of: 0)[0], limit = try x.integers(of: 1)[0]
    let step = try x.integers(of: 2)[0]
    let (way, overflow) = limit.subtractingReportingOverflow(first)
    guard step != 0, !overflow, way != .min else {
      throw .misfit("a range from \(first) to \(limit) has no steps of \(step)")
    }
    let isEmpty = way == 0 || (way > 0) != (step > 0)
    count = isEmpty ? 0 : Int((way.magnitude - 1) / step.magnitude) + 1
  }
  return [try x.emit(.indexing(.range(count: count)), start, delta)]
}

/// Ones on a diagonal: row i is one-hot at i + k.
private func expandEyeLike(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let like = x[try x.input(0)]
  guard like.shape.rank == 2 else { throw .misfit("\(like) is no matrix") }
  var type = like.type
  if let number = try x.int("dtype") {
    guard let known = elementType(ofCode: number) else {
      throw .unsupported("elements of the type \(number)")
    }
    type = known
  }
  let k = try x.int("k", default: 0)
  if like.shape.count == 0 { return [x.constant(Tensor(zeros: like.shape, type: type))] }
  let (rows, columns) = (like.shape[0], like.shape[1])
  let shape = try x.writable([rows])
  let indices = (0..<rows).map { row in
    let (column, overflow) = row.addingReportingOverflow(k)
    return Int64(!overflow && (0..<columns).contains(column) ? column : columns)
  }
  return [
    try x.emit(
      .indexing(.oneHot(axis: 1, depth: columns)),
      x.constant(Tensor(int64s: indices, shape: shape)),
      x.constant(Tensor(floats: [0, 1], shape: [2]).converted(to: type)))
  ]
}
