import GraphIR
import Glibc
import TensorBase

/// UNet2DConditionModel of Stable Diffusion 1.x and 2.x, as diffusers computes it.
///
/// Graph `unet`: `sample` f32 [batch, C, height, width], `timestep` f32 [batch],
/// `encoder_hidden_states` f32 [texts, tokens, width] with a text batch of 1 or of the
/// sample's → `out_sample` f32 [batch, C, height, width].
func unet2DCondition(
  _ configuration: Configuration, _ weights: [String: Fact]
) throws(ArchitectureError) -> [Architecture] {
  let config = try UNet2DConfiguration(configuration)
  var unet = UNet2DBuilder(
    config: config, modules: ModuleBuilder(graph: "unet", binder: WeightBinder(weights)))
  unet.build()
  let unused = try unet.modules.binder.finish(model: .unet2DCondition) { _ in false }
  var facts = ModelFacts()
  facts.sampleSize = config.sampleSize
  facts.latentChannels = config.inputChannels
  facts.textWidth = config.textWidth
  return [
    Architecture(
      kind: .unet2DCondition, graph: unet.modules.graph.graph, weights: unet.modules.bindings,
      unused: unused, facts: facts)
  ]
}

private struct UNet2DBuilder {
  let config: UNet2DConfiguration
  var modules: ModuleBuilder

  /// Epsilon of a transformer's own norms; diffusers fixes both.
  private static let transformerGroupNormEpsilon = 1e-6
  private static let transformerLayerNormEpsilon = 1e-5

  mutating func build() {
    let sample = modules.input(
      "sample", .f32,
      [.symbol("batch"), .size(config.inputChannels), .symbol("height"), .symbol("width")])
    let timestep = modules.input("timestep", .f32, [.symbol("batch")])
    let text = modules.input(
      "encoder_hidden_states", .f32,
      [.symbol("texts"), .symbol("tokens"), .size(config.textWidth)])

    let time = timeEmbedding(timestep)
    let style = ResidualStyle(
      groups: config.groups, epsilon: config.epsilon, activation: config.activation,
      time: (time, config.timeWidth))
    let first = convolution(
      "conv_in", centered(sample), config.inputChannels, config.channels[0], config.inputKernel)
    var x = ImageValue(id: first, channels: config.channels[0])

    var skips = [x]
    for level in config.downBlocks.indices { downBlock(level, &x, &skips, text, style) }
    if config.hasMidBlock { midBlock(&x, text, style) }
    for place in config.upBlocks.indices { upBlock(place, &x, &skips, text, style) }

    let norm = modules.groupNorm(
      "conv_norm_out", x.id, x.channels, groups: config.groups, epsilon: config.epsilon)
    let active = modules.node("conv_act", .unary(config.activation), norm)
    let out = convolution(
      "conv_out", active, x.channels, config.outputChannels, config.outputKernel)
    modules.output(out, named: "out_sample")
  }

  private mutating func convolution(
    _ name: String, _ x: ValueID, _ inputs: Int, _ outputs: Int, _ kernel: Int
  ) -> ValueID {
    modules.convolution(name, x, inputs, outputs, kernel: kernel)
  }

  /// From pixels in 0…1 to −1…1, where the model asks for it.
  private mutating func centered(_ sample: ValueID) -> ValueID {
    guard config.centersInput else { return sample }
    let two = modules.constant("center_input.scale", Tensor(scalar: Float(2)))
    let one = modules.constant("center_input.shift", Tensor(scalar: Float(1)))
    let doubled = modules.node("center_input.doubled", .binary(.multiply), sample, two)
    return modules.node("center_input", .binary(.subtract), doubled, one)
  }

