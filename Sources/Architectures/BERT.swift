import GraphIR
import JSONText
import TensorBase

/// BERT as transformers computes it, CXR-BERT included.
///
/// Graph `text_encoder`: `input_ids` i64 [batch, tokens], `attention_mask` i64 [batch, tokens] (1
/// for tokens that are seen) → `last_hidden_state` f32 [batch, tokens, width], and `pooler_output`
/// f32 [batch, width] when the checkpoint has the pooler. All tokens are of type 0.
func bert(
  _ configuration: Configuration, _ weights: [String: Fact]
) throws(ArchitectureError) -> [Architecture] {
  var config = configuration
  let text = try TextConfiguration(&config, standard: .bert)
  let types = try config.int("type_vocab_size", default: 2)
  try config.expect("position_embedding_type", .string("absolute"))
  try config.finish()

  let prefix = try weightPrefix(
    weights, suffix: "embeddings.word_embeddings.weight", model: .bert)
  let binder = WeightBinder(weights) { name in
    // TensorFlow's names for a norm's scale and shift survive in old checkpoints.
    let old = name.replacing("LayerNorm.weight", with: "LayerNorm.gamma")
      .replacing("LayerNorm.bias", with: "LayerNorm.beta")
    return old == name ? [prefix + name] : [prefix + name, prefix + old]
  }
  var builder = BERTBuilder(
    config: text, types: types, modules: ModuleBuilder(graph: "text_encoder", binder: binder))
  builder.build()
  let heads = ["cls.", "cls_projection_head.", "classifier.", "qa_outputs.", "lm_head."]
  let buffers = ["embeddings.position_ids", "embeddings.token_type_ids"].map { prefix + $0 }
  let unused = try builder.modules.binder.finish(model: .bert) { name in
    buffers.contains(name) || heads.contains { name.hasPrefix($0) || name.hasPrefix(prefix + $0) }
  }
  return [
    Architecture(
      kind: .bert, graph: builder.modules.graph.graph, weights: builder.modules.bindings,
      unused: unused, facts: text.facts)
  ]
}

private struct BERTBuilder {
  let config: TextConfiguration
  let types: Int
  var modules: ModuleBuilder

  mutating func build() {
    let batch: [Dimension] = [.symbol("batch"), .symbol("tokens")]
    let ids = modules.input("input_ids", .i64, batch)
    let attentionMask = modules.input("attention_mask", .i64, batch)
    let mask = additiveMask(attentionMask)
    var x = embeddings(ids)
    for index in 0..<config.layers { x = layer("encoder.layer.\(index)", x, mask) }
    modules.output(x, named: "last_hidden_state")
    modules.alias("encoder.layer.\(config.layers - 1)", of: x, rank: 3)
    if modules.binder.has("pooler.dense.weight") { pooler(x) }
  }

  /// 0 where a key is seen and the lowest finite float where it is not: [batch, 1, 1, tokens].
  private mutating func additiveMask(_ mask: ValueID) -> ValueID {
    let seen = modules.node("attention_mask.seen", .cast(.f32), mask)
    let one = modules.constant("attention_mask.one", Tensor(scalar: Float(1)))
    let lowest = modules.constant(
      "attention_mask.lowest", Tensor(scalar: -Float.greatestFiniteMagnitude))
    let hidden = modules.node("attention_mask.hidden", .binary(.subtract), one, seen)
    let added = modules.node("attention_mask.scores", .binary(.multiply), hidden, lowest)
    return modules.node(
      "attention_mask.added",
      .reshape([
        .like(input: 0, axis: 0), .size(1), .size(1), .like(input: 0, axis: 1),
      ]), added)
  }

  private mutating func embeddings(_ ids: ValueID) -> ValueID {
    let words = modules.node(
      "embeddings.word_embeddings", .gather(axis: 0),
      modules.weight("embeddings.word_embeddings.weight", [config.vocabulary, config.width]), ids)
    let type = modules.node(
      "embeddings.token_type_embeddings", .slice(Slice(axis: 0, start: 0, end: 1)),
      modules.weight("embeddings.token_type_embeddings.weight", [types, config.width]))
    let positions = modules.node(
      "embeddings.position_embeddings", .prefix(axis: 0, likeAxis: 1),
      modules.weight("embeddings.position_embeddings.weight", [config.positions, config.width]),
      ids)
    let typed = modules.node("embeddings.typed", .binary(.add), words, type)
    let placed = modules.node("embeddings.placed", .binary(.add), typed, positions)
    return modules.layerNorm(
      "embeddings", placed, config.width, epsilon: config.epsilon, path: "embeddings.LayerNorm")
  }

  /// BertLayer: attention and feed-forward, each followed by sum and norm. x [batch, tokens, width].
  private mutating func layer(_ path: String, _ x: ValueID, _ mask: ValueID) -> ValueID {
    let width = config.width
    let own = "\(path).attention.self"
    let query = modules.linear("\(own).query", x, width, width)
    let key = modules.linear("\(own).key", x, width, width)
    let value = modules.linear("\(own).value", x, width, width)
    let attended = modules.attention(
      own, heads: config.heads, width: width, query: query, key: key, value: value, mask: mask)
    modules.rename(attended, own)
    let out = modules.linear("\(path).attention.output.dense", attended, width, width)
    let sum = modules.node("\(path).attention.sum", .binary(.add), out, x)
    let middle = modules.layerNorm(
      "\(path).attention", sum, width, epsilon: config.epsilon,
      path: "\(path).attention.output.LayerNorm")
    let inner = modules.linear(
      "\(path).intermediate.dense", middle, width, config.innerWidth)
    let active = modules.node("\(path).intermediate", .unary(config.activation), inner)
    let outer = modules.linear("\(path).output.dense", active, config.innerWidth, width)
    let sum2 = modules.node("\(path).output.sum", .binary(.add), outer, middle)
    return modules.layerNorm(
      path, sum2, width, epsilon: config.epsilon, path: "\(path).output.LayerNorm")
  }

  /// tanh of a projection of the first token's state.
  private mutating func pooler(_ x: ValueID) {
    let first = modules.node("pooler.first", .slice(Slice(axis: 1, start: 0, end: 1)), x)
    let row = modules.node(
      "pooler.row", .reshape([.like(input: 0, axis: 0), .size(config.width)]), first)
    let dense = modules.linear("pooler.dense", row, config.width, config.width)
    modules.output(modules.node("pooler", .unary(.tanh), dense), named: "pooler_output")
  }
}
