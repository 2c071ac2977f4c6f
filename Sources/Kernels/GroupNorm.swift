import CKernels
import TensorBase

/// Per picture and group of C/groups neighbouring channels:
/// out = activation((x − mean) / √(variance + epsilon) · scale[c] + shift[c]).
///
/// Channels last: x and out [N, …, C]; scale and shift [C]; f32. Sums are in double.
package func groupNorm(
  _ out: MutableTensorView, _ x: TensorView, scale: TensorView?, shift: TensorView?, groups: Int,
  epsilon: Double, activation: Activation = .identity, threads: Int
) {
  let channels = x.shape[-1], rows = x.shape.dimensions.dropFirst().dropLast().reduce(1, *)
  checkGroupNorm(out, x, channels, scale, shift, groups)
  let to = out.floats, from = x.floats, gamma = scale?.floats, beta = shift?.floats
  let pieces = max(1, min(16, rows / 64))
  let width = channels / groups
  for n in 0..<x.shape[0] {
    let start = n * rows * channels
    // Pieces, not threads, cut the sums, and are added in order: threads change no bit.
    let sums = UnsafeMutablePointer<Double>.allocate(capacity: pieces * 2 * channels)
    defer { sums.deallocate() }
    sums.initialize(repeating: 0, count: pieces * 2 * channels)
    parallel(pieces, threads: threads) { piece in
      let first = piece * rows / pieces, last = (piece + 1) * rows / pieces
      let own = sums + piece * 2 * channels
      plumb_channel_sums(
        from + start + first * channels, last - first, channels, own, own + channels)
    }
    let factors = UnsafeMutablePointer<Float>.allocate(capacity: 3 * channels)
    defer { factors.deallocate() }
    for group in 0..<groups {
      var sum = 0.0, squares = 0.0
      for piece in 0..<pieces {
        for c in (group * width)..<((group + 1) * width) {
          sum += sums[piece * 2 * channels + c]
          squares += sums[piece * 2 * channels + channels + c]
        }
      }
      let count = Double(rows * width), mean = sum / count
      let inverse = 1 / (max(0, squares / count - mean * mean) + epsilon).squareRoot()
      for c in (group * width)..<((group + 1) * width) {
        let factor = inverse * Double(gamma?[c] ?? 1)
        factors[c] = Float(factor)
        // What the mean loses as a float is made good in the shift, so a far mean costs nothing.
        let center = Float(mean)
        factors[channels + c] = Float(
          Double(beta?[c] ?? 0) + (Double(center) - mean) * factor)
        factors[2 * channels + c] = center
      }
    }
    parallelRanges(rows, minimum: 16, threads: threads) { range in
      let offset = start + range.lowerBound * channels
      plumb_scale_shift(
        from + offset, to + offset, range.count, channels, factors + 2 * channels, factors,
        factors + channels, activation.operation)
    }
  }
}

/// `groupNorm` in either layout, with sums in double and the variance about the mean.
package func groupNormReference(
  _ out: MutableTensorView, _ x: TensorView, scale: TensorView?, shift: TensorView?, groups: Int,
  epsilon: Double, activation: Activation = .identity, layout: PixelLayout
) {
  let channels = layout == .channelsLast ? x.shape[-1] : x.shape[1]
  checkGroupNorm(out, x, channels, scale, shift, groups)
  let count = x.shape[0], rows = channels == 0 ? 0 : x.shape.count / max(1, count * channels)
  let width = channels / groups
  func offset(_ n: Int, _ c: Int, _ row: Int) -> Int {
    layout == .channelsLast
      ? (n * rows + row) * channels + c : (n * channels + c) * rows + row
  }
  for n in 0..<count {
    for group in 0..<groups {
      let members = (group * width)..<((group + 1) * width)
      var sum = 0.0, squares = 0.0
      for c in members {
        for row in 0..<rows { sum += Double(x.floats[offset(n, c, row)]) }
      }
      let mean = sum / Double(rows * width)
      for c in members {
        for row in 0..<rows {
          let difference = Double(x.floats[offset(n, c, row)]) - mean
          squares += difference * difference
        }
      }
      let deviation = (squares / Double(rows * width) + epsilon).squareRoot()
      for c in members {
        for row in 0..<rows {
          let at = offset(n, c, row)
          let normal = (Double(x.floats[at]) - mean) / deviation
          let value = normal * Double(scale?.floats[c] ?? 1) + Double(shift?.floats[c] ?? 0)
          out.floats[at] = Float(activation(value))
        }
      }
    }
  }
}

private func checkGroupNorm(
  _ out: MutableTensorView, _ x: TensorView, _ channels: Int, _ scale: TensorView?,
  _ shift: TensorView?, _ groups: Int
) {
  precondition(x.shape.rank >= 2 && out.shape == x.shape && groups > 0 && channels % groups == 0)
  precondition(scale == nil || scale?.shape == [channels])
  precondition(shift == nil || shift?.shape == [channels])
}
