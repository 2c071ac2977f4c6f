import Architectures
import GraphIR
import JSONText
import TensorBase
import Testing

@Test(arguments: ["sd1-tiny/vae", "sd2-tiny/vae", "vae-bf16"])
func autoencoderGivesEncoderAndDecoder(_ folder: String) throws {
  let checkpoint = try Checkpoint(folder)
  let both = try checkpoint.build()
  #expect(both.map(\.graph.name) == ["vae_encoder", "vae_decoder"])
  let factor = try #require(both[0].facts.downsamplingFactor)
  #expect(factor == 1 << ((checkpoint.config["block_out_channels"]?.arrayValue?.count ?? 0) - 1))
  #expect(both[0].facts.scalingFactor == 0.18215)
  #expect(both[0].facts.latentChannels == 4)
  let sources = both.flatMap { $0.weights.map(\.source) }
  #expect(Set(sources) == Set(checkpoint.weights.keys))
  #expect(sources.count == checkpoint.weights.count)

  #expect(both[0].outputNames == ["mean", "logvar"])
  #expect(both[1].outputNames == ["image"])
  for (batch, height, width) in [(1, 3, 3), (3, 5, 7)] {
    #expect(
      try both[0].shapes(
        ["sample": [batch, 3, height * factor, width * factor]], of: ["mean", "logvar"])
        == [[batch, 4, height, width], [batch, 4, height, width]])
    #expect(
      try both[1].shapes(["latent": [batch, 4, height, width]], of: ["image"])
        == [[batch, 3, height * factor, width * factor]])
  }
  // Sides that are no multiple of the factor lose the rest, as in PyTorch.
  #expect(
    try both[0].shapes(["sample": [1, 3, 4 * factor + 1, 5 * factor - 1]], of: ["mean"])
      == [[1, 4, 4, 4]])
}

@Test func blocksOfTheEncoderAreNamed() throws {
  let encoder = try #require(try Checkpoint("vae-bf16").build().first)
  #expect(
    try encoder.shapes(
      ["sample": [1, 3, 26, 26]],
      of: ["encoder.conv_in", "encoder.down_blocks.0", "encoder.mid_block.attentions.0"])
      == [[1, 8, 26, 26], [1, 8, 13, 13], [1, 12, 13, 13]])
}

/// Stable Diffusion 1.5's autoencoder has 83,653,863 parameters.
@Test func autoencoderOfFullSize() throws {
  func list(_ block: String) -> JSONValue {
    .array([JSONValue](repeating: .string(block), count: 4))
  }
  let checkpoint = try Checkpoint(
    whole: [
      "_class_name": .string("AutoencoderKL"), "layers_per_block": .integer(2),
      "block_out_channels": .array([128, 256, 512, 512].map { .integer($0) }),
      "down_block_types": list("DownEncoderBlock2D"), "up_block_types": list("UpDecoderBlock2D"),
    ], present: ["decoder.conv_in.bias": [512]])
  let both = try checkpoint.build()
  #expect(both.reduce(0) { $0 + $1.parameterCount } == 83_653_863)
  #expect(both[0].facts.downsamplingFactor == 8)
}

@Test func oldAndNewAttentionNamesBindTheSameWeights() throws {
  let old = try Checkpoint("sd1-tiny/vae")
  var new = old
  let names = ["query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"]
  for (name, fact) in old.weights where name.contains("attentions.0.") {
    for (from, to) in names where name.contains(".\(from).") {
      new.weights[name] = nil
      // Some files keep these as pointwise convolutions.
      new.weights[name.replacing(".\(from).", with: ".\(to).")] =
        fact.shape.rank == 2 ? Fact(fact.type, Shape(fact.shape.dimensions + [1, 1])) : fact
    }
  }
  #expect(old.weights.keys != new.weights.keys)
  let (a, b) = (try old.build(), try new.build())
  #expect(a.map(\.graph) == b.map(\.graph))
  let key = "encoder.mid_block.attentions.0.to_out.0.weight"
  #expect(
    a[0].weights.first { $0.tensor == key }?.source
      == "encoder.mid_block.attentions.0.proj_attn.weight")
  #expect(b[0].weights.first { $0.tensor == key }?.source == key)
}

@Test func encoderAloneIsEnough() throws {
  var checkpoint = try Checkpoint("sd2-tiny/vae")
  for name in checkpoint.weights.keys where name.hasPrefix("decoder.") {
    checkpoint.weights[name] = nil
  }
  let encoder = try checkpoint.build()
  #expect(encoder.map(\.graph.name) == ["vae_encoder"])
  #expect(encoder[0].unused == ["post_quant_conv.bias", "post_quant_conv.weight"])
}

@Test func flagsOfTheAutoencoderAreObeyed() throws {
  var checkpoint = try Checkpoint("sd2-tiny/vae")
  checkpoint.config["use_quant_conv"] = .bool(false)
  checkpoint.config["use_post_quant_conv"] = .bool(false)
  checkpoint.config["mid_block_add_attention"] = .bool(false)
  for name in checkpoint.weights.keys
  where name.contains("quant_conv") || name.contains("attentions") {
    checkpoint.weights[name] = nil
  }
  let both = try checkpoint.build()
  #expect(both.allSatisfy { $0.graph.attentionLayers.isEmpty })
  #expect(
    try both[0].shapes(["sample": [1, 3, 48, 48]], of: ["mean"]) == [[1, 4, 12, 12]])
  checkpoint.config["shift_factor"] = .number(0.1)
  #expect(
    checkpoint.failure()
      == .unsupportedValue(
        model: "AutoencoderKL", key: "shift_factor", value: "0.1", expected: "0.0"))
}

@Test(arguments: [
  ("latents_mean", JSONValue.array([.number(0.1)])), ("latents_std", .array([.integer(1)])),
  ("down_block_types", .array([.string("DownEncoderBlock2D"), .string("AttnDownEncoderBlock2D")])),
  ("up_block_types", .array([.string("UpDecoderBlock2D")])), ("act_fn", .string("mish")),
  ("block_out_channels", .array([.integer(8)])), ("scaling_factor", .integer(0)),
  ("layers_per_block", .array([.integer(1), .integer(1)])),
  ("latent_channels", .integer(1 << 40)), ("norm_num_groups", .integer(5)),
])
func autoencoderRefusesByName(_ key: String, _ value: JSONValue) throws {
  var checkpoint = try Checkpoint("vae-bf16")
  checkpoint.config[key] = value
  let error = try #require(checkpoint.failure())
  guard case .unsupportedValue("AutoencoderKL", key, value.text(), _) = error else {
    Issue.record("\(error)")
    return
  }
}
