import GraphIR
import JSONText
import TensorBase

/// AutoencoderKL of Stable Diffusion, as diffusers computes it.
///
/// Graph `vae_encoder`: `sample` f32 [batch, 3, height, width] in −1…1 → `mean` and `logvar`
/// (clamped to −30…20), each f32 [batch, 4, h, w]. Graph `vae_decoder`, when its weights are there:
/// `latent` f32 [batch, 4, h, w], already divided by the scaling factor → `image`
/// f32 [batch, 3, height, width].
func autoencoderKL(
  _ configuration: Configuration, _ weights: [String: Fact]
) throws(ArchitectureError) -> [Architecture] {
  let config = try AutoencoderConfiguration(configuration)
  var binder = WeightBinder(weights, spellings: autoencoderSpellings)
  var encoder = AutoencoderBuilder(
    config: config, modules: ModuleBuilder(graph: "vae_encoder", binder: binder))
  encoder.encode()
  binder = encoder.modules.binder
  var decoder: AutoencoderBuilder?
  if weights.keys.contains(where: { $0.hasPrefix("decoder.") }) {
    var builder = AutoencoderBuilder(
      config: config, modules: ModuleBuilder(graph: "vae_decoder", binder: binder))
    builder.decode()
    binder = builder.modules.binder
    decoder = builder
  }
  let hasDecoder = decoder != nil
  let unused = try binder.finish(model: .autoencoderKL) { name in
    !hasDecoder && name.hasPrefix("post_quant_conv.")
  }
  return [(encoder, unused), (decoder, [])].compactMap { builder, unused in
    builder.map {
      Architecture(
        kind: .autoencoderKL, graph: $0.modules.graph.graph, weights: $0.modules.bindings,
        unused: unused, facts: config.facts)
    }
  }
}

/// The attention of the middle block was once written with other names.
private func autoencoderSpellings(_ name: String) -> [String] {
  let renamed = [
    (".to_q.", ".query."), (".to_k.", ".key."), (".to_v.", ".value."),
    (".to_out.0.", ".proj_attn."),
  ]
  let old = renamed.filter { name.contains($0.0) }.map { name.replacing($0.0, with: $0.1) }
  return [name] + old
}

private struct AutoencoderConfiguration {
  enum DownBlock: String, CaseIterable { case plain = "DownEncoderBlock2D" }
  enum UpBlock: String, CaseIterable { case plain = "UpDecoderBlock2D" }

  var pictureChannels: Int
  var outputChannels: Int
  var latentChannels: Int
  var channels: [Int]
  var layers: Int
  var groups: Int
  var activation: Unary
  var hasMidAttention: Bool
  var hasQuantConv: Bool
  var hasPostQuantConv: Bool
  var facts = ModelFacts()

  init(_ config: Configuration) throws(ArchitectureError) {
    var config = config
    pictureChannels = try config.int("in_channels", default: 3)
    outputChannels = try config.int("out_channels", default: 3)
    latentChannels = try config.int("latent_channels", default: 4)
    let down = try config.names("down_block_types", of: DownBlock.self, default: [.plain])
    let up = try config.names("up_block_types", of: UpBlock.self, default: [.plain])
    guard up.count == down.count else {
      throw config.refusal(
        "up_block_types", "\(down.count) blocks, as many as down_block_types has")
    }
    channels =
      try config.ints("block_out_channels", count: down.count, in: 1...1 << 16)
      ?? [Int](repeating: 64, count: down.count)
    layers = try config.int("layers_per_block", default: 1, in: 1...64)
    groups = try config.int("norm_num_groups", default: 32)
    for channel in channels where channel % groups != 0 {
      throw config.refusal("norm_num_groups", "a divisor of block_out_channels, \(channels)")
    }
    hasMidAttention = try config.bool("mid_block_add_attention", default: true)
    hasQuantConv = try config.bool("use_quant_conv", default: true)
    hasPostQuantConv = try config.bool("use_post_quant_conv", default: true)
    facts.sampleSize = try config.size("sample_size")
    facts.latentChannels = latentChannels
    facts.downsamplingFactor = 1 << (down.count - 1)
    let scaling = try config.number("scaling_factor", default: 0.18215)
    guard scaling > 0 else { throw config.refusal("scaling_factor", "a positive number") }
    facts.scalingFactor = scaling
    activation = try config.imageActivation("act_fn")
    try config.expect("shift_factor", .number(0))
    try config.expect("latents_mean")
    try config.expect("latents_std")
    // All is computed in f32.
    _ = try config.bool("force_upcast", default: true)
    try config.finish()
  }
}

