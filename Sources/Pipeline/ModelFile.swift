import Architectures
import ByteIO
import Executor
import GraphIR
import JSONText
import Kernels
import NativeFormat
import TensorBase
import TextTokens

/// A .plumb file, opened and checked, with what the program makes of its parts.
struct ModelFile {
  let native: NativeFile
  private let memory: MemoryUse

  /// - Parameter memory: how much of it the file's models may take.
  /// - Throws: when the file cannot be read or is not sound.
  init(path: String, memory: MemoryUse = .unlimited) throws {
    native = try NativeFile(path: path)
    self.memory = memory
  }

  var name: String { native.name }
  /// Tells models apart: the digest of all that the file says.
  var identity: String { native.identity }
  var graphs: [Graph] { native.graphs }

  /// The graph to use: the one named, or the only one there is.
  func graphName(_ name: String?) throws -> String {
    if let name {
      guard graphs.contains(where: { $0.name == name }) else {
        throw PipelineError.noGraph(file: self.name, name: name, known: graphs.map(\.name))
      }
      return name
    }
    guard graphs.count == 1 else {
      throw PipelineError.badOption(
        name: "--graph",
        reason: "\(self.name) has several graphs; name one of "
          + graphs.map(\.name).joined(separator: ", "))
    }
    return graphs[0].name
  }

  /// A graph with its weights, which are read as they are needed.
  func model(_ name: String) throws -> Model {
    guard let graph = graphs.first(where: { $0.name == name }) else {
      throw PipelineError.noGraph(file: self.name, name: name, known: graphs.map(\.name))
    }
    return model(graph)
  }

  /// A part of one of the graphs, likewise.
  func model(_ graph: Graph) -> Model {
    let source = WeightSource(stored: native.stored, hasRows: true) { [native] piece in
      try native.tensor(
        named: piece.name, rows: piece.rows, for: piece.type, threads: piece.threads)
    }
    return Model(graph, vocabulary: .onnx, weights: source, memory: memory.weights)
  }

  func tokenizer() throws -> Tokenizer {
    guard let json = native.tokenizer else {
      throw PipelineError.noComponent(
        file: name, component: "tokenizer", hint: "convert with --tokenizer FOLDER")
    }
    return try Tokenizer(TokenizerDescription(json: json))
  }

  func schedulerConfiguration() throws -> JSONValue {
    guard let json = native.scheduler else {
      throw PipelineError.noComponent(
        file: name, component: "noise schedule", hint: "convert with --scheduler FOLDER")
    }
    return json
  }

  /// The sizes and factors that grounding needs beside the graphs.
  func imageModelFacts() throws -> ImageModelFacts {
    func facts(_ component: String) throws -> ModelFacts {
      guard let json = native.component(component) else {
        throw PipelineError.noComponent(
          file: name, component: component,
          hint: "grounding needs unet, vae, text encoder, tokenizer and scheduler in one file")
      }
      guard let facts = ModelFacts(json) else {
        throw PipelineError.badSetting(
          file: name, key: component, expected: "a set of facts about a model")
      }
      return facts
    }
    let unet = try facts("unet")
    let vae = try facts("vae")
    guard let latent = unet.sampleSize, latent.count == 2, latent[0] == latent[1],
      let factor = vae.downsamplingFactor
    else {
      throw PipelineError.badSetting(
        file: name, key: "sample_size", expected: "that of a UNet of square latents")
    }
    let (imageSide, overflow) = latent[0].multipliedReportingOverflow(by: factor)
    guard !overflow, imageSide <= 16_384 else {
      throw PipelineError.badSetting(
        file: name, key: "sample_size", expected: "small enough for a picture of 16384 pixels")
    }
    return ImageModelFacts(
      latentSide: latent[0], imageSide: imageSide,
      scalingFactor: Float(vae.scalingFactor ?? 0.18215),
      textLength: min(77, try facts("text_encoder").maximumPositions ?? 77))
  }
}

/// Sizes and factors of a latent diffusion model.
struct ImageModelFacts: Sendable, Hashable {
  let latentSide: Int
  /// Pixels along a side of the crop that the VAE encoder takes.
  let imageSide: Int
  /// What latents are multiplied by before noise is added.
  let scalingFactor: Float
  /// Tokens a phrase is padded or cut to: 77, or fewer when the text encoder has fewer positions.
  let textLength: Int
}

/// Threads to use when nothing is said: what the machine has.
public var defaultThreadCount: Int { processorCount }
