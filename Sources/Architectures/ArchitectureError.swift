import JSONText
import TensorBase

/// Why no graph can be made of a configuration and its weights.
package enum ArchitectureError: Error, Equatable, CustomStringConvertible {
  case notAnObject(file: String)
  /// `names`: what the configuration calls its model.
  case unrecognised(file: String, names: [String])
  /// A key that says something these graphs do not do.
  case unsupported(file: String, key: String, value: JSONValue)
  case unknownKey(file: String, key: String, value: JSONValue)
  case badValue(file: String, key: String, value: JSONValue, expected: String)
  case badWeights(file: String, WeightProblems)
  /// More than one place in the checkpoint where the model could start.
  case ambiguousPrefix(file: String, candidates: [String])

  package var description: String {
    switch self {
    case .notAnObject(let file):
      "'\(file)' is not a JSON object; expected a model's config.json"
    case .unrecognised(let file, let names):
      "'\(file)' describes "
        + (names.isEmpty
          ? "no model that can be told (no _class_name, model_type or architectures)"
          : "the model \(names.map { "'\($0)'" }.joined(separator: ", ")), which is not known")
        + "; known are UNet2DConditionModel, AutoencoderKL, BERT and the text model of CLIP"
    case .unsupported(let file, let key, let value):
      "'\(file)' asks for \(key) = \(value.text()), which is not implemented"
    case .unknownKey(let file, let key, let value):
      "'\(file)' has the unknown key \(key) = \(value.text()); what it would change is not known"
    case .badValue(let file, let key, let value, let expected):
      "'\(file)' has \(key) = \(value.text()); expected \(expected)"
    case .badWeights(let file, let problems):
      "the weights do not fit '\(file)': \(problems)"
    case .ambiguousPrefix(let file, let candidates):
      "the weights beside '\(file)' hold several models, starting at "
        + "\(listed(candidates)); keep one"
    }
  }
}

/// Everything by which a checkpoint's tensors differ from what the graphs need.
package struct WeightProblems: Hashable, Sendable, CustomStringConvertible {
  package struct Misfit: Hashable, Sendable {
    package let name: String
    package let given: WeightDescriptor
    package let expected: Shape

    package init(name: String, given: WeightDescriptor, expected: Shape) {
      self.name = name
      self.given = given
      self.expected = expected
    }
  }

  /// Names the checkpoint lacks.
  package var missing: [String] = []
  /// Names that nothing needs and that are not known as unused, sorted.
  package var leftOver: [String] = []
  /// Tensors of the wrong shape, or whose elements are no floating-point numbers.
  package var misfits: [Misfit] = []

  package init(missing: [String] = [], leftOver: [String] = [], misfits: [Misfit] = []) {
    self.missing = missing
    self.leftOver = leftOver
    self.misfits = misfits
  }

  package var isEmpty: Bool { missing.isEmpty && leftOver.isEmpty && misfits.isEmpty }

  /// At most ten names of each kind.
  package var description: String {
    var parts: [String] = []
    if !missing.isEmpty { parts.append("missing: \(listed(missing))") }
    if !misfits.isEmpty {
      let texts = misfits.map {
        "\($0.name) is \($0.given.type.rawValue) \($0.given.shape), "
          + "expected floating point \($0.expected)"
      }
      parts.append("wrong: \(listed(texts))")
    }
    if !leftOver.isEmpty { parts.append("left over: \(listed(leftOver))") }
    return parts.joined(separator: "; ")
  }
}

/// At most ten of the names, and how many there are when there are more.
private func listed(_ names: [String]) -> String {
  let shown = names.prefix(10).joined(separator: ", ")
  return names.count > 10 ? "\(shown), … (\(names.count) in all)" : shown
}
