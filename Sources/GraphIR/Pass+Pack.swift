import TensorBase

extension ShapedGraph {
  /// Lets linears and channels-last convolutions of one group read their weight in the order in
  /// which products want it, where the weight depends on weights alone.
  ///
  /// A node per weight packs it, which `split` lets run once. A convolution's weight is packed
  /// from the channels-first form in which it is stored, past the layout pass's transposition. A
  /// weight that is stored in half precision, or in bytes with scales, stays so, since products widen
  /// it as they read it.
  ///
  /// - Parameter stored: what a tensor's elements are stored as; nil for the graph's type.
  package func packed(
    stored: (_ tensor: String) -> StoredWeight? = { _ in nil }
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
    func add(_ op: Op, _ inputs: [ValueID], _ fact: Fact, named name: String) -> ValueID {
      let output = result.graph.addValue(named: name, taken: &taken)
      result.facts.append(fact)
      result.graph.nodes.append(Node(name: name, op: op, inputs: inputs, outputs: [output]))
      return output
    }

    /// A new weight.
    func addWeight(_ tensor: String, _ fact: Fact, named name: String) -> ValueID {
      let held = result.graph.addValue(named: name, taken: &taken)
      result.graph.values[held.index].origin = .weight(tensor: tensor, fact)
      result.facts.append(fact)
      return held
    }

    /// The same elements as they are stored, where they come from there by nothing but moves and
    /// widening; nil where that is no narrower or the moves tear a scale's elements apart.
    func held(of id: ValueID) -> HeldWeight? {
      if self[id].type.isHalf { return HeldWeight(value: id) }
      guard self[id].type == .f32 else { return nil }
      switch graph[id].origin {
      case .weight(let tensor, let fact):
        guard let stored = stored(tensor), stored.type.isHalf || stored.scales != nil else {
          return nil
        }
        let name = "\(graph[id].name)@\(stored.type.rawValue)"
        var held = HeldWeight(
          value: addWeight(tensor, Fact(stored.type, fact.shape), named: name))
        if let scales = stored.scales {
          let shape: Shape = [fact.shape[scales.axis]]
          let id = addWeight(scales.tensor, Fact(.f32, shape), named: "\(name)@scales")
          held.scales = (id, scales.axis)
        }
        return held
      case .node:
        guard let producer = producers[id.index] else { return nil }
        let node = graph.nodes[producer]
        guard node.inputs.count == 1, let input = node.inputs[0] else { return nil }
        if case .cast = node.op { return held(of: input) }
        guard var held = held(of: input) else { return nil }
        if let scales = held.scales {
          guard let axis = node.op.place(ofAxis: scales.axis, self[input].shape, self[id].shape)
          else { return nil }
          held.scales?.axis = axis
        }
        switch node.op {
        case .transpose, .reshape: break
        default: return nil
        }
        let type = result[held.value].type
        held.value = add(
          node.op, [held.value], Fact(type, self[id].shape),
          named: "\(graph[id].name)@\(type.rawValue)")
        return held
      case .input, .constant: return nil
      }
    }

    /// The packed form of a weight, by a node of its own the first time; nil when it would be too
    /// large for a tensor.
    func packedWeight(of source: ValueID) -> ValueID? {
      if let known = packedWeights[source] { return known }
      guard (try? Op.packWeight.outputFacts([self[source]])) != nil else { return nil }
      var held = held(of: source) ?? HeldWeight(value: source)
      if let scales = held.scales, scales.axis != 0 { held = HeldWeight(value: source) }
      let op: Op = held.scales == nil ? .packWeight : .packScaledWeight
      let inputs = [held.value] + (held.scales.map { [$0.value] } ?? [])
      guard let fact = try? op.outputFacts(inputs.map { result[$0] }).first else { return nil }
      let output = add(op, inputs, fact, named: "\(graph[source].name)@packed")
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

/// What a weight's elements are stored as, when that is not what the graph calls them.
package struct StoredWeight: Sendable, Hashable {
  /// f16 or bf16; or i8, with scales.
  package var type: ElementType
  /// What elements are multiplied with to be what they stand for.
  package var scales: WeightScales?

  package init(_ type: ElementType, scales: WeightScales? = nil) {
    self.type = type
    self.scales = scales
  }
}

/// The scales of a weight in bytes, one for each index of an axis.
package struct WeightScales: Sendable, Hashable {
  /// The tensor they are in, f32.
  package var tensor: String
  /// The axis of the weight that they lie along.
  package var axis: Int

  package init(tensor: String, axis: Int) {
    self.tensor = tensor
    self.axis = axis
  }
}

/// A weight in the type it is stored in, perhaps moved.
private struct HeldWeight {
  var value: ValueID
  /// The value that has its scales, and the axis they lie along.
  var scales: (value: ValueID, axis: Int)?
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

extension Op {
  /// Where an axis is after a move of elements; nil where what lay along it is torn apart.
  fileprivate func place(ofAxis axis: Int, _ before: Shape, _ after: Shape) -> Int? {
    switch self {
    case .transpose(let permutation): return permutation.firstIndex(of: axis)
    case .reshape:
      // The axis stays where as many elements lie within each of its steps, and in all before it.
      let inner = before.dimensions[(axis + 1)...].reduce(1, *)
      return after.dimensions.indices.first { place in
        after[place] == before[axis]
          && after.dimensions[(place + 1)...].reduce(1, *) == inner
      }
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
