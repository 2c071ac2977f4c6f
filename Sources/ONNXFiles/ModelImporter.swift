import ByteIO
import TensorBase

/// Turns the message of a model into a model.
struct ModelImporter {
  private let file: MappedFile
  private let tensors: TensorImporter

  init(file: MappedFile, notes: [ElementNote]) {
    self.file = file
    tensors = TensorImporter(file: file, notes: notes)
  }

  func model(_ wire: WireModel) throws(ONNXFileError) -> ONNXModel {
    guard let version = wire.irVersion, version > 0 else { throw refuse(.noVersion) }
    guard version >= 3 else { throw refuse(.oldVersion(Int(version))) }
    guard version <= ONNXFile.newestVersion else {
      throw refuse(.newVersion(Int(version), newest: ONNXFile.newestVersion))
    }
    guard !wire.opsets.isEmpty else { throw refuse(.noOpsets) }
    let opsets = try self.opsets(wire.opsets)
    guard let wireGraph = wire.graph else { throw refuse(.noGraph) }
    let graph = try self.graph(wireGraph, inFunction: false)
    var functions: [ONNXFunction] = []
    for function in wire.functions { functions.append(try self.function(function)) }
    let checker = GraphChecker()
    do {
      let checked = try checker.model(graph, functions, opsets: opsets)
      return ONNXModel(
        irVersion: Int(version), opsets: opsets, graph: checked.graph,
        functions: checked.functions,
        metadata: Dictionary(wire.metadata.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }),
        producer: [wire.producerName, wire.producerVersion].filter { !$0.isEmpty }
          .joined(separator: " "),
        hasTraining: wire.hasTraining, files: [file] + tensors.external.files)
    } catch { throw refuse(error) }
  }

  private func refuse(_ fault: ONNXModelFault) -> ONNXFileError {
    .model(file: file.name, fault)
  }

  private func opsets(_ wire: [WireOpset]) throws(ONNXFileError) -> [String: Int] {
    var result: [String: Int] = [:]
    for opset in wire {
      let domain = plain(opset.domain)
      guard opset.version >= 1 else {
        throw refuse(.badOpset(domain: domain, version: Int(opset.version)))
      }
      let version = Int(opset.version)
      if let other = result.updateValue(version, forKey: domain), other != version {
        throw refuse(.opsetTwice(domain: domain))
      }
    }
    return result
  }

  private func graph(_ wire: WireGraph, inFunction: Bool) throws(ONNXFileError) -> ONNXGraph {
    var nodes: [ONNXNode] = []
    nodes.reserveCapacity(wire.nodes.count)
    for node in wire.nodes { nodes.append(try self.node(node, inFunction: inFunction)) }
    var initializers: [ONNXTensor] = []
    for tensor in wire.initializers { initializers.append(try tensors.tensor(tensor)) }
    for tensor in wire.sparseInitializers { initializers.append(try tensors.tensor(tensor)) }
    return ONNXGraph(
      name: wire.name, nodes: nodes, initializers: initializers,
      inputs: try values(wire.inputs), outputs: try values(wire.outputs),
      valueInfo: try values(wire.valueInfo))
  }

  private func node(_ wire: WireNode, inFunction: Bool) throws(ONNXFileError) -> ONNXNode {
    let bare = ONNXNode(
      name: wire.name, domain: plain(wire.domain), op: wire.op, overload: wire.overload,
      inputs: wire.inputs, outputs: wire.outputs, scope: scope(in: wire.metadata))
    guard !wire.op.isEmpty else { throw refuse(.noOperator(node: bare.label)) }
    let attributes = try self.attributes(wire.attributes, of: bare.label, inFunction: inFunction)
    return bare.with(attributes)
  }

  private func attributes(
    _ wire: [WireAttribute], of node: String, inFunction: Bool
  ) throws(ONNXFileError) -> [String: ONNXAttribute] {
    var result: [String: ONNXAttribute] = [:]
    for attribute in wire {
      guard !attribute.name.isEmpty else { throw refuse(.namelessAttribute(node: node)) }
      let value = try self.attribute(attribute, of: node, inFunction: inFunction)
      guard result.updateValue(value, forKey: attribute.name) == nil else {
        throw refuse(.attributeTwice(node: node, attribute: attribute.name))
      }
    }
    return result
  }

  private func attribute(
    _ wire: WireAttribute, of node: String, inFunction: Bool
  ) throws(ONNXFileError) -> ONNXAttribute {
    guard wire.reference.isEmpty else {
      guard inFunction else {
        throw refuse(.straySource(node: node, attribute: wire.name))
      }
      return .reference(wire.reference)
    }
    func expect(_ what: String) -> ONNXFileError {
      refuse(.attributeValue(node: node, attribute: wire.name, expected: what))
    }
    let kinds = wire.kinds
    let type: AttributeType
    if let number = wire.type.map(Int.init), number != 0 {
      guard let known = AttributeType(rawValue: number) else {
        throw refuse(.attributeType(node: node, attribute: wire.name, type: number))
      }
      type = known
    } else {
      // Files of early versions do not give the type.
      guard let first = kinds.first else { return .unsupported("nothing") }
      type = first
    }
    guard kinds.allSatisfy({ $0 == type }) else { throw expect("\(type.name) and nothing else") }
    switch type {
    // A number or text that a writer left out is the one that stands for nothing.
    case .int: return .int(Int(wire.int ?? 0))
    case .float: return .float(wire.float ?? 0)
    case .string:
      guard let text = String(validating: wire.string ?? [], as: UTF8.self) else {
        return .unsupported("text that is not UTF-8")
      }
      return .string(text)
    case .tensor:
      guard let tensor = wire.tensor else { throw expect(type.name) }
      return .tensor(try tensors.tensor(tensor))
    case .graph:
      guard let graph = wire.graph.first else { throw expect(type.name) }
      return .graph(try self.graph(graph, inFunction: inFunction))
    case .floats: return .floats(wire.floats)
    case .ints: return .ints(wire.ints.map(Int.init))
    case .strings:
      let texts = wire.strings.compactMap { String(validating: $0, as: UTF8.self) }
      guard texts.count == wire.strings.count else {
        return .unsupported("text that is not UTF-8")
      }
      return .strings(texts)
    case .tensors:
      var result: [ONNXTensor] = []
      for tensor in wire.tensors { result.append(try tensors.tensor(tensor)) }
      return .tensors(result)
    case .graphs:
      var result: [ONNXGraph] = []
      for graph in wire.graphs { result.append(try self.graph(graph, inFunction: inFunction)) }
      return .graphs(result)
    case .sparseTensor:
      guard let tensor = wire.sparseTensor else { throw expect(type.name) }
      return .sparseTensor(try tensors.tensor(tensor))
    case .sparseTensors, .type, .types: return .unsupported(type.name)
    }
  }

  private func values(_ wire: [WireValueInfo]) throws(ONNXFileError) -> [ONNXValueInfo] {
    var result: [ONNXValueInfo] = []
    result.reserveCapacity(wire.count)
    for value in wire {
      guard !value.name.isEmpty else { throw refuse(.nameless("a value of a graph")) }
      do {
        result.append(
          ONNXValueInfo(name: value.name, type: try valueType(value.type, of: value.name)))
      } catch { throw refuse(error) }
    }
    return result
  }

  private func function(_ wire: WireFunction) throws(ONNXFileError) -> ONNXFunction {
    guard !wire.name.isEmpty else { throw refuse(.nameless("a function")) }
    let label = "the function \(quoted(wire.name))"
    let defaults = try attributes(wire.defaults, of: label, inFunction: false)
    var nodes: [ONNXNode] = []
    for node in wire.nodes { nodes.append(try self.node(node, inFunction: true)) }
    return ONNXFunction(
      domain: plain(wire.domain), name: wire.name, overload: wire.overload, inputs: wire.inputs,
      outputs: wire.outputs, attributes: wire.attributes, defaults: defaults,
      opsets: try opsets(wire.opsets), nodes: nodes)
  }
}

