import GraphIR
import JSONText
import NativeFormat
import TensorBase

/// A node as reports show it.
struct NodeSummary: Sendable {
  let name: String
  /// The op's name; of an operator of another vocabulary its own.
  let op: String
  /// By the names that the op or operator gives them; tensors and graphs among them in words.
  let attributes: JSONObject

  init(_ node: Node) {
    name = node.name
    op = node.op.name
    if case .call(let call) = node.op {
      attributes = call.plainAttributes
    } else {
      attributes = node.op.stored.attributes
    }
  }

  /// One line; long attributes are cut.
  var text: String {
    ([op] + attributes.members.map { "\($0.key) \(brief($0.value))" }).joined(separator: ", ")
  }

  var json: JSONValue {
    .object(["name": .string(name), "op": .string(op), "attributes": .object(attributes)])
  }
}

extension OperatorCall {
  fileprivate var plainAttributes: JSONObject {
    var object = JSONObject()
    for (key, attribute) in attributes.sorted(by: { $0.key < $1.key }) {
      object[key] = attribute.plain
    }
    for (key, body) in bodies.sorted(by: { $0.key < $1.key }) {
      object[key] = .string("a graph of \(body.graph.nodes.count) nodes")
    }
    return object
  }
}

extension OperatorAttribute {
  fileprivate var plain: JSONValue {
    switch self {
    case .int(let value): .integer(Int64(value))
    case .float(let value): numberOrWord(Double(value))
    case .string(let value): .string(value)
    case .ints(let list): .array(list.map { .integer(Int64($0)) })
    case .floats(let list): .array(list.map { numberOrWord(Double($0)) })
    case .strings(let list): .array(list.map { .string($0) })
    case .tensor(let tensor): .string("a tensor, \(tensor.type.rawValue) \(tensor.shape)")
    }
  }
}
