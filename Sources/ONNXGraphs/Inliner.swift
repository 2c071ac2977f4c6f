import ONNXFiles

/// Puts the nodes of functions in the place of the nodes that stand for them.
struct Inliner {
  private let opsets: [String: Int]
  private let functions: [FunctionKey: ONNXFunction]
  /// A model can ask for exponentially many nodes; this many it gets.
  private static let maximumNodes = 4_000_000
  private static let maximumDepth = 64

  private struct FunctionKey: Hashable {
    var domain: String
    var name: String
    var overload: String
  }

  /// Where nodes stand: what versions count there, and what the surrounding function was given.
  private struct Place {
    var opsets: [String: Int]
    var attributes: [String: ONNXAttribute] = [:]
    /// What names of values become; nil in the model itself, where they stay.
    var names: NameMap?
    var prefix = ""
    /// The module of the node that stands for the function.
    var scope: String?
    var depth = 0
    var stack: [FunctionKey] = []
  }

  private struct NameMap {
    var known: [String: String]
    var prefix: String

    func callAsFunction(_ name: String) -> String {
      name.isEmpty ? name : known[name] ?? prefix + name
    }
  }

  init(_ model: ONNXModel) {
    opsets = model.opsets
    functions = Dictionary(
      model.functions.map {
        (FunctionKey(domain: $0.domain, name: $0.name, overload: $0.overload), $0)
      }, uniquingKeysWith: { first, _ in first })
  }

  func inlined(_ graph: ONNXGraph) throws(ONNXGraphError) -> VersionedGraph {
    var count = 0
    return try inlined(graph, Place(opsets: opsets), &count)
  }

  private func inlined(
    _ graph: ONNXGraph, _ place: Place, _ count: inout Int
  ) throws(ONNXGraphError) -> VersionedGraph {
    func renamed(_ info: ONNXValueInfo) -> ONNXValueInfo {
      place.names.map { ONNXValueInfo(name: $0(info.name), type: info.type) } ?? info
    }
    return VersionedGraph(
      nodes: try inlined(graph.nodes, place, &count),
      initializers: place.names.map { names in
        graph.initializers.map { $0.renamed(names($0.name)) }
      } ?? graph.initializers,
      inputs: graph.inputs.map(renamed), outputs: graph.outputs.map(renamed),
      valueInfo: graph.valueInfo.map(renamed))
  }

  private func inlined(
    _ nodes: [ONNXNode], _ place: Place, _ count: inout Int
  ) throws(ONNXGraphError) -> [VersionedNode] {
    var result: [VersionedNode] = []
    for node in nodes {
      let key = FunctionKey(domain: node.domain, name: node.op, overload: node.overload)
      let node = node.moved(
        place.names?.callAsFunction, place.attributes, prefix: place.prefix, scope: place.scope)
      if let function = functions[key] {
        result += try inlined(function, key, for: node, place, &count)
        continue
      }
      count += 1
      guard count <= Self.maximumNodes else {
        throw .tooLarge("with its functions inlined it has over \(Self.maximumNodes) nodes")
      }
      var bodies: [String: VersionedGraph] = [:]
      for (name, attribute) in node.attributes {
        if case .graph(let graph) = attribute {
          bodies[name] = try inlined(graph, place, &count)
        }
      }
      result.append(
        VersionedNode(node: node, version: place.opsets[node.domain] ?? 1, bodies: bodies))
    }
    return result
  }

  /// The function's nodes with the names of the node that stands for them.
  private func inlined(
    _ function: ONNXFunction, _ key: FunctionKey, for node: ONNXNode, _ place: Place,
    _ count: inout Int
  ) throws(ONNXGraphError) -> [VersionedNode] {
    guard !place.stack.contains(key) else { throw .recursiveFunction(function.name) }
    guard place.depth < Self.maximumDepth else {
      throw .tooLarge("its functions stand in one another over \(Self.maximumDepth) deep")
    }
    let prefix = "\(node.label)/"
    var known: [String: String] = [:]
    for (index, input) in function.inputs.enumerated() {
      known[input] = node.inputs.indices.contains(index) ? node.inputs[index] : ""
    }
    var passed: [VersionedNode] = []
    for (index, output) in function.outputs.enumerated()
    where node.outputs.indices.contains(index) && !node.outputs[index].isEmpty {
      if let given = known[output] {
        // An input that is an output, or one output twice.
        passed.append(
          VersionedNode(
            node: ONNXNode(op: "Identity", inputs: [given], outputs: [node.outputs[index]]),
            version: newestKnownVersion, bodies: [:]))
      } else {
        known[output] = node.outputs[index]
      }
    }
    var attributes = function.defaults
    for name in function.attributes {
      if let given = node.attributes[name] { attributes[name] = given }
    }
    for (name, _) in function.defaults {
      if let given = node.attributes[name] { attributes[name] = given }
    }
    let inner = Place(
      opsets: function.opsets.merging(place.opsets) { own, _ in own }, attributes: attributes,
      names: NameMap(known: known, prefix: prefix), prefix: prefix,
      scope: node.scope, depth: place.depth + 1,
      stack: place.stack + [key])
    return try inlined(function.nodes, inner, &count) + passed
  }
}

/// The version of an operator whose meaning no version changed.
private let newestKnownVersion = 13

extension ONNXNode {
  /// The node with other names for its values, and with the surrounding function's attributes in
  /// the place of references to them.
  fileprivate func moved(
    _ rename: ((String) -> String)?, _ given: [String: ONNXAttribute], prefix: String,
    scope around: String?
  ) -> ONNXNode {
    var attributes: [String: ONNXAttribute] = [:]
    for (name, attribute) in self.attributes {
      if case .reference(let reference) = attribute {
        // An attribute that the function was not given is one the node does not have.
        attributes[name] = given[reference]
      } else {
        attributes[name] = attribute
      }
    }
    guard let rename else {
      return ONNXNode(
        name: name, domain: domain, op: op, overload: overload, inputs: inputs, outputs: outputs,
        attributes: attributes, scope: scope ?? around)
    }
    return ONNXNode(
      name: prefix + (name.isEmpty ? op : name), domain: domain, op: op, overload: overload,
      inputs: inputs.map(rename), outputs: outputs.map(rename), attributes: attributes,
      scope: scope ?? around)
  }
}
