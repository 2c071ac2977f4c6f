import GraphIR
import TensorBase

/// Functions and comparisons of two tensors, and of lists of them.
let pairOperators: [ONNXOperator] = [
  pair("Add", .add),
  pair("Sub", .subtract),
  pair("Mul", .multiply),
  pair("Div", .divide),
  pair("And", .and),
  pair("Or", .or),
  pair("Xor", .exclusiveOr),
  pair("BitwiseAnd", .and),
  pair("BitwiseOr", .or),
  pair("BitwiseXor", .exclusiveOr),
  comparison("Equal", .equal),
  comparison("Less", .less),
  comparison("LessOrEqual", .lessOrEqual),
  comparison("Greater", .greater),
  comparison("GreaterOrEqual", .greaterOrEqual),
  list("Sum") { x, values throws(ExpansionFault) in
    try x.cast(try x.sum(values), to: x[values[0]].type)
  },
  list("Max") { x, values throws(ExpansionFault) in try x.folded(.maximum, values) },
  list("Min") { x, values throws(ExpansionFault) in try x.folded(.minimum, values) },
  list("Mean") { x, values throws(ExpansionFault) in
    let sum = try x.sum(values)
    if values.count == 1 { return sum }
    let mean = try x.pair(.divide, sum, x.scalar(Double(values.count), x[sum].type))
    return try x.cast(mean, to: x[values[0]].type)
  },
  ONNXOperator("BitShift", inputs: 2...2, attributes: ["direction"]) { x throws(ExpansionFault) in
    switch try x.string("direction", default: "") {
    case "LEFT": return [try x.pair(.shiftLeft, try x.input(0), try x.input(1))]
    case "RIGHT": return [try x.pair(.shiftRight, try x.input(0), try x.input(1))]
    case let other: throw .misfit("the direction '\(other)' is neither LEFT nor RIGHT")
    }
  },
  ONNXOperator("Mod", inputs: 2...2, attributes: ["fmod"]) { x throws(ExpansionFault) in
    let function: Pairwise = try x.flag("fmod", default: false) ? .remainder : .modulo
    return [try x.pair(function, try x.input(0), try x.input(1))]
  },
  ONNXOperator(
    "Pow", inputs: 2...2, attributes: oldBroadcast, lacks: newBroadcast, expand: expandPower),
  ONNXOperator("Where", inputs: 3...3) { x throws(ExpansionFault) in
    [try x.emit(.select, try x.input(0), try x.input(1), try x.input(2))]
  },
]

/// What says how the second operand broadcasts before version 7.
private let oldBroadcast: Set<String> = ["axis", "broadcast"]

@Sendable private func newBroadcast(_ call: OperatorCall) -> String? {
  outdated(call, ["axis", "broadcast"], since: 7)
}

private func pair(_ name: String, _ function: Pairwise) -> ONNXOperator {
  ONNXOperator(
    name, inputs: 2...2, attributes: oldBroadcast, lacks: newBroadcast
  ) { x throws(ExpansionFault) in
    [try x.pair(function, try x.input(0), try x.secondOperand())]
  }
}

private func comparison(_ name: String, _ comparison: Comparison) -> ONNXOperator {
  ONNXOperator(
    name, inputs: 2...2, attributes: oldBroadcast, lacks: newBroadcast
  ) { x throws(ExpansionFault) in
    [try x.emit(.arithmetic(.compare(comparison)), try x.input(0), try x.secondOperand())]
  }
}

extension Expansion {
  /// The second operand in a shape that broadcasts by NumPy's rule. Before version 7 its axes could
  /// be the first operand's from `axis` on.
  fileprivate mutating func secondOperand() throws(ExpansionFault) -> ValueID {
    let (a, b) = (try input(0), try input(1))
    guard version < 7, let given = try int("axis") else { return b }
    let rank = self[a].shape.rank
    let behind = rank - (try axis(given, rank: rank)) - self[b].shape.rank
    guard behind >= 0 else {
      throw .misfit("\(self[b]) does not lie in \(self[a]) from axis \(given) on")
    }
    return try reshape(b, self[b].shape.dimensions + [Int](repeating: 1, count: behind))
  }
}

private func list(
  _ name: String,
  _ body: @escaping @Sendable (inout Expansion, [ValueID]) throws(ExpansionFault) -> ValueID
) -> ONNXOperator {
  ONNXOperator(name, inputs: 1...anyCount) { x throws(ExpansionFault) in
    var values: [ValueID] = []
    for index in x.inputs.indices { values.append(try x.input(index)) }
    return [try body(&x, values)]
  }
}

extension Expansion {
  /// The sum of values of one type; of several of a narrow float type in f32.
  fileprivate mutating func sum(_ values: [ValueID]) throws(ExpansionFault) -> ValueID {
    let type = self[values[0]].type
    guard let other = values.first(where: { self[$0].type != type }) else {
      guard values.count > 1, type == .f16 || type == .bf16 else {
        return try folded(.add, values)
      }
      var wide: [ValueID] = []
      for value in values { wide.append(try cast(value, to: .f32)) }
      return try folded(.add, wide)
    }
    throw .misfit("\(self[values[0]]) and \(self[other]) differ in type")
  }

  fileprivate mutating func folded(
    _ function: Pairwise, _ values: [ValueID]
  ) throws(ExpansionFault) -> ValueID {
    var result = values[0]
    for value in values.dropFirst() { result = try pair(function, result, value) }
    return result
  }
}

/// The exponents that models are written with become products and roots.
private func expandPower(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let (base, exponent) = (try x.input(0), try x.secondOperand())
  if x[base].type.isFloatingPoint, x[exponent].shape.count == 1,
    x[exponent].shape.rank <= x[base].shape.rank,
    let power = x.knownElements(exponent)?.converted(to: .f64).doubles.first
  {
    switch power {
    case 0.5: return [try x.apply(.plain(.sqrt), base)]
    case 1: return [base]
    case 2: return [try x.pair(.multiply, base, base)]
    case 3 where x[base].type == .f32 || x[base].type == .f64:
      return [try x.pair(.multiply, try x.pair(.multiply, base, base), base)]
    default: break
    }
  }
  return [try x.pair(.power, base, exponent)]
}
