/// Why a model does not become a graph.
package enum ONNXGraphError: Error, Equatable, CustomStringConvertible {
  /// Everything that it asks for and we cannot do, each with the nodes that do.
  case unsupported([String])
  /// A function that stands for itself, directly or by others.
  case recursiveFunction(String)
  /// Functions in functions, too deep or too many.
  case tooLarge(String)
  /// A node that reads what nothing gives.
  case unknownValue(node: String, value: String)
  /// Two values of one name where there can be one only.
  case duplicateValue(String)
  /// A tensor that cannot be read.
  case tensor(String)

  package var description: String {
    switch self {
    case .unsupported(let list): "not supported: " + list.joined(separator: "; ")
    case .recursiveFunction(let name): "the function '\(name)' stands for itself"
    case .tooLarge(let what): what
    case .unknownValue(let node, let value):
      "node '\(node)' reads '\(value)', which nothing gives"
    case .duplicateValue(let name): "two values are named '\(name)'"
    case .tensor(let reason): reason
    }
  }
}