  /// The activated time embedding [batch, timeWidth]; what every residual block projects.
  private mutating func timeEmbedding(_ timestep: ValueID) -> ValueID {
    let width = config.channels[0]
    let frequencies = modules.constant(
      "time_proj.frequencies",
      Tensor(
        floats: timeFrequencies(count: width / 2, shift: Float(config.frequencyShift)),
        shape: [1, width / 2]))
    let column = modules.node(
      "time_proj.column", .reshape([.like(input: 0, axis: 0), .size(1)]), timestep)
    let angles = modules.node("time_proj.angles", .binary(.multiply), column, frequencies)
    let sine = modules.node("time_proj.sine", .unary(.sine), angles)
    let cosine = modules.node("time_proj.cosine", .unary(.cosine), angles)
    let (first, second) = config.cosineFirst ? (cosine, sine) : (sine, cosine)
    var embedding = modules.node("time_proj", .concat(axis: 1), first, second)
    if width % 2 == 1 {
      modules.rename(embedding, "time_proj.even")
      embedding = modules.node(
        "time_proj", .pad(Pad(before: [0, 0], after: [0, 1])), embedding)
    }
    let hidden = modules.linear("time_embedding.linear_1", embedding, width, config.timeWidth)
    let active = modules.node("time_embedding.act", .unary(config.activation), hidden)
    let time = modules.linear(
      "time_embedding", active, config.timeWidth, config.timeWidth,
      path: "time_embedding.linear_2")
    return modules.node("time_embedding.active", .unary(config.activation), time)
  }

  private mutating func downBlock(
    _ level: Int, _ x: inout ImageValue, _ skips: inout [ImageValue], _ text: ValueID,
    _ style: ResidualStyle
  ) {
    let path = "down_blocks.\(level)"
    for layer in 0..<config.layers[level] {
      x = modules.residualBlock(
        "\(path).resnets.\(layer)", x, to: config.channels[level], style)
      switch config.downBlocks[level] {
      case .cross:
        x.id = transformer(
          "\(path).attentions.\(layer)", x, level, text,
          blocks: config.transformersDown[level][layer],
          onlyCross: config.onlyCrossAttention[level])
      case .plain: break
      }
      skips.append(x)
    }
    if level < config.downBlocks.count - 1 {
      x = modules.downsample(
        "\(path).downsamplers.0", x, padding: config.downsamplePadding)
      skips.append(x)
    }
  }

  private mutating func midBlock(
    _ x: inout ImageValue, _ text: ValueID, _ style: ResidualStyle
  ) {
    var style = style
    style.outputScale = config.midBlockScale
    let level = config.channels.count - 1
    x = modules.residualBlock("mid_block.resnets.0", x, to: x.channels, style)
    x.id = transformer(
      "mid_block.attentions.0", x, level, text, blocks: config.transformersMid, onlyCross: false)
    x = modules.residualBlock("mid_block.resnets.1", x, to: x.channels, style)
    modules.alias("mid_block", of: x.id, rank: 4)
  }

  private mutating func upBlock(
    _ place: Int, _ x: inout ImageValue, _ skips: inout [ImageValue], _ text: ValueID,
    _ style: ResidualStyle
  ) {
    let path = "up_blocks.\(place)"
    let level = config.channels.count - 1 - place
    for layer in 0...config.layers[level] {
      // As many skips were kept as are taken here: one per layer, one per downsampling, the first.
      let skip = skips.removeLast()
      let both = modules.node(
        "\(path).resnets.\(layer).both", .concat(axis: 1), x.id, skip.id)
      x = modules.residualBlock(
        "\(path).resnets.\(layer)", ImageValue(id: both, channels: x.channels + skip.channels),
        to: config.channels[level], style)
      switch config.upBlocks[place] {
      case .cross:
        x.id = transformer(
          "\(path).attentions.\(layer)", x, level, text,
          blocks: config.transformersUp[place][layer], onlyCross: config.onlyCrossAttention[level])
      case .plain: break
      }
    }
    if level > 0 {
      // An odd side was rounded up on the way down; the next skip has the true size.
      x = modules.upsample("\(path).upsamplers.0", x, like: skips.last?.id)
    }
    modules.alias(path, of: x.id, rank: 4)
  }

