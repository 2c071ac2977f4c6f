import TensorBase

/// A graph in the making whose every node has facts as soon as it stands there: what shaping and
/// expansions write to.
struct Workshop {
  var graph: Graph
  private(set) var facts: [Fact?]
  /// Elements where they are known: constants, folded results, inputs given with elements.
  private var known: [Tensor?]
  /// Whether a value depends on weights and constants alone.
  private var isFixed: [Bool]
  private var taken: Set<String>
  private let tools: ShapingTools

  /// Results up to this many bytes are computed while the graph is shaped, when their operands
  /// are known: shapes, axes and sizes, which later nodes want to know.
  static let largestFolded = 65_536

  static let empty = Workshop(Graph(name: ""), .none)

  init(_ source: Graph, _ tools: ShapingTools) {
    graph = source
    graph.nodes = []
    facts = source.values.map { value in
      switch value.origin {
      case .weight(_, let fact): fact
      case .constant(let tensor): Fact(tensor.type, tensor.shape)
      case .input, .node: nil
      }
    }
    known = source.values.map { value in
      if case .constant(let tensor) = value.origin { tensor } else { nil }
    }
    isFixed = source.values.map { value in
      switch value.origin {
      case .weight, .constant: true
      case .input, .node: false
      }
    }
    taken = Set(source.values.map(\.name))
    self.tools = tools
  }

  mutating func bind(_ id: ValueID, _ fact: Fact, _ tensor: Tensor?) {
    facts[id.index] = fact
    known[id.index] = tensor
  }

  func elements(of id: ValueID) -> Tensor? { known[id.index] }

  func dependsOnWeightsOnly(_ id: ValueID) -> Bool { isFixed[id.index] }

  func fact(of id: ValueID) -> Fact {
    guard let fact = facts[id.index] else {
      preconditionFailure("'\(graph[id].name)' is used before it is shaped")
    }
    return fact
  }

  /// A new value that holds these elements.
  mutating func constant(_ tensor: Tensor, named name: String) -> ValueID {
    let id = addValue(named: name)
    settle(id, tensor)
    return id
  }

  /// Adds a node whose outputs are there already: one of the source graph.
  mutating func append(_ node: Node) throws(ExpansionFault) {
    if case .dynamic(let op) = node.op {
      let tensors = try evaluate(op, node.inputs)
      for (id, tensor) in zip(node.outputs, tensors) {
        if let id { settle(id, tensor) }
      }
      return
    }
    let inputs = node.inputs.map { id in id.flatMap { facts[$0.index] } }
    let outputs: [Fact]
    do throws(Misfit) {
      outputs = try node.op.outputFacts(inputs)
    } catch { throw .misfit(error.reason) }
    var node = node
    resolve(&node, inputs, outputs)
    if let tensors = try folded(node, outputs) {
      for (id, tensor) in zip(node.outputs, tensors) {
        if let id { settle(id, tensor) }
      }
      return
    }
    let isFixed = node.inputs.allSatisfy { $0.map { self.isFixed[$0.index] } ?? true }
    for (id, fact) in zip(node.outputs, outputs) {
      guard let id else { continue }
      facts[id.index] = fact
      self.isFixed[id.index] = isFixed
    }
    graph.nodes.append(node)
  }

  /// Adds a node with outputs of its own.
  ///
  /// - Throws: `misfit` when the op does not take so many inputs, or a needed one is absent: what the
  ///   file lists may end up here as it is.
  mutating func emit(
    _ op: Op, _ inputs: [ValueID?], named name: String
  ) throws(ExpansionFault) -> [ValueID] {
    guard op.inputCounts.contains(inputs.count), let count = op.outputCount else {
      throw .misfit("it has \(inputs.count) inputs, which \(op.name) does not take")
    }
    if let absent = inputs.prefix(op.requiredInputs).firstIndex(of: nil) {
      throw .misfit("input \(absent) is missing")
    }
    let outputs = (0..<count).map { _ in addValue(named: name) }
    try append(Node(name: name, op: op, inputs: inputs, outputs: outputs))
    return outputs
  }

  /// Elements of a dynamic op's outputs.
  private func evaluate(
    _ op: DynamicOp, _ inputs: [ValueID?]
  ) throws(ExpansionFault) -> [Tensor] {
    let missing = inputs.compactMap { id in id.flatMap { known[$0.index] == nil ? $0 : nil } }
    guard missing.isEmpty else { throw .needsElements(missing) }
    guard let evaluate = tools.evaluate else {
      throw .unsupported("nothing here runs ops while a graph is shaped")
    }
    return try evaluate(.dynamic(op), inputs.map { id in id.flatMap { known[$0.index] } }, nil)
  }

