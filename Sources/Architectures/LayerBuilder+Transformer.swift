import GraphIR

/// What sets one transformer of a U-Net apart from another.
struct TransformerStyle {
  /// Of the image.
  let channels: Int
  let heads: Int
  let textWidth: Int
  let groups: Int
  let blocks: Int
  /// Whether the projections around the blocks are linear layers on tokens; else they are 1×1
  /// convolutions on the image.
  let usesLinearProjection: Bool
  /// Whether the first attention sees the text as well.
  let isCrossOnly: Bool

  var headWidth: Int { channels / heads }

  /// Of the tokens.
  var width: Int { heads * headWidth }
}

extension LayerBuilder {
  /// diffusers' Transformer2DModel on a continuous input: x [N, C, H, W] → the same shape.
  mutating func transformer(
    _ path: String, _ x: ValueID, text: ValueID, _ style: TransformerStyle
  ) -> ValueID {
    let norm = groupNorm(
      "\(path).norm", x, channels: style.channels, groups: style.groups, epsilon: 1e-6)
    var tokens: ValueID
    if style.usesLinearProjection {
      tokens = self.tokens(path, of: norm, channels: style.channels)
      tokens = linear("\(path).proj_in", tokens, from: style.channels, to: style.width)
    } else {
      let projected = convolution(
        "\(path).proj_in", norm, from: style.channels, to: style.width, kernel: 1)
      tokens = self.tokens(path, of: projected, channels: style.width)
    }
    for index in 0..<style.blocks {
      tokens = transformerBlock("\(path).transformer_blocks.\(index)", tokens, text, style)
    }
    let projected: ValueID
    if style.usesLinearProjection {
      tokens = linear("\(path).proj_out", tokens, from: style.width, to: style.channels)
      projected = image(path, of: tokens, channels: style.channels, like: x)
    } else {
      let grid = image(path, of: tokens, channels: style.width, like: x)
      projected = convolution(
        "\(path).proj_out", grid, from: style.width, to: style.channels, kernel: 1)
    }
    return add(projected, x, named: path)
  }

  /// diffusers' BasicTransformerBlock: self-attention, attention to the text, feed-forward, each
  /// on normalised tokens [N, H·W, width] and added to them.
  private mutating func transformerBlock(
    _ path: String, _ x: ValueID, _ text: ValueID, _ style: TransformerStyle
  ) -> ValueID {
    let width = style.width
    let norm1 = layerNorm("\(path).norm1", x, width: width, epsilon: 1e-5)
    let own = attention("\(path).attn1", norm1, text: style.isCrossOnly ? text : nil, style)
    var x = add(own, x, named: "\(path).attn1.sum")

    let norm2 = layerNorm("\(path).norm2", x, width: width, epsilon: 1e-5)
    let crossed = attention("\(path).attn2", norm2, text: text, style)
    x = add(crossed, x, named: "\(path).attn2.sum")

    let norm3 = layerNorm("\(path).norm3", x, width: width, epsilon: 1e-5)
    let wide = linear("\(path).ff.net.0.proj", norm3, from: width, to: 8 * width)
    let gated = builder.node("\(path).ff.net.0", .gated(.gelu), wide)
    let narrow = linear(
      "\(path).ff.net.2", gated, from: 4 * width, to: width, named: "\(path).ff")
    return add(narrow, x, named: path)
  }

  /// Keys and values from the text where there is one, else from x itself.
  private mutating func attention(
    _ path: String, _ x: ValueID, text: ValueID?, _ style: TransformerStyle
  ) -> ValueID {
    let width = style.width
    let source = text ?? x
    let sourceWidth = text == nil ? width : style.textWidth
    let query = linear("\(path).to_q", x, from: width, to: width, hasBias: false)
    let key = linear("\(path).to_k", source, from: sourceWidth, to: width, hasBias: false)
    let value = linear("\(path).to_v", source, from: sourceWidth, to: width, hasBias: false)
    let attended = builder.attention(
      path, Attention(heads: style.heads, scale: attentionScale(headWidth: style.headWidth)),
      query: query, key: key, value: value)
    return linear("\(path).to_out.0", attended, from: width, to: width, named: path)
  }
}
