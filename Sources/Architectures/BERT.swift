import GraphIR
import JSONText
import TensorBase

/// BERT (arXiv 1810.04805) as transformers' BertModel computes it, up to the last hidden state.
private struct BERT {
  let width: Int
  let layers: Int
  let heads: Int
  let innerWidth: Int
  let activation: Unary
  let epsilon: Double
  let vocabulary: Int
  let positions: Int
  let tokenTypes: Int

  /// The defaults are transformers' BertConfig's. Keys that BertModel does not read are not
  /// looked at.
  init(_ reader: inout ConfigReader) throws(ArchitectureError) {
    width = try reader.integer("hidden_size", or: 768, in: Bounds.channels)
    layers = try reader.integer("num_hidden_layers", or: 12, in: Bounds.layers)
    heads = try reader.integer("num_attention_heads", or: 12, in: Bounds.heads)
    innerWidth = try reader.integer("intermediate_size", or: 3072, in: Bounds.channels)
    activation = try reader.choice("hidden_act", or: .gelu, of: textActivations)
    epsilon = try reader.number("layer_norm_eps", or: 1e-12, in: Bounds.epsilon)
    vocabulary = try reader.integer("vocab_size", or: 30_522, in: Bounds.vocabulary)
    positions = try reader.integer("max_position_embeddings", or: 512, in: Bounds.positions)
    tokenTypes = try reader.integer("type_vocab_size", or: 2, in: Bounds.vocabulary)
    try reader.refuse("position_embedding_type", unless: .string("absolute"))
    try reader.refuse("is_decoder", unless: .bool(false))
    try reader.refuse("add_cross_attention", unless: .bool(false))
    try reader.refuse("embedding_size", unless: .integer(Int64(width)))
    try reader.refuse("pruned_heads", unless: .object([:]))
    try reader.requireDivision(of: width, "hidden_size", by: heads, "num_attention_heads")
  }

  /// input_ids, attention_mask (1: attend) i64 [batch, tokens]
  /// → last_hidden_state f32 [batch, tokens, width].
  func graph() -> Graph {
    var layer = LayerBuilder(graph: "text_encoder")
    let size: [Dimension] = [.symbol("batch"), .symbol("tokens")]
    let ids = layer.builder.input("input_ids", .i64, size)
    let mask = layer.builder.input("attention_mask", .i64, size)
    let bias = scoreBias(&layer, mask)
    var x = embeddings(&layer, ids)
    for index in 0..<layers { x = encoderLayer(&layer, x, bias, "encoder.layer.\(index)") }
    layer.builder.rename(x, "last_hidden_state")
    layer.alias(x, rank: 3, named: "encoder.layer.\(layers - 1)")
    layer.builder.output(x)
    return layer.graph
  }

  /// Token, token type (all of type 0) and position, added and normalised.
  private func embeddings(_ layer: inout LayerBuilder, _ ids: ValueID) -> ValueID {
    let path = "embeddings"
    let words = layer.builder.node(
      "\(path).word_embeddings", .gather(axis: 0),
      layer.builder.weight("\(path).word_embeddings.weight", [vocabulary, width]), ids)
    let type = layer.builder.node(
      "\(path).token_type_embeddings", .slice(Slice(axis: 0, start: 0, end: 1)),
      layer.builder.weight("\(path).token_type_embeddings.weight", [tokenTypes, width]))
    let position = layer.builder.node(
      "\(path).position_embeddings", .prefix(axis: 0, likeAxis: 1),
      layer.builder.weight("\(path).position_embeddings.weight", [positions, width]), ids)
    let typed = layer.add(words, type, named: "\(path).typed")
    let sum = layer.add(typed, position, named: "\(path).sum")
    return layer.layerNorm(
      "\(path).LayerNorm", sum, width: width, epsilon: epsilon, named: path)
  }

  /// What is added to the attention scores: 0 where the mask is 1, the lowest float where it is 0;
  /// [batch, 1, 1, tokens].
  private func scoreBias(_ layer: inout LayerBuilder, _ mask: ValueID) -> ValueID {
    let floats = layer.builder.node("attention_mask.floats", .cast(.f32), mask)
    let keys = layer.builder.node(
      "attention_mask.keys",
      .reshape([.like(input: 0, axis: 0), .size(1), .size(1), .like(input: 0, axis: 1)]), floats)
    let one = layer.builder.constant(
      "attention_mask.one", Tensor(floats: [1], shape: [1, 1, 1, 1]))
    let lowest = layer.builder.constant(
      "attention_mask.lowest",
      Tensor(floats: [-Float.greatestFiniteMagnitude], shape: [1, 1, 1, 1]))
    let hidden = layer.builder.node("attention_mask.hidden", .binary(.subtract), one, keys)
    return layer.builder.node("attention_mask.bias", .binary(.multiply), hidden, lowest)
  }

  private func encoderLayer(
    _ layer: inout LayerBuilder, _ x: ValueID, _ bias: ValueID, _ path: String
  ) -> ValueID {
    let own = "\(path).attention.self"
    let query = layer.linear("\(own).query", x, from: width, to: width)
    let key = layer.linear("\(own).key", x, from: width, to: width)
    let value = layer.linear("\(own).value", x, from: width, to: width)
    let attended = layer.builder.attention(
      own, Attention(heads: heads, scale: attentionScale(headWidth: width / heads)),
      query: query, key: key, value: value, mask: bias)
    layer.builder.rename(attended, own)
    let dense = layer.linear("\(path).attention.output.dense", attended, from: width, to: width)
    let sum = layer.add(dense, x, named: "\(path).attention.output.sum")
    let middle = layer.layerNorm(
      "\(path).attention.output.LayerNorm", sum, width: width, epsilon: epsilon,
      named: "\(path).attention")
    let wide = layer.linear("\(path).intermediate.dense", middle, from: width, to: innerWidth)
    let active = layer.apply(activation, wide, named: "\(path).intermediate")
    let narrow = layer.linear("\(path).output.dense", active, from: innerWidth, to: width)
    let last = layer.add(narrow, middle, named: "\(path).output.sum")
    return layer.layerNorm(
      "\(path).output.LayerNorm", last, width: width, epsilon: epsilon, named: path)
  }
}

func bertArchitecture(
  _ reader: ConfigReader, _ weights: [String: WeightDescriptor]
) throws(ArchitectureError) -> Architecture {
  var reader = reader
  let model = try BERT(&reader)
  let graphs = [model.graph()]
  let prefix =
    try modelPrefix(in: weights, before: "embeddings.word_embeddings.weight", file: reader.file)
    ?? ""
  let (bindings, unused) = try bindWeights(
    of: graphs, to: weights, file: reader.file,
    sources: { name in
      // TensorFlow's names of scale and shift live on in early checkpoints.
      let old = name.replacingSuffix("LayerNorm.weight", by: "LayerNorm.gamma")
        .replacingSuffix("LayerNorm.bias", by: "LayerNorm.beta")
      return old == name ? [prefix + name] : [prefix + name, prefix + old]
    },
    isUnused: { name in
      name.hasPrefix("cls.") || name.hasPrefix("cls_projection_head.")
        || name.hasPrefix(prefix + "pooler.") || name.hasPrefix(prefix + "cls.")
        || name == prefix + "embeddings.position_ids"
        || name == prefix + "embeddings.token_type_ids"
    })
  return Architecture(
    kind: .bert, graphs: graphs, weights: bindings, unused: unused,
    facts: [
      "max_position_embeddings": .integer(Int64(model.positions)),
      "hidden_size": .integer(Int64(model.width)),
    ])
}
