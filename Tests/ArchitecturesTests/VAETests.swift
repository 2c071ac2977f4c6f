import Architectures
import GraphIR
import JSONText
import TensorBase
import TestSupport
import Testing

private let vaeFolders = ["sd1-tiny/vae", "sd2-tiny/vae", "vae-bf16"].map { "checkpoints/" + $0 }

@Test(arguments: vaeFolders)
func vaeCheckpointsBuild(folder: String) throws {
  let checkpoint = try Checkpoint(golden: folder)
  let built = try checkpoint.built()
  #expect(built.kind.componentName == "vae")
  #expect(built.graphs.map(\.name) == ["vae_encoder", "vae_decoder"])
  #expect(built.unused == [])
  #expect(built.weights.count == checkpoint.weights.count)
  let levels = try #require(checkpoint.config["block_out_channels"]?.arrayValue).count
  let factor = [1, 2, 4, 8][levels - 1]
  #expect(built.facts["downsampling_factor"]?.intValue == factor)
  #expect(built.facts["scaling_factor"]?.doubleValue == 0.18215)
  #expect(built.facts["latent_channels"] == 4)
  #expect(built.facts["sample_size"] == checkpoint.config["sample_size"])
  let encoder = try #require(built.graph("vae_encoder"))
  let decoder = try #require(built.graph("vae_decoder"))
  try encoder.validate()
  try decoder.validate()
  for (batch, height, width) in [(1, 128, 128), (3, 65, 43), (2, 24, 39)] {
    let latent: Shape = [batch, 4, height / factor, width / factor]
    let encoded = try ShapedGraph(encoder, inputs: ["sample": [batch, 3, height, width]])
    #expect(encoded.graph.outputs.map { encoded.graph[$0].name } == ["mean", "logvar"])
    #expect(encoded.graph.outputs.map { encoded[$0].shape } == [latent, latent])
    let decoded = try ShapedGraph(decoder, inputs: ["latent": latent])
    #expect(decoded.graph.outputs.map { decoded.graph[$0].name } == ["image"])
    #expect(
      decoded.shape(of: "image") == [batch, 3, latent[2] * factor, latent[3] * factor])
    #expect(encoded.graph.attentionLayers.map(\.kind) == [.self])
    #expect(decoded.graph.attentionLayers.map(\.kind) == [.self])
  }
}

@Test func vaeAttentionOfAllAgesHasTheCurrentNames() throws {
  let current = try Checkpoint(golden: "checkpoints/sd2-tiny/vae")
  let expected = try current.built()
  let path = "encoder.mid_block.attentions.0"
  #expect(expected.weights.contains { $0.graphTensor == path + ".to_out.0.bias" })
  // Earlier names, and weights in the shape of a 1×1 convolution's.
  var old = Checkpoint(config: current.config)
  for (name, weight) in current.weights {
    var name = name
    var weight = weight
    for (new, other) in [
      ("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn"),
    ] where name.contains(".\(new).") {
      name = name.replacing(".\(new).", with: ".\(other).")
      if name.hasSuffix("weight") {
        weight = WeightDescriptor(
          type: weight.type, shape: Shape(weight.shape.dimensions + [1, 1]))
      }
    }
    old.weights[name] = weight
  }
  let built = try old.built()
  #expect(built.weights.map(\.graphTensor) == expected.weights.map(\.graphTensor))
  #expect(
    built.weights.first { $0.graphTensor == path + ".to_out.0.weight" }
      == expected.weights.first { $0.graphTensor == path + ".to_out.0.weight" }
      .map { $0.filled(from: path + ".proj_attn.weight") })
  // Both at once leave one over.
  old.weights[path + ".to_q.bias"] = WeightDescriptor(type: .f32, shape: [20])
  #expect(
    throws: ArchitectureError.badWeights(
      file: "config.json", WeightProblems(leftOver: [path + ".query.bias"]))
  ) { try old.built() }
}

@Test func encoderAlone() throws {
  var checkpoint = try Checkpoint(golden: "checkpoints/vae-bf16")
  checkpoint.weights = checkpoint.weights.filter { !$0.key.hasPrefix("decoder.") }
  let built = try checkpoint.built()
  #expect(built.graphs.map(\.name) == ["vae_encoder"])
  #expect(built.unused == ["post_quant_conv.bias", "post_quant_conv.weight"])
  #expect(
    built.weights.allSatisfy {
      $0.graphTensor.hasPrefix("encoder.") || $0.graphTensor.hasPrefix("quant_conv.")
    })
}

@Test func whatAVAEMayLeaveOut() throws {
  var checkpoint = try Checkpoint(golden: "checkpoints/vae-bf16")
  for key in ["use_quant_conv", "use_post_quant_conv", "mid_block_add_attention"] {
    checkpoint.config[key] = false
  }
  let outside = checkpoint.weights.keys.filter {
    $0.contains("quant_conv") || $0.contains("attentions")
  }
  #expect(outside.count == 4 + 2 * 10)
  #expect(
    throws: ArchitectureError.badWeights(
      file: "config.json", WeightProblems(leftOver: outside.sorted()))
  ) { try checkpoint.built() }
  for name in outside { checkpoint.weights[name] = nil }
  let encoder = try #require(try checkpoint.built().graphs.first)
  try encoder.validate()
  #expect(encoder.attentionLayers.isEmpty)
}

@Test func stableDiffusionVAE() throws {
  var checkpoint = Checkpoint(config: [
    "_class_name": "AutoencoderKL", "_diffusers_version": "0.6.0", "act_fn": "silu",
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": [
      "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D",
    ],
    "in_channels": 3, "latent_channels": 4, "layers_per_block": 2, "norm_num_groups": 32,
    "out_channels": 3, "sample_size": 512,
    "up_block_types": [
      "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D",
    ],
  ])
  try checkpoint.synthesiseWeights(beside: ["decoder.conv_in.bias"])
  let built = try checkpoint.built()
  #expect(built.weights.count == 248)
  #expect(built.parameterCount == 83_653_863)
  #expect(built.facts["downsampling_factor"] == 8)
  let encoder = try #require(built.graph("vae_encoder"))
  let shaped = try ShapedGraph(encoder, inputs: ["sample": [1, 3, 512, 512]])
  #expect(shaped.shape(of: "mean") == [1, 4, 64, 64])
}

@Test(
  arguments: [
    ("latents_mean", [0.1, 0.2, 0.3, 0.4]), ("latents_std", [1]), ("shift_factor", 0.1),
    ("down_block_types", ["DownEncoderBlock2D", "AttnDownEncoderBlock2D"]),
    ("up_block_types", ["UpDecoderBlock2D"]), ("act_fn", "mish"), ("some_new_key", nil),
    ("block_out_channels", [8, 10]), ("scaling_factor", 0), ("layers_per_block", [1, 1]),
    ("latent_channels", 1_000_000_000_000),
  ] as [(String, JSONValue)])
func whatVAEConfigurationsMustNotSay(key: String, value: JSONValue) throws {
  var checkpoint = try Checkpoint(golden: "checkpoints/vae-bf16")
  checkpoint.config[key] = value
  #expect { try checkpoint.built() } throws: { error in
    guard let error = error as? ArchitectureError else { return false }
    return switch error {
    case .unsupported(_, key, _), .unknownKey(_, key, _), .badValue(_, key, _, _): true
    default: false
    }
  }
}

extension WeightBinding {
  fileprivate func filled(from source: String) -> WeightBinding {
    WeightBinding(graphTensor: graphTensor, source: source, shape: shape)
  }
}
