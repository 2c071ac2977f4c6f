import GraphIR
import TensorBase

private let commonAttributes: Set<String> = [
  "activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size",
  "layout", "output_sequence",
]

let recurrentOperators: [ONNXOperator] = [
  ONNXOperator(
    "RNN", inputs: 3...6, outputs: 0...2, attributes: commonAttributes,
    lacks: unknownActivation
  ) { x throws(ExpansionFault) in try expand(&x, .plain) },
  ONNXOperator(
    "GRU", inputs: 3...6, outputs: 0...2,
    attributes: commonAttributes.union(["linear_before_reset"]), lacks: unknownActivation
  ) { x throws(ExpansionFault) in
    try expand(&x, .gated(resetsAfter: try x.flag("linear_before_reset", default: false)))
  },
  ONNXOperator(
    "LSTM", inputs: 3...8, outputs: 0...3, attributes: commonAttributes.union(["input_forget"]),
    lacks: unknownActivation
  ) { x throws(ExpansionFault) in
    try expand(&x, .memory(isCoupled: try x.flag("input_forget", default: false)))
  },
  ONNXOperator(
    "DynamicQuantizeLSTM", domain: "com.microsoft", inputs: 12...12, outputs: 0...3,
    attributes: commonAttributes.union(["input_forget"]), lacks: unknownActivation
  ) { x throws(ExpansionFault) in
    // Inputs and state are rounded as they come, weights are stored in 8 bits and transposed.
    let cell = Recurrent.Cell.memory(isCoupled: try x.flag("input_forget", default: false))
    let rounded = try x.roundedToBytes(try x.input(0))
    let weight = try x.turnedWeight(1, scale: 8), recurrence = try x.turnedWeight(2, scale: 10)
    return try expand(&x, cell, instead: [rounded, weight, recurrence])
  },
]

extension Expansion {
  /// What `DynamicQuantizeLinear` makes of a tensor, as floats again.
  fileprivate mutating func roundedToBytes(_ id: ValueID) throws(ExpansionFault) -> ValueID {
    let parts = try emitAll(.arithmetic(.dynamicQuantize), [id])
    let layout = Quantization(axis: 1, block: nil, type: .f32, precision: .f32)
    return try emit(.arithmetic(.dequantize(layout)), parts[0], parts[1], parts[2])
  }

  /// A weight [D, I, G·H] in 8 bits, as floats [D, G·H, I]. Scale and zero point are one for each
  /// direction, or one for each column.
  fileprivate mutating func turnedWeight(
    _ index: Int, scale: Int
  ) throws(ExpansionFault) -> ValueID {
    let weight = try input(index), shape = self[weight].shape
    guard shape.rank == 3 else { throw .misfit("the weight \(self[weight]) has not three axes") }
    func placed(_ id: ValueID) throws(ExpansionFault) -> ValueID {
      let count = self[id].shape.count
      guard count == shape[0] || count == shape[0] * shape[2] else {
        throw .misfit("\(self[id]) is not one scale or zero point for each column of \(shape)")
      }
      let floats = try cast(id, to: .f32)
      return try reshape(floats, count == shape[0] ? [count, 1, 1] : [shape[0], 1, shape[2]])
    }
    let centred = try pair(
      .subtract, try cast(weight, to: .f32), try placed(try input(scale + 1)))
    return try transpose(
      try pair(.multiply, centred, try placed(try input(scale))), [0, 2, 1])
  }
}

