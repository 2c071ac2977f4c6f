import TensorBase

extension ShapedGraph {
  /// Lets elementwise nodes run before a reshape instead of behind it, so that they stand beside
  /// what they can be drawn into, and reshapes beside those that undo them: a convolution over one
  /// axis is one over two between reshapes.
  package func reshapesSunk() -> ShapedGraph {
    var result = self
    result.graph.nodes = []
    var taken = Set(graph.values.map(\.name))
    let useCounts = graph.useCounts
    /// Where what a reshape gives comes from, by the reshape's output.
    var sources: [ValueID: ValueID] = [:]

    /// The value behind a reshape whose result nothing else reads.
    func source(of id: ValueID) -> ValueID? { useCounts[id.index] == 1 ? sources[id] : nil }

    /// The operands before their reshapes, when these all start from one shape, and that shape.
    func unreshaped(_ node: Node) -> (inputs: [ValueID], shape: Shape)? {
      guard let output = node.outputs[0], node.outputs.count == 1 else { return nil }
      var inputs: [ValueID] = []
      var shape: Shape?
      for input in node.inputs {
        guard let input else { return nil }
        if self[input].shape.count == 1, self[output].shape.count != 1 {
          // One number for all: it fits any shape of as many axes.
          inputs.append(input)
          continue
        }
        guard let source = source(of: input), self[input].shape == self[output].shape,
          shape == nil || shape == result[source].shape
        else { return nil }
        shape = result[source].shape
        inputs.append(source)
      }
      guard let shape, inputs.allSatisfy({ result[$0].shape.rank <= shape.rank }) else {
        return nil
      }
      return (inputs, shape)
    }

    for node in graph.nodes {
      switch node.op {
      case .reshape:
        if let input = node.inputs[0], let output = node.outputs[0] { sources[output] = input }
        result.graph.nodes.append(node)
      case .unary, .clamp, .binary, .arithmetic(.map), .arithmetic(.pair):
        guard let output = node.outputs[0], let (inputs, shape) = unreshaped(node) else {
          result.graph.nodes.append(node)
          continue
        }
        let early = result.graph.addValue(named: "\(graph[output].name)@early", taken: &taken)
        result.facts.append(Fact(self[output].type, shape))
        result.graph.nodes.append(
          Node(name: node.name, op: node.op, inputs: inputs, outputs: [early]))
        result.graph.nodes.append(
          Node(
            name: node.name, op: .reshape(self[output].shape.dimensions.map { .size($0) }),
            inputs: [early], outputs: [output]))
        sources[output] = early
      default: result.graph.nodes.append(node)
      }
    }
    return result.pruned(to: graph.outputs)
  }
}
