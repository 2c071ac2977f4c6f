import ByteIO
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
            "dimensions": input.dimensions.map { .array($0.map(\.json)) } ?? .null,
          ])
        }),
      "outputs": ids(outputs),
      "nodes": .array(
        nodes.map { node in
          .object([
            "name": .string(node.name), "op": .string(node.op.storedName),
            "inputs": ids(node.inputs),
            "outputs": ids(node.outputs), "attributes": .object(node.op.attributes),
          ])
        }),
    ])
  }

  /// Reads a graph; `validate` checks what it says.
  ///
  /// - Parameter newer: a newer minor version wrote the file.
  init(json: JSONValue, newer: Bool) throws(IndexFault) {
    let name = try IndexObject(json, "a graph").string("name")
    let what = "graph '\(name)'"
    let object = try IndexObject(json, what)
    try object.expect(["name", "values", "inputs", "outputs", "nodes"], newer: newer)
    let values = try object.array("values").map { item throws(IndexFault) in
      try Value(json: item, graph: what, newer: newer)
    }
    let inputs = try object.array("inputs").map { item throws(IndexFault) in
      try GraphInput(json: item, graph: what, newer: newer)
    }
    let outputs = try object.integers("outputs").map { ValueID($0) }
    let nodes = try object.array("nodes").map { item throws(IndexFault) in
      try Node(json: item, graph: what, newer: newer)
    }
    self.init(name: name, values: values, inputs: inputs, outputs: outputs, nodes: nodes)
  }
}

extension Node {
  fileprivate init(json: JSONValue, graph: String, newer: Bool) throws(IndexFault) {
    let name = try IndexObject(json, "a node of \(graph)").string("name")
    let what = "node '\(name)' of \(graph)"
    let object = try IndexObject(json, what)
    try object.expect(["name", "op", "inputs", "outputs", "attributes"], newer: newer)
    let op = try Op(
      storedName: try object.string("op"),
      attributes: try IndexObject(object.object["attributes"], what), newer: newer)
    self.init(
      name: name, op: op, inputs: try object.references("inputs"),
      outputs: try object.references("outputs"))
  }
}

extension GraphInput {
  fileprivate init(json: JSONValue, graph: String, newer: Bool) throws(IndexFault) {
    let what = "an input of \(graph)"
    let object = try IndexObject(json, what)
    try object.expect(["value", "type", "dimensions"], newer: newer)
    guard object.has("dimensions") else {
      self.init(
        value: ValueID(try object.integer("value")), type: try object.name("type"), dimensions: nil)
      return
    }
    let dimensions = try object.array("dimensions").map { item throws(IndexFault) -> Dimension in
      if let size = item.intValue, size >= 0 { return .size(size) }
      if let symbol = item.stringValue, !symbol.isEmpty { return .symbol(symbol) }
      throw IndexFault("\(what) has a dimension that is none")
    }
    let known = dimensions.map { dimension in
      switch dimension {
      case .size(let size): size
      case .symbol: 1
      }
    }
    guard let shape = try? Shape(checking: known), isStorable(shape) else {
      throw IndexFault("\(what) has the dimensions \(known), beyond what the format holds")
    }
    self.init(
      value: ValueID(try object.integer("value")), type: try object.name("type"),
      dimensions: dimensions)
  }
}

extension Dimension {
  fileprivate var json: JSONValue {
    switch self {
    case .size(let size): .integer(Int64(size))
    case .symbol(let symbol): .string(symbol)
    }
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
        "type": .string(fact.type.rawValue), "shape": NativeFormat.json(fact.shape),
      ])
    case .constant(let tensor):
      .object([
        "name": .string(name), "origin": .string("constant"),
        "type": .string(tensor.type.rawValue), "shape": NativeFormat.json(tensor.shape),
        "bytes": .string(hexText(tensor.bytes)),
      ])
    }
  }

  fileprivate init(json: JSONValue, graph: String, newer: Bool) throws(IndexFault) {
    let name = try IndexObject(json, "a value of \(graph)").string("name")
    let object = try IndexObject(json, "value '\(name)' of \(graph)")
    let origin: Origin
    var keys = ["name", "origin"]
    switch try object.string("origin") {
    case "input": origin = .input
    case "node": origin = .node
    case "weight":
      keys += ["tensor", "type", "shape"]
      origin = .weight(
        tensor: try object.string("tensor"),
        Fact(try object.name("type"), try object.shape("shape")))
    case "constant":
      keys += ["type", "shape", "bytes"]
      let fact = Fact(try object.name("type"), try object.shape("shape"))
      origin = .constant(
        Tensor(
          type: fact.type, shape: fact.shape,
          bytes: try object.bytes("bytes", count: fact.byteCount)))
    case let other: throw IndexFault("\(object.what) comes from '\(other)'")
    }
    try object.expect(keys, newer: newer)
    self.init(name: name, origin: origin)
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
}
