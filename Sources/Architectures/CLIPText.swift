import GraphIR
import JSONText
import TensorBase

/// CLIP's text encoder as transformers computes it.
///
/// Graph `text_encoder`: `input_ids` i64 [batch, tokens] → `last_hidden_state`
/// f32 [batch, tokens, width], after the final norm. A token sees itself and those before it;
/// padding is seen, as Stable Diffusion runs it.
func clipText(
  _ configuration: Configuration, _ weights: [String: Fact]
) throws(ArchitectureError) -> [Architecture] {
  var config = configuration
  let text = try TextConfiguration(&config, standard: .clipText)
  try config.finish()

  let prefix = try weightPrefix(
    weights, suffix: "embeddings.token_embedding.weight", model: .clipText)
  let binder = WeightBinder(weights) { name in
    [prefix + name.dropFirst(CLIPTextBuilder.path.utf8.count)]
  }
  var builder = CLIPTextBuilder(
    config: text, modules: ModuleBuilder(graph: "text_encoder", binder: binder))
  builder.build()
  let others = ["text_projection.", "vision_model.", "visual_projection."]
  let unused = try builder.modules.binder.finish(model: .clipText) { name in
    name == prefix + "embeddings.position_ids" || name == "logit_scale"
      || others.contains { name.hasPrefix($0) }
  }
  return [
    Architecture(
      kind: .clipText, graph: builder.modules.graph.graph, weights: builder.modules.bindings,
      unused: unused, facts: text.facts)
  ]
}

private struct CLIPTextBuilder {
  let config: TextConfiguration
  var modules: ModuleBuilder

  /// What CLIPTextModel writes before all names.
  static let path = "text_model."

  mutating func build() {
    let ids = modules.input("input_ids", .i64, [.symbol("batch"), .symbol("tokens")])
    var x = embeddings("\(Self.path)embeddings", ids)
    for index in 0..<config.layers { x = layer("\(Self.path)encoder.layers.\(index)", x) }
    let out = modules.layerNorm(
      "\(Self.path)final_layer_norm", x, config.width, epsilon: config.epsilon)
    modules.output(out, named: "last_hidden_state")
  }

  private mutating func embeddings(_ path: String, _ ids: ValueID) -> ValueID {
    let words = modules.node(
      "\(path).token_embedding", .gather(axis: 0),
      modules.weight("\(path).token_embedding.weight", [config.vocabulary, config.width]), ids)
    let positions = modules.node(
      "\(path).position_embedding", .prefix(axis: 0, likeAxis: 1),
      modules.weight("\(path).position_embedding.weight", [config.positions, config.width]), ids)
    return modules.node(path, .binary(.add), words, positions)
  }

  /// CLIPEncoderLayer: norm first, sum after. x [batch, tokens, width].
  private mutating func layer(_ path: String, _ x: ValueID) -> ValueID {
    let width = config.width
    let norm1 = modules.layerNorm("\(path).layer_norm1", x, width, epsilon: config.epsilon)
    let own = "\(path).self_attn"
    let query = modules.linear("\(own).q_proj", norm1, width, width)
    let key = modules.linear("\(own).k_proj", norm1, width, width)
    let value = modules.linear("\(own).v_proj", norm1, width, width)
    let attended = modules.attention(
      own, heads: config.heads, width: width, isCausal: true, query: query, key: key,
      value: value)
    let out = modules.linear(own, attended, width, width, path: "\(own).out_proj")
    let sum = modules.node("\(own).sum", .binary(.add), out, x)
    let norm2 = modules.layerNorm("\(path).layer_norm2", sum, width, epsilon: config.epsilon)
    let inner = modules.linear("\(path).mlp.fc1", norm2, width, config.innerWidth)
    let active = modules.node("\(path).mlp.act", .unary(config.activation), inner)
    let outer = modules.linear(
      "\(path).mlp", active, config.innerWidth, width, path: "\(path).mlp.fc2")
    return modules.node(path, .binary(.add), outer, sum)
  }
}
