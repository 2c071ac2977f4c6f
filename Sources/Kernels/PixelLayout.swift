import TensorBase

/// In which order a picture's axes lie in memory.
package enum PixelLayout: Sendable {
  /// [N, C, H, W]; convolution weights [O, I/groups, kh, kw].
  case channelsFirst
  /// [N, H, W, C]; convolution weights [kh, kw, I/groups, O].
  case channelsLast

  /// The axes of a picture of `shape`.
  func pixels(_ shape: Shape) -> Pixels {
    precondition(shape.rank == 4, "a picture has four axes, not \(shape)")
    switch self {
    case .channelsFirst:
      return Pixels(
        count: shape[0], channels: shape[1], height: shape[2], width: shape[3],
        channelStride: shape[2] * shape[3], columnStride: 1)
    case .channelsLast:
      return Pixels(
        count: shape[0], channels: shape[3], height: shape[1], width: shape[2], channelStride: 1,
        columnStride: shape[3])
    }
  }
}

/// Sizes of a batch of pictures, and where an element lies.
struct Pixels {
  var count, channels, height, width: Int
  var channelStride, columnStride: Int

  func offset(_ n: Int, _ c: Int, _ y: Int, _ x: Int) -> Int {
    n * channels * height * width + c * channelStride + (y * width + x) * columnStride
  }
}
