import TensorBase

/// A graph whose every value has a known type and shape: what the passes rewrite and the planner
/// reads. Shapes written as "like another value" have become numbers.
package struct ShapedGraph: Sendable {
  package var graph: Graph
  /// By value; as many as `graph.values`.
  package var facts: [Fact]

  package subscript(id: ValueID) -> Fact { facts[id.index] }

  package init(graph: Graph, facts: [Fact]) {
    precondition(graph.values.count == facts.count)
    self.graph = graph
    self.facts = facts
  }

  /// Fixes the shapes of the inputs and derives all others.
  ///
  /// - Parameters:
  ///   - graph: validated.
  ///   - inputs: a shape for every graph input, by name.
  ///   - tapTokens: the keys whose probabilities attention nodes of the kind `.cross` put out;
  ///     nil for all.
  package init(
    _ graph: Graph, inputs: [String: Shape], tapTokens: [Int]? = nil
  ) throws(GraphError) {
    var graph = graph
    if let tapTokens { graph.selectTapTokens(tapTokens) }
    var facts = [Fact?](repeating: nil, count: graph.values.count)
    for (index, value) in graph.values.enumerated() {
      switch value.origin {
      case .weight(_, let fact): facts[index] = fact
      case .constant(let tensor): facts[index] = Fact(tensor.type, tensor.shape)
      case .input, .node: break
      }
    }
    try bind(graph, inputs, &facts)
    for index in graph.nodes.indices {
      var node = graph.nodes[index]
      let inputs = node.inputs.map { id in id.flatMap { facts[$0.index] } }
      do {
        let outputs = try node.op.outputFacts(inputs)
        for (id, fact) in zip(node.outputs, outputs) {
          if let id { facts[id.index] = fact }
        }
        resolve(&node, inputs, outputs)
      } catch {
        throw .misfit(
          graph: graph.name, node: node.name, op: node.op.name, reason: error.reason)
      }
      graph.nodes[index] = node
    }
    self.graph = graph
    self.facts = try facts.enumerated().map { (index, fact) throws(GraphError) in
      guard let fact else {
        throw .notComputed(graph: graph.name, value: graph.values[index].name)
      }
      return fact
    }
  }
}

/// Checks the given shapes against the graph's inputs and notes them.
private func bind(
  _ graph: Graph, _ shapes: [String: Shape], _ facts: inout [Fact?]
) throws(GraphError) {
  let known = graph.inputs.map { graph[$0.value].name }
  for name in shapes.keys.sorted() where !known.contains(name) {
    throw .unknownInput(graph: graph.name, name: name, known: known)
  }
  var sizes: [String: Int] = [:]
  for input in graph.inputs {
    let name = graph[input.value].name
    guard let shape = shapes[name] else {
      throw .missingInput(graph: graph.name, name: name)
    }
    var fits = shape.rank == input.dimensions.count
    for (size, dimension) in zip(shape.dimensions, input.dimensions) where fits {
      switch dimension {
      case .size(let expected): fits = size == expected
      case .symbol(let symbol):
        fits = sizes[symbol].map { $0 == size } ?? (size > 0)
        sizes[symbol] = sizes[symbol] ?? size
      }
    }
    guard fits else {
      let expected = input.dimensions.map { dimension in
        guard case .symbol(let symbol) = dimension, let size = sizes[symbol] else {
          return dimension.description
        }
        return "\(symbol)=\(size)"
      }
      throw .inputShape(
        graph: graph.name, name: name, given: shape,
        expected: "[" + expected.joined(separator: ", ") + "]")
    }
    facts[input.value.index] = Fact(input.type, shape)
  }
}

/// Replaces what refers to another value's shape by numbers, and drops that input.
private func resolve(_ node: inout Node, _ inputs: [Fact?], _ outputs: [Fact]) {
  switch node.op {
  case .reshape:
    node.op = .reshape(outputs[0].shape.dimensions.map { .size($0) })
    node.inputs = [node.inputs[0]]
  case .prefix(let axis, _):
    node.op = .slice(Slice(axis: axis, start: 0, end: outputs[0].shape[axis]))
    node.inputs = [node.inputs[0]]
  case .slice(var slice):
    // From here on a slice starts where it says, counted from the front.
    guard let x = inputs[0] else { break }
    let bounds = slice.bounds(count: x.shape[slice.axis])
    (slice.start, slice.end) = (bounds.lowerBound, bounds.upperBound)
    node.op = .slice(slice)
  case .upsampleNearest(let attributes):
    // An exact multiple needs no second input; any other size keeps the nearest rule through it.
    guard node.inputs.count == 2, let x = inputs[0] else { break }
    let axes = attributes.layout == .channelsFirst ? [2, 3] : [1, 2]
    let scale = outputs[0].shape[axes[0]] / max(x.shape[axes[0]], 1)
    if axes.allSatisfy({ outputs[0].shape[$0] == x.shape[$0] * scale }) {
      node.op = .upsampleNearest(UpsampleNearest(scale: scale, layout: attributes.layout))
      node.inputs = [node.inputs[0]]
    }
  case .unary, .binary, .clamp, .select, .convolution, .linear, .packWeight, .matMul, .attention,
    .groupNorm, .layerNorm, .softmax, .gated, .gather, .transpose, .concat, .pad, .cast,
    .reduce:
    break
  }
}
