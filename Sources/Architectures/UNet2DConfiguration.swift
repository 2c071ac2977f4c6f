import GraphIR
import JSONText

/// What a UNet2DConditionModel's config.json says, as far as it changes what is computed.
///
/// Defaults are those of diffusers' constructor, which fills in what old files do not say.
struct UNet2DConfiguration {
  enum DownBlock: String, CaseIterable {
    case cross = "CrossAttnDownBlock2D"
    case plain = "DownBlock2D"
  }

  enum UpBlock: String, CaseIterable {
    case cross = "CrossAttnUpBlock2D"
    case plain = "UpBlock2D"
  }

  var sampleSize: [Int]?
  var inputChannels: Int
  var outputChannels: Int
  var downBlocks: [DownBlock]
  var upBlocks: [UpBlock]
  var hasMidBlock: Bool
  /// Per level, as are the other lists.
  var channels: [Int]
  var layers: [Int]
  var heads: [Int]
  /// Transformer blocks behind each residual block: per level on the way down, in the middle, and
  /// per up block, the coarsest first.
  var transformersDown: [[Int]]
  var transformersMid: Int
  var transformersUp: [[Int]]
  var onlyCrossAttention: [Bool]
  var textWidth: Int
  var groups: Int
  var epsilon: Double
  var activation: Unary
  var centersInput: Bool
  var cosineFirst: Bool
  var frequencyShift: Double
  var timeWidth: Int
  var downsamplePadding: Int
  var midBlockScale: Double
  var usesLinearProjection: Bool
  var inputKernel: Int
  var outputKernel: Int

  init(_ config: Configuration) throws(ArchitectureError) {
    var config = config
    sampleSize = try config.size("sample_size")
    inputChannels = try config.int("in_channels", default: 4)
    outputChannels = try config.int("out_channels", default: 4)
    downBlocks = try config.names(
      "down_block_types", of: DownBlock.self, default: [.cross, .cross, .cross, .plain])
    upBlocks = try config.names(
      "up_block_types", of: UpBlock.self, default: [.plain, .cross, .cross, .cross])
    let count = downBlocks.count
    guard upBlocks.count == count else {
      throw config.refusal("up_block_types", "\(count) blocks, as many as down_block_types has")
    }
    channels =
      try config.ints("block_out_channels", count: count, in: 2...1 << 16)
      ?? (count == 4 ? [320, 640, 1280, 1280] : [])
    guard channels.count == count else {
      throw .missingKey(model: config.model, key: "block_out_channels")
    }
    layers =
      try config.ints("layers_per_block", count: count, in: 1...64)
      ?? [Int](repeating: 2, count: count)
    groups = try config.int("norm_num_groups", default: 32)
    for channel in channels where channel % groups != 0 {
      throw config.refusal("norm_num_groups", "a divisor of block_out_channels, \(channels)")
    }
    epsilon = try config.epsilon("norm_eps", default: 1e-5)

    // Up to now `attention_head_dim` says how many heads there are, whatever its name says.
    let misnamed = try config.ints("attention_head_dim", count: count)
    heads =
      try config.ints("num_attention_heads", count: count) ?? misnamed
      ?? [Int](repeating: 8, count: count)
    for (channel, heads) in zip(channels, heads) where heads > channel {
      throw config.refusal("attention_head_dim", "no more heads than a level has channels")
    }
    (transformersDown, transformersMid, transformersUp) = try config.transformers(layers: layers)
    onlyCrossAttention = try config.bools("only_cross_attention", default: false, count: count)
    let widths =
      try config.ints("cross_attention_dim", count: count) ?? [Int](repeating: 1280, count: count)
    textWidth = widths[0]
    guard widths.allSatisfy({ $0 == widths[0] }) else {
      throw config.refusal("cross_attention_dim", "the same width at every level")
    }
    usesLinearProjection = try config.bool("use_linear_projection", default: false)

    activation = try config.imageActivation("act_fn")
    centersInput = try config.bool("center_input_sample", default: false)
    cosineFirst = try config.bool("flip_sin_to_cos", default: true)
    frequencyShift = try config.number("freq_shift", default: 0)
    guard abs(frequencyShift) <= 1e6, Double(channels[0] / 2) > frequencyShift else {
      throw config.refusal("freq_shift", "less than half of the first of block_out_channels")
    }
    timeWidth = try config.int("time_embedding_dim", default: 4 * channels[0])
    downsamplePadding = try config.int("downsample_padding", default: 1, in: 0...8)
    midBlockScale = try config.number("mid_block_scale_factor", default: 1)
    guard midBlockScale != 0 else { throw config.refusal("mid_block_scale_factor", "not 0") }
    inputKernel = try config.int("conv_in_kernel", default: 3, in: 1...63)
    outputKernel = try config.int("conv_out_kernel", default: 3, in: 1...63)
    for (key, size) in [("conv_in_kernel", inputKernel), ("conv_out_kernel", outputKernel)]
    where size % 2 == 0 {
      throw config.refusal(key, "an odd number")
    }
    // No key means the usual block, null means none.
    try config.expect("mid_block_type", .string("UNetMidBlock2DCrossAttn"))
    hasMidBlock = !config.isNull("mid_block_type")
    try Self.refuseTheRest(&config)
  }

