import GraphIR
import TensorBase

/// Functions of one tensor, element by element.
let functionOperators: [ONNXOperator] = [
  function("Abs", .plain(.absolute)),
  function("Acos", .arccosine),
  function("Acosh", .areaCosine),
  function("Asin", .arcsine),
  function("Asinh", .areaSine),
  function("Atan", .arctangent),
  function("Atanh", .areaTangent),
  function("BitwiseNot", .complement),
  function("Ceil", .ceiling),
  function("Cos", .plain(.cosine)),
  function("Cosh", .hyperbolicCosine),
  function("Erf", .erf),
  function("Exp", .plain(.exp)),
  function("Floor", .floor),
  function("Log", .plain(.log)),
  function("Neg", .plain(.negate)),
  function("Not", .complement),
  function("Reciprocal", .plain(.reciprocal)),
  function("Round", .round),
  function("Sigmoid", .plain(.sigmoid)),
  function("Sign", .sign),
  function("Sin", .plain(.sine)),
  function("Sinh", .hyperbolicSine),
  function("Sqrt", .plain(.sqrt)),
  function("Tan", .tangent),
  function("Tanh", .plain(.tanh)),
  ONNXOperator("IsNaN", inputs: 1...1) { x throws(ExpansionFault) in
    [try x.emit(.arithmetic(.classify(.isNaN)), try x.input(0))]
  },
  ONNXOperator(
    "IsInf", inputs: 1...1, attributes: ["detect_negative", "detect_positive"]
  ) { x throws(ExpansionFault) in
    let kind = NumberClass.isInfinite(
      negative: try x.flag("detect_negative", default: true),
      positive: try x.flag("detect_positive", default: true))
    return [try x.emit(.arithmetic(.classify(kind)), try x.input(0))]
  },
]

/// Functions that networks use between their layers.
let activationOperators: [ONNXOperator] = [
  function("HardSwish", .hardSwish),
  function("Mish", .mish),
  function("Relu", .plain(.relu)),
  function("Softplus", .softplus),
  function("Softsign", .softsign),
  activation("Celu", ["alpha"]) { x throws(ExpansionFault) in
    .celu(alpha: try x.float("alpha", default: 1))
  },
  activation("Elu", ["alpha"]) { x throws(ExpansionFault) in
    .elu(alpha: try x.float("alpha", default: 1))
  },
  activation("Gelu", ["approximate"]) { x throws(ExpansionFault) in
    switch try x.string("approximate", default: "none") {
    case "none": return .plain(.gelu)
    case "tanh": return .plain(.geluTanh)
    case let other: throw .unsupported("the approximation '\(other)' is not known")
    }
  },
  activation("HardSigmoid", ["alpha", "beta"]) { x throws(ExpansionFault) in
    .hardSigmoid(
      alpha: try x.float("alpha", default: 0.2), beta: try x.float("beta", default: 0.5))
  },
  activation("LeakyRelu", ["alpha"]) { x throws(ExpansionFault) in
    .leakyRelu(alpha: try x.float("alpha", default: 0.01))
  },
  activation("Selu", ["alpha", "gamma"]) { x throws(ExpansionFault) in
    .selu(
      alpha: try x.float("alpha", default: 1.673_263_2),
      gamma: try x.float("gamma", default: 1.050_701))
  },
  activation("Shrink", ["bias", "lambd"]) { x throws(ExpansionFault) in
    .shrink(
      bias: try x.float("bias", default: 0), threshold: try x.float("lambd", default: 0.5))
  },
  activation("Swish", ["alpha"]) { x throws(ExpansionFault) in
    swish(alpha: try x.float("alpha", default: 1))
  },
  activation("ThresholdedRelu", ["alpha"]) { x throws(ExpansionFault) in
    .thresholdedRelu(alpha: try x.float("alpha", default: 1))
  },
  ONNXOperator("SwiGLU", inputs: 2...2, attributes: ["alpha"]) { x throws(ExpansionFault) in
    let (gate, value) = (try x.input(0), try x.input(1))
    guard x[gate].shape == x[value].shape else {
      throw .misfit("the gate \(x[gate]) and the value \(x[value]) differ in shape")
    }
    let opened = try x.apply(swish(alpha: try x.float("alpha", default: 1)), gate)
    return [try x.pair(.multiply, opened, value)]
  },
  ONNXOperator("PRelu", inputs: 2...2) { x throws(ExpansionFault) in
    let input = try x.input(0)
    var slope = try x.input(1)
    let rank = x[input].shape.rank
    if x.version < 7, rank > 2, x[slope].shape == [x[input].shape[1]] {
      // One slope per channel.
      slope = try x.reshape(
        slope, [x[slope].shape[0]] + [Int](repeating: 1, count: rank - 2))
    }
    let result = try x.emit(.arithmetic(.pair(.parametricRelu)), input, slope)
    guard x[result].shape == x[input].shape else {
      throw .misfit("the slope \(x[slope]) does not broadcast to \(x[input])")
    }
    return [result]
  },
  ONNXOperator(
    "Clip", inputs: 1...3, attributes: ["min", "max"],
    lacks: { outdated($0, ["min", "max"], since: 11) }, expand: expandClip),
]

private func swish(alpha: Float) -> Elementwise {
  alpha == 1 ? .plain(.silu) : .swish(alpha: alpha)
}

private func function(_ name: String, _ function: Elementwise) -> ONNXOperator {
  ONNXOperator(name, inputs: 1...1) { x throws(ExpansionFault) in
    [try x.apply(function, try x.input(0))]
  }
}

private func activation(
  _ name: String, _ attributes: Set<String>,
  _ function: @escaping @Sendable (Expansion) throws(ExpansionFault) -> Elementwise
) -> ONNXOperator {
  ONNXOperator(name, inputs: 1...1, attributes: attributes) { x throws(ExpansionFault) in
    [try x.apply(try function(x), try x.input(0))]
  }
}

/// The bounds are attributes before version 11 and inputs from then on.
private func expandClip(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let input = try x.input(0)
  let type = x[input].type
  var bounds: [ValueID?] = [nil, nil]
  for (index, name) in ["min", "max"].enumerated() {
    if x.version < 11 {
      if let bound = try x.float(name) { bounds[index] = x.scalar(Double(bound), type) }
    } else {
      bounds[index] = x.optional(index + 1)
    }
  }
  if bounds == [nil, nil] { return [input] }
  if type == .f32, let lower = x.limit(bounds[0], -.infinity),
    let upper = x.limit(bounds[1], .infinity)
  {
    return [try x.emit(.clamp(lower: lower, upper: upper), input)]
  }
  return [try x.emit(.arithmetic(.clip), input, bounds[0], bounds[1])]
}

extension Expansion {
  /// The number a bound of f32 stands for; nil when it is known only at run time, or is none.
  fileprivate func limit(_ bound: ValueID?, _ absent: Float) -> Float? {
    guard let bound else { return absent }
    guard self[bound].type == .f32, self[bound].shape.count == 1 else { return nil }
    guard let limit = knownElements(bound)?.floats.first, !limit.isNaN else { return nil }
    return limit
  }
}
