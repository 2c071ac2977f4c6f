import TensorBase

extension ShapedGraph {
  /// Lets moves of elements that cancel each other vanish: reshapes of reshapes, transpositions of
  /// transpositions, and what changes nothing. Wanted values (the graph's outputs) stay.
  ///
  /// Where weights are stored in half precision, so do the steps through it that such a model takes
  /// between all its ops: they were halved to save space, not to have every step rounded. A graph
  /// without such weights keeps each rounding it asks for.
  package func simplified() -> ShapedGraph {
    var result = self
    result.graph.nodes = []
    let isWanted = Set(graph.outputs)
    let isHalved = graph.values.contains { value in
      if case .weight(_, let fact) = value.origin {
        fact.type == .f16 || fact.type == .bf16
      } else {
        false
      }
    }
    /// The node that computes a value, as it stands in the result.
    var producers = [Node?](repeating: nil, count: graph.values.count)
    /// Values that are others under another name.
    var same: [ValueID: ValueID] = [:]

    for var node in graph.nodes {
      node.inputs = node.inputs.map { id in id.map { same[$0] ?? $0 } }
      shorten(&node, producers, isHalved)
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
  private func shorten(_ node: inout Node, _ producers: [Node?], _ isHalved: Bool) {
    asReshape(&node)
    throughMergedAxes(&node, producers)
    guard let input = node.inputs.first ?? nil, let before = producers[input.index],
      let source = before.inputs.first ?? nil
    else { return }
    switch (before.op, node.op) {
    case (.reshape, .reshape): node.inputs[0] = source
    case (.transpose(let first), .transpose(let second)):
      node.op = .transpose(second.map { first[$0] })
      node.inputs[0] = source
    case (.cast(.f16), .cast(.f32)), (.cast(.bf16), .cast(.f32)):
      guard isHalved, self[source].type == .f32 else { return }
      node.inputs[0] = source
    default: return
    }
    shorten(&node, producers, isHalved)
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

  /// A transposition of [a·b, …] between a reshape from [a, b, …] and one back, as of batch and
  /// heads, is one of [a, b, …] when it leaves the first axis alone.
  private func throughMergedAxes(_ node: inout Node, _ producers: [Node?]) {
    guard case .reshape = node.op, let output = node.outputs[0], let turned = node.inputs[0],
      let turn = producers[turned.index], case .transpose(let permutation) = turn.op,
      permutation.first == 0, let merged = turn.inputs[0], let merge = producers[merged.index],
      case .reshape = merge.op, let source = merge.inputs[0]
    else { return }
    let before = self[source].shape.dimensions, inner = self[merged].shape.dimensions
    let after = self[output].shape.dimensions
    let kept = before.count - inner.count + 1
    guard kept > 1, Array(before[kept...]) == Array(inner[1...]), after.count == before.count,
      Array(after[..<kept]) == Array(before[..<kept]),
      Array(after[kept...]) == permutation.dropFirst().map({ inner[$0] })
    else { return }
    node.op = .transpose(
      Array(0..<kept) + permutation.dropFirst().map { $0 + kept - 1 })
    node.inputs = [source]
  }

  private func isIdentity(_ node: Node) -> Bool {
    switch node.op {
    case .reshape, .cast:
      guard let input = node.inputs[0], let output = node.outputs[0] else { return false }
      return self[input] == self[output]
    case .binary(let function):
      // By one, or nothing, as exporters write for factors that are not there.
      guard let input = node.inputs[0], let output = node.outputs[0], let operand = node.inputs[1],
        self[input] == self[output], case .constant(let tensor) = graph[operand].origin,
        tensor.shape.count == 1, let number = tensor.doubles.first
      else { return false }
      switch function {
      case .multiply, .divide, .power: return number == 1
      case .subtract: return number == 0 && number.sign == .plus
      case .add, .minimum, .maximum: return false
      }
    default: return false
    }
  }
}
