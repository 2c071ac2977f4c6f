import TensorBase

/// What can be wrong with a graph, or with a request to it.
package enum GraphError: Error, Equatable, CustomStringConvertible {
  case duplicateName(graph: String, name: String)
  case badReference(graph: String, node: String, index: Int)
  case usedBeforeComputed(graph: String, node: String, value: String)
  case computedTwice(graph: String, node: String, value: String)
  case wrongInputCount(graph: String, node: String, op: String, count: Int, expected: String)
  case notComputed(graph: String, value: String)
  /// A node whose inputs do not fit its op.
  case misfit(graph: String, node: String, op: String, reason: String)
  case unknownInput(graph: String, name: String, known: [String])
  case missingInput(graph: String, name: String)
  case inputShape(graph: String, name: String, given: Shape, expected: String)
  case unknownValue(graph: String, name: String, nearest: String?)
  /// A shape depends on elements that are known only when the graph runs.
  case needsElements(graph: String, node: String, value: String)

  package var description: String {
    switch self {
    case .duplicateName(let graph, let name):
      "graph '\(graph)' has two values named '\(name)'"
    case .badReference(let graph, let node, let index):
      "node '\(node)' of graph '\(graph)' refers to value \(index), which does not exist"
    case .usedBeforeComputed(let graph, let node, let value):
      "node '\(node)' of graph '\(graph)' uses '\(value)' before it is computed"
    case .computedTwice(let graph, let node, let value):
      "node '\(node)' of graph '\(graph)' computes '\(value)', which already has a source"
    case .wrongInputCount(let graph, let node, let op, let count, let expected):
      "node '\(node)' (\(op)) of graph '\(graph)' has \(count) inputs; expected \(expected)"
    case .notComputed(let graph, let value):
      "nothing in graph '\(graph)' computes '\(value)'"
    case .misfit(let graph, let node, let op, let reason):
      "node '\(node)' (\(op)) of graph '\(graph)': \(reason)"
    case .unknownInput(let graph, let name, let known):
      "graph '\(graph)' has no input '\(name)'; it has \(known.joined(separator: ", "))"
    case .missingInput(let graph, let name):
      "graph '\(graph)' needs the input '\(name)', which was not given"
    case .inputShape(let graph, let name, let given, let expected):
      "input '\(name)' of graph '\(graph)' has the shape \(given); expected \(expected)"
    case .needsElements(let graph, let node, let value):
      "the shapes behind node '\(node)' of graph '\(graph)' depend on what is in '\(value)', which "
        + "is not known before the graph runs"
    case .unknownValue(let graph, let name, let nearest):
      "graph '\(graph)' has no tensor '\(name)'"
        + (nearest.map { "; did you mean '\($0)'?" } ?? "")
    }
  }
}
