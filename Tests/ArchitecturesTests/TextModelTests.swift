import Architectures
import GraphIR
import JSONText
import TensorBase
import TestSupport
import Testing

private let textFolders = [
  "sd1-tiny/text_encoder", "sd2-tiny/text_encoder", "bert-deflated", "bert-noprefix",
  "bert-safetensors", "clip-quick",
].map { "checkpoints/" + $0 }

@Test(arguments: textFolders)
func textCheckpointsBuild(folder: String) throws {
  let checkpoint = try Checkpoint(golden: folder)
  let built = try checkpoint.built()
  #expect(built.kind.componentName == "text_encoder")
  #expect(built.graphs.map(\.name) == ["text_encoder"])
  #expect(Set(built.weights.map(\.source)).isDisjoint(with: built.unused))
  #expect(built.weights.count + built.unused.count == checkpoint.weights.count)
  let graph = try #require(built.graphs.first)
  try graph.validate()
  let width = try #require(checkpoint.config["hidden_size"]?.intValue)
  #expect(built.facts["hidden_size"]?.intValue == width)
  let positions = try #require(checkpoint.config["max_position_embeddings"]?.intValue)
  #expect(built.facts["max_position_embeddings"]?.intValue == positions)
  let names = graph.inputs.map { graph[$0.value].name }
  for (batch, tokens) in [(1, positions), (3, 1), (2, 13)] {
    let inputs = Dictionary(uniqueKeysWithValues: names.map { ($0, Shape([batch, tokens])) })
    let shaped = try ShapedGraph(graph, inputs: inputs)
    #expect(shaped.graph.outputs.count == 1)
    #expect(shaped.shape(of: "last_hidden_state") == [batch, tokens, width])
    #expect(shaped.graph.attentionLayers.allSatisfy { $0.kind == .self })
    #expect(
      shaped.graph.attentionLayers.map(\.attributes.heads)
        == Array(
          repeating: checkpoint.config["num_attention_heads"]?.intValue,
          count: try #require(checkpoint.config["num_hidden_layers"]?.intValue)))
  }
  let tooLong = Dictionary(uniqueKeysWithValues: names.map { ($0, Shape([1, positions + 1])) })
  #expect(throws: GraphError.self) { try ShapedGraph(graph, inputs: tooLong) }
}

@Test func bertNamesAreCurrentWhateverTheCheckpointCallsThem() throws {
  let current = try Checkpoint(golden: "checkpoints/bert-noprefix")
  let expected = try current.built().weights.map(\.graphTensor)
  #expect(expected.contains("encoder.layer.1.attention.output.LayerNorm.weight"))
  var old = Checkpoint(config: current.config)
  for (name, weight) in current.weights {
    var name = "bert." + name
    if name.hasSuffix("LayerNorm.weight") { name = name.dropLast("weight".count) + "gamma" }
    if name.hasSuffix("LayerNorm.bias") { name = name.dropLast("bias".count) + "beta" }
    old.weights[name] = weight
  }
  old.weights["cls.predictions.bias"] = WeightDescriptor(type: .f32, shape: [30])
  let built = try old.built()
  #expect(built.weights.map(\.graphTensor) == expected)
  #expect(
    built.weights.contains {
      $0.graphTensor == "encoder.layer.0.output.LayerNorm.bias"
        && $0.source == "bert.encoder.layer.0.output.LayerNorm.beta"
    })
  #expect(built.unused.contains("cls.predictions.bias"))
}

@Test func bertOfOrdinarySizeHasItsParameters() throws {
  var checkpoint = Checkpoint(config: ["model_type": "cxr-bert", "vocab_size": 30_522])
  try checkpoint.synthesiseWeights()
  // BERT-base has 109,482,240 parameters, of which the pooler's 590,592 are not needed.
  #expect(try checkpoint.built().parameterCount == 109_482_240 - 590_592)
}

