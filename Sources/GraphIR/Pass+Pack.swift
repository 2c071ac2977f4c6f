import TensorBase

extension ShapedGraph {
  /// Lets linears and channels-last convolutions of one group read their weight in the order in
  /// which products want it, where the weight depends on weights alone.
  ///
  /// A node per weight packs it, which `split` lets run once. A convolution's weight is packed
  /// from the channels-first form in which it is stored, past the layout pass's transposition.
  package func packed() -> ShapedGraph {
    var result = self
    result.graph.nodes = []
    var taken = Set(graph.values.map(\.name))
    var packedWeights: [ValueID: ValueID] = [:]
    let isFixed = graph.dependsOnWeightsOnly
    let producers = graph.producers

    /// The weight in the layout of checkpoints: [O, I] or [O, I, kh, kw].
    func source(of weight: ValueID) -> ValueID? {
      guard isFixed[weight.index] else { return nil }
      if self[weight].shape.rank == 2 { return weight }
      guard let producer = producers[weight.index],
        graph.nodes[producer].op == .transpose(hwioFromOIHW)
      else { return nil }
      return graph.nodes[producer].inputs[0]
    }

    /// The packed form of a weight, by a node of its own the first time; nil when it would be too
    /// large for a tensor.
    func packedWeight(of source: ValueID) -> ValueID? {
      if let known = packedWeights[source] { return known }
      guard let fact = try? Op.packWeight.outputFacts([self[source]]).first else { return nil }
      let name = "\(graph[source].name)@packed"
      let output = result.graph.addValue(named: name, taken: &taken)
      result.facts.append(fact)
      result.graph.nodes.append(
        Node(name: name, op: .packWeight, inputs: [source], outputs: [output]))
      packedWeights[source] = output
      return output
    }

    for var node in graph.nodes {
      if let weight = node.input(1), let source = source(of: weight),
        let op = node.op.packed(PackedWeight(unpacked: self[source].shape)),
        let packed = packedWeight(of: source)
      {
        node.op = op
        node.inputs[1] = packed
      }
      result.graph.nodes.append(node)
    }
    return result.pruned(to: result.graph.outputs)
  }
}

extension Op {
  /// The op with a packed weight; nil where it has none or cannot have one.
  fileprivate func packed(_ packed: PackedWeight) -> Op? {
    switch self {
    case .linear(let activation, packed: nil):
      return .linear(activation: activation, packed: packed)
    case .convolution(var attributes)
    where attributes.layout == .channelsLast && attributes.groups == 1
      && attributes.packed == nil:
      attributes.packed = packed
      return .convolution(attributes)
    default: return nil
    }
  }
}

extension Graph {
  /// For each value whether weights and constants alone determine it.
  var dependsOnWeightsOnly: [Bool] {
    var isFixed = values.map { value in
      switch value.origin {
      case .weight, .constant: true
      case .input, .node: false
      }
    }
    for node in nodes where node.inputs.allSatisfy({ $0.map { isFixed[$0.index] } ?? true }) {
      for case let output? in node.outputs { isFixed[output.index] = true }
    }
    return isFixed
  }
}
