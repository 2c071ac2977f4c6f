import Architectures
import GraphIR
import JSONText
import TensorBase
import TestSupport
import Testing

private let unetFolders = [
  "sd1-tiny/unet", "sd2-tiny/unet", "unet-f16", "unet-odd-sharded", "unet-ema/unet",
  "unet-ema/unet_ema",
].map { "checkpoints/" + $0 }

@Test(arguments: unetFolders)
func unetCheckpointsBuild(folder: String) throws {
  let checkpoint = try Checkpoint(golden: folder)
  let built = try checkpoint.built()
  #expect(built.kind.componentName == "unet")
  #expect(built.graphs.map(\.name) == ["unet"])
  #expect(built.unused == [])
  #expect(built.weights.count == checkpoint.weights.count)
  #expect(built.weights.allSatisfy { $0.graphTensor == $0.source })
  for key in ["sample_size", "in_channels", "cross_attention_dim"] {
    #expect(built.facts[key] != nil && built.facts[key] == checkpoint.config[key])
  }
  let graph = try #require(built.graphs.first)
  try graph.validate()
  for (batch, texts, tokens, height, width) in [
    (1, 1, 77, 16, 16), (3, 1, 5, 9, 21), (3, 3, 1, 7, 8), (2, 2, 8, 1, 33),
  ] {
    let shaped = try graph.shaped(batch, texts, tokens, height, width)
    #expect(shaped.shape(of: "out_sample") == [batch, 4, height, width])
    #expect(shaped.graph.outputs.map { shaped.graph[$0].name } == ["out_sample"])
    let layers = shaped.graph.attentionLayers
    #expect(layers.allSatisfy { ($0.kind == .cross) == $0.name.hasSuffix(".attn2") })
    for layer in layers where layer.kind == .cross {
      let probabilities = try #require(layer.probabilities)
      #expect(shaped.graph[probabilities].name == layer.name + ".probabilities")
      #expect(shaped[probabilities].shape[1] == tokens)
    }
  }
}

/// Every tensor that PyTorch gave under a module path has that name and shape here.
@Test func unetValuesAreThoseOfTheModules() throws {
  let cases = try goldenCases("model").filter { $0.config["graph"] == "unet" }
  #expect(cases.count >= 6)
  for golden in cases {
    let folder = try #require(golden.config["checkpoint"]?.stringValue)
    let graph = try #require(try Checkpoint(golden: folder).built().graphs.first)
    let sample = try #require(golden.inputs["sample"]).shape
    let text = try #require(golden.inputs["encoder_hidden_states"]).shape
    let shaped = try graph.shaped(sample[0], text[0], text[1], sample[2], sample[3])
    for (name, tensor) in golden.outputs {
      let name = name == "sample" ? "out_sample" : name
      #expect(shaped.shape(of: name) == tensor.shape, "\(golden.name): \(name)")
    }
    let taps = golden.config["taps"]?.arrayValue?.compactMap(\.stringValue) ?? []
    let crossed = shaped.graph.attentionLayers.filter { $0.kind == .cross }.map(\.name)
    #expect(!taps.isEmpty && crossed.filter(Set(taps).contains) == taps)
  }
}

/// The configuration of Stable Diffusion 1.5's U-Net.
private let diffusion15: JSONObject = [
  "_class_name": "UNet2DConditionModel", "_diffusers_version": "0.6.0", "act_fn": "silu",
  "attention_head_dim": 8, "block_out_channels": [320, 640, 1280, 1280],
  "center_input_sample": false, "cross_attention_dim": 768,
  "down_block_types": [
    "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D",
  ],
  "downsample_padding": 1, "flip_sin_to_cos": true, "freq_shift": 0, "in_channels": 4,
  "layers_per_block": 2, "mid_block_scale_factor": 1, "norm_eps": 1e-05,
  "norm_num_groups": 32, "out_channels": 4, "sample_size": 64,
  "up_block_types": [
    "UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D",
  ],
]

