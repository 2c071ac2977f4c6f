import TensorBase

extension ShapedGraph {
  /// Lets linears and channels-last convolutions of one group read their weight in the order in
  /// which products want it, where the weight depends on weights alone.
  ///
  /// A node per weight packs it, which `split` lets run once. A convolution's weight is packed
  /// from the channels-first form in which it is stored, past the layout pass's transposition. A
  /// weight that is stored in half precision stays so, since products widen it as they read it.
  ///
  /// - Parameter storedType: the type in which a tensor's elements are stored; nil for the graph's.
  package func packed(
    storedType: (_ tensor: String) -> ElementType? = { _ in nil }
  ) -> ShapedGraph {
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

    /// A new value that a node computes.
    func add(_ op: Op, _ input: ValueID, _ fact: Fact, named name: String) -> ValueID {
      let output = result.graph.addValue(named: name, taken: &taken)
      result.facts.append(fact)
      result.graph.nodes.append(Node(name: name, op: op, inputs: [input], outputs: [output]))
      return output
    }

    /// The same elements in half precision, where they come from there by nothing but moves and
    /// widening; nil otherwise.
    func half(of id: ValueID) -> ValueID? {
      if self[id].type.isHalf { return id }
      guard self[id].type == .f32 else { return nil }
      switch graph[id].origin {
      case .weight(let tensor, let fact):
        guard let type = storedType(tensor), type.isHalf else { return nil }
        let held = result.graph.addValue(named: "\(graph[id].name)@\(type.rawValue)", taken: &taken)
        let heldFact = Fact(type, fact.shape)
        result.graph.values[held.index].origin = .weight(tensor: tensor, heldFact)
        result.facts.append(heldFact)
        return held
      case .node:
        guard let producer = producers[id.index] else { return nil }
        let node = graph.nodes[producer]
        guard node.inputs.count == 1, let input = node.inputs[0] else { return nil }
        switch node.op {
        case .cast: return half(of: input)
        case .transpose, .reshape:
          return half(of: input).map { half in
            let type = result[half].type
            return add(
              node.op, half, Fact(type, self[id].shape),
              named: "\(graph[id].name)@\(type.rawValue)")
          }
        default: return nil
        }
      case .input, .constant: return nil
      }
    }

    /// The packed form of a weight, by a node of its own the first time; nil when it would be too
    /// large for a tensor.
    func packedWeight(of source: ValueID) -> ValueID? {
      if let known = packedWeights[source] { return known }
      guard (try? Op.packWeight.outputFacts([self[source]])) != nil else { return nil }
      let held = half(of: source) ?? source
      guard let fact = try? Op.packWeight.outputFacts([result[held]]).first else { return nil }
      let output = add(.packWeight, held, fact, named: "\(graph[source].name)@packed")
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

extension ElementType {
  /// Whether it is one of the floats of 16 bits, which packed weights may have.
  var isHalf: Bool { self == .f16 || self == .bf16 }
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
