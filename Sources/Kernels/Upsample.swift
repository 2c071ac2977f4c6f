import TensorBase

/// Each result pixel is the picture's pixel at floor(position · size / result size), as PyTorch's
/// `interpolate(mode: "nearest")` computes it in float32; sizes are x's and out's. f32.
package func upsampleNearest2D(
  _ out: MutableTensorView, _ x: TensorView, layout: PixelLayout, threads: Int
) {
  let (input, output) = (layout.pixels(x.shape), layout.pixels(out.shape))
  precondition(input.count == output.count && input.channels == output.channels)
  if out.shape.count == 0 { return }
  let rows = nearest(input.height, output.height), columns = nearest(input.width, output.width)
  let to = out.floats, from = x.floats
  switch layout {
  case .channelsLast:
    let c = input.channels
    parallelRanges(output.count * output.height, minimum: 4, threads: threads) { range in
      for line in range {
        let n = line / output.height, y = line % output.height
        for column in 0..<output.width {
          (to + output.offset(n, 0, y, column)).update(
            from: from + input.offset(n, 0, rows[y], columns[column]), count: c)
        }
      }
    }
  case .channelsFirst:
    parallelRanges(output.count * output.channels, minimum: 1, threads: threads) { range in
      for plane in range {
        let n = plane / output.channels, c = plane % output.channels
        for y in 0..<output.height {
          let source = from + input.offset(n, c, rows[y], 0)
          let target = to + output.offset(n, c, y, 0)
          for column in 0..<output.width { target[column] = source[columns[column]] }
        }
      }
    }
  }
}

/// For each position of the result the position of the source.
private func nearest(_ size: Int, _ result: Int) -> [Int] {
  let scale = Float(size) / Float(result)
  return (0..<result).map { min(size - 1, Int((Float($0) * scale).rounded(.down))) }
}
