import TensorBase

/// What can go wrong when a graph is asked to run.
package enum ExecutionError: Error, Equatable, CustomStringConvertible {
  case missingInput(graph: String, name: String)
  case wrongInput(graph: String, name: String, given: String, expected: String)
  case wrongWeight(graph: String, name: String, given: String, expected: String)
  case failed(graph: String, node: String, op: String, reason: String)
  /// More memory than the machine has, in bytes; the text says for what.
  case tooLarge(graph: String, what: String, needed: Int, available: Int)
  /// More memory than the process may use, in bytes.
  case tooLittleMemory(graph: String, needed: Int, given: Int)
  /// More than the budget has left.
  case tooCostly(graph: String)
  /// The system gives no thread.
  case noThread(graph: String)

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
    case .tooLarge(let graph, let what, let needed, let available):
      "\(what) of graph '\(graph)' needs \(needed) bytes, and the machine has \(available)"
    case .tooLittleMemory(let graph, let needed, let given):
      "graph '\(graph)' needs \(needed) bytes of memory at these sizes, with one weight in memory "
        + "at a time, and \(given) are allowed; allow more, or run fewer items at once"
    case .tooCostly(let graph):
      "to run graph '\(graph)' costs more than it may"
    case .noThread(let graph):
      "graph '\(graph)' needs a second thread for its weights, and the system gives none"
    }
  }
}
