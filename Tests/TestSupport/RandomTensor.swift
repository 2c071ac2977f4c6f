import TensorBase

/// Evenly spread numbers in −1…1 that a seed fixes: for tests that need some numbers, any numbers.
package func randomTensor(_ shape: Shape, seed: UInt64, scale: Float = 1) -> Tensor {
  var state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 0x1234_5678_9abc_def1
  let values = (0..<shape.count).map { _ -> Float in
    // xorshift64* (Marsaglia 2003; Vigna 2016).
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    let bits = (state &* 0x2545_f491_4f6c_dd1d) >> 40
    return (Float(bits) * 0x1p-23 - 1) * scale
  }
  return Tensor(floats: values, shape: shape)
}
