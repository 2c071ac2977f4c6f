import TensorBase

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Normal random numbers as `torch.randn(…, generator=torch.Generator().manual_seed(seed))` draws
/// them in float32 on an x86 CPU.
///
/// Source of the facts: PyTorch, aten/src/ATen/core/TransformationHelper.h, DistributionsHelper.h,
/// MT19937RNGEngine.h and native/cpu/DistributionTemplates.h (`normal_fill_AVX2`).
package struct NoiseGenerator: Sendable {
  private var engine: MersenneTwister
  /// The second of a pair that the scalar path drew and has not handed out yet.
  private var kept: Double?

  /// - Parameter seed: any 64 bits; only the low 32 reach the engine, as in
  ///   `torch.Generator.manual_seed` on a CPU (a negative seed is its two's complement).
  package init(seed: UInt64) {
    engine = MersenneTwister(seed: UInt32(truncatingIfNeeded: seed))
  }

  /// Draws a tensor of `count` standard normal values; successive calls go on in the same stream.
  ///
  /// From 16 values on a tensor is filled with uniforms and each run of 16 is transformed in
  /// place; a rest is covered by drawing the last 16 afresh. Shorter tensors take a scalar path
  /// that draws pairs in double precision and keeps the odd one for the next short tensor.
  package mutating func normal(count: Int) -> [Float] {
    guard count >= NormalRun.length else {
      return (0..<max(0, count)).map { _ in scalarNormal() }
    }
    var values = (0..<count).map { _ in uniform() }
    for start in stride(from: 0, through: count - NormalRun.length, by: NormalRun.length) {
      NormalRun.transform(&values, from: start)
    }
    if count % NormalRun.length != 0 {
      let start = count - NormalRun.length
      for i in start..<count { values[i] = uniform() }
      NormalRun.transform(&values, from: start)
    }
    return values
  }

  /// The low 24 bits of an output, in [0, 1).
  private mutating func uniform() -> Float {
    Float(engine.next() & 0xff_ffff) * 0x1p-24
  }

  /// 53 bits of two outputs, the first one high, in [0, 1).
  private mutating func doubleUniform() -> Double {
    let high = UInt64(engine.next())
    let low = UInt64(engine.next())
    return Double(((high << 32) | low) & 0x1f_ffff_ffff_ffff) * 0x1p-53
  }

  /// Box and Muller's transform in double precision; a pair serves two calls.
  private mutating func scalarNormal() -> Float {
    if let value = kept {
      kept = nil
      return Float(value)
    }
    let angle = 2 * Double.pi * doubleUniform()
    let radius = (-2 * log1p(-doubleUniform())).squareRoot()
    kept = radius * sin(angle)
    return Float(radius * cos(angle))
  }
}
