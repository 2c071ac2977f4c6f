import Architectures
import ByteIO
import GraphIR
import JSONText
import TensorBase
import TensorFiles
import TestSupport

/// A model's configuration and the facts of its tensors.
struct Checkpoint {
  var config: JSONObject
  var weights: [String: Fact]

  /// The folder of a model below golden/checkpoints.
  init(_ folder: String) throws {
    let path = try goldenFolderPath("checkpoints/\(folder)")
    let json = try JSONValue(parsing: readSmallFile(path + "/config.json", maximum: 1 << 20))
    config = json.objectValue ?? JSONObject()
    let names = [
      "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.safetensors.index.json",
      "model.safetensors", "pytorch_model.bin",
    ]
    weights = [:]
    for name in names where fileExists(path + "/" + name) {
      for tensor in try TensorFile.open(path + "/" + name).descriptors {
        weights[tensor.name] = Fact(tensor.type, tensor.shape)
      }
    }
  }

  /// A configuration with the weights it asks for, as the error about an empty checkpoint lists
  /// them. `present`: weights whose presence makes a model ask for others.
  init(whole config: JSONObject, present: [String: Shape] = [:]) throws {
    self.config = config
    weights = present.mapValues { Fact(.f32, $0) }
    guard case .weights(_, let problems) = failure() else { return }
    for case .missing(let name, let shape) in problems { weights[name] = Fact(.f32, shape) }
  }

  func build() throws -> [Architecture] {
    try architectures(config: .object(config), weights: weights)
  }

  /// The error that building gives; nil when it gives none.
  func failure() -> ArchitectureError? {
    do {
      _ = try architectures(config: .object(config), weights: weights)
      return nil
    } catch {
      return error
    }
  }

  /// With every dimension replaced as `size` says: a tensor's name and one of its dimensions.
  mutating func resize(_ size: (String, Int) -> Int) {
    for (name, fact) in weights {
      weights[name] = Fact(
        fact.type, Shape(fact.shape.dimensions.map { size(name, $0) }))
    }
  }
}

extension Architecture {
  /// Elements in all weights together.
  var parameterCount: Int { weights.reduce(0) { $0 + $1.shape.count } }

  /// The shapes of the named values for these inputs. Errors: the graph does not fit them.
  func shapes(
    _ inputs: [String: Shape], of names: [String]
  ) throws -> [Shape?] {
    try graph.validate()
    let shaped = try ShapedGraph(graph, inputs: inputs)
    return names.map { name in graph.value(named: name).map { shaped[$0].shape } }
  }

  var outputNames: [String] { graph.outputs.map { graph[$0].name } }
  var inputNames: [String] { graph.inputs.map { graph[$0.value].name } }
}
