#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif
import TensorBase

/// Maps that know nothing of phrase and picture: what any other has to beat.
package enum TrivialMap: String, CaseIterable, Sendable {
  /// A round hill in the middle: findings lie in the chest, and the chest in the middle.
  case center
  /// Uniform noise, another for each pair.
  case uniform

  /// - Parameters:
  ///   - side: of the square map, at least 1.
  ///   - seed: of the noise.
  ///   - pair: tells pairs apart.
  package func map(side: Int, seed: UInt64, pair: String) -> Raster<Float> {
    precondition(side >= 1)
    switch self {
    case .center: return Self.hill(side: side)
    case .uniform: return Self.noise(side: side, seed: seed, pair: pair)
    }
  }

  /// exp(−r²/(2 · 0.25²)), r from the middle, the side being 1.
  private static func hill(side: Int) -> Raster<Float> {
    let squares = (0..<side).map { place in
      let offset = (Double(place) + 0.5) / Double(side) - 0.5
      return offset * offset
    }
    return Raster(
      height: side, width: side,
      trusted: squares.flatMap { y in squares.map { x in Float(exp(-(x + y) / (2 * 0.0625))) } })
  }

  /// 24-bit uniforms of MT19937, seeded with the seed's low 32 bits and the pair's FNV-1a digest.
  private static func noise(side: Int, seed: UInt64, pair: String) -> Raster<Float> {
    let digest = pair.utf8.reduce(2_166_136_261 as UInt32) { ($0 ^ UInt32($1)) &* 16_777_619 }
    var twister = MersenneTwister(seed: UInt32(truncatingIfNeeded: seed) ^ digest)
    return Raster(
      height: side, width: side,
      trusted: (0..<side * side).map { _ in Float(twister.next() & 0xff_ffff) * 0x1p-24 })
  }
}
