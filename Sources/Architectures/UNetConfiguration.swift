import GraphIR
import JSONText

/// What a UNet2DConditionModel's configuration says, checked: Stable Diffusion 1.x and 2.x and
/// whatever else is made of the same blocks. Defaults are those of diffusers' class.
struct UNetConfiguration {
  let inputChannels: Int
  let outputChannels: Int
  /// Nil when the configuration leaves it open.
  let sampleSize: Int?
  /// Per level, the finest first, as all lists here unless it says otherwise.
  let channels: [Int]
  let hasCrossAttentionDown: [Bool]
  /// In the order in which up blocks run: the coarsest first.
  let hasCrossAttentionUp: [Bool]
  let layers: [Int]
  let heads: [Int]
  /// Whether the first attention of each transformer block sees the text instead of the image.
  let onlyCrossAttention: [Bool]
  /// Transformer blocks per layer of each down block.
  let transformersDown: [[Int]]
  let transformersMid: Int
  /// Transformer blocks per layer of each up block, the coarsest first.
  let transformersUp: [[Int]]
  let textWidth: Int
  let style: ResidualStyle
  let usesLinearProjection: Bool
  let downsamplePadding: Int
  let midDivisor: Double
  let centresSample: Bool
  let inputKernel: Int
  let outputKernel: Int
  let timeWidth: Int
  let frequencyShift: Double
  let putsCosineFirst: Bool

  init(_ reader: inout ConfigReader) throws(ArchitectureError) {
    channels = try reader.list(
      "block_out_channels", or: [320, 640, 1280, 1280], lengths: 1...16, in: 2...65_536)
    let count = channels.count
    let types = [false, true, true, true]
    hasCrossAttentionDown = try reader.choices(
      "down_block_types", or: types.reversed(), count: count,
      of: ["CrossAttnDownBlock2D": true, "DownBlock2D": false])
    hasCrossAttentionUp = try reader.choices(
      "up_block_types", or: types, count: count,
      of: ["CrossAttnUpBlock2D": true, "UpBlock2D": false])
    _ = try reader.choice("mid_block_type", or: (), of: ["UNetMidBlock2DCrossAttn": ()])
    layers = try reader.integers("layers_per_block", or: 2, count: count, in: 1...32)
    // The key's name is a misnomer that diffusers keeps: it is the number of heads.
    let headsKey =
      reader.optional("num_attention_heads") == nil
      ? "attention_head_dim" : "num_attention_heads"
    heads = try reader.integers(headsKey, or: 8, count: count, in: Bounds.heads)
    reader.ignore("attention_head_dim")
    onlyCrossAttention = try reader.bools("only_cross_attention", or: false, count: count)
    let textWidths = try reader.integers(
      "cross_attention_dim", or: 1280, count: count, in: Bounds.channels)
    guard Set(textWidths).count == 1 else {
      throw reader.unsupported(
        "cross_attention_dim", .array(textWidths.map { .integer(Int64($0)) }))
    }
    textWidth = textWidths[0]

    let transformers = try reader.transformerLayers(layers: layers)
    (transformersDown, transformersMid, transformersUp) = transformers

    style = ResidualStyle(
      groups: try reader.integer("norm_num_groups", or: 32, in: Bounds.channels),
      epsilon: try reader.number("norm_eps", or: 1e-5, in: Bounds.epsilon),
      activation: try reader.choice("act_fn", or: .silu, of: imageActivations))
    inputChannels = try reader.integer("in_channels", or: 4, in: Bounds.channels)
    outputChannels = try reader.integer("out_channels", or: 4, in: Bounds.channels)
    sampleSize = try reader.side("sample_size")
    usesLinearProjection = try reader.bool("use_linear_projection", or: false)
    downsamplePadding = try reader.integer("downsample_padding", or: 1, in: 0...1)
    midDivisor = try reader.number("mid_block_scale_factor", or: 1, in: 1e-6...1e6)
    centresSample = try reader.bool("center_input_sample", or: false)
    inputKernel = try reader.oddKernel("conv_in_kernel")
    outputKernel = try reader.oddKernel("conv_out_kernel")
    timeWidth =
      try reader.optional("time_embedding_dim") == nil
      ? 4 * channels[0] : reader.integer("time_embedding_dim", or: 0, in: Bounds.channels)
    frequencyShift = try reader.number("freq_shift", or: 0, in: -1e6...1e6)
    putsCosineFirst = try reader.bool("flip_sin_to_cos", or: true)

    try reader.settleTheRest()
    try check(reader, headsKey)
  }

