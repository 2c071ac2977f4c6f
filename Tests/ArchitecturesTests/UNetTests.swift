import Architectures
import GraphIR
import JSONText
import TensorBase
import Testing

private let unets = [
  "sd1-tiny/unet", "sd2-tiny/unet", "unet-ema/unet", "unet-ema/unet_ema", "unet-f16",
  "unet-odd-sharded",
]

private func inputs(_ unet: Architecture, batch: Int, texts: Int, height: Int, width: Int)
  -> [String: Shape]
{
  [
    "sample": [batch, 4, height, width], "timestep": [batch],
    "encoder_hidden_states": [texts, 77, unet.facts.textWidth ?? 0],
  ]
}

@Test(arguments: unets) func unetTakesAnySizeAndBatch(_ folder: String) throws {
  let checkpoint = try Checkpoint(folder)
  let unet = try #require(try checkpoint.build().first)
  #expect(unet.graph.name == "unet")
  #expect(unet.kind == .unet2DCondition)
  #expect(unet.inputNames == ["sample", "timestep", "encoder_hidden_states"])
  #expect(unet.outputNames == ["out_sample"])
  #expect(unet.unused.isEmpty)
  #expect(Set(unet.weights.map(\.source)) == Set(checkpoint.weights.keys))
  for (batch, texts, height, width) in [(1, 1, 8, 8), (3, 3, 13, 7), (3, 1, 11, 20)] {
    let given = inputs(unet, batch: batch, texts: texts, height: height, width: width)
    #expect(
      try unet.shapes(given, of: ["out_sample", "mid_block.attentions.0"]).first
        == [batch, 4, height, width])
  }
  // A text batch that is neither 1 nor the sample's fits no attention.
  #expect(throws: GraphError.self) {
    try unet.shapes(inputs(unet, batch: 3, texts: 2, height: 8, width: 8), of: [])
  }
}

/// The dimensions of Stable Diffusion 1.5 in place of those of the tiny model of the same layout.
private func fullSize(_ name: String, _ size: Int) -> Int {
  let levels = [12: 320, 20: 640, 28: 1280]
  if let channels = levels[size] { return channels }
  if name.contains("time_emb"), size == 48 { return 1280 }
  if name.contains("attn2.to_k") || name.contains("attn2.to_v"), size == 24 { return 768 }
  if name.contains(".ff.") {
    for factor in [8, 4] where size % factor == 0 {
      if let channels = levels[size / factor] { return factor * channels }
    }
  }
  let joined = [
    56: 1280 + 1280, 48: 1280 + 640, 40: 640 + 640, 32: 640 + 320, 24: 320 + 320,
  ]
  return joined[size] ?? size
}

@Test func stableDiffusion15HasSixteenTapsInTheOrderTheyRun() throws {
  var checkpoint = try Checkpoint("sd1-tiny/unet")
  checkpoint.resize(fullSize)
  checkpoint.config["block_out_channels"] = .array([320, 640, 1280, 1280].map { .integer($0) })
  checkpoint.config["attention_head_dim"] = .integer(8)
  checkpoint.config["cross_attention_dim"] = .integer(768)
  checkpoint.config["norm_num_groups"] = .integer(32)
  checkpoint.config["sample_size"] = .integer(64)
  let unet = try #require(try checkpoint.build().first)
  // The model card's 860 M.
  #expect(unet.parameterCount == 859_520_964)
  #expect(unet.facts.sampleSize == [64, 64])
  #expect(unet.facts.textWidth == 768)

  let layers = unet.graph.attentionLayers
  let taps = layers.filter { $0.kind == .cross }
  let down = (0..<3).flatMap { level in (0..<2).map { "down_blocks.\(level).attentions.\($0)" } }
  let up = (1..<4).flatMap { level in (0..<3).map { "up_blocks.\(level).attentions.\($0)" } }
  let modules = down + ["mid_block.attentions.0"] + up
  #expect(taps.map(\.name) == modules.map { "\($0).transformer_blocks.0.attn2" })
  #expect(layers.count == 32)
  #expect(layers.allSatisfy { $0.attributes.heads == 8 && !$0.attributes.isCausal })

  let given = inputs(unet, batch: 2, texts: 1, height: 64, width: 64)
  let shapes = try unet.shapes(given, of: taps.map { "\($0.name).probabilities" })
  let sides = [64, 64, 32, 32, 16, 16, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64]
  #expect(shapes == sides.map { [2, 77, $0 * $0] })
  // 320 channels in 8 heads: 40 each.
  #expect(taps.first?.attributes.scale == Float(1 / 40.0.squareRoot()))
}

@Test func valuesAreNamedByModulePath() throws {
  let unet = try #require(try Checkpoint("sd1-tiny/unet").build().first)
  let given = inputs(unet, batch: 1, texts: 1, height: 16, width: 16)
  let block = "down_blocks.1.attentions.0.transformer_blocks.0"
  let expected: [(String, Shape)] = [
    ("time_proj", [1, 12]), ("time_embedding", [1, 48]), ("conv_in", [1, 12, 16, 16]),
    ("down_blocks.0.resnets.0", [1, 12, 16, 16]),
    ("down_blocks.0.resnets.0.conv1", [1, 12, 16, 16]),
    ("down_blocks.0.resnets.0.time_emb_proj", [1, 12]),
    ("down_blocks.0.downsamplers.0", [1, 12, 8, 8]),
    ("down_blocks.1.attentions.0", [1, 20, 8, 8]), (block, [1, 64, 20]),
    ("\(block).attn1", [1, 64, 20]), ("\(block).attn2", [1, 64, 20]),
    ("\(block).attn2.to_k", [1, 77, 20]), ("\(block).attn1.probabilities", [1, 64, 64]),
    ("\(block).norm3", [1, 64, 20]), ("\(block).ff", [1, 64, 20]),
    ("\(block).ff.net.0", [1, 64, 80]), ("mid_block", [1, 28, 2, 2]),
    ("mid_block.resnets.1", [1, 28, 2, 2]), ("up_blocks.1.upsamplers.0", [1, 28, 8, 8]),
    ("up_blocks.1", [1, 28, 8, 8]), ("up_blocks.3", [1, 12, 16, 16]),
    ("conv_norm_out", [1, 12, 16, 16]),
  ]
  let shapes = try unet.shapes(given, of: expected.map(\.0))
  for ((name, shape), found) in zip(expected, shapes) {
    #expect(found == shape, "\(name)")
  }
}

