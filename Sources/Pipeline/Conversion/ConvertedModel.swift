import Architectures
import ByteIO
import GraphIR
import NativeFormat
import TensorBase
import TensorFiles

/// A model on its way into a file: its graphs, and its weights one by one.
struct ConvertedModel {
  /// Which part of a pipeline it is; `model` when it is none.
  let component: String
  /// Where it comes from, for errors.
  let path: String
  /// Their weights are named as they are stored.
  let graphs: [Graph]
  let weights: [Weight]
  /// Tensors that are known and not needed, as they would be stored.
  let unused: [String]
  let facts: ModelFacts
  /// The files it was read from, with their digests.
  let sources: () throws -> [(name: String, sha256: String)]

  struct Weight {
    let name: String
    let byteCount: Int
    let load: () throws -> Tensor
    /// Gives back what loading took.
    let release: () -> Void
  }

  init(
    _ component: String, _ source: ModelSource, _ request: ConversionRequest, isAlone: Bool
  ) throws {
    switch source {
    case .folder(let folder): try self.init(component, folder, isAlone: isAlone)
    case .onnx(let path): try self.init(component, onnx: path, request, isAlone: isAlone)
    }
  }

  /// A checkpoint whose graphs are built from its configuration.
  private init(_ wanted: String, _ folder: CheckpointFolder, isAlone: Bool) throws {
    /// Weights' files of all parts are called the same: their errors name the folder too.
    func naming<R>(_ read: () throws -> R) throws -> R {
      do {
        return try read()
      } catch {
        throw PipelineError.component(folder: folder.path, reason: "\(error)")
      }
    }
    let file = try naming { try TensorFile.open(folder.weightsPath) }
    let available = Dictionary(
      uniqueKeysWithValues: file.descriptors.map { ($0.name, Fact($0.type, $0.shape)) })
    let architectures = try naming {
      try Architectures.architectures(config: folder.configuration, weights: available)
    }
    let found = architectures[0].kind.component
    guard wanted.isEmpty || wanted == found else {
      throw PipelineError.component(
        folder: folder.path, reason: "it holds a \(found), where a \(wanted) is expected")
    }
    component = found
    path = folder.path
    let prefix = isAlone ? "" : found + "/"
    graphs = architectures.map { $0.graph.namingTensors { prefix + $0 } }
    weights = architectures.flatMap(\.weights).map { binding in
      Weight(
        name: prefix + binding.tensor, byteCount: binding.shape.count * 4,
        // As float32, whatever the checkpoint holds: an f16 or bf16 tensor is exact in f32 and
        // stored narrow again.
        load: {
          try naming { try file.tensor(named: binding.source) }
            .reshaped(binding.shape).converted(to: .f32)
        }, release: { file.release(binding.source) })
    }
    unused = architectures.flatMap(\.unused).map { prefix + $0 }
    facts = architectures[0].facts
    sources = {
      try file.sources().map { ($0.name, $0.sha256) } + [
        ("config.json", try digest(of: folder.path + "/config.json"))
      ]
    }
  }

  /// An ONNX file: any graph when it stands alone, else one that plays a part in grounding.
  private init(
    _ wanted: String, onnx path: String, _ request: ConversionRequest, isAlone: Bool
  ) throws {
    guard regularFileExists(path) else {
      throw PipelineError.notFound(path: path, reason: "there is no such file")
    }
    let file = try ONNXModelFile(path: path)
    component = wanted.isEmpty ? "model" : wanted
    self.path = path
    let prefix = isAlone ? "" : component + "/"
    var graph = file.graph
    if let role = GroundingRole(component: wanted) {
      graph = try role.adapted(
        file, renaming: request.ioNames.filter { $0.part == wanted }, path: path)
      facts = try role.facts(of: graph, file, request, path: path)
    } else {
      facts = ModelFacts()
    }
    graphs = [graph.namingTensors { prefix + $0 }]
    weights = file.weights.map { name, tensor in
      Weight(
        name: prefix + name, byteCount: tensor.byteCount, load: { try tensor.load() },
        release: { tensor.release() })
    }
    unused = []
    sources = {
      try file.files.map { ($0.name, try SHA256.hexDigest(of: $0)) }
    }
  }
}

extension Graph {
  /// The graph with its weights' tensors under other names.
  fileprivate func namingTensors(_ name: (String) -> String) -> Graph {
    var graph = self
    for index in values.indices {
      if case .weight(let tensor, let fact) = values[index].origin {
        graph.values[index].origin = .weight(tensor: name(tensor), fact)
      }
    }
    return graph
  }
}

extension ArchitectureKind {
  /// The part of a pipeline that a model of this kind is.
  fileprivate var component: String {
    switch self {
    case .unet2DCondition: "unet"
    case .autoencoderKL: "vae"
    case .bert, .clipText: "text_encoder"
    }
  }
}
