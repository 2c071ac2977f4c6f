import TensorBase

extension ShapedGraph {
  /// Lets a linear with a packed weight multiply the halves of its result itself, where `gated` alone
  /// reads it and the halves are whole panels: the largest value of a feed-forward layer is then
  /// never in memory.
  package func gatesDrawnIn() -> ShapedGraph {
    var result = self
    let (producers, useCounts) = (graph.producers, graph.useCounts)
    for (index, node) in graph.nodes.enumerated() {
      guard case .gated(let function) = node.op, let whole = node.inputs[0],
        useCounts[whole.index] == 1, let producer = producers[whole.index],
        case .linear(activation: nil, packed: let packed?) = graph.nodes[producer].op,
        graph.nodes[producer].input(3) == nil,
        packed.outputs % (2 * PackedWeight.panel) == 0
      else { continue }
      result.graph.nodes[index].op = .gatedLinear(function, packed: packed)
      result.graph.nodes[index].inputs = Array(graph.nodes[producer].inputs.prefix(3))
    }
    return result.pruned(to: graph.outputs)
  }
}
