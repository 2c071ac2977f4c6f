import ByteIO
import Executor
import Grounding
import ImageFiles
import TensorBase

/// A picture as read, and as the model takes it.
struct SourceImage {
  let path: String
  /// SHA-256 of the file.
  let digest: String
  let picture: RGBImage
  let prepared: PreparedImage

  /// The largest file read, in bytes.
  static let maximumByteCount = 1 << 30

  init(path: String, side: Int) throws {
    let bytes = try readSmallFile(path, maximum: Self.maximumByteCount)
    self.path = path
    digest = hexText(try SHA256.digest(of: bytes))
    picture = try decodeImage(bytes: bytes, name: lastComponent(of: path))
    prepared = prepare(picture, side: side)
  }
}

/// What the VAE encoder says of a picture.
struct EncodedImage {
  /// [1, C, h, w].
  let shape: Shape
  let mean: [Float]
  let logVariance: [Float]
  let distribution: LatentDistribution
}

/// The VAE's encoder.
struct ImageEncoder {
  private var model: Model
  /// Whether weights stay for the next picture.
  private let keepsWeights: Bool
  private let options: ExecutionOptions

  init(_ model: Model, keepsWeights: Bool, options: ExecutionOptions) {
    self.model = model
    self.keepsWeights = keepsWeights
    self.options = options
  }

  /// - Parameter values: row-major [3, side, side].
  mutating func encode(_ values: [Float], side: Int) throws -> EncodedImage {
    let graph = model.graph
    let wanted = try ["mean", "logvar"].map { name in
      guard let value = graph.value(named: name) else {
        throw PipelineError.wrongGraph(graph: graph.name, lacks: "the output '\(name)'")
      }
      return value
    }
    let batch = try graph.inputs.first.flatMap { try graph.fixedBatch($0) } ?? 1
    let image = Tensor(floats: values, shape: [1, 3, side, side]).repeated(batch)
    // Weights are the model's that made the program.
    var running = model
    let program = try running.program(
      Model.Request(inputs: ["sample": image.shape], wanted: wanted), options: options)
    if keepsWeights { model = running }
    // The encoder works on the whole picture; its memory goes with it.
    var arena = Arena()
    let outputs = try program.run(["sample": image], arena: &arena, options: options)
    guard let mean = outputs["mean"]?.first, let logVariance = outputs["logvar"]?.first else {
      preconditionFailure("both outputs were wanted")
    }
    return EncodedImage(
      shape: mean.shape, mean: mean.floats, logVariance: logVariance.floats,
      distribution: try LatentDistribution(mean: mean.floats, logVariance: logVariance.floats))
  }
}
