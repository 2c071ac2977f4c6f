import Architectures
import GraphIR
import JSONText
import TensorBase
import Testing

@Test(arguments: [
  "sd1-tiny/text_encoder", "bert-deflated", "bert-noprefix", "bert-safetensors",
])
func bertBuildsWhateverThePrefix(_ folder: String) throws {
  let checkpoint = try Checkpoint(folder)
  let encoder = try #require(try checkpoint.build().first)
  #expect(encoder.kind == .bert)
  #expect(encoder.inputNames == ["input_ids", "attention_mask"])
  #expect(encoder.outputNames.first == "last_hidden_state")
  let width = try #require(encoder.facts.textWidth)
  #expect(encoder.facts.maximumPositions == 96)
  #expect(encoder.facts.vocabularySize == 283)
  let names = [
    "last_hidden_state", "embeddings", "encoder.layer.0", "encoder.layer.0.attention.self",
  ]
  for (batch, tokens) in [(1, 77), (3, 5)] {
    #expect(
      try encoder.shapes(
        ["input_ids": [batch, tokens], "attention_mask": [batch, tokens]], of: names)
        == [Shape?](repeating: [batch, tokens, width], count: 4))
  }
  // Tokens beyond the last position have no embedding.
  #expect(throws: GraphError.self) {
    try encoder.shapes(["input_ids": [1, 97], "attention_mask": [1, 97]], of: [])
  }
  let known = Set(encoder.weights.map(\.source)).union(encoder.unused)
  #expect(known == Set(checkpoint.weights.keys))
  #expect(encoder.weights.allSatisfy { !$0.tensor.hasPrefix("bert.") })
}

@Test func headsThatGroundingDoesNotUseAreKnown() throws {
  let encoder = try #require(try Checkpoint("sd1-tiny/text_encoder").build().first)
  #expect(encoder.unused.contains { $0.hasPrefix("cls.") })
  #expect(encoder.unused.contains { $0.hasPrefix("cls_projection_head.") })
  #expect(encoder.unused.allSatisfy { $0.hasPrefix("cls") || $0.hasSuffix("position_ids") })
}

@Test func poolerIsAnOutputWhenItsWeightsAreThere() throws {
  var checkpoint = try Checkpoint("bert-safetensors")
  var encoder = try #require(try checkpoint.build().first)
  #expect(encoder.outputNames == ["last_hidden_state", "pooler_output"])
  #expect(
    try encoder.shapes(
      ["input_ids": [3, 7], "attention_mask": [3, 7]], of: ["pooler_output"]) == [[3, 30]])
  checkpoint.weights["pooler.dense.weight"] = nil
  checkpoint.weights["pooler.dense.bias"] = nil
  encoder = try #require(try checkpoint.build().first)
  #expect(encoder.outputNames == ["last_hidden_state"])
}

/// bert-base-uncased has 109,482,240 parameters.
/// bert-base-uncased has 109,482,240 parameters, 590,592 of them in its pooler.
@Test func bertOfFullSize() throws {
  let config: JSONObject = ["model_type": .string("cxr-bert")]
  let words = "embeddings.word_embeddings.weight"
  var checkpoint = try Checkpoint(whole: config, present: ["bert.\(words)": [30_522, 768]])
  var encoder = try #require(try checkpoint.build().first)
  #expect(encoder.parameterCount == 109_482_240 - 590_592)
  #expect(encoder.graph.attentionLayers.count == 12)
  #expect(encoder.graph.attentionLayers.allSatisfy { $0.attributes.scale == 0.125 })
  checkpoint = try Checkpoint(
    whole: config, present: [words: [30_522, 768], "pooler.dense.weight": [768, 768]])
  encoder = try #require(try checkpoint.build().first)
  #expect(encoder.parameterCount == 109_482_240)
}

/// The text half of CLIP ViT-L/14 has 123,060,480 parameters.
@Test func clipTextOfFullSize() throws {
  let config: JSONObject = [
    "model_type": .string("clip_text_model"), "hidden_size": .integer(768),
    "intermediate_size": .integer(3072), "num_attention_heads": .integer(12),
  ]
  let words = "text_model.embeddings.token_embedding.weight"
  let checkpoint = try Checkpoint(whole: config, present: [words: [49_408, 768]])
  let encoder = try #require(try checkpoint.build().first)
  #expect(encoder.parameterCount == 123_060_480)
}

@Test func otherPrefixesAndOldNamesAreFound() throws {
  var checkpoint = try Checkpoint("bert-noprefix")
  let graph = try checkpoint.build()[0].graph
  checkpoint.weights = Dictionary(
    uniqueKeysWithValues: checkpoint.weights.map { name, fact in
      let old = name.replacing("LayerNorm.weight", with: "LayerNorm.gamma")
        .replacing("LayerNorm.bias", with: "LayerNorm.beta")
      return ("model.text.\(old)", fact)
    })
  let encoder = try #require(try checkpoint.build().first)
  #expect(encoder.graph == graph)
  #expect(encoder.weights.contains { $0.source == "model.text.embeddings.LayerNorm.gamma" })

  checkpoint.weights["other.embeddings.word_embeddings.weight"] = Fact(.f32, [283, 24])
  #expect(
    checkpoint.failure()
      == .severalEmbeddings(
        model: "BertModel",
        names: [
          "model.text.embeddings.word_embeddings.weight",
          "other.embeddings.word_embeddings.weight",
        ]))
  checkpoint.weights = ["conv_in.weight": Fact(.f32, [1])]
  #expect(
    checkpoint.failure()
      == .noEmbedding(model: "BertModel", suffix: "embeddings.word_embeddings.weight"))
}

