import GraphIR

/// One operator: what a node of it may say, and what it means in our ops.
package struct ONNXOperator: Sendable {
  package let domain: String
  package let name: String
  /// How many inputs and outputs a node lists, absent ones included.
  package let inputs: ClosedRange<Int>
  package let outputs: ClosedRange<Int>
  /// Attributes that have a meaning here; any other could change what is computed.
  package let attributes: Set<String>
  /// What a call needs that we cannot do, in words, as far as its attributes tell; nil when
  /// nothing.
  package let lacks: (@Sendable (OperatorCall) -> String?)?
  /// Writes what a call means; gives its outputs in order, nil for one that is not wanted.
  package let expand: @Sendable (inout Expansion) throws(ExpansionFault) -> [ValueID?]

  package init(
    _ name: String, domain: String = "", inputs: ClosedRange<Int>,
    outputs: ClosedRange<Int> = 1...1,
    attributes: Set<String> = [], lacks: (@Sendable (OperatorCall) -> String?)? = nil,
    expand: @escaping @Sendable (inout Expansion) throws(ExpansionFault) -> [ValueID?]
  ) {
    self.domain = domain
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
    self.attributes = attributes
    self.lacks = lacks
    self.expand = expand
  }
}

/// As many inputs or outputs as a node may list.
let anyCount = 65_536

/// The newest operator set known here, that of onnx 1.23.
package let newestOperatorSet = 28

/// The operators by domain and name.
private let table: [String: [String: ONNXOperator]] = {
  let all =
    controlFlowOperators + arithmeticOperators + indexingOperators + imagingOperators
    + sequenceOperators
  var table: [String: [String: ONNXOperator]] = [:]
  for one in all {
    let other = table[one.domain, default: [:]].updateValue(one, forKey: one.name)
    precondition(other == nil, "\(one.name) is defined twice")
  }
  return table
}()

/// The operator that a call is of, if we know it.
package func onnxOperator(domain: String, name: String) -> ONNXOperator? { table[domain]?[name] }

/// Names of all operators of a domain that we know.
package func onnxOperatorNames(domain: String) -> [String] { (table[domain] ?? [:]).keys.sorted() }

/// Writes what a call means; what a `Vocabulary` of ONNX operators does.
@Sendable package func expandONNX(
  _ expansion: inout Expansion
) throws(ExpansionFault) -> [ValueID?] {
  guard let found = onnxOperator(domain: expansion.call.domain, name: expansion.call.name) else {
    throw .unsupported("there is no operator \(expansion.call.qualifiedName) here")
  }
  return try found.expand(&expansion)
}
