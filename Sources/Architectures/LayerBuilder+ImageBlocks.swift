import GraphIR
import TensorBase

/// The time embedding as the residual blocks take it: activated, [N, width].
struct TimeVector {
  let value: ValueID
  let width: Int
}

/// What all residual blocks of a model share.
struct ResidualStyle {
  let groups: Int
  let epsilon: Double
  let activation: Unary
}

extension LayerBuilder {
  /// diffusers' ResnetBlock2D: x [N, inputs, H, W] → [N, outputs, H, W], the sum of x (projected
  /// when the channels change) and what two convolutions make of it, over `divisor`.
  mutating func residualBlock(
    _ path: String, _ x: ValueID, from inputs: Int, to outputs: Int, time: TimeVector?,
    _ style: ResidualStyle, divisor: Double = 1
  ) -> ValueID {
    let norm1 = groupNorm(
      "\(path).norm1", x, channels: inputs, groups: style.groups, epsilon: style.epsilon)
    let active1 = apply(style.activation, norm1, named: "\(path).norm1.activated")
    var hidden = convolution("\(path).conv1", active1, from: inputs, to: outputs, kernel: 3)
    if let time {
      let vector = linear("\(path).time_emb_proj", time.value, from: time.width, to: outputs)
      let image = builder.node(
        "\(path).time_emb_proj.image",
        .reshape([.like(input: 0, axis: 0), .size(outputs), .size(1), .size(1)]), vector)
      hidden = add(hidden, image, named: "\(path).timed")
    }
    let norm2 = groupNorm(
      "\(path).norm2", hidden, channels: outputs, groups: style.groups, epsilon: style.epsilon)
    let active2 = apply(style.activation, norm2, named: "\(path).norm2.activated")
    hidden = convolution("\(path).conv2", active2, from: outputs, to: outputs, kernel: 3)
    let kept =
      inputs == outputs
      ? x : convolution("\(path).conv_shortcut", x, from: inputs, to: outputs, kernel: 1)
    if divisor == 1 { return add(kept, hidden, named: path) }
    let sum = add(kept, hidden, named: "\(path).sum")
    let constant = builder.constant(
      "\(path).divisor", Tensor(floats: [Float(divisor)], shape: [1, 1, 1, 1]))
    return builder.node(path, .binary(.divide), sum, constant)
  }

  /// x [N, C, H, W] → [N, H·W, C].
  mutating func tokens(_ path: String, of x: ValueID, channels: Int) -> ValueID {
    let rows = builder.node("\(path).rows", .transpose([0, 2, 3, 1]), x)
    return builder.node(
      "\(path).tokens", .reshape([.like(input: 0, axis: 0), .rest, .size(channels)]), rows)
  }

  /// x [N, H·W, C] → [N, C, H, W], batch and sides those of the image `like`.
  mutating func image(
    _ path: String, of x: ValueID, channels: Int, like: ValueID
  ) -> ValueID {
    let grid = builder.node(
      "\(path).grid",
      .reshape([
        .like(input: 1, axis: 0), .like(input: 1, axis: 2), .like(input: 1, axis: 3),
        .size(channels),
      ]), x, like)
    return builder.node("\(path).image", .transpose([0, 3, 1, 2]), grid)
  }

  /// diffusers' Downsample2D: halves both sides by a strided convolution. A padding of 0 stands
  /// for one row of zeros below and one column at the right.
  mutating func downsampler(
    _ path: String, _ x: ValueID, channels: Int, padding: Int
  ) -> ValueID {
    convolution(
      "\(path).conv", x, from: channels, to: channels, kernel: 3, stride: 2,
      padding: padding == 0 ? [0, 0, 1, 1] : [Int](repeating: padding, count: 4), named: path)
  }

  /// diffusers' Upsample2D: repeats pixels until both sides are those of `like`, or double, then
  /// convolves.
  mutating func upsampler(
    _ path: String, _ x: ValueID, channels: Int, like: ValueID?
  ) -> ValueID {
    var inputs: [ValueID?] = [x]
    if let like { inputs.append(like) }
    let larger = builder.node(
      "\(path).larger", .upsampleNearest(UpsampleNearest(scale: 2)), inputs: inputs)
    return convolution(
      "\(path).conv", larger, from: channels, to: channels, kernel: 3, named: path)
  }
}
