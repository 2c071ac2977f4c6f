import ByteIO
import TestSupport
import Testing

@Suite struct CodedPartTests {
  /// Instructions of each kind that the processor may have; others fall back to plain ones.
  static let levels = [0, 1, 2]

  /// Bytes of which small ones are frequent, as exponents are.
  private func skewed(_ count: Int, _ seed: UInt64 = 1) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let bits = (state >> 40) & (state >> 48) & 15
      return UInt8(bits * 17)
    }
  }

  private func coded(_ bytes: [UInt8]) -> [UInt8]? {
    codedPart(bytes.span.bytes, limit: bytes.count + 1000)
  }

  private func decoded(_ part: [UInt8], count: Int, level: Int = 2) throws -> [UInt8] {
    var result = [UInt8](repeating: 99, count: count)
    var span = result.mutableSpan
    var bytes = span.mutableBytes
    try decodePart(part.span.bytes, into: &bytes, level: level)
    return result
  }

  /// Every remainder of a turn of the coders, with words for several turns behind and none.
  @Test(arguments: levels) func roundTrips(level: Int) throws {
    for count in Array(2000..<2070) + [4095, 65_536, 262_144, 262_145] {
      let bytes = skewed(count, UInt64(count))
      let part = try #require(coded(bytes))
      #expect(part.count < count, "\(count)")
      #expect(part.first == 1)
      #expect(try decoded(part, count: count, level: level) == bytes, "\(count)")
    }
  }

  @Test(arguments: levels) func rareAndFrequentSymbols(level: Int) throws {
    for symbol in [UInt8(0), 1, 254, 255] {
      var bytes = [UInt8](repeating: 128, count: 100_000)
      for place in stride(from: 3, to: bytes.count, by: 9973) { bytes[place] = symbol }
      let part = try #require(coded(bytes))
      #expect(part.count < 600)
      #expect(try decoded(part, count: bytes.count, level: level) == bytes)
    }
  }

  /// Fractions of a bit count: three symbols of one third each take log2(3) bits, not 5/3.
  @Test func takesNoMoreThanTheEntropy() throws {
    var bytes = [UInt8](repeating: 0, count: 240_000)
    var state: UInt64 = 9
    for place in bytes.indices {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      bytes[place] = UInt8((state >> 33) % 3)
    }
    let part = try #require(coded(bytes))
    let entropy = 240_000 * 198_121 / 1_000_000  // log2(3) / 8 of a byte each.
    #expect(part.count < entropy + 200)
  }

  @Test func nothingToGainIsLeftAlone() {
    #expect(coded([]) == nil)
    #expect(coded([UInt8](repeating: 7, count: 100_000)) == nil)
    #expect(coded((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 167) }) == nil)
    let bytes = skewed(50_000)
    #expect(codedPart(bytes.span.bytes, limit: 1000) == nil)
    #expect(codedPart(bytes.span.bytes, limit: 0) == nil)
  }

  /// Whatever is damaged, all levels say so, and nothing outside of the target is written.
  @Test func damageIsFound() throws {
    let bytes = skewed(3000)
    let part = try #require(coded(bytes))
    for place in part.indices {
      var damaged = part
      damaged[place] ^= 1 << UInt8(place % 8)
      for level in Self.levels {
        let result = try? decoded(damaged, count: bytes.count, level: level)
        #expect(result == nil || result == bytes, "byte \(place) at level \(level)")
      }
    }
    for count in part.indices {
      #expect(throws: ByteIOError.self, "\(count)") {
        try decoded(Array(part.prefix(count)), count: bytes.count)
      }
    }
    for other in [0, 1, 2999, 3001, 100_000] {
      #expect(throws: ByteIOError.self, "\(other)") { try decoded(part, count: other) }
    }
    #expect(throws: ByteIOError.self) { try decoded(part + [0, 0], count: bytes.count) }
  }
}