  /// What no single key can say.
  private func check(_ reader: ConfigReader, _ headsKey: String) throws(ArchitectureError) {
    for (width, heads) in zip(channels, heads) {
      try reader.requireDivision(
        of: width, "block_out_channels", by: style.groups, "norm_num_groups")
      guard heads <= width else {
        throw reader.bad(
          headsKey, .integer(Int64(heads)),
          "at most as many heads as channels, \(width)")
      }
    }
    guard Double(channels[0] / 2) > frequencyShift else {
      throw reader.bad(
        "freq_shift", .number(frequencyShift), "less than half of block_out_channels[0]")
    }
  }
}

extension ConfigReader {
  fileprivate mutating func oddKernel(_ key: String) throws(ArchitectureError) -> Int {
    let kernel = try integer(key, or: 3, in: 1...31)
    guard kernel % 2 == 1 else { throw bad(key, .integer(Int64(kernel)), "an odd number") }
    return kernel
  }

  /// The number of transformer blocks behind each residual block: one number, or one for each
  /// level, or lists for each level's layers, which the up blocks must then have of their own.
  fileprivate mutating func transformerLayers(
    layers: [Int]
  ) throws(ArchitectureError) -> (down: [[Int]], mid: Int, up: [[Int]]) {
    let key = "transformer_layers_per_block"
    let reverseKey = "reverse_transformer_layers_per_block"
    let value = value(key) ?? .integer(1)
    let down = try perLayer(value, key, layers)
    let upLayers = layers.reversed().map { $0 + 1 }
    let up: [[Int]]
    if let reversed = optional(reverseKey) {
      up = try perLayer(reversed, reverseKey, upLayers)
    } else if let list = value.arrayValue {
      guard list.allSatisfy({ $0.arrayValue == nil }) else {
        throw bad(key, value, "no lists within the list unless \(reverseKey) is given")
      }
      up = try perLayer(.array(list.reversed()), key, upLayers)
    } else {
      up = try perLayer(value, key, upLayers)
    }
    return (down, down.last?.first ?? 1, up)
  }

  private func perLayer(
    _ value: JSONValue, _ key: String, _ layers: [Int]
  ) throws(ArchitectureError) -> [[Int]] {
    let levels = value.arrayValue ?? Array(repeating: value, count: layers.count)
    guard levels.count == layers.count else {
      throw bad(key, value, "one number or a list of \(layers.count)")
    }
    var result: [[Int]] = []
    for (level, count) in zip(levels, layers) {
      let numbers = level.arrayValue ?? Array(repeating: level, count: count)
      guard numbers.count == count else { throw bad(key, value, "\(count) numbers for a level") }
      result.append(
        try numbers.map { number throws(ArchitectureError) in try integer(number, key, 1...64) })
    }
    return result
  }

  /// Refuses what would change the computation in a way that the graph does not have, and passes
  /// over what changes nothing.
  fileprivate mutating func settleTheRest() throws(ArchitectureError) {
    try refuse("time_embedding_type", unless: .string("positional"))
    try refuse("resnet_time_scale_shift", unless: .string("default"))
    try refuse("attention_type", unless: .string("default"))
    try refuse("resnet_out_scale_factor", unless: .number(1))
    for key in ["dual_cross_attention", "resnet_skip_time_act", "class_embeddings_concat"] {
      try refuse(key, unless: .bool(false))
    }
    for key in [
      "encoder_hid_dim", "encoder_hid_dim_type", "class_embed_type", "addition_embed_type",
      "addition_time_embed_dim", "num_class_embeds", "time_embedding_act_fn", "timestep_post_act",
      "time_cond_proj_dim", "projection_class_embeddings_input_dim", "cross_attention_norm",
    ] {
      try refuse(key)
    }
    // Training only; precision, which is float32 throughout; what other block types read.
    ignore(
      "dropout", "upcast_attention", "addition_embed_type_num_heads",
      "mid_block_only_cross_attention")
    // The state of a weight average, which diffusers' EMAModel writes into the configuration.
    ignore(
      "decay", "min_decay", "optimization_step", "update_after_step", "use_ema_warmup",
      "inv_gamma", "power")
    try refuseUnknownKeys()
  }
}
