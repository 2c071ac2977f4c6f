import Architectures
import ByteIO
import GraphIR
import JSONText
import TensorBase
import TensorFiles
import TestSupport

/// A model folder: its configuration and what is known of its weights.
struct Checkpoint {
  var config: JSONObject
  var weights: [String: WeightDescriptor]

  init(config: JSONObject, weights: [String: WeightDescriptor] = [:]) {
    self.config = config
    self.weights = weights
  }

  /// A folder in golden/.
  init(golden folder: String) throws {
    let path = try goldenFolderPath(folder)
    guard
      let config = try JSONValue(
        parsing: readSmallFile(path + "/config.json", maximum: 1 << 20)
      ).objectValue
    else { throw GoldenError.badDocument(path: folder, reason: "config.json is no object") }
    let names = [
      "diffusion_pytorch_model.safetensors.index.json", "diffusion_pytorch_model.safetensors",
      "model.safetensors", "pytorch_model.bin",
    ]
    guard let name = names.first(where: { fileExists("\(path)/\($0)") }) else {
      throw GoldenError.badDocument(path: folder, reason: "no weights")
    }
    let file = try TensorFile.open("\(path)/\(name)")
    self.init(
      config: config,
      weights: Dictionary(
        uniqueKeysWithValues: file.descriptors.map {
          ($0.name, WeightDescriptor(type: $0.type, shape: $0.shape))
        }))
  }

  func built() throws(ArchitectureError) -> Architecture {
    try architecture(config: .object(config), weights: weights, file: "config.json")
  }

  /// The weights that the configuration asks for, as an error about an empty checkpoint lists
  /// them, with the shapes it then asks for; every name is the current one.
  ///
  /// - Parameter given: names that are there from the start.
  mutating func synthesiseWeights(beside given: [String] = []) throws {
    weights = [:]
    for name in given { weights[name] = WeightDescriptor(type: .f32, shape: [0]) }
    do {
      _ = try built()
    } catch .badWeights(_, let problems) {
      for name in problems.missing { weights[name] = WeightDescriptor(type: .f32, shape: [0]) }
    }
    do {
      _ = try built()
    } catch .badWeights(_, let problems) {
      for misfit in problems.misfits {
        weights[misfit.name] = WeightDescriptor(type: .f32, shape: misfit.expected)
      }
    }
  }
}

extension Architecture {
  func graph(_ name: String) -> Graph? { graphs.first { $0.name == name } }

  var parameterCount: Int { weights.reduce(0) { $0 + $1.shape.count } }
}

extension ShapedGraph {
  func shape(of name: String) -> Shape? { graph.value(named: name).map { self[$0].shape } }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int64) { self = .integer(value) }
  package init(floatLiteral value: Double) { self = .number(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  package init(nilLiteral: ()) { self = .null }
  package init(dictionaryLiteral members: (String, JSONValue)...) {
    var object = JSONObject()
    for (key, value) in members { object[key] = value }
    self = .object(object)
  }
}
