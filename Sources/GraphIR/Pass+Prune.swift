extension ShapedGraph {
  /// The part of the graph that the wanted values need, and nothing else: nodes, weights and
  /// inputs that no wanted value depends on are gone, and so are outputs nobody takes.
  ///
  /// - Parameter wanted: become the graph's outputs, in this order.
  package func pruned(to wanted: [ValueID]) -> ShapedGraph {
    var isNeeded = [Bool](repeating: false, count: graph.values.count)
    for id in wanted { isNeeded[id.index] = true }
    var nodes: [Node] = []
    for var node in graph.nodes.reversed() {
      node.outputs = node.outputs.map { id in id.flatMap { isNeeded[$0.index] ? $0 : nil } }
      guard node.outputs.contains(where: { $0 != nil }) else { continue }
      for case let input? in node.inputs { isNeeded[input.index] = true }
      nodes.append(node)
    }
    nodes.reverse()
    return renumbered(keeping: isNeeded, nodes: nodes, outputs: wanted)
  }

  /// Drops the values not kept and renumbers the rest. An attention node keeps a place for each
  /// output that is gone.
  private func renumbered(
    keeping isNeeded: [Bool], nodes: [Node], outputs: [ValueID]
  ) -> ShapedGraph {
    var places = [ValueID?](repeating: nil, count: graph.values.count)
    var values: [Value] = []
    var facts: [Fact] = []
    for index in graph.values.indices where isNeeded[index] {
      places[index] = ValueID(values.count)
      values.append(graph.values[index])
      facts.append(self.facts[index])
    }
    func moved(_ id: ValueID?) -> ValueID? { id.flatMap { places[$0.index] } }
    return ShapedGraph(
      graph: Graph(
        name: graph.name, values: values,
        inputs: graph.inputs.compactMap { input in
          moved(input.value).map {
            GraphInput(value: $0, type: input.type, dimensions: input.dimensions)
          }
        },
        outputs: outputs.compactMap(moved),
        nodes: nodes.map { node in
          Node(
            name: node.name, op: node.op, inputs: node.inputs.map(moved),
            outputs: node.outputs.map(moved))
        }),
      facts: facts)
  }
}
