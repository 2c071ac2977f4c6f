import TensorBase

/// What can go wrong when a graph is asked to run.
package enum ExecutionError: Error, Equatable, CustomStringConvertible {
  case missingInput(graph: String, name: String)
  case wrongInput(graph: String, name: String, given: String, expected: String)
  case wrongWeight(graph: String, name: String, given: String, expected: String)
  case failed(graph: String, node: String, op: String, reason: String)

  package var description: String {
    switch self {
    case .missingInput(let graph, let name):
      "graph '\(graph)' needs the input '\(name)', which was not given"
    case .wrongInput(let graph, let name, let given, let expected):
      "input '\(name)' of graph '\(graph)' is \(given); expected \(expected)"
    case .wrongWeight(let graph, let name, let given, let expected):
      "weight '\(name)' of graph '\(graph)' is \(given); expected \(expected)"
    case .failed(let graph, let node, let op, let reason):
      "node '\(node)' (\(op)) of graph '\(graph)' failed: \(reason)"
    }
  }
}