@Test func twoNormsUnderBothNamesAreOneTooMany() throws {
  var checkpoint = try Checkpoint("bert-safetensors")
  checkpoint.weights["embeddings.LayerNorm.gamma"] = Fact(.f32, [30])
  #expect(
    checkpoint.failure()
      == .weights(
        model: "BertModel", problems: [.leftOver(name: "embeddings.LayerNorm.gamma")]))
}

@Test(arguments: [
  ("position_embedding_type", JSONValue.string("relative_key")), ("is_decoder", .bool(true)),
  ("hidden_act", .string("mish")), ("num_attention_heads", .integer(7)),
  ("num_hidden_layers", .integer(1 << 50)), ("layer_norm_eps", .string("1e-12")),
  ("hidden_size", .integer(-24)),
])
func bertRefusesByName(_ key: String, _ value: JSONValue) throws {
  var checkpoint = try Checkpoint("bert-noprefix")
  checkpoint.config[key] = value
  let error = try #require(checkpoint.failure())
  guard case .unsupportedValue("BertModel", key, value.text(), _) = error else {
    Issue.record("\(error)")
    return
  }
}

@Test func keysLeftOutMeanTheOrdinarySize() throws {
  var checkpoint = try Checkpoint("bert-noprefix")
  checkpoint.config["vocab_size"] = nil
  guard case .weights(_, let problems) = checkpoint.failure() else {
    Issue.record("a vocabulary of 283 passes for one of 30,522")
    return
  }
  #expect(
    problems == [
      .wrongShape(
        name: "embeddings.word_embeddings.weight", found: [283, 24], expected: [30_522, 24])
    ])
}

@Test(arguments: ["sd2-tiny/text_encoder", "clip-quick"])
func clipTextBuilds(_ folder: String) throws {
  let checkpoint = try Checkpoint(folder)
  let encoder = try #require(try checkpoint.build().first)
  #expect(encoder.kind == .clipText)
  #expect(encoder.inputNames == ["input_ids"])
  #expect(encoder.outputNames == ["last_hidden_state"])
  let width = try #require(encoder.facts.textWidth)
  for (batch, tokens) in [(1, 77), (3, 5)] {
    #expect(
      try encoder.shapes(["input_ids": [batch, tokens]], of: ["last_hidden_state"])
        == [[batch, tokens, width]])
  }
  #expect(encoder.graph.attentionLayers.allSatisfy { $0.attributes.isCausal && $0.kind == .self })
  let activations = encoder.graph.nodes.filter { $0.name.hasSuffix(".mlp.act") }.map(\.op)
  let expected = Op.unary(folder == "clip-quick" ? .quickGelu : .gelu)
  #expect(!activations.isEmpty && activations.allSatisfy { $0 == expected })
}

/// The text half of a whole CLIP: configuration one level down, weights of the other half beside.
@Test func textHalfOfClipIsTaken() throws {
  var checkpoint = try Checkpoint("clip-quick")
  let graph = try checkpoint.build()[0].graph
  var config = JSONObject()
  config["model_type"] = .string("clip")
  config["text_config"] = .object(checkpoint.config)
  config["projection_dim"] = .integer(12)
  checkpoint.config = config
  checkpoint.weights["logit_scale"] = Fact(.f32, [])
  checkpoint.weights["text_projection.weight"] = Fact(.f32, [12, 24])
  checkpoint.weights["text_model.embeddings.position_ids"] = Fact(.i64, [1, 77])
  checkpoint.weights["vision_model.embeddings.class_embedding"] = Fact(.f32, [8])
  let encoder = try #require(try checkpoint.build().first)
  #expect(encoder.graph == graph)
  #expect(encoder.unused.count == 4)
  checkpoint.config["text_config_dict"] = .object(["num_attention_heads": .integer(5)])
  #expect(
    checkpoint.failure()
      == .unsupportedValue(
        model: "CLIPTextModel", key: "num_attention_heads", value: "5",
        expected: "a divisor of hidden_size, 24"))
}

@Test func clipWithoutPrefixIsFound() throws {
  var checkpoint = try Checkpoint("clip-quick")
  let graph = try checkpoint.build()[0].graph
  checkpoint.weights = Dictionary(
    uniqueKeysWithValues: checkpoint.weights.map {
      (String($0.dropFirst("text_model.".count)), $1)
    })
  #expect(try checkpoint.build()[0].graph == graph)
}

@Test func modelsOfOtherFamiliesAreNamed() {
  func error(_ config: JSONValue) -> ArchitectureError? {
    do { _ = try architectures(config: config, weights: [:]) } catch { return error }
    return nil
  }
  #expect(
    error(.object(["_class_name": .string("UNet2DModel")])) == .unknownModel(named: "UNet2DModel"))
  #expect(error(.object(["model_type": .string("roberta")])) == .unknownModel(named: "roberta"))
  #expect(error(.object([:])) == .unnamedModel)
  #expect(error(.array([])) == .notAConfiguration(found: "[]"))
}

@Test func factsSurviveJSON() throws {
  var facts = ModelFacts()
  facts.sampleSize = [64, 48]
  facts.scalingFactor = 0.18215
  facts.textWidth = 768
  #expect(ModelFacts(facts.json) == facts)
  #expect(ModelFacts(.object(["text_width": .integer(-1)])) == nil)
  #expect(ModelFacts(.object(["sample_size": .array([.integer(64)])])) == nil)
  #expect(ModelFacts(.object(["scaling_factor": .integer(0)])) == nil)
  #expect(ModelFacts(.object(["downsampling_factor": .integer(1 << 31)])) == nil)
  let sizes: [JSONValue] = [.integer(1 << 62), .integer(8)]
  #expect(ModelFacts(.object(["sample_size": .array(sizes)])) == nil)
}
