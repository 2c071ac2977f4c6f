import Architectures
import GraphIR
import JSONText
import TensorBase
import TestSupport
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

/// What Stable Diffusion 1.5 says; the rest are diffusers' defaults.
private let diffusion15: JSONObject = [
  "_class_name": .string("UNet2DConditionModel"), "cross_attention_dim": .integer(768),
  "sample_size": .integer(64), "attention_head_dim": .integer(8),
]

@Test func stableDiffusion15HasSixteenTapsInTheOrderTheyRun() throws {
  let checkpoint = try Checkpoint(whole: diffusion15)
  let unet = try #require(try checkpoint.build().first)
  // The model card's 860 M.
  #expect(unet.weights.count == 686)
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

@Test func stableDiffusion21() throws {
  var config = diffusion15
  config["attention_head_dim"] = .array([5, 10, 20, 20].map { .integer($0) })
  config["cross_attention_dim"] = .integer(1024)
  config["use_linear_projection"] = .bool(true)
  config["upcast_attention"] = .bool(true)
  config["num_class_embeds"] = .null
  let unet = try #require(try Checkpoint(whole: config).build().first)
  #expect(unet.parameterCount == 865_910_724)
  let taps = unet.graph.attentionLayers.filter { $0.kind == .cross }
  #expect(
    taps.map(\.attributes.heads) == [
      5, 5, 10, 10, 20, 20, 20, 20, 20, 20, 10, 10, 10, 5, 5, 5,
    ])
  #expect(taps.allSatisfy { $0.attributes.scale == 0.125 })
}

/// Every tensor that PyTorch gave under a module path has that name and shape here.
@Test func valuesAreThoseOfTheModules() throws {
  let cases = try goldenCases("model").filter { $0.config["graph"]?.stringValue == "unet" }
  #expect(cases.count >= 6)
  for golden in cases {
    let folder = try #require(golden.config["checkpoint"]?.stringValue)
    let checkpoint = try Checkpoint(String(folder.dropFirst("checkpoints/".count)))
    let unet = try #require(try checkpoint.build().first)
    let names = golden.outputs.keys.sorted()
    let shapes = try unet.shapes(
      golden.inputs.mapValues(\.shape), of: names.map { $0 == "sample" ? "out_sample" : $0 })
    for (name, shape) in zip(names, shapes) {
      #expect(shape == golden.outputs[name]?.shape, "\(golden.name): \(name)")
    }
  }
}

@Test(arguments: ["sd1-tiny/unet", "sd2-tiny/unet"])
func imagesAreNotMovedBetweenConvolutionAndAttention(_ folder: String) throws {
  let unet = try #require(try Checkpoint(folder).build().first)
  let shaped = try ShapedGraph(
    unet.graph, inputs: inputs(unet, batch: 1, texts: 1, height: 16, width: 16))
  let last = shaped.pruned(to: shaped.graph.outputs).fused().channelsLast()
  let moved = last.graph.nodes.filter { node in
    // Weights are turned too, once.
    if case .transpose(let permutation) = node.op { permutation != [2, 3, 1, 0] } else { false }
  }
  #expect(moved.map(\.name) == ["sample@nhwc", "out_sample"])
}

/// Configurations that use what Stable Diffusion's do not. The counts of tensors and parameters are
/// those of the models that diffusers 0.35.2 makes of them.
private let unusual: [(text: String, tensors: Int, parameters: Int)] = [
  (
    """
    {"_class_name": "UNet2DConditionModel", "block_out_channels": [9, 12, 18],
    "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D", "CrossAttnUpBlock2D"],
    "layers_per_block": [2, 1, 3], "attention_head_dim": [2, 3, 4],
    "cross_attention_dim": [7, 7, 7], "norm_num_groups": 3,
    "only_cross_attention": [true, false, false], "transformer_layers_per_block": [1, 2, 3],
    "center_input_sample": true, "mid_block_scale_factor": 1.5, "downsample_padding": 0,
    "flip_sin_to_cos": false, "freq_shift": 1, "in_channels": 5, "out_channels": 3,
    "conv_in_kernel": 5, "conv_out_kernel": 1, "time_embedding_dim": 20, "act_fn": "gelu",
    "norm_eps": 1e-3, "sample_size": [8, 8]}
    """, 868, 236_740
  ),
  (
    """
    {"_class_name": "UNet2DConditionModel", "block_out_channels": [8, 16],
    "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"], "layers_per_block": 2,
    "attention_head_dim": null, "num_attention_heads": 4, "cross_attention_dim": 6,
    "norm_num_groups": 4, "transformer_layers_per_block": [[1, 2], [3, 1]],
    "reverse_transformer_layers_per_block": [[1, 2, 1], [2, 1, 1]],
    "only_cross_attention": true, "use_linear_projection": true, "act_fn": "relu",
    "_name_or_path": "somewhere", "sample_size": null, "decay": 0.9999,
    "optimization_step": 30000, "use_ema_warmup": false}
    """, 574, 124_860
  ),
]

@Test(arguments: unusual.indices)
func unusualConfigurations(_ index: Int) throws {
  let (text, tensors, parameters) = unusual[index]
  let config = try JSONValue(parsing: Array(text.utf8)).objectValue ?? JSONObject()
  let unet = try #require(try Checkpoint(whole: config).build().first)
  #expect(unet.weights.count == tensors)
  #expect(unet.parameterCount == parameters)
  let channels = [3, 4][index]
  for (batch, height, width) in [(1, 8, 8), (3, 13, 9)] {
    var given = inputs(unet, batch: batch, texts: 1, height: height, width: width)
    given["sample"] = [batch, unet.facts.latentChannels ?? 0, height, width]
    #expect(try unet.shapes(given, of: ["out_sample"]) == [[batch, channels, height, width]])
  }
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
  ("act_fn", .string("mish")), ("dual_cross_attention", .bool(true)),
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
  ("transformer_layers_per_block", .array([.array([.integer(1)]), .array([.integer(1)])])),
  ("freq_shift", .integer(3)), ("mid_block_scale_factor", .integer(0)),
  ("only_cross_attention", .array([.bool(true)])),
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
        ]))
  let count = try Checkpoint("unet-ema/unet").weights.count
  checkpoint.weights = [:]
  let error = try #require(checkpoint.failure())
  #expect(error.description.hasSuffix("; and \(count - 10) more"))
  #expect(error.description.contains("'conv_in.weight' [6, 4, 3, 3] is missing"))
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
