import GraphIR
import JSONText
import TensorBase

/// A model built from its configuration: the graph, and where its weights come from.
package struct Architecture: Sendable {
  package let kind: ArchitectureKind
  /// Named `unet`, `vae_encoder`, `vae_decoder` or `text_encoder`. Names of values and of weights
  /// are module paths of the model's own framework, without the prefix a checkpoint may add.
  package let graph: Graph
  /// One for each weight of the graph, in the order in which the graph first uses them.
  package let weights: [WeightBinding]
  /// Tensors of the checkpoint that are known and that this model does not need, sorted. Where one
  /// checkpoint gives several graphs, the first of them lists these.
  package let unused: [String]
  package let facts: ModelFacts
}

/// The model families that are built.
package enum ArchitectureKind: String, CaseIterable, Sendable {
  case unet2DCondition = "UNet2DConditionModel"
  case autoencoderKL = "AutoencoderKL"
  case bert = "BertModel"
  case clipText = "CLIPTextModel"
}

/// From which tensor of a checkpoint a weight of a graph is filled.
package struct WeightBinding: Hashable, Sendable {
  /// The tensor's name in the graph.
  package let tensor: String
  /// The tensor's name in the checkpoint.
  package let source: String
  /// The shape the graph wants: the checkpoint's, but for axes of size 1 ([C, C, 1, 1] and [C, C]).
  /// Elements lie in the same order in both.
  package let shape: Shape
  /// The type in the checkpoint, a floating-point one; the graph computes with f32.
  package let type: ElementType
}

/// What is downstream of a graph and known from its configuration alone. Absent where a model has
/// no such thing, or its configuration does not say.
package struct ModelFacts: Hashable, Sendable {
  /// Height and width the model was made for: of the latent for a UNet, of the picture for an
  /// autoencoder.
  package var sampleSize: [Int]?
  /// Channels of the latent.
  package var latentChannels: Int?
  /// What a latent is multiplied with before the UNet sees it.
  package var scalingFactor: Double?
  /// Pixels of the picture along one side of a latent's pixel.
  package var downsamplingFactor: Int?
  /// The most tokens a text encoder takes.
  package var maximumPositions: Int?
  /// Width of a text encoder's states, or of the text states a UNet takes.
  package var textWidth: Int?
  /// How many token numbers a text encoder knows.
  package var vocabularySize: Int?

  package init() {}
}

extension ModelFacts {
  /// The facts under stable names; absent ones are left out.
  package var json: JSONValue {
    var object = JSONObject()
    object["sample_size"] = sampleSize.map { .array($0.map { .integer(Int64($0)) }) }
    object["latent_channels"] = latentChannels.map { .integer(Int64($0)) }
    object["scaling_factor"] = scalingFactor.map { .number($0) }
    object["downsampling_factor"] = downsamplingFactor.map { .integer(Int64($0)) }
    object["maximum_positions"] = maximumPositions.map { .integer(Int64($0)) }
    object["text_width"] = textWidth.map { .integer(Int64($0)) }
    object["vocabulary_size"] = vocabularySize.map { .integer(Int64($0)) }
    return .object(object)
  }

  /// Reads what `json` writes. Members it does not know are left alone; nil when a known one is
  /// not of its type, not positive or beyond 2³⁰, so that products of two fit an `Int`.
  package init?(_ json: JSONValue) {
    guard json.objectValue != nil else { return nil }
    var isSound = true
    func isSensible(_ number: Int) -> Bool { (1...1 << 30).contains(number) }
    func count(_ key: String) -> Int? {
      guard let value = json[key] else { return nil }
      let number = value.intValue.flatMap { isSensible($0) ? $0 : nil }
      if number == nil { isSound = false }
      return number
    }
    if let value = json["sample_size"] {
      let sizes = (value.arrayValue ?? []).compactMap(\.intValue)
      guard sizes.count == 2, value.arrayValue?.count == 2, sizes.allSatisfy(isSensible) else {
        return nil
      }
      sampleSize = sizes
    }
    if let value = json["scaling_factor"] {
      guard let factor = value.doubleValue, factor > 0, factor.isFinite else { return nil }
      scalingFactor = factor
    }
    latentChannels = count("latent_channels")
    downsamplingFactor = count("downsampling_factor")
    maximumPositions = count("maximum_positions")
    textWidth = count("text_width")
    vocabularySize = count("vocabulary_size")
    if !isSound { return nil }
  }
}

/// Builds the graphs of a model.
///
/// - Parameters:
///   - config: the model's config.json.
///   - weights: type and shape of every tensor in its checkpoint, by name; no elements are needed.
/// - Returns: one architecture, or two for an autoencoder whose decoder is in the checkpoint too:
///   the encoder, then the decoder.
/// - Throws: the model is of no known family; its configuration has a key that is not known, or a
///   value that is not implemented; tensors are missing, left over or of the wrong shape.
package func architectures(
  config: JSONValue, weights: [String: Fact]
) throws(ArchitectureError) -> [Architecture] {
  let kind = try architectureKind(of: config)
  var object = config.objectValue ?? JSONObject()
  if kind == .clipText, config["model_type"]?.stringValue == "clip" {
    // Of a whole CLIP the text half; what `text_config_dict` says again overrides.
    object = config["text_config"]?.objectValue ?? JSONObject()
    for (key, value) in config["text_config_dict"]?.objectValue?.members ?? [] {
      object[key] = value
    }
  }
  let configuration = Configuration(model: kind.rawValue, object: object)
  switch kind {
  case .unet2DCondition: return try unet2DCondition(configuration, weights)
  case .autoencoderKL: return try autoencoderKL(configuration, weights)
  case .bert: return try bert(configuration, weights)
  case .clipText: return try clipText(configuration, weights)
  }
}

/// Tells the family of a config.json by `_class_name` (diffusers), `model_type`, `architectures`
/// (transformers).
package func architectureKind(of config: JSONValue) throws(ArchitectureError) -> ArchitectureKind {
  if config.objectValue == nil { throw .notAConfiguration(found: shown(config)) }
  if let name = config["_class_name"]?.stringValue {
    switch name {
    case "UNet2DConditionModel": return .unet2DCondition
    case "AutoencoderKL": return .autoencoderKL
    default: throw .unknownModel(named: name)
    }
  }
  let type = config["model_type"]?.stringValue
  let classes = (config["architectures"]?.arrayValue ?? []).compactMap(\.stringValue)
  switch type {
  case "bert", "cxr-bert": return .bert
  case "clip_text_model", "clip": return .clipText
  default: break
  }
  if type == nil, let name = classes.first {
    if name.hasPrefix("Bert") || name == "CXRBertModel" { return .bert }
    if name.hasPrefix("CLIP") { return .clipText }
  }
  guard let name = type ?? classes.first else { throw .unnamedModel }
  throw .unknownModel(named: name)
}
