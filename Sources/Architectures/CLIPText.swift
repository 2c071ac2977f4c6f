import GraphIR
import JSONText
import TensorBase

/// The text model of CLIP (arXiv 2103.00020) as transformers' CLIPTextModel computes it, up to the
/// last hidden state behind the final normalisation.
private struct CLIPText {
  let width: Int
  let layers: Int
  let heads: Int
  let innerWidth: Int
  let activation: Unary
  let epsilon: Double
  let vocabulary: Int
  let positions: Int

  /// The defaults are transformers' CLIPTextConfig's. Keys that the model does not read are not
  /// looked at.
  init(_ reader: inout ConfigReader) throws(ArchitectureError) {
    width = try reader.integer("hidden_size", or: 512, in: Bounds.channels)
    layers = try reader.integer("num_hidden_layers", or: 12, in: Bounds.layers)
    heads = try reader.integer("num_attention_heads", or: 8, in: Bounds.heads)
    innerWidth = try reader.integer("intermediate_size", or: 2048, in: Bounds.channels)
    activation = try reader.choice("hidden_act", or: .quickGelu, of: textActivations)
    epsilon = try reader.number("layer_norm_eps", or: 1e-5, in: Bounds.epsilon)
    vocabulary = try reader.integer("vocab_size", or: 49_408, in: Bounds.vocabulary)
    positions = try reader.integer("max_position_embeddings", or: 77, in: Bounds.positions)
    try reader.requireDivision(of: width, "hidden_size", by: heads, "num_attention_heads")
  }

  /// input_ids i64 [batch, tokens] → last_hidden_state f32 [batch, tokens, width].
  func graph() -> Graph {
    var layer = LayerBuilder(graph: "text_encoder")
    let ids = layer.builder.input("input_ids", .i64, [.symbol("batch"), .symbol("tokens")])
    let path = "text_model"
    let words = layer.builder.node(
      "\(path).embeddings.token_embedding", .gather(axis: 0),
      layer.builder.weight("\(path).embeddings.token_embedding.weight", [vocabulary, width]), ids)
    let position = layer.builder.node(
      "\(path).embeddings.position_embedding", .prefix(axis: 0, likeAxis: 1),
      layer.builder.weight("\(path).embeddings.position_embedding.weight", [positions, width]),
      ids)
    var x = layer.add(words, position, named: "\(path).embeddings")
    for index in 0..<layers { x = encoderLayer(&layer, x, "\(path).encoder.layers.\(index)") }
    let last = layer.layerNorm(
      "\(path).final_layer_norm", x, width: width, epsilon: epsilon, named: "last_hidden_state")
    layer.alias(last, rank: 3, named: "\(path).final_layer_norm")
    layer.builder.output(last)
    return layer.graph
  }

  private func encoderLayer(
    _ layer: inout LayerBuilder, _ x: ValueID, _ path: String
  ) -> ValueID {
    let norm1 = layer.layerNorm("\(path).layer_norm1", x, width: width, epsilon: epsilon)
    let own = "\(path).self_attn"
    let query = layer.linear("\(own).q_proj", norm1, from: width, to: width)
    let key = layer.linear("\(own).k_proj", norm1, from: width, to: width)
    let value = layer.linear("\(own).v_proj", norm1, from: width, to: width)
    let attended = layer.builder.attention(
      own,
      Attention(
        heads: heads, scale: attentionScale(headWidth: width / heads), isCausal: true),
      query: query, key: key, value: value)
    let projected = layer.linear(
      "\(own).out_proj", attended, from: width, to: width, named: own)
    let middle = layer.add(x, projected, named: "\(own).sum")
    let norm2 = layer.layerNorm("\(path).layer_norm2", middle, width: width, epsilon: epsilon)
    let wide = layer.linear("\(path).mlp.fc1", norm2, from: width, to: innerWidth)
    let active = layer.apply(activation, wide, named: "\(path).mlp.activation_fn")
    let narrow = layer.linear(
      "\(path).mlp.fc2", active, from: innerWidth, to: width, named: "\(path).mlp")
    return layer.add(middle, narrow, named: path)
  }
}

func clipTextArchitecture(
  _ reader: ConfigReader, _ weights: [String: WeightDescriptor]
) throws(ArchitectureError) -> Architecture {
  var reader = try textConfiguration(of: reader)
  let model = try CLIPText(&reader)
  let graphs = [model.graph()]
  let start = "embeddings.token_embedding.weight"
  let prefix =
    try modelPrefix(in: weights, before: start, file: reader.file) ?? "text_model."
  // What stands beside the text model: heads and the vision model.
  let outer = prefix.replacingSuffix("text_model.", by: "")
  let (bindings, unused) = try bindWeights(
    of: graphs, to: weights, file: reader.file,
    sources: { [prefix + $0.dropFirst("text_model.".count)] },
    isUnused: { name in
      ["text_projection.", "visual_projection.", "vision_model."]
        .contains { name.hasPrefix(outer + $0) }
        || name == outer + "logit_scale" || name == outer + "text_projection"
        || name == prefix + "embeddings.position_ids"
    })
  return Architecture(
    kind: .clipText, graphs: graphs, weights: bindings, unused: unused,
    facts: [
      "max_position_embeddings": .integer(Int64(model.positions)),
      "hidden_size": .integer(Int64(model.width)),
    ])
}

/// The configuration of the text model within that of both models (model type `clip`), where the
/// older key `text_config_dict` has precedence; the configuration itself when it is the text
/// model's own.
private func textConfiguration(
  of reader: ConfigReader
) throws(ArchitectureError) -> ConfigReader {
  var reader = reader
  for key in ["text_config_dict", "text_config"] {
    guard let value = reader.optional(key) else { continue }
    guard let members = value.objectValue else { throw reader.bad(key, value, "an object") }
    return ConfigReader(members, file: reader.file, path: "\(key).")
  }
  return reader
}
