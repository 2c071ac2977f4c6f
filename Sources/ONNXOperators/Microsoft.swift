import GraphIR
import TensorBase

/// ONNX Runtime's own operators, which its optimiser and its converters write.
let microsoftOperators: [ONNXOperator] =
  microsoftActivationOperators + microsoftNormalizationOperators + microsoftProductOperators
  + microsoftAttentionOperators + microsoftQuantizedOperators

func microsoft(
  _ name: String, inputs: ClosedRange<Int>, outputs: ClosedRange<Int> = 1...1,
  attributes: Set<String> = [], lacks: (@Sendable (OperatorCall) -> String?)? = nil,
  expand: @escaping @Sendable (inout Expansion) throws(ExpansionFault) -> [ValueID?]
) -> ONNXOperator {
  ONNXOperator(
    name, domain: "com.microsoft", inputs: inputs, outputs: outputs, attributes: attributes,
    lacks: lacks, expand: expand)
}

private let microsoftActivationOperators: [ONNXOperator] = [
  microsoft("Gelu", inputs: 1...1) { x throws(ExpansionFault) in
    let input = try x.input(0)
    let y = try x.apply(.plain(.gelu), try x.widened(input))
    return [try x.cast(y, to: x[input].type)]
  },
  microsoft("BiasGelu", inputs: 2...2) { x throws(ExpansionFault) in
    let sum = try x.added(try x.input(0), x.optional(1))
    return [try x.cast(try x.apply(.plain(.gelu), sum), to: x[try x.input(0)].type)]
  },
  microsoft("FastGelu", inputs: 1...2) { x throws(ExpansionFault) in
    let sum = try x.added(try x.input(0), x.optional(1))
    return [try x.cast(try x.apply(.plain(.geluTanh), sum), to: x[try x.input(0)].type)]
  },
  microsoft("QuickGelu", inputs: 1...1, attributes: ["alpha"]) { x throws(ExpansionFault) in
    let input = try x.input(0)
    let wide = try x.widened(input)
    let alpha = try x.float("alpha", default: 1.702)
    if alpha == 1.702 {
      return [try x.cast(try x.apply(.plain(.quickGelu), wide), to: x[input].type)]
    }
    let scaled = try x.pair(.multiply, wide, x.scalar(Double(alpha), x[wide].type))
    let y = try x.pair(.multiply, wide, try x.apply(.plain(.sigmoid), scaled))
    return [try x.cast(y, to: x[input].type)]
  },
  microsoft("BiasSplitGelu", inputs: 2...2) { x throws(ExpansionFault) in
    let sum = try x.added(try x.input(0), try x.input(1))
    return [try x.cast(try x.emit(.gated(.gelu), sum), to: x[try x.input(0)].type)]
  },
  microsoft("BiasAdd", inputs: 3...3) { x throws(ExpansionFault) in
    let sum = try x.added(try x.added(try x.input(0), try x.input(1)), try x.input(2))
    return [try x.cast(sum, to: x[try x.input(0)].type)]
  },
]

extension Expansion {
  /// a + b in f32 or wider; b may be absent.
  mutating func added(_ a: ValueID, _ b: ValueID?) throws(ExpansionFault) -> ValueID {
    let sum = try widened(a)
    guard let b else { return sum }
    return try pair(.add, sum, try cast(b, to: self[sum].type))
  }

  /// An activation by the name that fused operators give it.
  mutating func activated(
    _ id: ValueID, _ name: String, alpha: Float?, beta: Float?
  ) throws(ExpansionFault) -> ValueID {
    let type = self[id].type
    switch name {
    case "": return id
    case "Relu": return try apply(.plain(.relu), id)
    case "Tanh": return try apply(.plain(.tanh), id)
    case "Sigmoid": return try apply(.plain(.sigmoid), id)
    case "Clip":
      let raised = try pair(.maximum, id, scalar(Double(alpha ?? -.infinity), type))
      return try pair(.minimum, raised, scalar(Double(beta ?? .infinity), type))
    case "LeakyRelu":
      let negative = try pair(.minimum, id, scalar(0, type))
      let scaled = try pair(.multiply, negative, scalar(Double(alpha ?? 0.01), type))
      return try pair(.add, try apply(.plain(.relu), id), scaled)
    case "HardSigmoid":
      let scaled = try pair(.multiply, id, scalar(Double(alpha ?? 0.2), type))
      let moved = try pair(.add, scaled, scalar(Double(beta ?? 0.5), type))
      return try pair(.minimum, try apply(.plain(.relu), moved), scalar(1, type))
    default: throw .unsupported("an activation '\(name)'")
    }
  }
}

/// What `activated` has no function for.
@Sendable func unknownFusedActivation(_ call: OperatorCall) -> String? {
  guard case .string(let name) = call.attributes["activation"] else { return nil }
  let known = ["", "Relu", "Tanh", "Sigmoid", "Clip", "LeakyRelu", "HardSigmoid"]
  return known.contains(name) ? nil : "an activation '\(name)'"
}
