import TensorBase

/// out[o, i] = (element − zero point) · scale, for a weight of `bits` an element whose inputs
/// share scale and zero point in blocks.
///
/// packed (u8) [outputs, blocks, block · bits / 8], lowest bits first; scales [outputs, blocks];
/// zero points f32 [outputs, blocks], or packed (u8) [outputs, ⌈blocks · bits / 8⌉], else the
/// middle of the range; out [outputs, inputs], f32.
package func unpackBlocks(
  _ out: MutableTensorView, _ packed: TensorView, scales: TensorView, zeroPoints: TensorView?,
  bits: Int, block: Int, threads: Int
) {
  let (outputs, inputs) = (out.shape[0], out.shape[1])
  let blocks = (inputs + block - 1) / block, bytes = block * bits / 8
  precondition(packed.shape.count == outputs * blocks * bytes && 8 % bits == 0)
  precondition(scales.shape.count == outputs * blocks)
  let from = packed.base.assumingMemoryBound(to: UInt8.self), factors = scales.floats
  let to = out.floats, mask = UInt8(truncatingIfNeeded: 1 << bits - 1), each = 8 / bits
  let pointBytes = (blocks * bits + 7) / 8
  func zeroPoint(_ o: Int, _ b: Int) -> Float {
    guard let zeroPoints else { return Float(1 << (bits - 1)) }
    if zeroPoints.type == .f32 { return zeroPoints.floats[o * blocks + b] }
    let points = zeroPoints.base.assumingMemoryBound(to: UInt8.self) + o * pointBytes
    return Float(points[b / each] >> UInt8(b % each * bits) & mask)
  }
  parallelRanges(outputs, minimum: 16, threads: threads) { range in
    for o in range {
      for b in 0..<blocks {
        let line = from + (o * blocks + b) * bytes, target = to + o * inputs + b * block
        let zero = zeroPoint(o, b), factor = factors[o * blocks + b]
        for i in 0..<min(block, inputs - b * block) {
          let element = line[i / each] >> UInt8(i % each * bits) & mask
          target[i] = (Float(element) - zero) * factor
        }
      }
    }
  }
}
