import TensorBase

/// What shaping borrows from stages that GraphIR does not know.
package struct ShapingTools: Sendable {
  /// Writes what a call means; gives the values of its outputs.
  package var expand: @Sendable (inout Expansion) throws(ExpansionFault) -> [ValueID?]
  /// Runs one op on tensors; the facts are those of its outputs, nil for a dynamic op. Without it
  /// nothing is folded.
  package var evaluate: Evaluation?

  package typealias Evaluation =
    @Sendable (Op, [Tensor?], [Fact]?) throws(ExpansionFault) -> [Tensor]

  package init(
    expand: @escaping @Sendable (inout Expansion) throws(ExpansionFault) -> [ValueID?],
    evaluate: Evaluation?
  ) {
    self.expand = expand
    self.evaluate = evaluate
  }

  /// For graphs without calls.
  package static let none = ShapingTools(
    expand: { expansion throws(ExpansionFault) in
      throw .unsupported("nothing here knows the operator")
    }, evaluate: nil)
}

/// How far a graph could be shaped.
package enum Shaping: Sendable {
  case complete(ShapedGraph)
  /// Elements have to be known that are not.
  case partial(PartialShaping)
}

/// A graph that could be shaped in part: the first nodes can run now, the rest once their results
/// are there.
package struct PartialShaping: Sendable {
  /// What can run: its outputs are values that the rest needs.
  package let ready: ShapedGraph
  /// What is left. Values that `ready` computes are inputs here, under the same names.
  package let rest: Graph
  /// A node that waits for elements, and the value they belong to; for people.
  package let waiting: (node: String, value: String)
}

extension ShapedGraph {
  /// Fixes the shapes of the inputs and derives all others.
  ///
  /// - Parameters:
  ///   - graph: validated.
  ///   - inputs: a shape for every graph input, by name.
  ///   - tapTokens: the keys whose probabilities attention nodes of the kind `.cross` put out;
  ///     nil for all.
  /// - Throws: `GraphError.needsElements` when a shape depends on elements of the inputs.
  package init(
    _ graph: Graph, inputs: [String: Shape], tapTokens: [Int]? = nil, tools: ShapingTools = .none
  ) throws(GraphError) {
    var graph = graph
    if let tapTokens { graph.selectTapTokens(tapTokens) }
    switch try shape(graph, inputs: inputs, tools: tools) {
    case .complete(let shaped): self = shaped
    case .partial(let partial):
      throw .needsElements(
        graph: graph.name, node: partial.waiting.node, value: partial.waiting.value)
    }
  }
}

/// Shapes a graph as far as shapes, constants and the known inputs allow.
///
/// - Parameters:
///   - graph: validated.
///   - inputs: a shape for every graph input, by name.
///   - known: elements of graph inputs that shapes may depend on, by name.
package func shape(
  _ graph: Graph, inputs: [String: Shape], known: [String: Tensor] = [:], tools: ShapingTools
) throws(GraphError) -> Shaping {
  var shaper = Shaper(graph, tools)
  try shaper.bind(inputs, known)
  return try shaper.run(graph.nodes)
}

/// What one choice of input shapes tells of a graph's values; by value, nil where it tells nothing.
package struct Survey: Sendable {
  package let facts: [Fact?]
  /// Elements that do not depend on those of the inputs, where they were worked out.
  package let known: [Tensor?]
  /// Whether all of the graph could be shaped.
  package let isComplete: Bool

  package func fact(_ id: ValueID) -> Fact? { facts[id.index] }
  package func elements(_ id: ValueID) -> Tensor? { known[id.index] }
}

/// Shapes a graph for what can be learned from it.
///
/// - Parameters:
///   - inputs: a shape for every graph input, by name.
///   - known: elements of graph inputs that shapes may depend on, by name.
package func survey(
  _ graph: Graph, inputs: [String: Shape], known: [String: Tensor] = [:], tools: ShapingTools
) throws(GraphError) -> Survey {
  var shaper = Shaper(graph, tools)
  try shaper.bind(inputs, known)
  return try shaper.survey(graph.nodes)
}

/// The one walk over a graph's nodes that fixes facts, expands calls and folds what is known.
private struct Shaper {
  /// The graph in the making: the source's values keep their places, its nodes come one by one.
  private var workshop: Workshop
  private let source: Graph
  private let tools: ShapingTools
  /// Nodes whose facts cannot be had yet.
  private var blocked: [Node] = []
  private var isBlocked = Set<ValueID>()
  private var needed: [(node: String, value: ValueID)] = []

  init(_ source: Graph, _ tools: ShapingTools) {
    self.source = source
    self.tools = tools
    workshop = Workshop(source, tools)
  }

  /// Checks the given shapes against the graph's inputs and notes them.
  mutating func bind(_ shapes: [String: Shape], _ known: [String: Tensor]) throws(GraphError) {
    let names = source.inputs.map { source[$0.value].name }
    for name in shapes.keys.sorted() where !names.contains(name) {
      throw .unknownInput(graph: source.name, name: name, known: names)
    }
    var sizes: [String: Int] = [:]
    for (input, name) in zip(source.inputs, names) {
      guard let shape = shapes[name] else {
        throw .missingInput(graph: source.name, name: name)
      }
      if let dimensions = input.dimensions {
        try source.check(shape, of: name, against: dimensions, &sizes)
      }
      workshop.bind(input.value, Fact(input.type, shape), known[name])
    }
  }

  mutating func run(_ nodes: [Node]) throws(GraphError) -> Shaping {
    try walk(nodes)
    return blocked.isEmpty ? .complete(try finished()) : .partial(try cut())
  }