  /// Keys that must say "off", and those that change nothing here.
  private static func refuseTheRest(_ config: inout Configuration) throws(ArchitectureError) {
    try config.expect("time_embedding_type", .string("positional"))
    try config.expect("time_embedding_act_fn")
    try config.expect("timestep_post_act")
    try config.expect("time_cond_proj_dim")
    try config.expect("resnet_time_scale_shift", .string("default"))
    try config.expect("resnet_skip_time_act", .bool(false))
    try config.expect("resnet_out_scale_factor", .number(1))
    try config.expect("encoder_hid_dim")
    try config.expect("encoder_hid_dim_type")
    try config.expect("dual_cross_attention", .bool(false))
    try config.expect("attention_type", .string("default"))
    try config.expect("cross_attention_norm")
    try config.expect("class_embed_type")
    try config.expect("class_embeddings_concat", .bool(false))
    try config.expect("num_class_embeds")
    try config.expect("projection_class_embeddings_input_dim")
    try config.expect("addition_embed_type")
    try config.expect("addition_time_embed_dim")
    // Attention scores are computed in f32 anyway; dropout is off outside training; the others
    // belong to blocks and embeddings that are not there.
    _ = try config.bool("upcast_attention", default: false)
    config.ignore("dropout", "addition_embed_type_num_heads", "mid_block_only_cross_attention")
    // diffusers' EMAModel writes the state of the weight average into the configuration.
    config.ignore(
      "decay", "min_decay", "optimization_step", "update_after_step", "use_ema_warmup",
      "inv_gamma", "power")
    try config.finish()
  }
}

extension Configuration {
  /// The nonlinearity of an image model's blocks; SiLU when it is not said.
  mutating func imageActivation(_ key: String) throws(ArchitectureError) -> Unary {
    guard let name = value(key) else { return .silu }
    switch name.stringValue {
    case "silu", "swish": return .silu
    case "gelu": return .gelu
    case "relu": return .relu
    default: throw refusal(key, "silu, swish, gelu or relu")
    }
  }

  /// How many transformer blocks stand behind each residual block. One number for all, one for
  /// each level, or a list for each level with a number for each of its layers; up blocks have one
  /// layer more, and lists within the list then need a key of their own.
  fileprivate mutating func transformers(
    layers: [Int]
  ) throws(ArchitectureError) -> (down: [[Int]], mid: Int, up: [[Int]]) {
    let key = "transformer_layers_per_block"
    let upKey = "reverse_transformer_layers_per_block"
    let value = value(key) ?? .integer(1)
    let down = try perLayer(value, key, layers)
    let upLayers = layers.reversed().map { $0 + 1 }
    var upValue = value
    if let own = self.value(upKey) {
      upValue = own
    } else if let levels = value.arrayValue {
      guard levels.allSatisfy({ $0.arrayValue == nil }) else {
        throw refusal(key, "no list within the list unless \(upKey) is given")
      }
      upValue = .array(levels.reversed())
    }
    return (down, down.last?.first ?? 1, try perLayer(upValue, upKey, upLayers))
  }

  private func perLayer(
    _ value: JSONValue, _ key: String, _ layers: [Int]
  ) throws(ArchitectureError) -> [[Int]] {
    let levels = value.arrayValue ?? Array(repeating: value, count: layers.count)
    var result: [[Int]] = []
    for (level, count) in zip(levels, layers) {
      let items = level.arrayValue ?? Array(repeating: level, count: count)
      let numbers = items.compactMap(\.intValue).filter((1...64).contains)
      if numbers.count == count, items.count == count { result.append(numbers) }
    }
    guard result.count == layers.count, levels.count == layers.count else {
      throw refusal(
        key, "a number from 1 to 64, or a list of \(layers.count) numbers or lists of numbers")
    }
    return result
  }
}