@Test func textModelInsideBothOfCLIP() throws {
  let own = try Checkpoint(golden: "checkpoints/clip-quick")
  var both = Checkpoint(
    config: [
      "model_type": "clip", "architectures": ["CLIPModel"],
      "text_config": .object(own.config),
    ], weights: own.weights)
  for name in [
    "text_projection.weight", "logit_scale", "visual_projection.weight",
    "vision_model.embeddings.position_embedding.weight",
  ] {
    both.weights[name] = WeightDescriptor(type: .f32, shape: [3, 3])
  }
  let built = try both.built()
  let plain = try own.built()
  #expect(built.graphs == plain.graphs)
  #expect(built.weights == plain.weights)
  #expect(built.unused.count == plain.unused.count + 4)

  both.config["text_config_dict"] = ["hidden_size": 30, "num_attention_heads": 4]
  #expect {
    try both.built()
  } throws: { error in
    "\(error)".contains("text_config_dict.hidden_size = 30; expected a multiple of 4")
  }
}

@Test func clipWithoutPrefix() throws {
  let prefixed = try Checkpoint(golden: "checkpoints/clip-quick")
  var bare = Checkpoint(config: prefixed.config)
  for (name, weight) in prefixed.weights {
    bare.weights[String(name.dropFirst("text_model.".count))] = weight
  }
  #expect(
    try bare.built().weights.map(\.graphTensor) == prefixed.built().weights.map(\.graphTensor))
}

@Test func everyProblemOfTheWeightsIsNamed() throws {
  var checkpoint = try Checkpoint(golden: "checkpoints/bert-noprefix")
  checkpoint.weights["encoder.layer.0.output.dense.bias"] = nil
  checkpoint.weights["stray.weight"] = WeightDescriptor(type: .f32, shape: [1])
  let dense = "encoder.layer.1.output.dense.weight"
  checkpoint.weights[dense] = WeightDescriptor(type: .f32, shape: [52, 24])
  let norm = "embeddings.LayerNorm.gamma"
  checkpoint.weights[norm] = WeightDescriptor(type: .i64, shape: [24])
  #expect(
    throws: ArchitectureError.badWeights(
      file: "config.json",
      WeightProblems(
        missing: ["encoder.layer.0.output.dense.bias"], leftOver: ["stray.weight"],
        misfits: [
          .init(
            name: norm, given: WeightDescriptor(type: .i64, shape: [24]), expected: [24]),
          .init(
            name: dense, given: WeightDescriptor(type: .f32, shape: [52, 24]),
            expected: [24, 52]),
        ]))
  ) { try checkpoint.built() }
  checkpoint.weights = [
    "embeddings.word_embeddings.weight": WeightDescriptor(type: .f32, shape: [283, 24])
  ]
  #expect { try checkpoint.built() } throws: { "\($0)".contains(", … (36 in all)") }
}

@Test func twoModelsInOneFileAreNotGuessedApart() throws {
  var checkpoint = try Checkpoint(golden: "checkpoints/bert-noprefix")
  for (name, weight) in checkpoint.weights { checkpoint.weights["other." + name] = weight }
  #expect(
    throws: ArchitectureError.ambiguousPrefix(
      file: "config.json",
      candidates: [
        "embeddings.word_embeddings.weight", "other.embeddings.word_embeddings.weight",
      ])
  ) { try checkpoint.built() }
}

@Test(
  arguments: [
    ("position_embedding_type", "relative_key"), ("is_decoder", true), ("hidden_act", "mish"),
    ("hidden_act", 3), ("hidden_size", 25), ("num_hidden_layers", 0),
    ("intermediate_size", 9_223_372_036_854_775_807), ("vocab_size", -1),
    ("layer_norm_eps", "small"), ("num_attention_heads", 2.5),
  ] as [(String, JSONValue)])
func whatTextConfigurationsMustNotSay(key: String, value: JSONValue) throws {
  var checkpoint = try Checkpoint(golden: "checkpoints/bert-noprefix")
  checkpoint.config[key] = value
  #expect { try checkpoint.built() } throws: { "\($0)".contains("\(key) = \(value.text())") }
}

@Test func modelsThatAreNotKnown() {
  #expect(throws: ArchitectureError.unrecognised(file: "config.json", names: ["t5", "T5Model"])) {
    try Checkpoint(config: ["model_type": "t5", "architectures": ["T5Model"]]).built()
  }
  #expect(throws: ArchitectureError.unrecognised(file: "config.json", names: [])) {
    try Checkpoint(config: [:]).built()
  }
  #expect(throws: ArchitectureError.notAnObject(file: "x")) {
    try architecture(config: [1], weights: [:], file: "x")
  }
}