@Test func stableDiffusion15() throws {
  var checkpoint = Checkpoint(config: diffusion15)
  try checkpoint.synthesiseWeights()
  let built = try checkpoint.built()
  #expect(built.weights.count == 686)
  #expect(built.parameterCount == 859_520_964)
  let graph = try #require(built.graphs.first)
  let shaped = try graph.shaped(2, 1, 77, 64, 64)
  let taps = shaped.graph.attentionLayers.filter { $0.kind == .cross }
  #expect(
    taps.map { $0.name.replacing(".transformer_blocks.0.attn2", with: "") } == [
      "down_blocks.0.attentions.0", "down_blocks.0.attentions.1", "down_blocks.1.attentions.0",
      "down_blocks.1.attentions.1", "down_blocks.2.attentions.0", "down_blocks.2.attentions.1",
      "mid_block.attentions.0", "up_blocks.1.attentions.0", "up_blocks.1.attentions.1",
      "up_blocks.1.attentions.2", "up_blocks.2.attentions.0", "up_blocks.2.attentions.1",
      "up_blocks.2.attentions.2", "up_blocks.3.attentions.0", "up_blocks.3.attentions.1",
      "up_blocks.3.attentions.2",
    ])
  #expect(taps.allSatisfy { $0.attributes.heads == 8 && !$0.attributes.isCausal })
  #expect(taps[0].attributes.scale == Float(1 / 40.0.squareRoot()))
  let queries = taps.compactMap { $0.probabilities.map { shaped[$0].shape } }
  #expect(
    queries.map { $0[2] }
      == [64, 64, 32, 32, 16, 16, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64].map { $0 * $0 })
  #expect(queries.allSatisfy { $0[0] == 2 && $0[1] == 77 })
  // Nothing but the last cross-attention's queries and keys may be needed for the taps.
  let pruned = shaped.pruned(to: taps.compactMap(\.probabilities))
  #expect(pruned.graph.value(named: "up_blocks.3.attentions.2.transformer_blocks.0.norm3") == nil)
  let upsampled = shaped.graph.nodes.filter { $0.op.name == "upsampleNearest" }
  #expect(upsampled.count == 3 && upsampled.allSatisfy { $0.inputs.count == 1 })
}

@Test func stableDiffusion21() throws {
  var config = diffusion15
  config["attention_head_dim"] = [5, 10, 20, 20]
  config["cross_attention_dim"] = 1024
  config["use_linear_projection"] = true
  config["dual_cross_attention"] = false
  config["only_cross_attention"] = false
  config["num_class_embeds"] = nil
  config["upcast_attention"] = true
  config["sample_size"] = 96
  var checkpoint = Checkpoint(config: config)
  try checkpoint.synthesiseWeights()
  let built = try checkpoint.built()
  #expect(built.weights.count == 686)
  #expect(built.parameterCount == 865_910_724)
  #expect(built.facts["sample_size"] == 96)
  let graph = try #require(built.graphs.first)
  let shaped = try graph.shaped(1, 1, 77, 96, 96)
  let taps = shaped.graph.attentionLayers.filter { $0.kind == .cross }
  #expect(
    taps.map(\.attributes.heads) == [
      5, 5, 10, 10, 20, 20, 20, 20, 20, 20, 10, 10, 10, 5, 5, 5,
    ])
  #expect(taps.allSatisfy { $0.attributes.scale == 0.125 })
}

@Test func imagesAreNotMovedBetweenConvolutionAndAttention() throws {
  for folder in ["checkpoints/sd1-tiny/unet", "checkpoints/sd2-tiny/unet"] {
    let graph = try #require(try Checkpoint(golden: folder).built().graphs.first)
    let shaped = try graph.shaped(1, 1, 77, 16, 16)
    let last = shaped.pruned(to: shaped.graph.outputs).fused().channelsLast()
    let moved = last.graph.nodes.filter { node in
      if case .transpose(let permutation) = node.op { permutation != [2, 3, 1, 0] } else { false }
    }
    // The sample on its way in and out.
    #expect(moved.map(\.name) == ["sample@nhwc", "out_sample"], "\(folder)")
  }
}

