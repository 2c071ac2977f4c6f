import TensorBase

extension ShapedGraph {
  /// Draws factors, activations, residual additions and per-channel vectors into the node that
  /// computes their operand, where nothing else reads that operand. Wanted values (the graph's outputs)
  /// stay.
  package func fused() -> ShapedGraph { scalesFolded().addendsFused() }

  private func addendsFused() -> ShapedGraph {
    var result = self
    var producers = graph.producers
    let useCounts = graph.useCounts
    var isGone = [Bool](repeating: false, count: graph.nodes.count)

    /// The node that computes `id`, when it is the only output and only `reader` reads it.
    func soleProducer(of id: ValueID?) -> Int? {
      guard let id, useCounts[id.index] == 1, let producer = producers[id.index],
        result.graph.nodes[producer].outputs.count == 1
      else { return nil }
      return producer
    }

    /// Lets `producer` stand at the place of `reader`, computing its output.
    func absorb(_ producer: Int, into reader: Int, _ node: Node) {
      var node = node
      node.outputs = result.graph.nodes[reader].outputs
      result.graph.nodes[reader] = node
      isGone[producer] = true
      if case let output? = node.outputs[0] { producers[output.index] = reader }
    }

    for index in graph.nodes.indices {
      let node = result.graph.nodes[index]
      switch node.op {
      case .unary(let function):
        if let producer = soleProducer(of: node.inputs[0]),
          let fused = result.graph.nodes[producer].applying(function)
        {
          absorb(producer, into: index, fused)
        }
      case .binary(.add):
        // The later of the two operands takes the other in: then all its inputs are computed.
        let candidates = [0, 1]
          .compactMap { operand in soleProducer(of: node.inputs[operand]).map { ($0, operand) } }
          .sorted { $0.0 > $1.0 }
        for (producer, operand) in candidates {
          guard let other = node.inputs[1 - operand],
            let fused = result.adding(other, to: result.graph.nodes[producer])
          else { continue }
          absorb(producer, into: index, fused)
          break
        }
      default: break
      }
    }
    result.graph.nodes = zip(result.graph.nodes, isGone).filter { !$1 }.map { $0.0 }
    return result.pruned(to: result.graph.outputs)
  }

  /// `node` with the addition of `other` drawn in, or nil when it has no place for it.
  private func adding(_ other: ValueID, to node: Node) -> Node? {
    guard let output = node.outputs[0] else { return nil }
    var node = node
    switch node.op {
    case .convolution(let attributes) where attributes.activation == nil:
      if self[other] == self[output], node.input(4) == nil {
        node.setInput(4, other)
        return node
      }
      if node.input(3) == nil, node.input(4) == nil, let vector = channelVector(other, of: output) {
        node.setInput(3, vector)
        return node
      }
      return nil
    case .linear(nil, _):
      if node.input(2) == nil, node.input(3) == nil,
        self[other] == Fact(.f32, [self[output].shape[-1]])
      {
        node.setInput(2, other)
        return node
      }
      guard self[other] == self[output], node.input(3) == nil else { return nil }
      node.setInput(3, other)
      return node
    default: return nil
    }
  }

  /// The [N, C] value behind `id` when `id` is that value seen as [N, C, 1, 1] and `image` has
  /// C channels.
  private func channelVector(_ id: ValueID, of image: ValueID) -> ValueID? {
    let shape = self[id].shape
    guard shape.rank == 4, shape[2] == 1, shape[3] == 1, shape[1] == self[image].shape[1],
      shape[0] == self[image].shape[0] || shape[0] == 1,
      let producer = graph.nodes.first(where: { $0.outputs.contains(id) }),
      case .reshape = producer.op, let vector = producer.inputs[0],
      self[vector].shape == [shape[0], shape[1]]
    else { return nil }
    return vector
  }
}

extension Node {
  /// The input at `index`, nil when absent or not listed.
  package func input(_ index: Int) -> ValueID? {
    inputs.indices.contains(index) ? inputs[index] : nil
  }

  fileprivate mutating func setInput(_ index: Int, _ id: ValueID) {
    while inputs.count <= index { inputs.append(nil) }
    inputs[index] = id
  }

  /// This node with an activation behind it, or nil when it has no place for one.
  fileprivate func applying(_ function: Unary) -> Node? {
    guard function.isActivation else { return nil }
    var node = self
    switch op {
    case .convolution(var attributes) where attributes.activation == nil:
      attributes.activation = function
      node.op = .convolution(attributes)
      return node
    case .linear(nil, let packed):
      node.op = .linear(activation: function, packed: packed)
      return node
    case .groupNorm(var attributes) where attributes.activation == nil:
      attributes.activation = function
      node.op = .groupNorm(attributes)
      return node
    case .imaging(.channelAffine(var affine)) where affine.activation == nil:
      affine.activation = function
      node.op = .imaging(.channelAffine(affine))
      return node
    default: return nil
    }
  }
}

extension Unary {
  /// Whether kernels can apply the function as they write their result.
  package var isActivation: Bool {
    switch self {
    case .sigmoid, .silu, .relu, .tanh, .gelu, .geluTanh, .quickGelu: true
    case .exp, .log, .sqrt, .reciprocal, .negate, .absolute, .sine, .cosine: false
    }
  }
}
