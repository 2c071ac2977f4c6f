import JSONText
import TensorBase

/// Why no graph can be built of a configuration and a checkpoint's tensors.
package enum ArchitectureError: Error, Equatable, CustomStringConvertible {
  case notAConfiguration(found: String)
  case unnamedModel
  case unknownModel(named: String)
  case unknownKey(model: String, key: String, value: String)
  case missingKey(model: String, key: String)
  /// The key is known, what it asks for is not implemented or makes no sense.
  case unsupportedValue(model: String, key: String, value: String, expected: String)
  case noEmbedding(model: String, suffix: String)
  case severalEmbeddings(model: String, names: [String])
  /// All there are, at least one; the text names at most `WeightProblem.mostShown` of them.
  case weights(model: String, problems: [WeightProblem])

  package var description: String {
    switch self {
    case .notAConfiguration(let found):
      "a model's config.json must be an object; this one is \(found)"
    case .unnamedModel:
      "the config.json does not say which model it is for: it has no _class_name, model_type or "
        + "architectures"
    case .unknownModel(let name):
      "the model '\(name)' is not known; known are "
        + ArchitectureKind.allCases.map(\.rawValue).joined(separator: ", ")
        + " and their relatives"
    case .unknownKey(let model, let key, let value):
      "the configuration of the \(model) has the key '\(key)' (\(value)), which is not known"
    case .missingKey(let model, let key):
      "the configuration of the \(model) lacks the key '\(key)'"
    case .unsupportedValue(let model, let key, let value, let expected):
      "the configuration of the \(model) has '\(key)' = \(value); expected \(expected)"
    case .noEmbedding(let model, let suffix):
      "the checkpoint has no tensor whose name ends with '\(suffix)', so it holds no \(model)"
    case .severalEmbeddings(let model, let names):
      "the checkpoint holds more than one \(model): " + names.joined(separator: ", ")
    case .weights(let model, let problems):
      "the checkpoint does not fit the \(model): "
        + problems.prefix(WeightProblem.mostShown).map(\.description).joined(separator: "; ")
        + (problems.count > WeightProblem.mostShown
          ? "; and \(problems.count - WeightProblem.mostShown) more" : "")
    }
  }
}

/// What is wrong with one tensor of a checkpoint.
package enum WeightProblem: Hashable, Sendable, CustomStringConvertible {
  case missing(name: String, shape: Shape)
  case wrongShape(name: String, found: Shape, expected: Shape)
  case wrongType(name: String, found: ElementType)
  /// The model has no use for it.
  case leftOver(name: String)

  package static let mostShown = 10

  package var description: String {
    switch self {
    case .missing(let name, let shape): "'\(name)' \(shape) is missing"
    case .wrongShape(let name, let found, let expected):
      "'\(name)' has the shape \(found), not \(expected)"
    case .wrongType(let name, let found):
      "'\(name)' is \(found.rawValue), not a floating-point type"
    case .leftOver(let name): "'\(name)' is not part of the model"
    }
  }
}

/// A value as it stands in a configuration, cut where it is long.
func shown(_ value: JSONValue) -> String {
  let text = value.text()
  return text.utf8.count <= 80 ? text : String(text.prefix(77)) + "…"
}
