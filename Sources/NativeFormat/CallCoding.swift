import ByteIO
import GraphIR
import JSONText
import TensorBase

// Calls of operators of other vocabularies as the index writes them; formats/plumb.md §6.

extension OperatorCall {
  var json: JSONObject {
    var attributes = JSONObject()
    for (name, attribute) in self.attributes.sorted(by: { $0.key < $1.key }) {
      attributes[name] = attribute.json
    }
    var bodies = JSONObject()
    for (name, body) in self.bodies.sorted(by: { $0.key < $1.key }) {
      bodies[name] = .object([
        "graph": body.graph.json,
        "parameters": .array(body.parameters.map { .integer(Int64($0.index)) }),
      ])
    }
    return [
      "domain": .string(domain), "name": .string(name), "version": .integer(Int64(version)),
      "attributes": .object(attributes), "bodies": .object(bodies),
      "captures": .integer(Int64(captures)),
    ]
  }

  init(_ object: IndexObject, newer: Bool) throws(IndexFault) {
    try object.expect(
      ["domain", "name", "version", "attributes", "bodies", "captures"], newer: newer)
    let attributes = try IndexObject(object.object["attributes"], "attributes of \(object.what)")
    var read: [String: OperatorAttribute] = [:]
    for (name, value) in attributes.object.members {
      read[name] = try OperatorAttribute(
        IndexObject(value, "attribute '\(name)' of \(object.what)"))
    }
    let bodies = try IndexObject(object.object["bodies"], "bodies of \(object.what)")
    var graphs: [String: GraphBody] = [:]
    for (name, value) in bodies.object.members {
      let body = try IndexObject(value, "body '\(name)' of \(object.what)")
      let graph = try Graph(json: body.object["graph"] ?? .null, newer: newer)
      let parameters = try body.integers("parameters").map { index throws(IndexFault) in
        guard graph.values.indices.contains(index), graph.values[index].origin == .input else {
          throw IndexFault("\(body.what) has a parameter \(index), which is no input of its graph")
        }
        return ValueID(index)
      }
      try checkBody(graph, parameters, body.what)
      graphs[name] = GraphBody(graph: graph, parameters: parameters)
    }
    let captures = try object.integer("captures")
    guard captures >= 0 else {
      throw IndexFault("\(object.what) captures \(captures) values")
    }
    self.init(
      domain: try object.string("domain"), name: try object.string("name"),
      version: try object.integer("version"), attributes: read, bodies: graphs, captures: captures)
  }
}

/// A body is sound when it is a sound graph whose inputs are its parameters.
private func checkBody(
  _ body: Graph, _ parameters: [ValueID], _ what: String
) throws(IndexFault) {
  guard body.inputs.isEmpty else { throw IndexFault("\(what) has inputs of its own") }
  for value in body.values {
    if case .weight = value.origin { throw IndexFault("\(what) has a weight, '\(value.name)'") }
  }
  var graph = body
  graph.inputs = parameters.map { GraphInput(value: $0, type: .f32, dimensions: nil) }
  do throws(GraphError) { try graph.validate() } catch {
    throw IndexFault("\(what): \(error.description)")
  }
}

extension OperatorAttribute {
  fileprivate var json: JSONValue {
    switch self {
    case .int(let value): .object(["int": .integer(Int64(value))])
    case .float(let value): .object(["float": NativeFormat.json(Double(value))])
    case .string(let value): .object(["string": .string(value)])
    case .ints(let list): .object(["ints": .array(list.map { .integer(Int64($0)) })])
    case .floats(let list):
      .object(["floats": .array(list.map { NativeFormat.json(Double($0)) })])
    case .strings(let list): .object(["strings": .array(list.map { .string($0) })])
    case .tensor(let tensor):
      .object([
        "type": .string(tensor.type.rawValue), "shape": NativeFormat.json(tensor.shape),
        "bytes": .string(hexText(tensor.bytes)),
      ])
    }
  }

  fileprivate init(_ object: IndexObject) throws(IndexFault) {
    guard let key = object.object.keys.first else { throw IndexFault("\(object.what) is empty") }
    switch key {
    case "int": self = .int(try object.integer(key))
    case "float": self = .float(try object.float(key))
    case "string": self = .string(try object.string(key))
    case "ints": self = .ints(try object.integers(key))
    case "floats":
      self = .floats(
        try object.array(key).map { item throws(IndexFault) in
          try IndexObject(.object(["": item]), object.what).float("")
        })
    case "strings":
      self = .strings(
        try object.array(key).map { item throws(IndexFault) in
          guard let text = item.stringValue else { throw object.fault(key, "a list of strings") }
          return text
        })
    case "type", "shape", "bytes":
      let type: ElementType = try object.name("type")
      let shape = try object.shape("shape")
      self = .tensor(
        Tensor(
          type: type, shape: shape,
          bytes: try object.bytes("bytes", count: shape.count * type.byteCount)))
    default: throw IndexFault("\(object.what) is a '\(key)', which this version does not have")
    }
  }
}
