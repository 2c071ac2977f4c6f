import TensorBase

/// An operator of another vocabulary (ONNX's), kept as it was read until shapes are known; then
/// shaping expands it into ops of ours.
package struct OperatorCall: Hashable, Sendable {
  /// Empty for ONNX's own operators.
  package var domain: String
  package var name: String
  /// The version of the domain's operator set that the model was written against.
  package var version: Int
  package var attributes: [String: OperatorAttribute]
  /// Graphs that the operator runs (branches, loop bodies), by attribute. The node's inputs end
  /// with the values that all of them take from around, `captures` of them.
  package var bodies: [String: GraphBody]
  package var captures: Int

  package init(
    domain: String = "", name: String, version: Int,
    attributes: [String: OperatorAttribute] = [:], bodies: [String: GraphBody] = [:],
    captures: Int = 0
  ) {
    self.domain = domain
    self.name = name
    self.version = version
    self.attributes = attributes
    self.bodies = bodies
    self.captures = captures
  }

  /// `Name` for ONNX's own operators, `domain.Name` for others.
  package var qualifiedName: String { domain.isEmpty ? name : "\(domain).\(name)" }
}

package enum OperatorAttribute: Hashable, Sendable {
  case int(Int)
  case float(Float)
  case string(String)
  case ints([Int])
  case floats([Float])
  case strings([String])
  case tensor(Tensor)
}

/// A graph without types and shapes of its own: those come with the values it is run on.
package struct GraphBody: Hashable, Sendable {
  /// Its values, nodes and outputs; it has no `inputs`.
  package var graph: Graph
  /// The values that are given from outside, of origin `.input`: the formal inputs in their
  /// order, then the captured values in the order in which the node lists them.
  package var parameters: [ValueID]

  package init(graph: Graph, parameters: [ValueID]) {
    self.graph = graph
    self.parameters = parameters
  }
}