  mutating func survey(_ nodes: [Node]) throws(GraphError) -> Survey {
    try walk(nodes)
    let ids = source.values.indices.map { ValueID($0) }
    return Survey(
      facts: ids.map { workshop.facts[$0.index] }, known: ids.map { workshop.elements(of: $0) },
      isComplete: blocked.isEmpty)
  }

  private mutating func walk(_ nodes: [Node]) throws(GraphError) {
    // Nodes of a branch stand before the rest of what its node stood before.
    var queue = Array(nodes.reversed())
    while let node = queue.popLast() {
      if node.inputs.contains(where: { $0.map(isBlocked.contains) ?? false }) {
        block(node)
        continue
      }
      if case .call(let call) = node.op {
        queue += try expand(call, node).reversed()
      } else {
        try add(node)
      }
    }
  }

  /// An op of ours.
  private mutating func add(_ node: Node) throws(GraphError) {
    do throws(ExpansionFault) {
      try workshop.append(node)
    } catch {
      try settle(error, node)
    }
  }

  /// Expands a call; gives nodes that are still to be shaped.
  private mutating func expand(_ call: OperatorCall, _ node: Node) throws(GraphError) -> [Node] {
    let start = workshop.mark
    var expansion = Expansion(call, node, Workshop.empty)
    swap(&expansion.workshop, &workshop)
    var results: [ValueID?] = []
    var fault: ExpansionFault?
    do throws(ExpansionFault) { results = try tools.expand(&expansion) } catch { fault = error }
    swap(&expansion.workshop, &workshop)
    do throws(ExpansionFault) {
      if let fault { throw fault }
      if !expansion.isSpliced { try workshop.deliver(results, to: node, since: start) }
    } catch {
      let fault = workshop.traced(error, since: start)
      workshop.rollBack(to: start)
      try settle(fault, node)
      return []
    }
    return expansion.spliced
  }

  /// Keeps a node for later when it only lacks elements.
  private mutating func settle(_ fault: ExpansionFault, _ node: Node) throws(GraphError) {
    switch fault {
    case .needsElements(let ids):
      for id in ids { needed.append((node.name, id)) }
      block(node)
    case .needsRun:
      for case let output? in node.outputs.prefix(1) { needed.append((node.name, output)) }
      block(node)
    case .misfit(let reason), .unsupported(let reason):
      throw .misfit(graph: source.name, node: node.name, op: node.op.name, reason: reason)
    }
  }

  private mutating func block(_ node: Node) {
    blocked.append(node)
    for case let output? in node.outputs { isBlocked.insert(output) }
  }

  private func finished() throws(GraphError) -> ShapedGraph {
    var graph = workshop.graph
    graph.inputs = source.inputs
    graph.outputs = source.outputs
    // Values that expansions made and dropped again have no facts, and nobody reads them.
    let shaped = ShapedGraph(graph: graph, facts: workshop.facts.map { $0 ?? Fact(.f32, [0]) })
    for id in graph.outputs where workshop.facts[id.index] == nil {
      throw .notComputed(graph: source.name, value: source[id].name)
    }
    return shaped
  }

  /// Cuts the graph where elements are missing.
  private func cut() throws(GraphError) -> PartialShaping {
    var frontier: [ValueID] = []
    var seen = Set<ValueID>()
    func cross(_ id: ValueID, withWeights: Bool = false) {
      switch workshop.graph[id].origin {
      case .input, .constant: return
      case .weight: if !withWeights { return }
      case .node: if isBlocked.contains(id) { return }
      }
      if seen.insert(id).inserted { frontier.append(id) }
    }
    for (_, id) in needed { cross(id, withWeights: true) }
    for node in blocked {
      for case let input? in node.inputs { cross(input) }
    }
    for id in source.outputs { cross(id) }

    var graph = workshop.graph
    graph.inputs = source.inputs
    graph.outputs = frontier
    let ready = ShapedGraph(graph: graph, facts: workshop.facts.map { $0 ?? Fact(.f32, [0]) })
    var rest = graph
    rest.nodes = blocked
    rest.outputs = source.outputs
    for id in frontier {
      guard let fact = workshop.facts[id.index] else {
        throw .notComputed(graph: source.name, value: graph[id].name)
      }
      rest.values[id.index].origin = .input
      rest.inputs.append(
        GraphInput(
          value: id, type: fact.type, dimensions: fact.shape.dimensions.map { .size($0) }))
    }
    return PartialShaping(
      ready: ready.pruned(to: frontier), rest: rest,
      waiting: (needed[0].node, workshop.graph[needed[0].value].name))
  }
}

extension Graph {
  fileprivate func check(
    _ shape: Shape, of name: String, against dimensions: [Dimension], _ sizes: inout [String: Int]
  ) throws(GraphError) {
    var fits = shape.rank == dimensions.count
    for (size, dimension) in zip(shape.dimensions, dimensions) where fits {
      switch dimension {
      case .size(let expected): fits = size == expected
      case .symbol(let symbol):
        fits = sizes[symbol].map { $0 == size } ?? (size > 0)
        sizes[symbol] = sizes[symbol] ?? size
      }
    }
    guard fits else {
      let expected = dimensions.map { dimension in
        guard case .symbol(let symbol) = dimension, let size = sizes[symbol] else {
          return dimension.description
        }
        return "\(symbol)=\(size)"
      }
      throw .inputShape(
        graph: self.name, name: name, given: shape,
        expected: "[" + expected.joined(separator: ", ") + "]")
    }
  }
}
