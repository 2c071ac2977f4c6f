import Naming

/// What can be wrong with a request that several stages serve together.
package enum PipelineError: Error, Equatable, CustomStringConvertible {
  case badSetting(file: String, key: String, expected: String)
  case wrongGraph(graph: String, lacks: String)
  case noGraph(file: String, name: String, known: [String])
  case noComponent(file: String, component: String, hint: String)
  case tapSize(queries: Int, latent: [Int])
  case unknownLayer(pattern: String, nearest: String?)
  case badOption(name: String, reason: String)
  case savedTaps(file: String, reason: String)
  case missingInputs(file: String, names: [String])
  case inputValues(file: String, name: String, type: String, wanted: String, example: String)
  case unknownInputs(file: String, names: [String], known: [String])
  case notFound(path: String, reason: String)
  case component(folder: String, reason: String)
  case unsupportedFile(file: String, expected: String)

  package var description: String {
    switch self {
    case .badSetting(let file, let key, let expected):
      "\(file): '\(key)' is not \(expected)"
    case .wrongGraph(let graph, let lacks):
      "graph '\(graph)' cannot be used for grounding: it lacks \(lacks)"
    case .noGraph(let file, let name, let known):
      "\(file) has no graph '\(name)'; it has \(known.joined(separator: ", "))"
    case .noComponent(let file, let component, let hint):
      "\(file) holds no \(component); \(hint)"
    case .tapSize(let queries, let latent):
      "a tap has \(queries) queries, which fit no level of a latent of "
        + latent.map(String.init).joined(separator: " × ")
    case .unknownLayer(let pattern, let nearest):
      "no cross-attention layer is called '\(pattern)'"
        + (nearest.map { "; did you mean '\($0)'?" } ?? "") + " (plumb inspect --taps lists them)"
    case .badOption(let name, let reason): "\(name): \(reason)"
    case .savedTaps(let file, let reason):
      "\(file) cannot be grounded again: \(reason)"
    case .missingInputs(let file, let names):
      "\(file) lacks the input\(names.count == 1 ? "" : "s") \(shortList(names))"
    case .inputValues(let file, let name, let type, let wanted, let example):
      "\(file): '\(name)' is \(type) with values such as \(example), but the graph takes \(wanted)"
    case .unknownInputs(let file, let names, let known):
      "\(file) has \(shortList(names)), which the graph does not take; it takes "
        + known.joined(separator: ", ")
    case .notFound(let path, let reason): "\(path): \(reason)"
    case .component(let folder, let reason): "\(folder): \(reason)"
    case .unsupportedFile(let file, let expected): "\(file) is not \(expected)"
    }
  }
}

extension PipelineError {
  /// An option's pattern that matches no tensor.
  static func noTensor(option: String, pattern: String, among names: [String]) -> PipelineError {
    let near = nearestName(to: pattern, among: names).map { "; did you mean '\($0)'?" } ?? ""
    return .badOption(name: option, reason: "no tensor is called '\(pattern)'\(near)")
  }
}

/// The first few of many names, and how many more there are.
func shortList(_ names: [String]) -> String {
  let shown = names.prefix(5).joined(separator: ", ")
  return names.count > 5 ? "\(shown) and \(names.count - 5) more" : shown
}