/// The domain of ONNX's own operators has two names.
private func plain(_ domain: String) -> String { domain == "ai.onnx" ? "" : domain }

/// The types of attributes; the raw value is the format's own number.
enum AttributeType: Int {
  case float = 1
  case int, string, tensor, graph, floats, ints, strings, tensors, graphs
  case sparseTensor, sparseTensors, type, types

  var name: String {
    switch self {
    case .float: "a float"
    case .int: "an integer"
    case .string: "a text"
    case .tensor: "a tensor"
    case .graph: "a graph"
    case .floats: "a list of floats"
    case .ints: "a list of integers"
    case .strings: "a list of texts"
    case .tensors: "a list of tensors"
    case .graphs: "a list of graphs"
    case .sparseTensor: "a sparse tensor"
    case .sparseTensors: "a list of sparse tensors"
    case .type: "a type"
    case .types: "a list of types"
    }
  }
}

extension WireAttribute {
  /// The types of the values that are set.
  var kinds: [AttributeType] {
    var result: [AttributeType] = []
    if float != nil { result.append(.float) }
    if int != nil { result.append(.int) }
    if string != nil { result.append(.string) }
    if tensor != nil { result.append(.tensor) }
    if !graph.isEmpty { result.append(.graph) }
    if !floats.isEmpty { result.append(.floats) }
    if !ints.isEmpty { result.append(.ints) }
    if !strings.isEmpty { result.append(.strings) }
    if !tensors.isEmpty { result.append(.tensors) }
    if !graphs.isEmpty { result.append(.graphs) }
    if sparseTensor != nil { result.append(.sparseTensor) }
    if sparseTensorCount > 0 { result.append(.sparseTensors) }
    if hasType { result.append(.type) }
    if typeCount > 0 { result.append(.types) }
    return result
  }
}

extension ONNXNode {
  func with(_ attributes: [String: ONNXAttribute]) -> ONNXNode {
    ONNXNode(
      name: name, domain: domain, op: op, overload: overload, inputs: inputs, outputs: outputs,
      attributes: attributes, scope: scope)
  }

  /// The node for a sentence, by its name or by what it gives.
  package var label: String {
    if !name.isEmpty { return "node \(quoted(name)) (\(cleaned(op)))" }
    if let output = outputs.first(where: { !$0.isEmpty }) {
      return "the \(cleaned(op)) that gives \(quoted(output))"
    }
    return "a node (\(cleaned(op)))"
  }

  private func cleaned(_ op: String) -> String {
    op.isEmpty ? "no operator" : String(quoted(op).dropFirst().dropLast())
  }
}
