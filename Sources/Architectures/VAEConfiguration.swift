import GraphIR
import JSONText

/// What an AutoencoderKL's configuration says, checked. Defaults are those of diffusers' class.
struct VAEConfiguration {
  let imageChannels: Int
  let outputChannels: Int
  let latentChannels: Int
  /// Per level, the finest first.
  let channels: [Int]
  let layers: Int
  let style: ResidualStyle
  let hasMidAttention: Bool
  let hasQuantConvolution: Bool
  let hasPostQuantConvolution: Bool
  let scalingFactor: Double
  /// Of the image; nil when the configuration leaves it open.
  let sampleSize: Int?

  /// Image pixels per latent pixel, along each side.
  var downsamplingFactor: Int { 1 << (channels.count - 1) }

  init(_ reader: inout ConfigReader) throws(ArchitectureError) {
    channels = try reader.list(
      "block_out_channels", or: [64], lengths: 1...16, in: Bounds.channels)
    for (key, type) in [
      ("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D"),
    ] {
      let types = Array(repeating: type, count: channels.count)
      _ = try reader.choices(key, or: types, count: channels.count, of: [type: type])
    }
    layers = try reader.integer("layers_per_block", or: 1, in: 1...32)
    style = ResidualStyle(
      groups: try reader.integer("norm_num_groups", or: 32, in: Bounds.channels), epsilon: 1e-6,
      activation: try reader.choice("act_fn", or: .silu, of: imageActivations))
    imageChannels = try reader.integer("in_channels", or: 3, in: Bounds.channels)
    outputChannels = try reader.integer("out_channels", or: 3, in: Bounds.channels)
    latentChannels = try reader.integer("latent_channels", or: 4, in: 1...4096)
    hasMidAttention = try reader.bool("mid_block_add_attention", or: true)
    hasQuantConvolution = try reader.bool("use_quant_conv", or: true)
    hasPostQuantConvolution = try reader.bool("use_post_quant_conv", or: true)
    scalingFactor = try reader.number("scaling_factor", or: 0.18215, in: 1e-6...1e6)
    sampleSize = try reader.side("sample_size")
    for key in ["latents_mean", "latents_std"] { try reader.refuse(key) }
    try reader.refuse("shift_factor", unless: .number(0))
    // Precision, which is float32 throughout.
    reader.ignore("force_upcast")
    try reader.refuseUnknownKeys()
    for width in channels {
      try reader.requireDivision(
        of: width, "block_out_channels", by: style.groups, "norm_num_groups")
    }
  }
}
