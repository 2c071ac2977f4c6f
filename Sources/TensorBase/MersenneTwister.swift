/// MT19937 (Matsumoto and Nishimura, ACM TOMACS 8, 1998), seeded with `init_genrand`: the engine of
/// PyTorch's CPU generator and of NumPy's `RandomState`.
package struct MersenneTwister: Sendable {
  private static let stateCount = 624
  private static let shift = 397

  private var state: [UInt32]
  private var position: Int

  package init(seed: UInt32) {
    var state = [UInt32](repeating: 0, count: Self.stateCount)
    state[0] = seed
    for i in 1..<Self.stateCount {
      let previous = state[i - 1]
      state[i] = 1_812_433_253 &* (previous ^ (previous >> 30)) &+ UInt32(i)
    }
    self.state = state
    position = Self.stateCount
  }

  /// The next tempered 32-bit output.
  package mutating func next() -> UInt32 {
    if position == Self.stateCount { twist() }
    var y = state[position]
    position += 1
    y ^= y >> 11
    y ^= (y << 7) & 0x9d2c_5680
    y ^= (y << 15) & 0xefc6_0000
    return y ^ (y >> 18)
  }

  /// The next number in [0, 1), of 53 random bits: what `RandomState.uniform` draws.
  package mutating func nextFraction() -> Double {
    let (upper, lower) = (next() >> 5, next() >> 6)
    return (Double(upper) * 0x1p26 + Double(lower)) * 0x1p-53
  }

  private mutating func twist() {
    let count = Self.stateCount
    for i in 0..<count {
      let mixed = (state[i] & 0x8000_0000) | (state[(i + 1) % count] & 0x7fff_ffff)
      state[i] =
        state[(i + Self.shift) % count] ^ (mixed >> 1) ^ (mixed & 1 == 0 ? 0 : 0x9908_b0df)
    }
    position = 0
  }
}
