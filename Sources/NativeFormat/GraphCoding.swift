import GraphIR
import JSONText
import TensorBase

// Graphs as the index writes them; formats/plumb.md §5.

extension Graph {
  var json: JSONValue {
    func ids(_ list: [ValueID?]) -> JSONValue {
      .array(list.map { id in id.map { .integer(Int64($0.index)) } ?? .null })
    }
    return .object([
      "name": .string(name),
      "values": .array(values.map(\.json)),
      "inputs": .array(
        inputs.map { input in
          .object([
            "value": .integer(Int64(input.value.index)), "type": .string(input.type.rawValue),
            "dimensions": .array(
              input.dimensions.map { dimension in
                switch dimension {
                case .size(let size): .integer(Int64(size))
                case .symbol(let symbol): .string(symbol)
                }
              }),
          ])
        }),
      "outputs": ids(outputs),
      "nodes": .array(
        nodes.map { node in
          .object([
            "name": .string(node.name), "op": .string(node.op.name), "inputs": ids(node.inputs),
            "outputs": ids(node.outputs), "attributes": .object(node.op.attributes),
          ])
        }),
    ])
  }

  /// Reads a graph; `validate` checks what it says.
  init(json: JSONValue) throws(IndexFault) {
    let object = try IndexObject(json, "a graph")
    let name = try object.string("name")
    let what = "graph '\(name)'"
    let values = try object.array("values").map { item throws(IndexFault) in
      try Value(json: item, graph: what)
    }
    let inputs = try object.array("inputs").map { item throws(IndexFault) in
      try GraphInput(json: item, graph: what)
    }
    let outputs = try object.array("outputs").map { item throws(IndexFault) in
      guard let index = item.intValue else { throw IndexFault("an output of \(what) is none") }
      return ValueID(index)
    }
    let nodes = try object.array("nodes").map { item throws(IndexFault) in
      try Node(json: item, graph: what)
    }
    self.init(name: name, values: values, inputs: inputs, outputs: outputs, nodes: nodes)
  }
}

extension Node {
  fileprivate init(json: JSONValue, graph: String) throws(IndexFault) {
    let object = try IndexObject(json, "a node of \(graph)")
    let name = try object.string("name")
    let op = try Op(
      name: try object.string("op"),
      attributes: try IndexObject(object.object["attributes"], "node '\(name)' of \(graph)"))
    self.init(
      name: name, op: op, inputs: try object.references("inputs"),
      outputs: try object.references("outputs"))
  }
}

extension GraphInput {
  fileprivate init(json: JSONValue, graph: String) throws(IndexFault) {
    let object = try IndexObject(json, "an input of \(graph)")
    let dimensions = try object.array("dimensions").map { item throws(IndexFault) -> Dimension in
      if let size = item.intValue, size >= 0 { return .size(size) }
      if let symbol = item.stringValue, !symbol.isEmpty { return .symbol(symbol) }
      throw IndexFault("an input of \(graph) has a dimension that is none")
    }
    self.init(
      value: ValueID(try object.integer("value")), type: try object.name("type"),
      dimensions: dimensions)
  }
}

extension Value {
  fileprivate var json: JSONValue {
    switch origin {
    case .input: .object(["name": .string(name), "origin": .string("input")])
    case .node: .object(["name": .string(name), "origin": .string("node")])
    case .weight(let tensor, let fact):
      .object([
        "name": .string(name), "origin": .string("weight"), "tensor": .string(tensor),
        "type": .string(fact.type.rawValue), "shape": dimensions(fact.shape),
      ])
    case .constant(let tensor):
      .object([
        "name": .string(name), "origin": .string("constant"),
        "type": .string(tensor.type.rawValue), "shape": dimensions(tensor.shape),
        "elements": elements(of: tensor),
      ])
    }
  }

  fileprivate init(json: JSONValue, graph: String) throws(IndexFault) {
    let object = try IndexObject(json, "a value of \(graph)")
    let name = try object.string("name")
    switch try object.string("origin") {
    case "input": self.init(name: name, origin: .input)
    case "node": self.init(name: name, origin: .node)
    case "weight":
      self.init(
        name: name,
        origin: .weight(
          tensor: try object.string("tensor"),
          Fact(try object.name("type"), try object.shape("shape"))))
    case "constant":
      self.init(
        name: name,
        origin: .constant(
          try tensor(
            try object.name("type"), try object.shape("shape"), try object.array("elements"),
            name: name)))
    case let other: throw IndexFault("value '\(name)' of \(graph) comes from '\(other)'")
    }
  }
}

extension IndexObject {
  fileprivate func references(_ key: String) throws(IndexFault) -> [ValueID?] {
    try array(key).map { item throws(IndexFault) in
      if item == .null { return nil }
      guard let index = item.intValue else {
        throw IndexFault("'\(key)' of \(what) refers to what is no value")
      }
      return ValueID(index)
    }
  }

  fileprivate func shape(_ key: String) throws(IndexFault) -> Shape {
    let dimensions = try integers(key)
    do {
      return try Shape(checking: dimensions)
    } catch { throw IndexFault("'\(key)' of \(what): \(error)") }
  }
}

private func dimensions(_ shape: Shape) -> JSONValue {
  .array(shape.dimensions.map { .integer(Int64($0)) })
}

/// The elements of a constant: integers as they are, floats by their bit patterns as binary64
/// numbers, which JSON keeps exactly; NaN and the infinities, which JSON lacks, as strings.
private func elements(of tensor: Tensor) -> JSONValue {
  if tensor.type.isFloatingPoint {
    return .array(
      tensor.doubles.map { number in
        number.isFinite ? .number(number) : .string("\(number)")
      })
  }
  return .array(tensor.int64s.map { .integer($0) })
}

private func tensor(
  _ type: ElementType, _ shape: Shape, _ elements: [JSONValue], name: String
) throws(IndexFault) -> Tensor {
  guard elements.count == shape.count else {
    throw IndexFault("constant '\(name)' has \(elements.count) elements for \(shape)")
  }
  if type.isFloatingPoint {
    let numbers = try elements.map { item throws(IndexFault) in
      if let number = item.doubleValue { return Float(number) }
      if let text = item.stringValue, let number = Double(text) { return Float(number) }
      throw IndexFault("constant '\(name)' holds what is no number")
    }
    return Tensor(floats: numbers, shape: shape).converted(to: type)
  }
  let numbers = elements.compactMap(\.intValue)
  guard numbers.count == elements.count else {
    throw IndexFault("constant '\(name)' holds what is no whole number")
  }
  return Tensor(int64s: numbers.map { Int64($0) }, shape: shape).converted(to: type)
}