  /// The outputs' elements when all operands are known and the results are small.
  private func folded(_ node: Node, _ outputs: [Fact]) throws(ExpansionFault) -> [Tensor]? {
    guard let evaluate = tools.evaluate, !node.inputs.isEmpty,
      outputs.allSatisfy({ $0.byteCount <= Self.largestFolded }),
      outputs.reduce(0, { $0 + $1.byteCount }) <= Self.largestFolded
    else { return nil }
    var tensors: [Tensor?] = []
    for id in node.inputs {
      guard let id else {
        tensors.append(nil)
        continue
      }
      guard let tensor = known[id.index] else { return nil }
      tensors.append(tensor)
    }
    // Attention has a tap, which must stay a node to be asked for.
    if case .attention = node.op { return nil }
    return try evaluate(node.op, tensors, outputs)
  }

  private mutating func settle(_ id: ValueID, _ tensor: Tensor) {
    graph.values[id.index].origin = .constant(tensor)
    facts[id.index] = Fact(tensor.type, tensor.shape)
    known[id.index] = tensor
    isFixed[id.index] = true
  }

  mutating func addValue(named name: String) -> ValueID {
    facts.append(nil)
    known.append(nil)
    isFixed.append(false)
    return graph.addValue(named: name, taken: &taken)
  }

  // MARK: What an expansion wrote

  /// A point to which the workshop can go back.
  struct Mark {
    var nodes: Int
    var values: Int
  }

  var mark: Mark { Mark(nodes: graph.nodes.count, values: graph.values.count) }

  mutating func rollBack(to mark: Mark) {
    graph.nodes.removeSubrange(mark.nodes...)
    for value in graph.values[mark.values...] { taken.remove(value.name) }
    graph.values.removeSubrange(mark.values...)
    facts.removeSubrange(mark.values...)
    known.removeSubrange(mark.values...)
    isFixed.removeSubrange(mark.values...)
  }

  /// Lets the node's outputs be what an expansion made for them.
  mutating func deliver(
    _ results: [ValueID?], to node: Node, since mark: Mark
  ) throws(ExpansionFault) {
    var renamed: [Int: ValueID] = [:]
    for (index, output) in node.outputs.enumerated() {
      guard let output else { continue }
      guard results.indices.contains(index), let result = results[index] else {
        throw .unsupported("output \(index) is not provided")
      }
      if let tensor = known[result.index], graph[result].origin != .input {
        settle(output, tensor)
      } else if result.index >= mark.values, renamed[result.index] == nil {
        renamed[result.index] = output
        facts[output.index] = facts[result.index]
        isFixed[output.index] = isFixed[result.index]
      } else {
        try append(
          Node(
            name: node.name, op: .identity, inputs: [renamed[result.index] ?? result],
            outputs: [output]))
      }
    }
    guard !renamed.isEmpty else { return }
    func moved(_ id: ValueID?) -> ValueID? { id.map { renamed[$0.index] ?? $0 } }
    for index in mark.nodes..<graph.nodes.count {
      graph.nodes[index].inputs = graph.nodes[index].inputs.map(moved)
      graph.nodes[index].outputs = graph.nodes[index].outputs.map(moved)
    }
  }

  /// A fault in which values that the expansion made are traced back to those it made them from.
  func traced(_ fault: ExpansionFault, since mark: Mark) -> ExpansionFault {
    guard case .needsElements(let ids) = fault else { return fault }
    var wanted = Set(ids.map(\.index))
    for node in graph.nodes[mark.nodes...].reversed()
    where node.outputs.contains(where: { $0.map { wanted.contains($0.index) } ?? false }) {
      for case let input? in node.inputs where known[input.index] == nil {
        wanted.insert(input.index)
      }
    }
    return .needsElements(wanted.filter { $0 < mark.values }.sorted().map { ValueID($0) })
  }
}

/// Replaces what refers to another value's shape by numbers, and drops that input.
private func resolve(_ node: inout Node, _ inputs: [Fact?], _ outputs: [Fact]) {
  switch node.op {
  case .reshape, .identity:
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
  case .unary, .binary, .clamp, .select, .convolution, .linear, .packWeight, .packScaledWeight,
    .matMul, .attention,
    .groupNorm, .layerNorm, .softmax, .gated, .gatedLinear, .gather, .transpose, .concat, .pad,
    .cast,
    .reduce, .arithmetic, .indexing, .imaging, .sequence, .dynamic, .call:
    break
  }
}
