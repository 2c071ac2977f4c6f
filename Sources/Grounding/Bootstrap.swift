import TensorBase

/// Percentile intervals of a mean by the bootstrap (Efron, Annals of Statistics 7, 1979): samples are
/// drawn with replacement, as many as there are, and their mean is taken, many times over.
///
/// The same numbers of samples and resamples give the same draws: scores of the same pairs are
/// resampled together, and the interval of a difference is that of paired samples.
package struct Bootstrap: Sendable, Hashable {
  /// How often samples are drawn, at least 1.
  package let resamples: Int
  /// Of the draws.
  package let seed: UInt32
  /// The share of resampled means between the ends, 0…1.
  package let level: Double

  package init(resamples: Int = 2000, seed: UInt32 = 1, level: Double = 0.95) {
    precondition(resamples >= 1 && level > 0 && level < 1)
    self.resamples = resamples
    self.seed = seed
    self.level = level
  }

  /// The ends of the interval of the mean of those values that are there.
  ///
  /// - Parameter values: nil where a sample has none; it is drawn like the others and left out of
  ///   the mean. A draw of such samples alone is not counted.
  /// - Returns: nil when no value is there.
  package func interval(of values: [Double?]) -> (low: Double, high: Double)? {
    guard values.contains(where: { $0 != nil }) else { return nil }
    var twister = MersenneTwister(seed: seed)
    var means: [Double] = []
    means.reserveCapacity(resamples)
    for _ in 0..<resamples {
      var sum = 0.0
      var count = 0.0
      for _ in values.indices {
        guard let value = values[Int(twister.nextFraction() * Double(values.count))] else {
          continue
        }
        sum += value
        count += 1
      }
      if count > 0 { means.append(sum / count) }
    }
    guard !means.isEmpty else { return nil }
    means.sort()
    let rest = (1 - level) / 2
    return (quantile(rest, of: means), quantile(1 - rest, of: means))
  }
}

/// The value below which a share of sorted values lies, interpolated linearly between the two
/// nearest, as NumPy's `quantile` does.
///
/// - Parameters:
///   - share: 0…1.
///   - sorted: ascending, not empty.
func quantile(_ share: Double, of sorted: [Double]) -> Double {
  let position = share * Double(sorted.count - 1)
  let below = Int(position)
  let above = min(below + 1, sorted.count - 1)
  return sorted[below] + (sorted[above] - sorted[below]) * (position - Double(below))
}