  /// Transformer2DModel: the image as rows through transformer blocks, added to what came in.
  private mutating func transformer(
    _ path: String, _ x: ImageValue, _ level: Int, _ text: ValueID, blocks: Int,
    onlyCross: Bool
  ) -> ValueID {
    let channels = x.channels
    let heads = config.heads[level]
    let width = heads * (channels / heads)
    let norm = modules.groupNorm(
      "\(path).norm", x.id, channels, groups: config.groups,
      epsilon: Self.transformerGroupNormEpsilon)
    var rows: ValueID
    if config.usesLinearProjection {
      rows = modules.linear(
        "\(path).proj_in", modules.rows("\(path).norm", norm, channels), channels, width)
    } else {
      let projected = modules.convolution("\(path).proj_in", norm, channels, width, kernel: 1)
      rows = modules.rows("\(path).proj_in", projected, width)
    }
    for layer in 0..<blocks {
      rows = transformerBlock(
        "\(path).transformer_blocks.\(layer)", rows, width, heads, text,
        onlyCross: onlyCross)
    }
    var out: ValueID
    if config.usesLinearProjection {
      let projected = modules.linear("\(path).proj_out", rows, width, channels)
      out = modules.image("\(path).proj_out", projected, channels, like: x.id)
    } else {
      let image = modules.image("\(path).transformer_blocks", rows, width, like: x.id)
      out = modules.convolution("\(path).proj_out", image, width, channels, kernel: 1)
    }
    out = modules.node(path, .binary(.add), out, x.id)
    return out
  }

  /// BasicTransformerBlock: self-attention, cross-attention, gated feed-forward; norm first, sum
  /// after. x [batch, pixels, width].
  private mutating func transformerBlock(
    _ path: String, _ x: ValueID, _ width: Int, _ heads: Int, _ text: ValueID, onlyCross: Bool
  ) -> ValueID {
    let epsilon = Self.transformerLayerNormEpsilon
    let norm1 = modules.layerNorm("\(path).norm1", x, width, epsilon: epsilon)
    let own = attention(
      "\(path).attn1", norm1, width, heads, keys: onlyCross ? text : norm1,
      keyWidth: onlyCross ? config.textWidth : width)
    let sum1 = modules.node("\(path).attn1.sum", .binary(.add), own, x)
    let norm2 = modules.layerNorm("\(path).norm2", sum1, width, epsilon: epsilon)
    let cross = attention(
      "\(path).attn2", norm2, width, heads, keys: text, keyWidth: config.textWidth)
    let sum2 = modules.node("\(path).attn2.sum", .binary(.add), cross, sum1)
    let norm3 = modules.layerNorm("\(path).norm3", sum2, width, epsilon: epsilon)
    let inner = 4 * width
    let both = modules.linear("\(path).ff.net.0.proj", norm3, width, 2 * inner)
    let gated = modules.node("\(path).ff.net.0", .gated(.gelu), both)
    let forward = modules.linear("\(path).ff", gated, inner, width, path: "\(path).ff.net.2")
    return modules.node(path, .binary(.add), forward, sum2)
  }

  /// The attention node is called `path`, the value after its output projection too.
  private mutating func attention(
    _ path: String, _ x: ValueID, _ width: Int, _ heads: Int, keys: ValueID, keyWidth: Int
  ) -> ValueID {
    let query = modules.linear("\(path).to_q", x, width, width, hasBias: false)
    let key = modules.linear("\(path).to_k", keys, keyWidth, width, hasBias: false)
    let value = modules.linear("\(path).to_v", keys, keyWidth, width, hasBias: false)
    let attended = modules.attention(
      path, heads: heads, width: width, query: query, key: key, value: value)
    return modules.linear(path, attended, width, width, path: "\(path).to_out.0")
  }
}

/// 10000^(−i / (count − shift)) for i in 0..<count, in the order of operations and the precision
/// of PyTorch: at step 999 an error in the last place of a frequency moves the angle by 6e-5.
private func timeFrequencies(count: Int, shift: Float) -> [Float] {
  (0..<count).map { index in
    let exponent = Float(-9.210340371976184) * Float(index) / (Float(count) - shift)
    return Float(exp(Double(exponent)))
  }
}
