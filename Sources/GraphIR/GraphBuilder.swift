import TensorBase

/// Writes a graph node by node; what the architectures use.
///
/// A node's first output carries the node's name. Names are module paths: `scope` prefixes them.
package struct GraphBuilder {
  package private(set) var graph: Graph
  private var taken = Set<String>()
  private var weights: [String: ValueID] = [:]

  package init(name: String) { graph = Graph(name: name) }

  package mutating func input(
    _ name: String, _ type: ElementType, _ dimensions: [Dimension]
  ) -> ValueID {
    let id = add(name, .input)
    graph.inputs.append(GraphInput(value: id, type: type, dimensions: dimensions))
    return id
  }

  /// A float32 weight stored as tensor `name`; asking twice for one name gives the same value.
  package mutating func weight(_ name: String, _ shape: Shape) -> ValueID {
    if let known = weights[name] { return known }
    let id = add(name, .weight(tensor: name, Fact(.f32, shape)))
    weights[name] = id
    return id
  }

  package mutating func constant(_ name: String, _ tensor: Tensor) -> ValueID {
    add(name, .constant(tensor))
  }

  /// Adds a node with one output.
  package mutating func node(_ name: String, _ op: Op, _ inputs: ValueID?...) -> ValueID {
    let output = graph.addValue(named: name, taken: &taken)
    graph.nodes.append(Node(name: name, op: op, inputs: inputs, outputs: [output]))
    return output
  }

  /// Adds a node with one output and a list of inputs.
  package mutating func node(_ name: String, _ op: Op, inputs: [ValueID?]) -> ValueID {
    let output = graph.addValue(named: name, taken: &taken)
    graph.nodes.append(Node(name: name, op: op, inputs: inputs, outputs: [output]))
    return output
  }

  /// Adds an attention node; its probabilities are the value `name`.probabilities.
  package mutating func attention(
    _ name: String, _ attributes: Attention, query: ValueID, key: ValueID, value: ValueID,
    mask: ValueID? = nil
  ) -> ValueID {
    let output = graph.addValue(named: "\(name).attended", taken: &taken)
    let probabilities = graph.addValue(named: "\(name).probabilities", taken: &taken)
    graph.nodes.append(
      Node(
        name: name, op: .attention(attributes), inputs: [query, key, value, mask],
        outputs: [output, probabilities]))
    return output
  }

  package mutating func output(_ value: ValueID) { graph.outputs.append(value) }

  /// Gives a value another name: for the names a graph promises to who runs it.
  package mutating func rename(_ value: ValueID, _ name: String) {
    taken.remove(graph.values[value.index].name)
    precondition(taken.insert(name).inserted, "two values named \(name)")
    graph.values[value.index].name = name
  }

  private mutating func add(_ name: String, _ origin: Value.Origin) -> ValueID {
    precondition(taken.insert(name).inserted, "two values named \(name)")
    graph.values.append(Value(name: name, origin: origin))
    return ValueID(graph.values.count - 1)
  }
}
