import CKernels
import TensorBase

/// out[n, c, p] = activation(x[n, c, p] · scale[c] + shift[c]); f32, x and out [N, C, …], or [N, …,
/// C] when `isChannelsLast`; scale and shift [C].
package func channelAffine(
  _ out: MutableTensorView, _ x: TensorView, scale: TensorView, shift: TensorView,
  activation: Activation, isChannelsLast: Bool, threads: Int
) {
  let channels = isChannelsLast ? x.shape[-1] : x.shape[1]
  precondition(out.shape == x.shape && scale.shape == [channels] && shift.shape == [channels])
  if x.shape.count == 0 { return }
  let to = out.floats, from = x.floats, gamma = scale.floats, beta = shift.floats
  if isChannelsLast {
    let zeros = UnsafeMutablePointer<Float>.allocate(capacity: channels)
    defer { zeros.deallocate() }
    zeros.initialize(repeating: 0, count: channels)
    parallelRanges(
      x.shape.count / channels, minimum: max(1, 16_384 / channels), threads: threads
    ) { range in
      let offset = range.lowerBound * channels
      plumb_scale_shift(
        from + offset, to + offset, range.count, channels, zeros, gamma, beta,
        activation.operation)
    }
  } else {
    let pixels = x.shape.dimensions.dropFirst(2).reduce(1, *)
    parallelRanges(
      x.shape[0] * channels, minimum: max(1, 16_384 / pixels), threads: threads
    ) { range in
      for plane in range {
        let source = from + plane * pixels, target = to + plane * pixels
        let (factor, addend) = (gamma[plane % channels], beta[plane % channels])
        for i in 0..<pixels { target[i] = source[i] * factor + addend }
        if activation != .identity { plumb_unary(activation.operation, target, target, pixels) }
      }
    }
  }
}