@Test func headsPerLevelAreRead() throws {
  let unet = try #require(try Checkpoint("sd2-tiny/unet").build().first)
  let heads = unet.graph.attentionLayers.filter { $0.kind == .cross }.map(\.attributes.heads)
  #expect(heads == [2, 2, 4, 4, 7, 7, 7, 7, 7, 7, 4, 4, 4, 2, 2, 2])
}

@Test func crossAttentionOnlyLayersTakeTheText() throws {
  var checkpoint = try Checkpoint("unet-ema/unet")
  checkpoint.config["only_cross_attention"] = .array([.bool(true), .bool(false)])
  for (name, fact) in checkpoint.weights
  where (name.contains("attn1.to_k") || name.contains("attn1.to_v"))
    && !name.hasPrefix("mid_block")
  {
    checkpoint.weights[name] = Fact(fact.type, [fact.shape[0], 24])
  }
  let unet = try #require(try checkpoint.build().first)
  // Of the levels, the first; it is the last on the way up.
  let own = unet.graph.attentionLayers.filter { $0.kind == .self }.map(\.name)
  #expect(own == ["mid_block.attentions.0.transformer_blocks.0.attn1"])
}

/// Each is refused by the key's name, whatever else the configuration says.
@Test(arguments: [
  ("class_embed_type", JSONValue.string("timestep")), ("addition_embed_type", .string("text")),
  ("act_fn", .string("gelu")), ("dual_cross_attention", .bool(true)),
  ("mid_block_type", .string("UNetMidBlock2D")), ("time_embedding_type", .string("fourier")),
  ("encoder_hid_dim", .integer(32)), ("resnet_time_scale_shift", .string("scale_shift")),
  ("resnet_out_scale_factor", .number(1.5)), ("attention_type", .string("gated")),
  ("down_block_types", .array([.string("CrossAttnDownBlock2D"), .string("AttnDownBlock2D")])),
  ("up_block_types", .array([.string("UpBlock2D")])), ("layers_per_block", .integer(1 << 40)),
  ("layers_per_block", .integer(0)), ("layers_per_block", .array([.integer(1)])),
  ("block_out_channels", .array([.integer(6), .integer(-9)])), ("norm_num_groups", .integer(4)),
  ("attention_head_dim", .integer(7)), ("norm_eps", .number(-1)), ("in_channels", .string("4")),
  ("cross_attention_dim", .array([.integer(24), .integer(12)])), ("conv_in_kernel", .integer(2)),
  ("sample_size", .array([.integer(8)])), ("transformer_layers_per_block", .bool(true)),
  ("reverse_transformer_layers_per_block", .array([.integer(1)])),
])
func unsupportedValuesAreRefusedByName(_ key: String, _ value: JSONValue) throws {
  var checkpoint = try Checkpoint("unet-ema/unet")
  checkpoint.config[key] = value
  let error = try #require(checkpoint.failure())
  guard case .unsupportedValue("UNet2DConditionModel", key, value.text(), _) = error else {
    Issue.record("\(error)")
    return
  }
}

@Test func unknownKeysAreRefusedAndNotesAreNot() throws {
  var checkpoint = try Checkpoint("unet-ema/unet")
  checkpoint.config["_note"] = .string("kept")
  #expect(checkpoint.failure() == nil)
  checkpoint.config["rotary"] = .bool(true)
  #expect(
    checkpoint.failure()
      == .unknownKey(model: "UNet2DConditionModel", key: "rotary", value: "true"))
}

@Test func tensorsThatDoNotFitAreAllNamed() throws {
  var checkpoint = try Checkpoint("unet-ema/unet")
  checkpoint.weights["conv_in.bias"] = nil
  checkpoint.weights["conv_out.bias"] = Fact(.f32, [5])
  checkpoint.weights["conv_out.weight"] = Fact(.i64, [4, 6, 3, 3])
  checkpoint.weights["extra"] = Fact(.f32, [1])
  #expect(
    checkpoint.failure()
      == .weights(
        model: "UNet2DConditionModel",
        problems: [
          .missing(name: "conv_in.bias", shape: [6]),
          .wrongType(name: "conv_out.weight", found: .i64),
          .wrongShape(name: "conv_out.bias", found: [5], expected: [4]),
          .leftOver(name: "extra"),
        ], omitted: 0))
  checkpoint.weights = [:]
  guard case .weights(_, let problems, let omitted) = checkpoint.failure() else {
    Issue.record("no tensors at all were accepted")
    return
  }
  #expect(problems.count == 10)
  #expect(omitted > 50)
}

@Test func linearAndPointwiseWeightsStandForEachOther() throws {
  var checkpoint = try Checkpoint("sd2-tiny/unet")
  let name = "mid_block.attentions.0.proj_in.weight"
  checkpoint.weights[name] = Fact(.f16, [28, 28, 1, 1])
  let unet = try #require(try checkpoint.build().first)
  let binding = try #require(unet.weights.first { $0.tensor == name })
  #expect(binding.shape == [28, 28])
  #expect(binding.type == .f16)
}
