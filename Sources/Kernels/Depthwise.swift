import CKernels
import TensorBase

/// `convolution2D` with a group per channel: each channel is summed over its own window.
///
/// Channels last: x [N, H, W, C], weight [kh, kw, 1, C], out [N, H', W', C]; f32.
func depthwiseConvolution2D(
  _ plan: Convolution2DPlan, _ out: MutableTensorView, _ x: TensorView, _ weight: TensorView,
  _ adding: Convolution2DAddends, _ parameters: Convolution2DParameters, threads: Int
) {
  let (input, output) = (plan.input, plan.output)
  let channels = output.channels, windowWidth = plan.windowWidth
  let window = SlidingWindow(
    image: [input.height, input.width], places: [output.height, output.width],
    size: [plan.windowHeight, windowWidth], strides: [parameters.strideY, parameters.strideX],
    dilations: [parameters.dilationY, parameters.dilationX],
    before: [parameters.top, parameters.left])
  let rows = window.seenTaps(axis: 0), columns = window.seenTaps(axis: 1)
  let to = out.floats, from = x.floats, w = weight.floats
  let bias = adding.bias?.floats, residual = adding.residual?.floats
  let rowStep = parameters.dilationY * input.width * channels
  let columnStep = parameters.dilationX * channels
  parallelRanges(
    output.count * output.height, minimum: max(1, 16_384 / max(1, output.width * channels)),
    threads: threads
  ) { range in
    for line in range {
      let n = line / output.height, row = line % output.height
      let (firstRow, rowCount) = rows[row]
      let y = row * parameters.strideY - parameters.top + firstRow * parameters.dilationY
      let picture = from + n * input.height * input.width * channels
      let target = to + line * output.width * channels
      var column = 0
      while column < output.width {
        // Neighbours whose windows are cut off alike are computed together.
        let (first, count) = columns[column]
        var end = column + 1
        while end < output.width && columns[end] == (first, count) { end += 1 }
        let left =
          column * parameters.strideX - parameters.left + first * parameters.dilationX
        let isSeen = rowCount > 0 && count > 0
        plumb_depthwise(
          isSeen ? picture + (y * input.width + left) * channels : picture,
          parameters.strideX * channels, rowStep, columnStep, isSeen ? rowCount : 0, count,
          w + (firstRow * windowWidth + first) * channels, windowWidth * channels, channels,
          channels, end - column, target + column * channels, channels)
        column = end
      }
      if bias != nil || adding.vector != nil || residual != nil
        || parameters.activation != .identity
      {
        plumb_epilogue(
          target, channels, output.width, channels, bias, plan.vectorRow(n),
          residual.map { $0 + line * output.width * channels }, channels,
          parameters.activation.operation)
      }
    }
  }
}
