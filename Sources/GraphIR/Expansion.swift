import TensorBase

/// Why a call cannot be expanded; the caller adds which node it is.
package enum ExpansionFault: Error, Equatable {
  /// What does not fit, in words.
  case misfit(String)
  /// What the operator would need, in words.
  case unsupported(String)
  /// Elements that are not known yet: of values that the graph's inputs determine.
  case needsElements([ValueID])
  /// Only a run tells: to work it out while the graph is shaped would cost too much.
  case needsRun
}

/// One call on its way to ops of ours: gives all that is known of its inputs, takes nodes.
///
/// Every value here has a fact, since an expansion happens when shapes are known.
package struct Expansion {
  package let call: OperatorCall
  /// The node's inputs without the captured ones; nil where absent.
  package let inputs: [ValueID?]
  /// What the bodies take from around.
  package let captures: [ValueID]
  private let name: String
  private let outputs: [ValueID?]
  var workshop: Workshop
  /// Nodes of a branch that takes the call's place.
  private(set) var spliced: [Node] = []
  private(set) var isSpliced = false

  init(_ call: OperatorCall, _ node: Node, _ workshop: Workshop) {
    self.call = call
    name = node.name
    outputs = node.outputs
    inputs = Array(node.inputs.dropLast(call.captures))
    captures = node.inputs.suffix(call.captures).compactMap { $0 }
    self.workshop = workshop
  }

  /// The version of the operator set that the model was written against.
  package var version: Int { call.version }

  package var outputCount: Int { outputs.count }

  package func isWanted(output index: Int) -> Bool {
    outputs.indices.contains(index) && outputs[index] != nil
  }

  // MARK: Inputs

  /// An input that has to be there.
  package func input(_ index: Int) throws(ExpansionFault) -> ValueID {
    guard let id = optional(index) else { throw .misfit("input \(index) is missing") }
    return id
  }

  package func optional(_ index: Int) -> ValueID? {
    inputs.indices.contains(index) ? inputs[index] : nil
  }

  /// Type and shape of a value.
  package subscript(id: ValueID) -> Fact { workshop.fact(of: id) }

  /// Whether a value depends on weights and constants alone.
  package func isFixed(_ id: ValueID) -> Bool { workshop.dependsOnWeightsOnly(id) }

  /// The elements of a value when they are known already.
  package func knownElements(_ id: ValueID) -> Tensor? { workshop.elements(of: id) }

  /// The elements of a value.
  ///
  /// - Throws: `.needsElements` when they are known only after the graph has run up to here.
  package func elements(_ id: ValueID) throws(ExpansionFault) -> Tensor {
    guard let tensor = workshop.elements(of: id) else { throw .needsElements([id]) }
    return tensor
  }

  /// The elements of an input; see `elements(_:)`.
  package func value(of index: Int) throws(ExpansionFault) -> Tensor {
    try elements(try input(index))
  }

  /// The elements of an integer input; see `elements(_:)`.
  package func integers(of index: Int) throws(ExpansionFault) -> [Int] {
    let tensor = try value(of: index)
    guard let integers = tensor.integers else {
      throw .misfit("input \(index) is \(tensor.type) \(tensor.shape), not whole numbers")
    }
    return integers
  }

  /// The elements of a numeric input as doubles; see `elements(_:)`.
  package func numbers(of index: Int) throws(ExpansionFault) -> [Double] {
    try value(of: index).converted(to: .f64).doubles
  }

  // MARK: Attributes

  package func has(_ attribute: String) -> Bool { call.attributes[attribute] != nil }

  package func int(_ attribute: String, default value: Int) throws(ExpansionFault) -> Int {
    try int(attribute) ?? value
  }

  package func int(_ attribute: String) throws(ExpansionFault) -> Int? {
    switch call.attributes[attribute] {
    case nil: nil
    case .int(let value): value
    default: throw fault(attribute, "a whole number")
    }
  }

  package func flag(_ attribute: String, default value: Bool) throws(ExpansionFault) -> Bool {
    try int(attribute).map { $0 != 0 } ?? value
  }

  package func float(_ attribute: String, default value: Float) throws(ExpansionFault) -> Float {
    try float(attribute) ?? value
  }

  package func float(_ attribute: String) throws(ExpansionFault) -> Float? {
    switch call.attributes[attribute] {
    case nil: nil
    case .float(let value): value
    default: throw fault(attribute, "a number")
    }
  }

  package func string(
    _ attribute: String, default value: String
  ) throws(ExpansionFault) -> String {
    switch call.attributes[attribute] {
    case nil: value
    case .string(let text): text
    default: throw fault(attribute, "a string")
    }
  }

  package func ints(_ attribute: String) throws(ExpansionFault) -> [Int]? {
    switch call.attributes[attribute] {
    case nil: nil
    case .ints(let list): list
    // An empty list says nothing of its type.
    case .floats(let list) where list.isEmpty: []
    default: throw fault(attribute, "a list of whole numbers")
    }
  }

  package func floats(_ attribute: String) throws(ExpansionFault) -> [Float]? {
    switch call.attributes[attribute] {
    case nil: nil
    case .floats(let list): list
    case .ints(let list) where list.isEmpty: []
    default: throw fault(attribute, "a list of numbers")
    }
  }

  package func strings(_ attribute: String) throws(ExpansionFault) -> [String]? {
    switch call.attributes[attribute] {
    case nil: nil
    case .strings(let list): list
    case .ints(let list) where list.isEmpty: []
    default: throw fault(attribute, "a list of strings")
    }
  }

  package func tensor(_ attribute: String) throws(ExpansionFault) -> Tensor? {
    switch call.attributes[attribute] {
    case nil: nil
    case .tensor(let tensor): tensor
    default: throw fault(attribute, "a tensor")
    }
  }

  package func body(_ attribute: String) throws(ExpansionFault) -> GraphBody {
    guard let body = call.bodies[attribute] else { throw fault(attribute, "a graph") }
    return body
  }

  private func fault(_ attribute: String, _ expected: String) -> ExpansionFault {
    .misfit("the attribute '\(attribute)' is not \(expected)")
  }

  // MARK: Writing

  /// Adds a node; gives its first output.
  package mutating func emit(_ op: Op, _ inputs: ValueID?...) throws(ExpansionFault) -> ValueID {
    try workshop.emit(op, inputs, named: name)[0]
  }

  /// Adds a node; gives all its outputs.
  package mutating func emitAll(
    _ op: Op, _ inputs: [ValueID?]
  ) throws(ExpansionFault) -> [ValueID] {
    try workshop.emit(op, inputs, named: name)
  }

  package mutating func constant(_ tensor: Tensor) -> ValueID {
    workshop.constant(tensor, named: "\(name).constant")
  }

  /// A scalar of any type.
  package mutating func scalar(_ value: Double, _ type: ElementType) -> ValueID {
    constant(Tensor(doubles: [value], shape: []).converted(to: type))
  }

  package mutating func cast(_ id: ValueID, to type: ElementType) throws(ExpansionFault) -> ValueID
  {
    self[id].type == type ? id : try emit(.cast(type), id)
  }

  package mutating func reshape(
    _ id: ValueID, _ dimensions: [Int]
  ) throws(ExpansionFault) -> ValueID {
    if self[id].shape.dimensions == dimensions { return id }
    return try emit(.reshape(dimensions.map { .size($0) }), id)
  }

  package mutating func transpose(
    _ id: ValueID, _ permutation: [Int]
  ) throws(ExpansionFault) -> ValueID {
    if permutation == Array(permutation.indices) { return id }
    return try emit(.transpose(permutation), id)
  }

  package mutating func unary(_ function: Unary, _ id: ValueID) throws(ExpansionFault) -> ValueID {
    try emit(.unary(function), id)
  }

  package mutating func binary(
    _ function: Binary, _ a: ValueID, _ b: ValueID
  ) throws(ExpansionFault) -> ValueID {
    try emit(.binary(function), a, b)
  }

  /// Lets a body's nodes take the call's place: what they give are the call's outputs.
  ///
  /// - Parameter arguments: for each of the body's parameters.
  package mutating func splice(
    _ body: GraphBody, _ arguments: [ValueID]
  ) throws(ExpansionFault) {
    guard arguments.count == body.parameters.count else {
      throw .misfit(
        "a body takes \(body.parameters.count) values, and \(arguments.count) are there")
    }
    guard body.graph.outputs.count >= outputs.count else {
      throw .misfit(
        "a body gives \(body.graph.outputs.count) values, and \(outputs.count) are wanted")
    }
    isSpliced = true
    var places = [ValueID?](repeating: nil, count: body.graph.values.count)
    for (parameter, argument) in zip(body.parameters, arguments) {
      places[parameter.index] = argument
    }
    for (index, value) in body.graph.values.enumerated() where places[index] == nil {
      switch value.origin {
      case .constant(let tensor):
        places[index] = workshop.constant(tensor, named: "\(name)/\(value.name)")
      case .node: places[index] = workshop.addValue(named: "\(name)/\(value.name)")
      case .input, .weight: throw .misfit("'\(value.name)' of a body has no source")
      }
    }
    func moved(_ id: ValueID?) -> ValueID? { id.flatMap { places[$0.index] } }
    spliced = body.graph.nodes.map { node in
      Node(
        name: "\(name)/\(node.name)", op: node.op, inputs: node.inputs.map(moved),
        outputs: node.outputs.map(moved))
    }
    for (output, result) in zip(outputs, body.graph.outputs) {
      guard let output, let result = moved(result) else { continue }
      spliced.append(Node(name: name, op: .identity, inputs: [result], outputs: [output]))
    }
  }
}
