import TensorBase

/// A model as a directed acyclic graph: values, and nodes that compute values from values.
///
/// Nodes stand in an order in which they can run. Every value is a graph input, a weight (its
/// elements are stored elsewhere, under a tensor's name), a constant, or an output of one node.
package struct Graph: Hashable, Sendable {
  package var name: String
  package var values: [Value]
  package var inputs: [GraphInput]
  package var outputs: [ValueID]
  package var nodes: [Node]

  package init(
    name: String, values: [Value] = [], inputs: [GraphInput] = [], outputs: [ValueID] = [],
    nodes: [Node] = []
  ) {
    self.name = name
    self.values = values
    self.inputs = inputs
    self.outputs = outputs
    self.nodes = nodes
  }

  package subscript(id: ValueID) -> Value { values[id.index] }
}

/// A value's place in `Graph.values`.
package struct ValueID: Hashable, Sendable {
  package let index: Int

  package init(_ index: Int) { self.index = index }
}

/// Something that flows: named, and unique by name in its graph. Names are the module paths of
/// the model's own framework where a builder made the graph.
package struct Value: Hashable, Sendable {
  package var name: String
  package var origin: Origin

  package enum Origin: Hashable, Sendable {
    case input
    /// Elements stored in a file under `tensor`.
    case weight(tensor: String, Fact)
    /// Small enough to stand in the graph itself.
    case constant(Tensor)
    case node
  }

  package init(name: String, origin: Origin) {
    self.name = name
    self.origin = origin
  }
}

/// The type and shape of a value.
package struct Fact: Hashable, Sendable, CustomStringConvertible {
  package var type: ElementType
  package var shape: Shape

  package init(_ type: ElementType, _ shape: Shape) {
    self.type = type
    self.shape = shape
  }

  package var byteCount: Int { shape.count * type.byteCount }
  package var description: String { "\(type.rawValue) \(shape)" }
}

/// A dimension of a graph input: known when the model was made, or chosen by who runs it.
package enum Dimension: Hashable, Sendable, CustomStringConvertible {
  case size(Int)
  /// Equal names are equal sizes.
  case symbol(String)

  package var description: String {
    switch self {
    case .size(let size): String(size)
    case .symbol(let name): name
    }
  }
}

package struct GraphInput: Hashable, Sendable {
  package var value: ValueID
  package var type: ElementType
  /// nil when even the number of axes is up to who runs it.
  package var dimensions: [Dimension]?

  package init(value: ValueID, type: ElementType, dimensions: [Dimension]?) {
    self.value = value
    self.type = type
    self.dimensions = dimensions
  }
}

/// One computation. An absent optional input or an output nobody asked for is nil.
package struct Node: Hashable, Sendable {
  package var name: String
  package var op: Op
  package var inputs: [ValueID?]
  package var outputs: [ValueID?]

  package init(name: String, op: Op, inputs: [ValueID?], outputs: [ValueID?]) {
    self.name = name
    self.op = op
    self.inputs = inputs
    self.outputs = outputs
  }
}

extension Graph {
  /// The value called `name`, if there is one. Linear in the number of values.
  package func value(named name: String) -> ValueID? {
    values.firstIndex { $0.name == name }.map { ValueID($0) }
  }

  /// Adds a value; its name must be free.
  package mutating func append(_ name: String, _ origin: Value.Origin) -> ValueID {
    values.append(Value(name: name, origin: origin))
    return ValueID(values.count - 1)
  }

  /// Adds a value that a node will compute; the name gets a number behind it when it is taken.
  package mutating func addValue(named name: String, taken: inout Set<String>) -> ValueID {
    var unique = name
    var number = 2
    while !taken.insert(unique).inserted {
      unique = "\(name)#\(number)"
      number += 1
    }
    values.append(Value(name: unique, origin: .node))
    return ValueID(values.count - 1)
  }

  /// For each value the index of the node that computes it, nil for inputs, weights, constants.
  package var producers: [Int?] {
    var producers = [Int?](repeating: nil, count: values.count)
    for (index, node) in nodes.enumerated() {
      for case let output? in node.outputs { producers[output.index] = index }
    }
    return producers
  }

  /// For each value how often nodes and the graph's outputs take it.
  package var useCounts: [Int] {
    var counts = [Int](repeating: 0, count: values.count)
    for node in nodes {
      for case let input? in node.inputs { counts[input.index] += 1 }
    }
    for output in outputs { counts[output.index] += 1 }
    return counts
  }
}
