import ONNXFiles

/// A node with the version of its operator set, its functions inlined.
struct VersionedNode {
  var node: ONNXNode
  var version: Int
  /// Graphs in its attributes, inlined likewise.
  var bodies: [String: VersionedGraph]

  /// Its name for people, which is never empty.
  var label: String { node.label }

  /// Where the node stands: with the path of its module where its own name has none.
  var path: String {
    guard let scope = node.scope, !label.hasPrefix("/") else { return label }
    return "/\(scope)/\(label)"
  }

  /// The elements of a constant that is given as a tensor.
  var constantTensor: ONNXTensor? {
    guard node.op == "Constant", node.domain.isEmpty else { return nil }
    switch node.attributes["value"] ?? node.attributes["sparse_value"] {
    case .tensor(let tensor), .sparseTensor(let tensor): return tensor
    default: return nil
    }
  }
}

extension ONNXNode {
  var label: String { name.isEmpty ? outputs.first { !$0.isEmpty } ?? op : name }
}

/// A graph of such nodes: the model's own, or a body.
struct VersionedGraph {
  var nodes: [VersionedNode]
  var initializers: [ONNXTensor]
  var inputs: [ONNXValueInfo]
  var outputs: [ONNXValueInfo]
  var valueInfo: [ONNXValueInfo]

  /// Names that the graph itself gives to values.
  var definedNames: Set<String> {
    Set(initializers.map(\.name) + inputs.map(\.name) + nodes.flatMap(\.node.outputs))
  }

  /// Names that it reads from around.
  var freeNames: Set<String> {
    var names = Set(outputs.map(\.name))
    for node in nodes {
      names.formUnion(node.node.inputs)
      for (_, body) in node.bodies { names.formUnion(body.freeNames) }
    }
    names.remove("")
    return names.subtracting(definedNames)
  }

  /// The graph with the large tensors of its bodies, however deep, as initializers of its own:
  /// bodies hold small constants only, and take the rest from around.
  func hoistingTensors(_ isLarge: (ONNXTensor) -> Bool) -> VersionedGraph {
    var result = self
    var taken = definedNames
    for index in result.nodes.indices {
      result.nodes[index].hoist(from: "", isLarge, into: &result.initializers, &taken)
    }
    return result
  }

  fileprivate mutating func hoist(
    from path: String, _ isLarge: (ONNXTensor) -> Bool, into initializers: inout [ONNXTensor],
    _ taken: inout Set<String>
  ) {
    var moved: [String: String] = [:]
    func move(_ tensor: ONNXTensor, _ name: String) -> Bool {
      guard isLarge(tensor) else { return false }
      var outside = path + name
      while !taken.insert(outside).inserted { outside += "'" }
      initializers.append(tensor.renamed(outside))
      moved[name] = outside
      return true
    }
    self.initializers.removeAll { move($0, $0.name) }
    nodes.removeAll { node in
      guard let tensor = node.constantTensor, let name = node.node.outputs.first else {
        return false
      }
      return move(tensor, name)
    }
    for index in nodes.indices {
      nodes[index].hoist(from: path, isLarge, into: &initializers, &taken)
    }
    if !moved.isEmpty { read(moved) }
  }

  /// Lets everything in the graph that reads one of these names read the other.
  fileprivate mutating func read(_ moved: [String: String]) {
    outputs = outputs.map { ONNXValueInfo(name: moved[$0.name] ?? $0.name, type: $0.type) }
    for index in nodes.indices {
      nodes[index].node = nodes[index].node.reading { moved[$0] ?? $0 }
      for (name, var body) in nodes[index].bodies {
        let own = body.definedNames
        body.read(moved.filter { !own.contains($0.key) })
        nodes[index].bodies[name] = body
      }
    }
  }
}

extension VersionedNode {
  fileprivate mutating func hoist(
    from path: String, _ isLarge: (ONNXTensor) -> Bool, into initializers: inout [ONNXTensor],
    _ taken: inout Set<String>
  ) {
    for (name, var body) in bodies {
      body.hoist(
        from: "\(path)\(label)/\(name)/", isLarge, into: &initializers, &taken)
      bodies[name] = body
    }
  }
}

extension ONNXNode {
  /// The node with other names for what it reads.
  fileprivate func reading(_ rename: (String) -> String) -> ONNXNode {
    ONNXNode(
      name: name, domain: domain, op: op, overload: overload, inputs: inputs.map(rename),
      outputs: outputs, attributes: attributes, scope: scope)
  }
}
