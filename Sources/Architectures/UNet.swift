import GraphIR
import Glibc
import JSONText
import TensorBase

func unetArchitecture(
  _ reader: ConfigReader, _ weights: [String: WeightDescriptor]
) throws(ArchitectureError) -> Architecture {
  var reader = reader
  let configuration = try UNetConfiguration(&reader)
  var unet = UNetBuilder(configuration)
  let graphs = [unet.graph()]
  let (bindings, unused) = try bindWeights(
    of: graphs, to: weights, file: reader.file, sources: { [$0] }, isUnused: { _ in false })
  var facts: JSONObject = [
    "in_channels": .integer(Int64(configuration.inputChannels)),
    "cross_attention_dim": .integer(Int64(configuration.textWidth)),
  ]
  facts["sample_size"] = configuration.sampleSize.map { .integer(Int64($0)) }
  return Architecture(
    kind: .unet2DCondition, graphs: graphs, weights: bindings, unused: unused, facts: facts)
}

/// Writes the graph of diffusers' UNet2DConditionModel.
struct UNetBuilder {
  let configuration: UNetConfiguration
  var layer = LayerBuilder(graph: "unet")
  private var text = ValueID(0)

  init(_ configuration: UNetConfiguration) { self.configuration = configuration }

  /// sample [batch, C, height, width], timestep [batch], encoder_hidden_states [texts, tokens,
  /// width], all f32, texts being the batch or 1 → out_sample, shaped as the sample.
  mutating func graph() -> Graph {
    let c = configuration
    var x = layer.builder.input(
      "sample", .f32,
      [.symbol("batch"), .size(c.inputChannels), .symbol("height"), .symbol("width")])
    let timestep = layer.builder.input("timestep", .f32, [.symbol("batch")])
    text = layer.builder.input(
      "encoder_hidden_states", .f32, [.symbol("texts"), .symbol("tokens"), .size(c.textWidth)])
    let time = timeVector(timestep)
    if c.centresSample { x = centred(x) }
    x = layer.convolution(
      "conv_in", x, from: c.inputChannels, to: c.channels[0], kernel: c.inputKernel)

    var skips = [Skip(value: x, channels: c.channels[0])]
    for level in c.channels.indices { x = downBlock(level, x, time, &skips) }
    x = midBlock(x, time)
    for index in c.channels.indices { x = upBlock(index, x, time, &skips) }

    x = layer.groupNorm(
      "conv_norm_out", x, channels: c.channels[0], groups: c.style.groups,
      epsilon: c.style.epsilon)
    x = layer.apply(c.style.activation, x, named: "conv_act")
    x = layer.convolution(
      "conv_out", x, from: c.channels[0], to: c.outputChannels, kernel: c.outputKernel,
      named: "out_sample")
    layer.alias(x, rank: 4, named: "conv_out")
    layer.builder.output(x)
    return layer.graph
  }

  /// The sinusoidal embedding of the timestep (arXiv 1706.03762, §3.5) through two layers,
  /// activated as every residual block does it.
  private mutating func timeVector(_ timestep: ValueID) -> TimeVector {
    let c = configuration
    let width = c.channels[0]
    let frequencies = timeFrequencies(count: width / 2, shift: c.frequencyShift)
    let column = layer.builder.node(
      "time_proj.column", .reshape([.like(input: 0, axis: 0), .size(1)]), timestep)
    let row = layer.builder.constant(
      "time_proj.frequencies", Tensor(floats: frequencies, shape: [1, width / 2]))
    let angles = layer.builder.node("time_proj.angles", .binary(.multiply), column, row)
    let sine = layer.apply(.sine, angles, named: "time_proj.sine")
    let cosine = layer.apply(.cosine, angles, named: "time_proj.cosine")
    let halves = c.putsCosineFirst ? [cosine, sine] : [sine, cosine]
    let isOdd = width % 2 == 1
    var embedding = layer.builder.node(
      isOdd ? "time_proj.even" : "time_proj", .concat(axis: 1), inputs: halves)
    if isOdd {
      embedding = layer.builder.node(
        "time_proj", .pad(Pad(before: [0, 0], after: [0, 1])), embedding)
    }
    let wide = layer.linear("time_embedding.linear_1", embedding, from: width, to: c.timeWidth)
    let active = layer.apply(c.style.activation, wide, named: "time_embedding.act")
    let time = layer.linear(
      "time_embedding.linear_2", active, from: c.timeWidth, to: c.timeWidth,
      named: "time_embedding")
    return TimeVector(
      value: layer.apply(c.style.activation, time, named: "time_embedding.activated"),
      width: c.timeWidth)
  }

