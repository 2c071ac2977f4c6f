import Glibc
import TensorBase

/// What the differences of two tensors are like.
///
/// The error of an element is |actual − expected| in float64. All but `steps` and `unequalCount`
/// speak of the `count` elements that are finite on both sides; where there is none they are nil or
/// empty.
package struct ErrorStatistics: Hashable, Sendable {
  /// The levels of all quantiles, in thousandths.
  package static let levels = [500, 900, 990, 999]

  /// Elements finite on both sides.
  package let count: Int
  /// Elements that are not equal, NaN among them; 0 and −0 are equal.
  package let unequalCount: Int
  /// Σ |a − b| / count.
  package let meanError: Double?
  /// Σ (a − b) / count.
  package let meanDifference: Double?
  /// √(Σ (a − b)² / count).
  package let rootMeanSquare: Double?
  /// The errors at `levels`. The quantile at level q is the smallest error that occurs such that at
  /// least q · count errors are no larger: NumPy's method `inverted_cdf`. Nothing is interpolated.
  package let errorQuantiles: [Double]
  /// 10 · log₁₀(Σ b² / Σ (a − b)²) in decibels; infinite when nothing differs, nil when the
  /// expected values are all 0.
  package let signalToNoise: Double?
  /// 10 · log₁₀((max b − min b)² / mean (a − b)²) in decibels; infinite when nothing differs, nil
  /// when the expected values are all the same.
  package let peakSignalToNoise: Double?
  /// The absolute bound with which the tensors pass while the relative one stays; nil when they
  /// pass with none. A few units in the last place above the least at most.
  package let smallestAbsolute: Double?
  /// The relative bound with which they pass while the absolute one stays; nil as above.
  package let smallestRelative: Double?
  package let histogram: ErrorHistogram
  /// nil for tensors of different types.
  package let steps: Steps?

  /// Distances in units in the last place (ULP): how many steps from one value of the elements' type
  /// to the next lie between actual and expected. 0 and −0 are one value, the infinities come next
  /// to the largest finite values; for integers it is |actual − expected|. Over all elements where
  /// neither is NaN.
  package struct Steps: Hashable, Sendable {
    package let count: Int
    /// At `levels`, chosen as errors are.
    package let quantiles: [UInt64]
    package let largest: UInt64
    /// Coordinates of the first element that is so far off; nil when none is off.
    package let largestIndex: [Int]?
  }
}

/// How many errors lie in which power of ten.
package struct ErrorHistogram: Hashable, Sendable {
  /// Elements without any error.
  package fileprivate(set) var zeroCount = 0
  /// `counts[i]` errors are at least 10^(lowest + i) and less than ten times that. The first also
  /// holds what is smaller, the last what is larger.
  package fileprivate(set) var counts = [Int](repeating: 0, count: Self.powers.count - 1)
  package static let lowest = -45
  package static let highest = 40

  /// The powers of ten in which there is an error, smallest first.
  package var filled: [(power: Int, count: Int)] {
    counts.indices.filter { counts[$0] > 0 }.map { ($0 + Self.lowest, counts[$0]) }
  }

  /// 10^lowest … 10^(highest + 1).
  private static let powers = (lowest...highest + 1).map { Double("1e\($0)") ?? .infinity }

  fileprivate mutating func add(_ error: Double) {
    guard error > 0 else {
      zeroCount += 1
      return
    }
    // log₁₀ 2 times the exponent is at most one power off.
    let guess = Int((Double(error.exponent) * 0.301029995663981).rounded(.down)) - Self.lowest
    var place = min(max(guess, 0), counts.count - 1)
    while place + 1 < counts.count && error >= Self.powers[place + 1] { place += 1 }
    while place > 0 && error < Self.powers[place] { place -= 1 }
    counts[place] += 1
  }
}

extension ErrorStatistics {
  /// Precondition: the same type and shape.
  ///
  /// - Parameter hasSteps: whether the type is the tensors' own.
  init(
    _ actual: Tensor, _ expected: Tensor, _ bounds: Bounds, nanEqualsNaN: Bool, hasSteps: Bool
  ) {
    var sums = ErrorSums(bounds: bounds, nanEqualsNaN: nanEqualsNaN)
    forEachChunk(actual, expected) { sums.add($0) }
    count = sums.count
    unequalCount = sums.unequal
    histogram = sums.histogram
    let number = Double(sums.count)
    func finite(_ value: Double) -> Double? { sums.count > 0 && value.isFinite ? value : nil }
    meanError = finite(sums.errors / number)
    meanDifference = finite(sums.differences / number)
    rootMeanSquare = finite((sums.squares / number).squareRoot())
    signalToNoise = decibels(sums.signal, sums.squares)
    let range = sums.count > 0 ? sums.largest - sums.smallest : 0
    peakSignalToNoise = decibels(range * range, sums.squares / number)
    smallestAbsolute = sums.isHopeless ? nil : finiteOrNil(sums.absolute)
    smallestRelative = sums.isHopeless ? nil : finiteOrNil(sums.relative)

    let (errors, steps) = quantiles(actual, expected, sums)
    errorQuantiles = errors
    self.steps =
      hasSteps
      ? Steps(
        count: sums.stepCount, quantiles: steps, largest: sums.largestStep,
        largestIndex: sums.largestStepPlace.map(expected.shape.coordinates)) : nil
  }
}

private func finiteOrNil(_ value: Double) -> Double? { value.isFinite ? value : nil }

private func decibels(_ signal: Double, _ noise: Double) -> Double? {
  guard signal > 0, signal.isFinite, noise.isFinite else { return nil }
  return 10 * log10(signal / noise)
}