private struct AutoencoderBuilder {
  let config: AutoencoderConfiguration
  var modules: ModuleBuilder

  /// Of every norm; diffusers fixes it.
  private static let epsilon = 1e-6

  private var style: ResidualStyle {
    ResidualStyle(groups: config.groups, epsilon: Self.epsilon, activation: config.activation)
  }

  mutating func encode() {
    let sample = modules.input(
      "sample", .f32,
      [.symbol("batch"), .size(config.pictureChannels), .symbol("height"), .symbol("width")])
    let first = modules.convolution(
      "encoder.conv_in", sample, config.pictureChannels, config.channels[0], kernel: 3)
    var x = ImageValue(id: first, channels: config.channels[0])
    for (level, channels) in config.channels.enumerated() {
      let path = "encoder.down_blocks.\(level)"
      for layer in 0..<config.layers {
        x = modules.residualBlock("\(path).resnets.\(layer)", x, to: channels, style)
      }
      if level < config.channels.count - 1 {
        x = modules.downsample("\(path).downsamplers.0", x, padding: 0)
      }
      modules.alias(path, of: x.id, rank: 4)
    }
    x = midBlock("encoder.mid_block", x)
    let moments = 2 * config.latentChannels
    var out = head("encoder", x, to: moments)
    if config.hasQuantConv {
      out = modules.convolution("quant_conv", out, moments, moments, kernel: 1)
    }
    let mean = modules.node(
      "mean", .slice(Slice(axis: 1, start: 0, end: config.latentChannels)), out)
    let logvar = modules.node(
      "logvar.whole", .slice(Slice(axis: 1, start: config.latentChannels, end: moments)), out)
    let clamped = modules.node("logvar", .clamp(lower: -30, upper: 20), logvar)
    modules.output(mean, named: "mean")
    modules.output(clamped, named: "logvar")
  }

  mutating func decode() {
    let latent = modules.input(
      "latent", .f32,
      [.symbol("batch"), .size(config.latentChannels), .symbol("height"), .symbol("width")])
    let inputs = config.latentChannels
    let quantised =
      config.hasPostQuantConv
      ? modules.convolution("post_quant_conv", latent, inputs, inputs, kernel: 1) : latent
    let levels = Array(config.channels.reversed())
    let first = modules.convolution("decoder.conv_in", quantised, inputs, levels[0], kernel: 3)
    var x = midBlock("decoder.mid_block", ImageValue(id: first, channels: levels[0]))
    for (level, channels) in levels.enumerated() {
      let path = "decoder.up_blocks.\(level)"
      for layer in 0...config.layers {
        x = modules.residualBlock("\(path).resnets.\(layer)", x, to: channels, style)
      }
      if level < levels.count - 1 { x = modules.upsample("\(path).upsamplers.0", x) }
      modules.alias(path, of: x.id, rank: 4)
    }
    modules.output(head("decoder", x, to: config.outputChannels), named: "image")
  }

  private mutating func head(_ path: String, _ x: ImageValue, to channels: Int) -> ValueID {
    let norm = modules.groupNorm(
      "\(path).conv_norm_out", x.id, x.channels, groups: config.groups, epsilon: Self.epsilon)
    let active = modules.node("\(path).conv_act", .unary(config.activation), norm)
    return modules.convolution("\(path).conv_out", active, x.channels, channels, kernel: 3)
  }

  private mutating func midBlock(_ path: String, _ x: ImageValue) -> ImageValue {
    var x = modules.residualBlock("\(path).resnets.0", x, to: x.channels, style)
    if config.hasMidAttention { x.id = attention("\(path).attentions.0", x) }
    x = modules.residualBlock("\(path).resnets.1", x, to: x.channels, style)
    modules.alias(path, of: x.id, rank: 4)
    return x
  }

  /// Self-attention of the pixels with a single head, added to what came in.
  private mutating func attention(_ path: String, _ x: ImageValue) -> ValueID {
    let channels = x.channels
    let norm = modules.groupNorm(
      "\(path).group_norm", x.id, channels, groups: config.groups, epsilon: Self.epsilon)
    let rows = modules.rows("\(path).group_norm", norm, channels)
    let query = modules.linear("\(path).to_q", rows, channels, channels)
    let key = modules.linear("\(path).to_k", rows, channels, channels)
    let value = modules.linear("\(path).to_v", rows, channels, channels)
    let attended = modules.attention(
      path, heads: 1, width: channels, query: query, key: key, value: value)
    let out = modules.linear("\(path).to_out.0", attended, channels, channels)
    let image = modules.image("\(path).to_out.0", out, channels, like: x.id)
    return modules.node(path, .binary(.add), image, x.id)
  }
}
