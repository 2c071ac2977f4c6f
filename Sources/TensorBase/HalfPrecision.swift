// Conversions between float32 and the two 16-bit float types, by their bit layouts (IEEE 754
// binary16; bfloat16 is the upper half of binary32). Portable and exact; `Kernels` has the ones
// that use the CPU's instructions.

/// binary16 → binary32, exact.
package func floatFromHalf(_ bits: UInt16) -> Float {
  let sign = UInt32(bits & 0x8000) << 16
  let exponent = UInt32(bits >> 10) & 0x1f
  let fraction = UInt32(bits & 0x3ff)
  switch exponent {
  case 0:
    // Zero or subnormal: fraction · 2⁻²⁴.
    let magnitude = Float(fraction) * 0x1p-24
    return Float(bitPattern: magnitude.bitPattern | sign)
  case 0x1f:
    return Float(bitPattern: sign | 0x7f80_0000 | fraction << 13)
  default:
    return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
  }
}

/// binary32 → binary16, rounding to nearest, ties to even; too large becomes infinity.
package func halfFromFloat(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
  let magnitude = bits & 0x7fff_ffff
  if magnitude > 0x7f80_0000 {
    // NaN stays a quiet NaN with its upper payload bits.
    return sign | 0x7e00 | UInt16(truncatingIfNeeded: (magnitude >> 13) & 0x3ff)
  }
  if magnitude >= 0x477f_f000 { return sign | 0x7c00 }
  if magnitude < 0x3880_0000 {
    // Below 2⁻¹⁴: adding 0.5 aligns the last kept bit with float's, which rounds to even.
    let aligned = Float(bitPattern: magnitude) + 0.5
    return sign | UInt16(truncatingIfNeeded: aligned.bitPattern &- Float(0.5).bitPattern)
  }
  let odd = (magnitude >> 13) & 1
  let rounded = magnitude &+ 0xfff &+ odd &- 0x3800_0000
  return sign | UInt16(truncatingIfNeeded: rounded >> 13)
}

/// bfloat16 → binary32, exact.
package func floatFromBFloat16(_ bits: UInt16) -> Float {
  Float(bitPattern: UInt32(bits) << 16)
}

/// binary32 → bfloat16, rounding to nearest, ties to even.
package func bfloat16FromFloat(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
  let odd = (bits >> 16) & 1
  return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ odd) >> 16)
}
