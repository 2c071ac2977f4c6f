#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What a VAE encoder says of an image: a normal distribution per latent value (method.md §5).
package struct LatentDistribution: Sendable {
  /// The range that diffusers clamps the logarithm of the variance to.
  package static let logVarianceRange: ClosedRange<Float> = -30...20

  /// Means, any layout (for instance [4, h, w]).
  package let mean: [Float]
  /// Standard deviations, exp(clamped log-variance / 2), in the same layout.
  package let deviation: [Float]

  /// - Throws: `countMismatch`, `notFinite` (an infinite log-variance is clamped, NaN is refused).
  package init(mean: [Float], logVariance: [Float]) throws(GroundingError) {
    try requireCount(logVariance, "The latent's log-variance", like: mean)
    if let index = mean.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(what: "The latent's mean", index: index)
    }
    if let index = logVariance.firstIndex(where: \.isNaN) {
      throw .notFinite(what: "The latent's log-variance", index: index)
    }
    self.mean = mean
    let range = Self.logVarianceRange
    deviation = logVariance.map {
      expf(0.5 * min(max($0, range.lowerBound), range.upperBound))
    }
  }

  /// (mean + deviation · ε) · scalingFactor, elementwise.
  ///
  /// - Throws: `countMismatch`.
  package func sample(
    noise: [Float], scalingFactor: Float
  ) throws(GroundingError) -> [Float] {
    try requireCount(noise, "The latent's noise", like: mean)
    return mean.indices.map { (mean[$0] + deviation[$0] * noise[$0]) * scalingFactor }
  }
}
