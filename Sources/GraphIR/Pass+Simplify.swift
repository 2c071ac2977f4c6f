import TensorBase

extension ShapedGraph {
  /// Lets moves of elements that cancel each other vanish: reshapes of reshapes, transpositions of
  /// transpositions, and what changes nothing; also steps through a narrower float on the way from
  /// f32 to f32, as half precision models take between all their ops, since nothing is computed
  /// in it. Wanted values (the graph's outputs) stay.
  package func simplified() -> ShapedGraph {
    var result = self
    result.graph.nodes = []
    let isWanted = Set(graph.outputs)
    /// The node that computes a value, as it stands in the result.
    var producers = [Node?](repeating: nil, count: graph.values.count)
    /// Values that are others under another name.
    var same: [ValueID: ValueID] = [:]

    for var node in graph.nodes {
      node.inputs = node.inputs.map { id in id.map { same[$0] ?? $0 } }
      shorten(&node, producers)
      if let output = node.outputs[0], let input = node.inputs.first ?? nil,
        isIdentity(node), !isWanted.contains(output)
      {
        same[output] = input
        continue
      }
      for case let output? in node.outputs { producers[output.index] = node }
      result.graph.nodes.append(node)
    }
    return result.pruned(to: graph.outputs)
  }

  /// Lets a move start from what an earlier move of the same kind started from.
  private func shorten(_ node: inout Node, _ producers: [Node?]) {
    asReshape(&node)
    guard let input = node.inputs.first ?? nil, let before = producers[input.index],
      let source = before.inputs.first ?? nil
    else { return }
    switch (before.op, node.op) {
    case (.reshape, .reshape): node.inputs[0] = source
    case (.transpose(let first), .transpose(let second)):
      node.op = .transpose(second.map { first[$0] })
      node.inputs[0] = source
    case (.cast(.f16), .cast(.f32)), (.cast(.bf16), .cast(.f32)):
      guard self[source].type == .f32 else { return }
      node.inputs[0] = source
    default: return
    }
    shorten(&node, producers)
  }

  /// A transposition that only moves axes of one entry is a reshape, which costs nothing.
  private func asReshape(_ node: inout Node) {
    guard case .transpose(let permutation) = node.op, let input = node.inputs[0],
      let output = node.outputs[0]
    else { return }
    let long = permutation.filter { self[input].shape[$0] != 1 }
    guard long == long.sorted() else { return }
    node.op = .reshape(self[output].shape.dimensions.map { .size($0) })
  }

  private func isIdentity(_ node: Node) -> Bool {
    switch node.op {
    case .reshape, .cast:
      guard let input = node.inputs[0], let output = node.outputs[0] else { return false }
      return self[input] == self[output]
    default: return false
    }
  }
}
