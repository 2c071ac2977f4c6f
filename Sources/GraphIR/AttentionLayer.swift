/// An attention node of a graph, and where its keys come from.
package struct AttentionLayer: Hashable, Sendable {
  package enum Kind: String, Sendable {
    /// The keys come from another graph input than the queries.
    case cross
    /// Queries and keys come from the same graph inputs.
    case `self`
  }

  /// The module path of the layer.
  package let name: String
  package let kind: Kind
  /// The node's place in `Graph.nodes`.
  package let node: Int
  package let attributes: Attention
  package let query: ValueID
  package let key: ValueID
  /// The tap: [batch, tokens, queries], mean over the heads; nil when it was pruned.
  package let probabilities: ValueID?
}

extension Graph {
  /// The attention nodes in the order in which they run, told apart by dataflow: a layer is
  /// `.cross` when the graph inputs its keys depend on are not those its queries depend on.
  package var attentionLayers: [AttentionLayer] {
    let sources = inputSources
    var layers: [AttentionLayer] = []
    for (index, node) in nodes.enumerated() {
      guard case .attention(let attributes) = node.op, let query = node.inputs[0],
        let key = node.inputs[1]
      else { continue }
      layers.append(
        AttentionLayer(
          name: node.name,
          kind: sources[query.index] == sources[key.index] ? .self : .cross, node: index,
          attributes: attributes, query: query, key: key, probabilities: node.outputs[1]))
    }
    return layers
  }

  /// For each value the graph inputs (by place in `inputs`) whose elements it depends on.
  package var inputSources: [Set<Int>] {
    var sources = [Set<Int>](repeating: [], count: values.count)
    for (index, input) in inputs.enumerated() { sources[input.value.index] = [index] }
    for node in nodes {
      if !node.op.readsElements { continue }
      let union = node.inputs.reduce(into: Set<Int>()) { union, id in
        if let id { union.formUnion(sources[id.index]) }
      }
      for case let output? in node.outputs { sources[output.index] = union }
    }
    return sources
  }

  /// Makes every cross-attention node put out the probabilities of these keys only.
  package mutating func selectTapTokens(_ tokens: [Int]) {
    for layer in attentionLayers where layer.kind == .cross {
      var attributes = layer.attributes
      attributes.tokens = tokens
      nodes[layer.node].op = .attention(attributes)
    }
  }
}

extension Op {
  /// Whether the result depends on more than the shapes of the inputs.
  fileprivate var readsElements: Bool {
    if case .call(let call) = self, call.domain.isEmpty {
      return call.name != "Shape" && call.name != "Size"
    }
    return true
  }
}