/// Configurations that use what Stable Diffusion's do not; the counts of tensors and parameters
/// are those of the models that diffusers 0.35.2 makes of them.
private let unusual: [(config: JSONObject, tensors: Int, parameters: Int)] = [
  (
    [
      "_class_name": "UNet2DConditionModel", "block_out_channels": [9, 12, 18],
      "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"],
      "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D", "CrossAttnUpBlock2D"],
      "layers_per_block": [2, 1, 3], "attention_head_dim": [2, 3, 4],
      "cross_attention_dim": [7, 7, 7], "norm_num_groups": 3,
      "only_cross_attention": [true, false, false], "transformer_layers_per_block": [1, 2, 3],
      "center_input_sample": true, "mid_block_scale_factor": 1.5, "downsample_padding": 0,
      "flip_sin_to_cos": false, "freq_shift": 1, "in_channels": 5, "out_channels": 3,
      "conv_in_kernel": 5, "conv_out_kernel": 1, "time_embedding_dim": 20, "act_fn": "gelu",
      "norm_eps": 1e-3, "sample_size": [8, 8],
    ], 868, 236_740
  ),
  (
    [
      "_class_name": "UNet2DConditionModel", "block_out_channels": [8, 16],
      "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
      "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"], "layers_per_block": 2,
      "attention_head_dim": nil, "num_attention_heads": 4, "cross_attention_dim": 6,
      "norm_num_groups": 4, "transformer_layers_per_block": [[1, 2], [3, 1]],
      "reverse_transformer_layers_per_block": [[1, 2, 1], [2, 1, 1]],
      "only_cross_attention": true, "use_linear_projection": true, "act_fn": "relu",
      "_name_or_path": "somewhere", "sample_size": nil, "decay": 0.9999,
      "optimization_step": 30_000, "use_ema_warmup": false,
    ], 574, 124_860
  ),
]

@Test(arguments: unusual.indices)
func unusualUNets(index: Int) throws {
  var checkpoint = Checkpoint(config: unusual[index].config)
  try checkpoint.synthesiseWeights()
  let built = try checkpoint.built()
  #expect(built.weights.count == unusual[index].tensors)
  #expect(built.parameterCount == unusual[index].parameters)
  let graph = try #require(built.graphs.first)
  try graph.validate()
  let channels = index == 0 ? 3 : 4
  for (batch, height, width) in [(1, 8, 8), (3, 13, 9)] {
    let shaped = try graph.shaped(batch, 1, 6, height, width)
    #expect(shaped.shape(of: "out_sample") == [batch, channels, height, width])
  }
}

@Test(
  arguments: [
    ("down_block_types", ["AttnDownBlock2D", "DownBlock2D"]),
    ("mid_block_type", "UNetMidBlock2DSimpleCrossAttn"), ("mid_block_type", nil),
    ("up_block_types", ["UpBlock2D"]), ("class_embed_type", "timestep"),
    ("num_class_embeds", 1000), ("addition_embed_type", "text_time"), ("encoder_hid_dim", 768),
    ("dual_cross_attention", true), ("resnet_time_scale_shift", "scale_shift"),
    ("time_embedding_type", "fourier"), ("attention_type", "gated"), ("act_fn", "mish"),
    ("resnet_out_scale_factor", 0.5), ("norm_num_groups", nil), ("norm_num_groups", 4),
    ("cross_attention_dim", [24, 25]), ("block_out_channels", [6, 1_099_511_627_776]),
    ("layers_per_block", 0), ("layers_per_block", [1, 1, 1]), ("layers_per_block", 1_000_000),
    ("attention_head_dim", 7), ("transformer_layers_per_block", [[1], [1]]),
    ("conv_in_kernel", 2), ("freq_shift", 3), ("sample_size", [8, 9]), ("some_new_key", 1),
    ("mid_block_scale_factor", 0), ("only_cross_attention", [true]),
  ] as [(String, JSONValue)])
func whatUNetConfigurationsMustNotSay(key: String, value: JSONValue) throws {
  var checkpoint = try Checkpoint(golden: "checkpoints/unet-f16")
  checkpoint.config[key] = value
  #expect { try checkpoint.built() } throws: { error in
    guard let error = error as? ArchitectureError else { return false }
    return switch error {
    case .unsupported(_, key, _), .unknownKey(_, key, _), .badValue(_, key, _, _): true
    case .badValue(_, "block_out_channels", _, _): key == "norm_num_groups"
    default: false
    }
  }
}

extension Graph {
  fileprivate func shaped(
    _ batch: Int, _ texts: Int, _ tokens: Int, _ height: Int, _ width: Int
  ) throws -> ShapedGraph {
    var shapes: [String: Shape] = ["timestep": [batch]]
    for input in inputs {
      guard input.dimensions.count > 1,
        case .size(let size) = input.dimensions[input.dimensions.count == 4 ? 1 : 2]
      else { continue }
      shapes[self[input.value].name] =
        input.dimensions.count == 4 ? [batch, size, height, width] : [texts, tokens, size]
    }
    return try ShapedGraph(self, inputs: shapes)
  }
}
