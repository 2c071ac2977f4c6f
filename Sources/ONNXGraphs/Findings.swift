import GraphIR
import ONNXFiles
import ONNXOperators

/// What a model asks for that cannot be done, collected over all its nodes.
struct Findings {
  /// By what it is: the nodes that ask for it, in their order.
  private var found: [(what: String, nodes: [String])] = []
  private var places: [String: Int] = [:]

  var isEmpty: Bool { found.isEmpty }

  /// A sentence part each, with up to three nodes named.
  var sentences: [String] {
    found.map { what, nodes in
      if nodes.isEmpty { return what }
      let shown = nodes.prefix(3).joined(separator: ", ")
      return "\(what) (\(shown)\(nodes.count > 3 ? " and \(nodes.count - 3) more" : ""))"
    }
  }

  mutating func add(_ what: String, node: String?) {
    let place = places[what] ?? found.count
    if place == found.count {
      places[what] = place
      found.append((what, []))
    }
    if let node { found[place].nodes.append(node) }
  }

  /// Checks a graph and its bodies.
  mutating func check(_ graph: VersionedGraph) {
    for (role, list) in [("input", graph.inputs), ("output", graph.outputs)] {
      for info in list {
        switch info.type {
        case .unsupported(let what): add(what, node: "\(role) '\(info.name)'")
        case .tensor(_, let stored, _) where stored.isWidened:
          add("\(stored.name) but for stored weights", node: "\(role) '\(info.name)'")
        case .tensor, .unknown: break
        }
      }
    }
    // What is quantised into such a type would have to be of it.
    let widened = Dictionary(
      graph.initializers.filter(\.storedType.isWidened).map { ($0.name, $0.storedType) }
    ) { first, _ in first }
    for node in graph.nodes {
      let place = ["QuantizeLinear": 2, "CastLike": 1][node.node.op] ?? .max
      if node.node.inputs.indices.contains(place), let type = widened[node.node.inputs[place]] {
        add("\(node.node.op) to \(type.name)", node: node.label)
      }
    }
    for tensor in graph.initializers where tensor.type == nil {
      add(
        "elements of type \(tensor.storedType.name)", node: "initializer '\(tensor.name)'")
    }
    for node in graph.nodes {
      check(node)
      for (_, body) in node.bodies { check(body) }
    }
  }

  private mutating func check(_ node: VersionedNode) {
    let op = node.node.op, domain = node.node.domain
    let name = domain.isEmpty ? op : "\(domain).\(op)"
    guard let known = onnxOperator(domain: domain, name: op) else {
      return add("operator \(name)", node: node.label)
    }
    for (attribute, value) in node.node.attributes.sorted(by: { $0.key < $1.key }) {
      guard known.attributes.contains(attribute) else {
        add("attribute '\(attribute)' of \(name)", node: node.label)
        continue
      }
      switch value {
      case .unsupported(let what):
        add("\(what) as attribute '\(attribute)' of \(name)", node: node.label)
      case .tensor(let tensor) where tensor.type == nil,
        .sparseTensor(let tensor) where tensor.type == nil:
        add(
          "elements of type \(tensor.storedType.name) as attribute '\(attribute)' of \(name)",
          node: node.label)
      case .tensors, .graphs:
        add("a list as attribute '\(attribute)' of \(name)", node: node.label)
      case .reference(let reference):
        add(
          "a reference to '\(reference)' outside a function as attribute '\(attribute)' of \(name)",
          node: node.label)
      case .int, .float, .string, .tensor, .graph, .ints, .floats, .strings, .sparseTensor: break
      }
    }
    for (what, count, range) in [
      ("inputs", node.node.inputs.count, known.inputs),
      ("outputs", node.node.outputs.count, known.outputs),
    ] where !range.contains(count) {
      add("\(name) with \(count) \(what)", node: node.label)
    }
    if let lacks = known.lacks?(node.call) { add("\(name) \(lacks)", node: node.label) }
  }
}

extension VersionedNode {
  /// The node as a call, without its bodies.
  var call: OperatorCall {
    OperatorCall(
      domain: node.domain, name: node.op, version: version,
      attributes: node.attributes.compactMapValues { attribute in
        switch attribute {
        case .int(let value): .int(value)
        case .float(let value): .float(value)
        case .string(let value): .string(value)
        case .ints(let list): .ints(list)
        case .floats(let list): .floats(list)
        case .strings(let list): .strings(list)
        case .tensor(let tensor), .sparseTensor(let tensor):
          (try? tensor.load()).map { .tensor($0) }
        case .graph, .tensors, .graphs, .reference, .unsupported: nil
        }
      })
  }
}
