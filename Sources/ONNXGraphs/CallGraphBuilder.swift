import GraphIR
import ONNXFiles
import TensorBase

/// Writes the graph of calls for a checked, inlined model.
struct CallGraphBuilder {
  private let source: VersionedGraph
  private var graph: Graph
  private var weights: [(name: String, tensor: ONNXTensor)] = []
  private var names: [String: ValueID] = [:]

  /// Tensors up to so many bytes stand in the graph itself, where shapes can depend on them:
  /// whole numbers, which may be shapes and axes, and short lists of any type.
  private static let largestInteger = 8192
  private static let largestOther = 256

  init(_ source: VersionedGraph, name: String) {
    self.source = source.hoistingTensors { !Self.isSmall($0) }
    graph = Graph(name: name)
  }

  mutating func build() throws(ONNXGraphError) -> ONNXGraphImport {
    for tensor in source.initializers { try addInitializer(tensor, named: tensor.name) }
    for input in source.inputs where names[input.name] == nil { try addInput(input) }
    var root = Scope(names: names)
    var target = graph
    try add(source.nodes, to: &target, &root, isRoot: true)
    graph = target
    var outputs: [ValueID] = []
    for output in source.outputs {
      guard let id = root.names[output.name] else {
        throw .unknownValue(node: "(outputs)", value: output.name)
      }
      outputs.append(id)
    }
    graph.outputs = outputs
    return ONNXGraphImport(graph: graph, weights: weights, declared: declared)
  }

  /// Names of values in one graph or body.
  private struct Scope {
    var names: [String: ValueID]

    mutating func define(_ name: String, _ id: ValueID) throws(ONNXGraphError) {
      guard names.updateValue(id, forKey: name) == nil else { throw .duplicateValue(name) }
    }
  }

  private var declared: [String: DeclaredFact] {
    var declared: [String: DeclaredFact] = [:]
    for info in source.valueInfo + source.outputs {
      guard case .tensor(let type, _, let dimensions?) = info.type else { continue }
      declared[info.name] = DeclaredFact(
        type: type,
        dimensions: dimensions.map { dimension in
          if case .size(let size) = dimension { size } else { nil }
        })
    }
    return declared
  }

  private mutating func addInput(_ input: ONNXValueInfo) throws(ONNXGraphError) {
    guard case .tensor(let type, _, let dimensions) = input.type else {
      throw .unsupported(["input '\(input.name)' without a type"])
    }
    let id = graph.append(input.name, .input)
    names[input.name] = id
    graph.inputs.append(
      GraphInput(
        value: id, type: type,
        dimensions: dimensions.map { list in
          list.enumerated().map { axis, dimension in
            switch dimension {
            case .size(let size): .size(size)
            // Some exporters call every dimension that they do not know by one name.
            case .symbol(let symbol) where symbol != "?" && !symbol.isEmpty: .symbol(symbol)
            case .symbol, .unknown: .symbol("\(input.name).\(axis)")
            }
          }
        }))
  }

  private mutating func addInitializer(
    _ tensor: ONNXTensor, named name: String
  ) throws(ONNXGraphError) {
    guard names[name] == nil else { throw .duplicateValue(name) }
    names[name] = graph.append(name, try origin(of: tensor, named: name))
  }

  /// A constant when it is small, else a weight, which is noted.
  private mutating func origin(
    of tensor: ONNXTensor, named name: String
  ) throws(ONNXGraphError) -> Value.Origin {
    if Self.isSmall(tensor) { return .constant(try loaded(tensor)) }
    guard let type = tensor.type else {
      throw .tensor("'\(name)' has elements that are no numbers")
    }
    weights.append((name, tensor))
    return .weight(tensor: name, Fact(type, tensor.shape))
  }

  private static func isSmall(_ tensor: ONNXTensor) -> Bool {
    guard let type = tensor.type else { return false }
    return tensor.byteCount <= (type.isFloatingPoint ? largestOther : largestInteger)
  }

  // MARK: Nodes

  private mutating func add(
    _ nodes: [VersionedNode], to target: inout Graph, _ scope: inout Scope, isRoot: Bool
  ) throws(ONNXGraphError) {
    for node in nodes {
      if let tensor = node.constantTensor, let name = node.node.outputs.first {
        let origin =
          isRoot ? try origin(of: tensor, named: name) : .constant(try loaded(tensor))
        try scope.define(name, target.append(name, origin))
      } else {
        try add(node, to: &target, &scope)
      }
    }
  }

  private func loaded(_ tensor: ONNXTensor) throws(ONNXGraphError) -> Tensor {
    do { return try tensor.load() } catch { throw .tensor("\(error)") }
  }

  private mutating func add(
    _ node: VersionedNode, to target: inout Graph, _ scope: inout Scope
  ) throws(ONNXGraphError) {
    var inputs: [ValueID?] = []
    for name in node.node.inputs {
      guard !name.isEmpty else {
        inputs.append(nil)
        continue
      }
      guard let id = scope.names[name] else {
        throw .unknownValue(node: node.label, value: name)
      }
      inputs.append(id)
    }
    var call = node.call
    if !node.bodies.isEmpty {
      // All bodies take the same values from around, in one order.
      let free = node.bodies.values.reduce(into: Set<String>()) { $0.formUnion($1.freeNames) }
        .sorted()
      for name in free {
        guard let id = scope.names[name] else {
          throw .unknownValue(node: node.label, value: name)
        }
        inputs.append(id)
      }
      call.captures = free.count
      for (name, body) in node.bodies {
        call.bodies[name] = try graphBody(body, free, "\(node.label)/\(name)")
      }
    }
    var outputs: [ValueID?] = []
    for name in node.node.outputs {
      guard !name.isEmpty else {
        outputs.append(nil)
        continue
      }
      let id = target.append(name, .node)
      try scope.define(name, id)
      outputs.append(id)
    }
    target.nodes.append(Node(name: node.path, op: .call(call), inputs: inputs, outputs: outputs))
  }

  // MARK: Bodies

  private mutating func graphBody(
    _ body: VersionedGraph, _ free: [String], _ name: String
  ) throws(ONNXGraphError) -> GraphBody {
    var inner = Graph(name: name + " of " + graph.name)
    var scope = Scope(names: [:])
    var parameters: [ValueID] = []
    let initializers = Set(body.initializers.map(\.name))
    for input in body.inputs where !initializers.contains(input.name) {
      let id = inner.append(input.name, .input)
      try scope.define(input.name, id)
      parameters.append(id)
    }
    for tensor in body.initializers {
      try scope.define(
        tensor.name, inner.append(tensor.name, .constant(try loaded(tensor))))
    }
    let own = body.definedNames
    for name in free {
      // A name that the body defines itself hides the one around, which another body takes.
      let id = inner.append(own.contains(name) ? "\(name)@around" : name, .input)
      if !own.contains(name) { try scope.define(name, id) }
      parameters.append(id)
    }
    try add(body.nodes, to: &inner, &scope, isRoot: false)
    for output in body.outputs {
      guard let id = scope.names[output.name] else {
        throw .unknownValue(node: name, value: output.name)
      }
      inner.outputs.append(id)
    }
    return GraphBody(graph: inner, parameters: parameters)
  }
}
