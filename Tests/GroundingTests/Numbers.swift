/// Numbers in [0, 1) from a congruential generator, the same in the Python that computed the
/// expected values: x ← 1664525·x + 1013904223 mod 2³², value (x >> 8)·2⁻²⁴.
func congruential(_ count: Int, seed: UInt32) -> [Float] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 1_664_525 &+ 1_013_904_223
    return Float(state >> 8) * 0x1p-24
  }
}

func floats(_ bits: [UInt32]) -> [Float] {
  bits.map { Float(bitPattern: $0) }
}

/// FNV-1a over the bit patterns, a word at a time: one number to compare a whole tensor by.
func fingerprint(_ values: [Float]) -> UInt64 {
  values.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1.bitPattern)) &* 0x100_0000_01b3 }
}
