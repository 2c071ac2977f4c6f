import GraphIR
import JSONText
import TensorBase

/// Builds the graphs of a model from its configuration and the names, types and shapes of its
/// weights; no weight is read. What goes in is what diffusers and transformers write; what comes
/// out names everything by the module paths of their current versions.
package enum ArchitectureKind: String, CaseIterable, Sendable {
  case unet2DCondition
  case autoencoderKL
  case bert
  case clipText

  /// The folder of a diffusers pipeline in which such a model lies, and what its tensors are
  /// prefixed with in a file of several components.
  package var componentName: String {
    switch self {
    case .unet2DCondition: "unet"
    case .autoencoderKL: "vae"
    case .bert, .clipText: "text_encoder"
    }
  }
}

/// What is known of a stored weight without reading it.
package struct WeightDescriptor: Hashable, Sendable {
  package let type: ElementType
  package let shape: Shape

  package init(type: ElementType, shape: Shape) {
    self.type = type
    self.shape = shape
  }
}

/// Which tensor of a checkpoint fills a weight of the graphs.
package struct WeightBinding: Hashable, Sendable {
  /// The weight's tensor name in the graphs.
  package let graphTensor: String
  /// The tensor's name in the checkpoint.
  package let source: String
  /// The weight's shape in the graphs: the source's elements in the same order, possibly under
  /// another shape.
  package let shape: Shape

  package init(graphTensor: String, source: String, shape: Shape) {
    self.graphTensor = graphTensor
    self.source = source
    self.shape = shape
  }
}

/// A model as graphs, and where its weights come from.
package struct Architecture: Sendable {
  package let kind: ArchitectureKind
  /// `unet`; `vae_encoder` and, when its weights are there, `vae_decoder`; or `text_encoder`.
  package let graphs: [Graph]
  /// One for each weight of the graphs, in the order in which they appear there.
  package let weights: [WeightBinding]
  /// Tensors of the checkpoint that are known to play no part in the graphs, sorted.
  package let unused: [String]
  /// What later stages need to know. U-Net: `sample_size`, `in_channels`, `cross_attention_dim`.
  /// VAE: `scaling_factor`, `downsampling_factor`, `latent_channels`, `sample_size`. Text encoder:
  /// `max_position_embeddings`, `hidden_size`. A `sample_size` that the configuration leaves open
  /// is absent.
  package let facts: JSONObject
}

/// Recognises a model by its configuration and builds it.
///
/// - Parameters:
///   - config: all of config.json.
///   - weights: every tensor of the checkpoint by name.
///   - file: the configuration's name, for messages.
/// - Throws: the model is none of `ArchitectureKind`, its configuration asks for something that is
///   not implemented, or its weights are not those of the configuration.
package func architecture(
  config: JSONValue, weights: [String: WeightDescriptor], file: String
) throws(ArchitectureError) -> Architecture {
  guard let members = config.objectValue else { throw .notAnObject(file: file) }
  let reader = ConfigReader(members, file: file)
  switch try recognisedKind(members, file: file) {
  case .unet2DCondition: return try unetArchitecture(reader, weights)
  case .autoencoderKL: return try vaeArchitecture(reader, weights)
  case .bert: return try bertArchitecture(reader, weights)
  case .clipText: return try clipTextArchitecture(reader, weights)
  }
}

private let kindsByName: [String: ArchitectureKind] = [
  "UNet2DConditionModel": .unet2DCondition,
  "AutoencoderKL": .autoencoderKL,
  "bert": .bert, "cxr-bert": .bert,
  "BertModel": .bert, "BertForMaskedLM": .bert, "BertForPreTraining": .bert,
  "CXRBertModel": .bert,
  "clip": .clipText, "clip_text_model": .clipText,
  "CLIPModel": .clipText, "CLIPTextModel": .clipText, "CLIPTextModelWithProjection": .clipText,
]

/// By diffusers' class, else transformers' model type, else its class.
private func recognisedKind(
  _ config: JSONObject, file: String
) throws(ArchitectureError) -> ArchitectureKind {
  var names: [String] = []
  for key in ["_class_name", "model_type"] {
    if let name = config[key]?.stringValue { names.append(name) }
  }
  names += config["architectures"]?.arrayValue?.compactMap(\.stringValue) ?? []
  for name in names {
    if let kind = kindsByName[name] { return kind }
  }
  throw .unrecognised(file: file, names: names)
}