/// What one pass over all elements adds up.
private struct ErrorSums {
  let bounds: Bounds
  let nanEqualsNaN: Bool
  var count = 0
  var unequal = 0
  var errors = 0.0
  var differences = 0.0
  var squares = 0.0
  var signal = 0.0
  var smallest = Double.infinity
  var largest = -Double.infinity
  var histogram = ErrorHistogram()
  /// The bounds that pass so far.
  var absolute = 0.0
  var relative = 0.0
  /// Whether an element passes with no bound.
  var isHopeless = false
  var stepCount = 0
  var largestStep: UInt64 = 0
  var largestStepPlace: Int?

  init(bounds: Bounds, nanEqualsNaN: Bool) {
    self.bounds = bounds
    self.nanEqualsNaN = nanEqualsNaN
  }

  mutating func add(_ chunk: PairChunk) {
    let actual = chunk.actual.span
    let expected = chunk.expected.span
    let errors = chunk.errors.span
    let steps = chunk.steps.span
    // Sums of sums lose less than one long sum.
    var (sum, differences, squares, signal) = (0.0, 0.0, 0.0, 0.0)
    for i in 0..<chunk.count {
      let (x, y, error) = (actual[i], expected[i], errors[i])
      let isNaN = x.isNaN || y.isNaN
      if !isNaN {
        stepCount += 1
        if steps[i] > largestStep {
          largestStep = steps[i]
          largestStepPlace = chunk.start + i
        }
      }
      if error.isNaN {
        addSpecial(x, y)
        continue
      }
      count += 1
      signal += y * y
      if y < smallest { smallest = y }
      if y > largest { largest = y }
      guard error > 0 else {
        histogram.zeroCount += 1
        continue
      }
      unequal += 1
      sum += error
      differences += x > y ? error : -error
      squares += error * error
      histogram.add(error)
      widen(error, y.magnitude)
    }
    self.errors += sum
    self.differences += differences
    self.squares += squares
    self.signal += signal
  }

  private mutating func addSpecial(_ x: Double, _ y: Double) {
    if x == y { return }
    unequal += 1
    if !(nanEqualsNaN && x.isNaN && y.isNaN) { isHopeless = true }
  }

  /// Lets the bounds allow an error.
  private mutating func widen(_ error: Double, _ magnitude: Double) {
    let share = bounds.relative * magnitude
    if bounds.isEither {
      if !(error <= share) { absolute = max(absolute, error) }
    } else if !(error <= absolute + share) {
      absolute = max(absolute, raised(error - share) { error <= $0 + share })
    }
    let rest = bounds.isEither ? 0 : bounds.absolute
    let passes = bounds.isEither ? error <= bounds.absolute : false
    if !passes && !(error <= rest + relative * magnitude) {
      relative = max(
        relative, raised((error - rest) / magnitude) { error <= rest + $0 * magnitude })
    }
  }

  /// The first value from `start` on that passes; infinite when rounding hides it.
  private func raised(_ start: Double, _ passes: (Double) -> Bool) -> Double {
    var value = start
    for _ in 0..<8 {
      if passes(value) { return value }
      value = value.nextUp
    }
    return .infinity
  }
}

/// Errors and steps at the levels.
private func quantiles(
  _ actual: Tensor, _ expected: Tensor, _ sums: ErrorSums
) -> (errors: [Double], steps: [UInt64]) {
  func ranks(_ count: Int) -> [Int] {
    count == 0 ? [] : ErrorStatistics.levels.map { (count * $0 + 999) / 1000 - 1 }
  }
  let (errorRanks, stepRanks) = (ranks(sums.count), ranks(sums.stepCount))
  // Nothing differs: all quantiles are 0.
  if sums.largestStep == 0 {
    return (errorRanks.map { _ in 0 }, stepRanks.map { _ in 0 })
  }
  if actual.shape.count <= 1 << 16 {
    var (errors, steps): ([UInt64], [UInt64]) = ([], [])
    forEachChunk(actual, expected) { chunk in
      var keys = KeyChunk()
      keys.fill(chunk)
      errors += keys.errors
      steps += keys.steps
    }
    errors.sort()
    steps.sort()
    return (errorRanks.map { Double(bitPattern: errors[$0]) }, stepRanks.map { steps[$0] })
  }
  var (errors, steps) = (RankSelection(ranks: errorRanks), RankSelection(ranks: stepRanks))
  var keys = KeyChunk()
  for _ in 0..<RankSelection.passCount {
    forEachChunk(actual, expected) { chunk in
      keys.fill(chunk)
      errors.add(keys.errors.span)
      steps.add(keys.steps.span)
    }
    errors.descend()
    steps.descend()
  }
  return (errors.found.map { Double(bitPattern: $0) }, steps.found)
}

/// Errors and steps of a chunk as unsigned integers in their order, those that count only.
private struct KeyChunk {
  var errors: [UInt64] = []
  var steps: [UInt64] = []

  mutating func fill(_ chunk: PairChunk) {
    errors.removeAll(keepingCapacity: true)
    steps.removeAll(keepingCapacity: true)
    let actual = chunk.actual.span
    let expected = chunk.expected.span
    let distances = chunk.errors.span
    let places = chunk.steps.span
    for i in 0..<chunk.count {
      // The bits of a float that is not negative are in its order.
      if !distances[i].isNaN { errors.append(distances[i].bitPattern) }
      if !actual[i].isNaN && !expected[i].isNaN { steps.append(places[i]) }
    }
  }
}