/// - Parameter instead: what x, weight and recurrence are made of, where they are not the inputs; then
///   the state is rounded too.
private func expand(
  _ x: inout Expansion, _ cell: Recurrent.Cell, instead: [ValueID]? = nil
) throws(ExpansionFault) -> [ValueID?] {
  let third: ValueID = if let instead { instead[2] } else { try x.input(2) }
  let recurrence = x[third]
  guard recurrence.shape.rank == 3 else {
    throw .misfit("the recurrent weight \(recurrence) does not have three axes")
  }
  let hidden = try x.int("hidden_size", default: recurrence.shape[2])
  let direction: Recurrent.Direction =
    switch try x.string("direction", default: "forward").lowercased() {
    case "forward": .forward
    case "reverse": .reverse
    case "bidirectional": .bidirectional
    case let other: throw .misfit("there is no direction '\(other)'")
    }
  let clip = try x.float("clip")
  let directions = direction == .bidirectional ? 2 : 1
  let isMemory = if case .memory = cell { true } else { false }
  let type = x[try x.input(0)].type
  var inputs: [ValueID?] = []
  for index in 0..<(isMemory ? 8 : 6) {
    if let instead, index < instead.count {
      inputs.append(instead[index])
    } else if index < 3 {
      inputs.append(try x.widened(try x.input(index)))
    } else {
      inputs.append(index == 4 ? x.optional(index) : try x.widened(optional: x.optional(index)))
    }
  }
  let outputs = try x.emitAll(
    .sequence(
      .recurrent(
        Recurrent(
          cell: cell, direction: direction, hidden: hidden,
          activations: try activations(x, cell, count: directions * cell.activations),
          clip: clip.flatMap { $0 > 0 ? $0 : nil },
          isBatchFirst: try x.flag("layout", default: false), roundsState: instead != nil))),
    inputs)
  var results: [ValueID?] = []
  for (index, output) in outputs.prefix(isMemory ? 3 : 2).enumerated() {
    results.append(x.isWanted(output: index) ? try x.cast(output, to: type) : nil)
  }
  return results
}

private let curves: [String: Recurrent.Curve] = Dictionary(
  uniqueKeysWithValues: Recurrent.Curve.allCases.map { ($0.rawValue.lowercased(), $0) })

private func unknownActivation(_ call: OperatorCall) -> String? {
  guard case .strings(let names) = call.attributes["activations"] else { return nil }
  return names.first { curves[$0.lowercased()] == nil }.map { "an activation '\($0)'" }
}

/// The activations, with `activation_alpha` and `activation_beta` given out in turn to those that
/// have such a number.
private func activations(
  _ x: Expansion, _ cell: Recurrent.Cell, count: Int
) throws(ExpansionFault) -> [Recurrent.Activation] {
  var alphas = (try x.floats("activation_alpha") ?? [])[...]
  var betas = (try x.floats("activation_beta") ?? [])[...]
  let usual: [String] =
    switch cell {
    case .plain: ["tanh"]
    case .gated: ["sigmoid", "tanh"]
    case .memory: ["sigmoid", "tanh", "tanh"]
    }
  var names = try x.strings("activations") ?? []
  if names.isEmpty { names = usual }
  // Once for each direction, or the same for both.
  if names.count == cell.activations && count > names.count { names += names }
  // What RNN's schema gives as default, also where there is one direction.
  if names.count > count { names = Array(names.prefix(count)) }
  return try names.map { name throws(ExpansionFault) in
    guard let curve = curves[name.lowercased()] else {
      throw .unsupported("an activation '\(name)'")
    }
    let (alpha, beta) = usualParameters(of: curve)
    return Recurrent.Activation(
      curve, alpha: alpha.map { alphas.popFirst() ?? $0 } ?? 0,
      beta: beta.map { betas.popFirst() ?? $0 } ?? 0)
  }
}

/// Defaults of the numbers that a curve has; nil for one that it has not.
private func usualParameters(of curve: Recurrent.Curve) -> (alpha: Float?, beta: Float?) {
  switch curve {
  case .relu, .tanh, .sigmoid, .softsign, .softplus: (nil, nil)
  case .affine, .scaledTanh: (1, curve == .affine ? 0 : 1)
  case .leakyRelu: (0.01, nil)
  case .thresholdedRelu, .elu: (1, nil)
  case .hardSigmoid: (0.2, 0.5)
  }
}
