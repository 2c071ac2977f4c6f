import GraphIR
import JSONText

func vaeArchitecture(
  _ reader: ConfigReader, _ weights: [String: WeightDescriptor]
) throws(ArchitectureError) -> Architecture {
  var reader = reader
  let configuration = try VAEConfiguration(&reader)
  var graphs = [encoderGraph(configuration)]
  let hasDecoder = weights.keys.contains { $0.hasPrefix("decoder.") }
  if hasDecoder { graphs.append(decoderGraph(configuration)) }
  let (bindings, unused) = try bindWeights(
    of: graphs, to: weights, file: reader.file,
    sources: { [$0] + [oldAttentionName($0)].compactMap { $0 } },
    isUnused: { !hasDecoder && $0.hasPrefix("post_quant_conv.") })
  var facts: JSONObject = [
    "scaling_factor": .number(configuration.scalingFactor),
    "downsampling_factor": .integer(Int64(configuration.downsamplingFactor)),
    "latent_channels": .integer(Int64(configuration.latentChannels)),
  ]
  facts["sample_size"] = configuration.sampleSize.map { .integer(Int64($0)) }
  return Architecture(
    kind: .autoencoderKL, graphs: graphs, weights: bindings, unused: unused, facts: facts)
}

/// What earlier versions of diffusers called a weight of the attention in the middle; nil for all others.
private func oldAttentionName(_ name: String) -> String? {
  guard name.contains(".mid_block.attentions.0.") else { return nil }
  let oldNames = ["to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"]
  for (current, old) in oldNames {
    for end in [".weight", ".bias"] where name.hasSuffix("." + current + end) {
      return name.dropLast(current.count + end.count) + old + end
    }
  }
  return nil
}

/// sample [batch, C, height, width] → mean, logvar of the latent's distribution, each
/// [batch, latent channels, h, w]; the logarithm of the variance within −30 and 20.
private func encoderGraph(_ c: VAEConfiguration) -> Graph {
  var layer = LayerBuilder(graph: "vae_encoder")
  let sample = layer.imageInput("sample", channels: c.imageChannels)
  var x = layer.convolution(
    "encoder.conv_in", sample, from: c.imageChannels, to: c.channels[0], kernel: 3)
  var width = c.channels[0]
  for (level, outputs) in c.channels.enumerated() {
    let path = "encoder.down_blocks.\(level)"
    for index in 0..<c.layers {
      x = layer.residualBlock(
        "\(path).resnets.\(index)", x, from: width, to: outputs, time: nil, c.style)
      width = outputs
    }
    if level < c.channels.count - 1 {
      x = layer.downsampler("\(path).downsamplers.0", x, channels: width, padding: 0)
    }
    layer.alias(x, rank: 4, named: path)
  }
  x = layer.midBlock("encoder.mid_block", x, channels: width, c)
  x = layer.lastNorm("encoder", x, channels: width, c)
  let moments = 2 * c.latentChannels
  x = layer.convolution("encoder.conv_out", x, from: width, to: moments, kernel: 3)
  layer.alias(x, rank: 4, named: "encoder")
  if c.hasQuantConvolution {
    x = layer.convolution("quant_conv", x, from: moments, to: moments, kernel: 1)
  }
  let mean = layer.builder.node(
    "mean", .slice(Slice(axis: 1, start: 0, end: c.latentChannels)), x)
  let open = layer.builder.node(
    "logvar.open", .slice(Slice(axis: 1, start: c.latentChannels, end: moments)), x)
  let logvar = layer.builder.node("logvar", .clamp(lower: -30, upper: 20), open)
  layer.builder.output(mean)
  layer.builder.output(logvar)
  return layer.graph
}

/// latent [batch, latent channels, height, width] → image [batch, C, H, W].
private func decoderGraph(_ c: VAEConfiguration) -> Graph {
  var layer = LayerBuilder(graph: "vae_decoder")
  var x = layer.imageInput("latent", channels: c.latentChannels)
  if c.hasPostQuantConvolution {
    x = layer.convolution(
      "post_quant_conv", x, from: c.latentChannels, to: c.latentChannels, kernel: 1)
  }
  var width = c.channels[c.channels.count - 1]
  x = layer.convolution("decoder.conv_in", x, from: c.latentChannels, to: width, kernel: 3)
  x = layer.midBlock("decoder.mid_block", x, channels: width, c)
  for (index, outputs) in c.channels.reversed().enumerated() {
    let path = "decoder.up_blocks.\(index)"
    for number in 0...c.layers {
      x = layer.residualBlock(
        "\(path).resnets.\(number)", x, from: width, to: outputs, time: nil, c.style)
      width = outputs
    }
    if index < c.channels.count - 1 {
      x = layer.upsampler("\(path).upsamplers.0", x, channels: width, like: nil)
    }
    layer.alias(x, rank: 4, named: path)
  }
  x = layer.lastNorm("decoder", x, channels: width, c)
  x = layer.convolution(
    "decoder.conv_out", x, from: width, to: c.outputChannels, kernel: 3, named: "image")
  layer.alias(x, rank: 4, named: "decoder.conv_out")
  layer.alias(x, rank: 4, named: "decoder")
  layer.builder.output(x)
  return layer.graph
}

extension LayerBuilder {
  fileprivate mutating func imageInput(_ name: String, channels: Int) -> ValueID {
    builder.input(
      name, .f32, [.symbol("batch"), .size(channels), .symbol("height"), .symbol("width")])
  }

  /// diffusers' UNetMidBlock2D: two residual blocks and, between them, attention of one head.
  fileprivate mutating func midBlock(
    _ path: String, _ x: ValueID, channels: Int, _ c: VAEConfiguration
  ) -> ValueID {
    var x = residualBlock(
      "\(path).resnets.0", x, from: channels, to: channels, time: nil, c.style)
    if c.hasMidAttention { x = midAttention("\(path).attentions.0", x, channels: channels, c) }
    x = residualBlock("\(path).resnets.1", x, from: channels, to: channels, time: nil, c.style)
    alias(x, rank: 4, named: path)
    return x
  }

  private mutating func midAttention(
    _ path: String, _ x: ValueID, channels: Int, _ c: VAEConfiguration
  ) -> ValueID {
    let norm = groupNorm(
      "\(path).group_norm", x, channels: channels, groups: c.style.groups,
      epsilon: c.style.epsilon)
    let rows = tokens(path, of: norm, channels: channels)
    let query = linear("\(path).to_q", rows, from: channels, to: channels)
    let key = linear("\(path).to_k", rows, from: channels, to: channels)
    let value = linear("\(path).to_v", rows, from: channels, to: channels)
    let attended = builder.attention(
      path, Attention(heads: 1, scale: attentionScale(headWidth: channels)), query: query,
      key: key, value: value)
    let projected = linear("\(path).to_out.0", attended, from: channels, to: channels)
    let back = image(path, of: projected, channels: channels, like: x)
    return add(back, x, named: path)
  }

  /// The normalisation before the last convolution, always activated by SiLU.
  fileprivate mutating func lastNorm(
    _ path: String, _ x: ValueID, channels: Int, _ c: VAEConfiguration
  ) -> ValueID {
    let norm = groupNorm(
      "\(path).conv_norm_out", x, channels: channels, groups: c.style.groups,
      epsilon: c.style.epsilon)
    return apply(.silu, norm, named: "\(path).conv_act")
  }
}
