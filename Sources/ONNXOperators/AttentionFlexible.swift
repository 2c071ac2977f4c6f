import GraphIR
import TensorBase

let flexibleAttentionOperators: [ONNXOperator] = [
  ONNXOperator(
    "FlexAttention", domain: "ai.onnx.preview", inputs: 3...3,
    attributes: ["prob_mod", "scale", "score_mod", "softmax_precision"],
    expand: expandFlexAttention)
]

/// Attention with graphs of the model's own that change scores and probabilities on the way.
private func expandFlexAttention(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let inputs = (try x.input(0), try x.input(1), try x.input(2))
  try x.requireFloats(inputs.0, inputs.1, inputs.2)
  let output = x[inputs.0].type
  let type = x.commonFloat(inputs.0, inputs.1, inputs.2)
  let q = try HeadVectors(x, split: inputs.0).cast(&x, to: type)
  let k = try HeadVectors(x, split: inputs.1).cast(&x, to: type)
  let v = try HeadVectors(x, split: inputs.2).cast(&x, to: type)
  let scale = try AttentionCore.scale(x, q, zeroIsUsual: false)
  let (scoreBody, probabilityBody) = (x.call.bodies["score_mod"], x.call.bodies["prob_mod"])
  if scoreBody == nil && probabilityBody == nil {
    let (y, _) = try AttentionCore(scale: scale).write(&x, q, k, v)
    return [try x.cast(try y.split(&x).id, to: output)]
  }
  let code = try x.int("softmax_precision", default: type == .f64 ? 11 : 1)
  guard let precision = elementType(ofCode: code), precision.isFloatingPoint else {
    throw .misfit("softmax in the element type \(code)")
  }
  let scores = try x.cast(try AttentionCore.scores(&x, q, k, scale: scale), to: precision)
  let values = try v.repeated(&x, to: q.heads)

  // The bodies' nodes are expanded only when their turn comes, so what follows them waits with
  // them, in one body.
  var chain = BodyChain()
  let scoresIn = chain.parameter(), valuesIn = chain.parameter()
  let captures = x.captures.map { _ in chain.parameter() }
  var current = scoresIn
  if let scoreBody { current = try chain.append(scoreBody, [current] + captures, "score") }
  let wide: ElementType = precision == .f64 ? .f64 : .f32
  current = chain.node(.cast(wide), [current])
  current = chain.node(.sequence(.attentionWeights), [current])
  current = chain.node(.cast(precision), [current])
  if let probabilityBody {
    current = try chain.append(probabilityBody, [current] + captures, "probability")
  }
  current = chain.node(.cast(type), [current])
  current = chain.node(
    type == .f64 ? .arithmetic(.product) : .matMul, [current, valuesIn])
  chain.graph.outputs = [chain.node(.cast(output), [current])]
  let body = GraphBody(graph: chain.graph, parameters: chain.parameters)
  try x.splice(body, [scores, values.id] + x.captures)
  return []
}

/// Bodies and nodes one behind the other, as one body.
private struct BodyChain {
  var graph = Graph(name: "chain")
  private(set) var parameters: [ValueID] = []

  private mutating func value(_ name: String, _ origin: Value.Origin) -> ValueID {
    graph.values.append(Value(name: name, origin: origin))
    return ValueID(graph.values.count - 1)
  }

  mutating func parameter() -> ValueID {
    let id = value("input\(parameters.count)", .input)
    parameters.append(id)
    return id
  }

  mutating func node(_ op: Op, _ inputs: [ValueID]) -> ValueID {
    let name = "\(op.name)\(graph.nodes.count)"
    let output = value(name, .node)
    graph.nodes.append(Node(name: name, op: op, inputs: inputs, outputs: [output]))
    return output
  }

  /// Gives the body's one output.
  mutating func append(
    _ body: GraphBody, _ arguments: [ValueID], _ prefix: String
  ) throws(ExpansionFault) -> ValueID {
    guard body.parameters.count == arguments.count, let output = body.graph.outputs.first,
      body.graph.outputs.count == 1
    else { throw .misfit("the body '\(prefix)' does not make one tensor of one") }
    var places = [ValueID?](repeating: nil, count: body.graph.values.count)
    for (parameter, argument) in zip(body.parameters, arguments) {
      places[parameter.index] = argument
    }
    for (index, old) in body.graph.values.enumerated() where places[index] == nil {
      places[index] = value("\(prefix)/\(old.name)", old.origin)
    }
    for old in body.graph.nodes {
      graph.nodes.append(
        Node(
          name: "\(prefix)/\(old.name)", op: old.op,
          inputs: old.inputs.map { id in id.flatMap { places[$0.index] } },
          outputs: old.outputs.map { id in id.flatMap { places[$0.index] } }))
    }
    guard let result = places[output.index] else { throw .misfit("the body has no output") }
    return result
  }
}