  /// 2x − 1.
  private mutating func centred(_ x: ValueID) -> ValueID {
    let two = layer.builder.constant("sample.two", Tensor(floats: [2], shape: [1, 1, 1, 1]))
    let one = layer.builder.constant("sample.one", Tensor(floats: [1], shape: [1, 1, 1, 1]))
    let double = layer.builder.node("sample.double", .binary(.multiply), x, two)
    return layer.builder.node("sample.centred", .binary(.subtract), double, one)
  }
}

/// An image that an up block takes in again.
private struct Skip {
  let value: ValueID
  let channels: Int
}

extension UNetBuilder {
  private mutating func downBlock(
    _ level: Int, _ x: ValueID, _ time: TimeVector, _ skips: inout [Skip]
  ) -> ValueID {
    let c = configuration
    let path = "down_blocks.\(level)"
    let outputs = c.channels[level]
    var inputs = level == 0 ? outputs : c.channels[level - 1]
    var x = x
    for index in 0..<c.layers[level] {
      x = layer.residualBlock(
        "\(path).resnets.\(index)", x, from: inputs, to: outputs, time: time, c.style)
      inputs = outputs
      if c.hasCrossAttentionDown[level] {
        x = layer.transformer(
          "\(path).attentions.\(index)", x, text: text,
          style(level, blocks: c.transformersDown[level][index]))
      }
      skips.append(Skip(value: x, channels: outputs))
    }
    if level < c.channels.count - 1 {
      x = layer.downsampler(
        "\(path).downsamplers.0", x, channels: outputs, padding: c.downsamplePadding)
      skips.append(Skip(value: x, channels: outputs))
    }
    layer.alias(x, rank: 4, named: path)
    return x
  }

  private mutating func midBlock(_ x: ValueID, _ time: TimeVector) -> ValueID {
    let c = configuration
    let level = c.channels.count - 1
    let width = c.channels[level]
    var x = layer.residualBlock(
      "mid_block.resnets.0", x, from: width, to: width, time: time, c.style,
      divisor: c.midDivisor)
    // diffusers does not hand only_cross_attention on to this block.
    x = layer.transformer(
      "mid_block.attentions.0", x, text: text,
      style(level, blocks: c.transformersMid, isCrossOnly: false))
    x = layer.residualBlock(
      "mid_block.resnets.1", x, from: width, to: width, time: time, c.style,
      divisor: c.midDivisor)
    layer.alias(x, rank: 4, named: "mid_block")
    return x
  }

  /// - Parameter index: the coarsest level's is 0.
  private mutating func upBlock(
    _ index: Int, _ x: ValueID, _ time: TimeVector, _ skips: inout [Skip]
  ) -> ValueID {
    let c = configuration
    let path = "up_blocks.\(index)"
    let level = c.channels.count - 1 - index
    let outputs = c.channels[level]
    var inputs = index == 0 ? outputs : c.channels[level + 1]
    var x = x
    for number in 0...c.layers[level] {
      let skip = skips.removeLast()
      let joined = layer.builder.node(
        "\(path).resnets.\(number).input", .concat(axis: 1), x, skip.value)
      x = layer.residualBlock(
        "\(path).resnets.\(number)", joined, from: inputs + skip.channels, to: outputs,
        time: time, c.style)
      inputs = outputs
      if c.hasCrossAttentionUp[index] {
        x = layer.transformer(
          "\(path).attentions.\(number)", x, text: text,
          style(level, blocks: c.transformersUp[index][number]))
      }
    }
    if level > 0 {
      // The size of what comes next, which is not the double where a side was odd.
      x = layer.upsampler(
        "\(path).upsamplers.0", x, channels: outputs, like: skips.last?.value)
    }
    layer.alias(x, rank: 4, named: path)
    return x
  }

  private func style(_ level: Int, blocks: Int, isCrossOnly: Bool? = nil) -> TransformerStyle {
    TransformerStyle(
      channels: configuration.channels[level], heads: configuration.heads[level],
      textWidth: configuration.textWidth, groups: configuration.style.groups, blocks: blocks,
      usesLinearProjection: configuration.usesLinearProjection,
      isCrossOnly: isCrossOnly ?? configuration.onlyCrossAttention[level])
  }
}

/// exp(−ln(10000)·i/(count − shift)) for each i, each step rounded to float32 as diffusers'
/// get_timestep_embedding does it.
private func timeFrequencies(count: Int, shift: Double) -> [Float] {
  let span = Float(Double(count) - shift)
  return (0..<count).map { index in
    let exponent = Float(-log(10_000.0)) * Float(index) / span
    return Float(exp(Double(exponent)))
  }
}
