import GraphIR
import TensorBase

/// An image [N, channels, H, W] on its way through a model.
struct ImageValue {
  var id: ValueID
  var channels: Int
}

/// What the residual blocks of one model share.
struct ResidualStyle {
  var groups: Int
  var epsilon: Double
  var activation: Unary
  /// The activated time embedding [N, width], when the model has one.
  var time: (id: ValueID, width: Int)?
  /// The sum of both ways is divided by it.
  var outputScale: Double = 1
}

extension ModuleBuilder {
  /// ResnetBlock2D: norm, activation, convolution, twice, with the time embedding added between; plus
  /// the input, projected where the channel count changes.
  mutating func residualBlock(
    _ path: String, _ x: ImageValue, to channels: Int, _ style: ResidualStyle
  ) -> ImageValue {
    let norm1 = groupNorm(
      "\(path).norm1", x.id, x.channels, groups: style.groups, epsilon: style.epsilon)
    let active1 = node("\(path).norm1.act", .unary(style.activation), norm1)
    var hidden = convolution("\(path).conv1", active1, x.channels, channels, kernel: 3)
    if let time = style.time {
      let vector = linear("\(path).time_emb_proj", time.id, time.width, channels)
      let image = node(
        "\(path).time_emb_proj.image",
        .reshape([.like(input: 0, axis: 0), .size(channels), .size(1), .size(1)]), vector)
      hidden = node("\(path).conv1.timed", .binary(.add), hidden, image)
    }
    let norm2 = groupNorm(
      "\(path).norm2", hidden, channels, groups: style.groups, epsilon: style.epsilon)
    let active2 = node("\(path).norm2.act", .unary(style.activation), norm2)
    hidden = convolution("\(path).conv2", active2, channels, channels, kernel: 3)
    let shortcut =
      x.channels == channels
      ? x.id : convolution("\(path).conv_shortcut", x.id, x.channels, channels, kernel: 1)
    if style.outputScale == 1 {
      return ImageValue(id: node(path, .binary(.add), shortcut, hidden), channels: channels)
    }
    let sum = node("\(path).sum", .binary(.add), shortcut, hidden)
    let scale = constant("\(path).output_scale", Tensor(scalar: Float(style.outputScale)))
    return ImageValue(id: node(path, .binary(.divide), sum, scale), channels: channels)
  }

  /// Downsample2D with a convolution. A padding of 0 stands for one row and column of zeros at the
  /// bottom and right.
  mutating func downsample(_ path: String, _ x: ImageValue, padding: Int) -> ImageValue {
    let zeros = padding == 0 ? [0, 0, 1, 1] : [Int](repeating: padding, count: 4)
    let id = convolution(
      path, x.id, x.channels, x.channels, kernel: 3, stride: 2, padding: zeros,
      path: "\(path).conv")
    return ImageValue(id: id, channels: x.channels)
  }

  /// Upsample2D with a convolution: twice as large, or as large as `like`.
  mutating func upsample(_ path: String, _ x: ImageValue, like: ValueID? = nil) -> ImageValue {
    let nearest = Op.upsampleNearest(UpsampleNearest(scale: 2))
    let large =
      if let like {
        node("\(path).nearest", nearest, x.id, like)
      } else {
        node("\(path).nearest", nearest, x.id)
      }
    let id = convolution(path, large, x.channels, x.channels, kernel: 3, path: "\(path).conv")
    return ImageValue(id: id, channels: x.channels)
  }

  /// [N, C, H, W] → [N, H·W, C].
  mutating func rows(_ name: String, _ x: ValueID, _ channels: Int) -> ValueID {
    let last = node("\(name).nhwc", .transpose([0, 2, 3, 1]), x)
    return node("\(name).rows", .reshape([.like(input: 0, axis: 0), .rest, .size(channels)]), last)
  }

  /// [N, H·W, C] → [N, C, H, W] with the height and width of the image `like`.
  mutating func image(
    _ name: String, _ x: ValueID, _ channels: Int, like: ValueID
  ) -> ValueID {
    let grid = node(
      "\(name).grid",
      .reshape([
        .like(input: 0, axis: 0), .like(input: 1, axis: 2), .like(input: 1, axis: 3),
        .size(channels),
      ]), x, like)
    return node("\(name).image", .transpose([0, 3, 1, 2]), grid)
  }
}
