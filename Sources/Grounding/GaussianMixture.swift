#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A mixture of two normal distributions in one dimension, fitted as scikit-learn's
/// `GaussianMixture(n_components=2)` fits it: hard labels from 2-means, then expectation and
/// maximisation until the mean log-likelihood changes by less than 1e-3, at most 100 times, with
/// 1e-6 added to each variance.
///
/// scikit-learn draws the start of 2-means at random; in one dimension the best split is found
/// exactly by sorting, so the fit here has no chance in it.
package struct GaussianMixture: Sendable, Hashable {
  /// The lower component first.
  package private(set) var means: [Double]
  package private(set) var variances: [Double]
  package private(set) var weights: [Double]
  package private(set) var iterations = 0
  package private(set) var converged = false

  private static let tolerance = 1e-3
  private static let maximumIterations = 100
  private static let varianceFloor = 1e-6

  /// The mean of the two means, where method.md §10 cuts the map.
  package var threshold: Double { (means[0] + means[1]) / 2 }

  /// - Throws: `notFinite`, `flatMap` when there are not two different values.
  package init(fitting values: [Float]) throws(GroundingError) {
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(what: "The map", index: index)
    }
    let sorted = values.map { Double($0) }.sorted()
    guard let low = sorted.first, let high = sorted.last, low < high else {
      throw .flatMap(.result)
    }
    let split = Self.bestSplit(sorted)
    self.init(fitting: sorted, from: sorted.indices.map { $0 < split ? 0.0 : 1.0 })
  }

  /// Fits from a given start.
  ///
  /// - Parameter upper: for each value whether it starts in the upper component.
  /// - Throws: `countMismatch`, `notFinite`, `nothingSelected` when a component starts empty.
  package init(fitting values: [Float], startingUpper upper: [Bool]) throws(GroundingError) {
    guard upper.count == values.count else {
      throw .countMismatch(what: "The start", found: upper.count, expected: values.count)
    }
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(what: "The map", index: index)
    }
    guard upper.contains(true), upper.contains(false) else {
      throw .nothingSelected(what: "value in one of the two components")
    }
    self.init(fitting: values.map { Double($0) }, from: upper.map { $0 ? 1.0 : 0.0 })
  }

  private init(fitting values: [Double], from start: [Double]) {
    means = []
    variances = []
    weights = []
    var upper = start
    maximise(values, upper: upper)
    var bound = -Double.infinity
    while iterations < Self.maximumIterations, !converged {
      iterations += 1
      let previous = bound
      bound = expect(values, upper: &upper)
      maximise(values, upper: upper)
      converged = abs(bound - previous) < Self.tolerance
    }
  }

  /// How many of the sorted values belong to the lower of the two clusters whose squared
  /// distances to their means add up to the least.
  private static func bestSplit(_ sorted: [Double]) -> Int {
    // About the overall mean, the between-cluster sum of squares is n·s²/(k(n−k)) with s the sum
    // of the first k; the largest one leaves the least within.
    let count = Double(sorted.count)
    let centre = sorted.reduce(0, +) / count
    var best = 1
    var most = -1.0
    var sum = 0.0
    for k in 1..<sorted.count {
      sum += sorted[k - 1] - centre
      guard sorted[k - 1] < sorted[k] else { continue }
      let between = sum * sum / (Double(k) * (count - Double(k)))
      if between > most {
        most = between
        best = k
      }
    }
    return best
  }

  /// Weights, means and variances from each value's share in the upper component.
  private mutating func maximise(_ values: [Double], upper: [Double]) {
    var shares = [10 * Double.ulpOfOne, 10 * Double.ulpOfOne]
    var sums = [0.0, 0.0]
    for (value, share) in zip(values, upper) {
      shares[0] += 1 - share
      shares[1] += share
      sums[0] += (1 - share) * value
      sums[1] += share * value
    }
    means = [sums[0] / shares[0], sums[1] / shares[1]]
    var squares = [0.0, 0.0]
    for (value, share) in zip(values, upper) {
      let lower = value - means[0]
      let higher = value - means[1]
      squares[0] += (1 - share) * lower * lower
      squares[1] += share * higher * higher
    }
    variances = [
      squares[0] / shares[0] + Self.varianceFloor, squares[1] / shares[1] + Self.varianceFloor,
    ]
    let total = shares[0] + shares[1]
    weights = [shares[0] / total, shares[1] / total]
  }

  /// Each value's share in the upper component; returns the mean log-likelihood.
  private func expect(_ values: [Double], upper: inout [Double]) -> Double {
    let constants = (0..<2).map {
      log(weights[$0]) - 0.5 * (log(2 * Double.pi) + log(variances[$0]))
    }
    var total = 0.0
    for i in values.indices {
      let low = values[i] - means[0]
      let high = values[i] - means[1]
      let a = constants[0] - 0.5 * low * low / variances[0]
      let b = constants[1] - 0.5 * high * high / variances[1]
      let likelihood = max(a, b) + log1p(exp(-abs(a - b)))
      upper[i] = exp(b - likelihood)
      total += likelihood
    }
    return total / Double(values.count)
  }
}
