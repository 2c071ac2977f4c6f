import TensorBase

/// A graph in two: what depends only on fixed inputs, and the rest, which takes the former's
/// outputs as inputs of its own.
package struct SplitGraph: Sendable {
  /// Its outputs are the values the varying part needs.
  package let fixed: ShapedGraph
  /// Has the graph's outputs. Values computed by `fixed` are inputs here, under the same names.
  package let varying: ShapedGraph
}

extension ShapedGraph {
  /// Separates what can be computed once from what changes from run to run.
  ///
  /// With no fixed inputs the fixed part holds what depends on weights and constants alone
  /// (transposed weights); with `encoder_hidden_states` it holds a UNet's text keys and values.
  /// An output of the graph that depends on nothing varying becomes an input and output of the
  /// varying part at once.
  ///
  /// - Parameter fixedInputs: names of graph inputs; unknown names count for nothing.
  package func split(fixedInputs: Set<String>) -> SplitGraph {
    var isFixed = graph.values.map { value in
      switch value.origin {
      case .weight, .constant: true
      case .input: fixedInputs.contains(value.name)
      case .node: false
      }
    }
    var fixedNodes: [Node] = []
    var varyingNodes: [Node] = []
    for node in graph.nodes {
      if node.inputs.allSatisfy({ $0.map { isFixed[$0.index] } ?? true }) {
        for case let output? in node.outputs { isFixed[output.index] = true }
        fixedNodes.append(node)
      } else {
        varyingNodes.append(node)
      }
    }

    // The frontier: node outputs on the fixed side that the varying side or the caller takes.
    var frontier: [ValueID] = []
    var isFrontier = [Bool](repeating: false, count: graph.values.count)
    func cross(_ id: ValueID) {
      guard isFixed[id.index], graph[id].origin == .node, !isFrontier[id.index] else { return }
      isFrontier[id.index] = true
      frontier.append(id)
    }
    for node in varyingNodes {
      for case let input? in node.inputs { cross(input) }
    }
    for output in graph.outputs { cross(output) }

    var fixed = self
    fixed.graph.nodes = fixedNodes
    var varying = self
    varying.graph.nodes = varyingNodes
    for id in frontier {
      varying.graph.values[id.index].origin = .input
      varying.graph.inputs.append(
        GraphInput(
          value: id, type: self[id].type, dimensions: self[id].shape.dimensions.map { .size($0) }))
    }
    return SplitGraph(
      fixed: fixed.pruned(to: frontier), varying: varying.pruned(to: graph.outputs))
  }
}
