extension Graph {
  /// The part of the graph that the wanted values need, and nothing else: nodes, weights and
  /// inputs that no wanted value depends on are gone, and so are outputs nobody takes.
  ///
  /// - Parameter wanted: become the graph's outputs, in this order.
  package func pruned(to wanted: [ValueID]) -> Graph { pruning(to: wanted).graph }

  /// The graph without the nodes that no output depends on. Unlike pruning it keeps all inputs,
  /// and all outputs of the nodes that stay.
  package func removingDeadNodes() -> Graph {
    var isLive = [Bool](repeating: false, count: values.count)
    for id in outputs { isLive[id.index] = true }
    for input in inputs { isLive[input.value.index] = true }
    var live: [Node] = []
    for node in nodes.reversed() {
      guard node.outputs.contains(where: { $0.map { isLive[$0.index] } ?? false }) else { continue }
      for case let id? in node.inputs + node.outputs { isLive[id.index] = true }
      live.append(node)
    }
    return keeping(isLive, nodes: live.reversed(), outputs: outputs).graph
  }

  /// The pruned graph and which values it kept, by their old places.
  fileprivate func pruning(to wanted: [ValueID]) -> (graph: Graph, kept: [Int]) {
    var isNeeded = [Bool](repeating: false, count: values.count)
    for id in wanted { isNeeded[id.index] = true }
    var needed: [Node] = []
    for whole in nodes.reversed() {
      var node = whole
      node.outputs = node.outputs.map { id in id.flatMap { isNeeded[$0.index] ? $0 : nil } }
      guard node.outputs.contains(where: { $0 != nil }) else { continue }
      // A kernel always has somewhere to write its first output.
      if node.outputs[0] == nil, let first = whole.outputs[0] {
        node.outputs[0] = first
        isNeeded[first.index] = true
      }
      for case let input? in node.inputs { isNeeded[input.index] = true }
      needed.append(node)
    }
    needed.reverse()
    return keeping(isNeeded, nodes: needed, outputs: wanted)
  }

  /// The graph with these values and nodes only, and which values these were, by their old places.
  private func keeping(
    _ isKept: [Bool], nodes: [Node], outputs: [ValueID]
  ) -> (graph: Graph, kept: [Int]) {
    let kept = values.indices.filter { isKept[$0] }
    var places = [ValueID?](repeating: nil, count: values.count)
    for (place, index) in kept.enumerated() { places[index] = ValueID(place) }
    func moved(_ id: ValueID?) -> ValueID? { id.flatMap { places[$0.index] } }
    let graph = Graph(
      name: name, values: kept.map { values[$0] },
      inputs: inputs.compactMap { input in
        moved(input.value).map {
          GraphInput(value: $0, type: input.type, dimensions: input.dimensions)
        }
      },
      outputs: outputs.compactMap(moved),
      nodes: nodes.map { node in
        Node(
          name: node.name, op: node.op, inputs: node.inputs.map(moved),
          outputs: node.outputs.map(moved))
      })
    return (graph, kept)
  }
}

extension ShapedGraph {
  /// `Graph.pruned(to:)` with the facts of what is left.
  package func pruned(to wanted: [ValueID]) -> ShapedGraph {
    let (graph, kept) = graph.pruning(to: wanted)
    return ShapedGraph(graph: graph, facts: kept.map { facts[$0] })
  }
}
