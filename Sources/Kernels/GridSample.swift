import TensorBase

/// How `gridSample` reads an image between and beyond its pixels.
package struct GridSampling: Sendable {
  package enum Mode: Sendable { case nearest, linear, cubic }
  package enum Padding: Sendable { case zeros, border, reflection }

  package var mode: Mode
  package var padding: Padding
  /// Whether −1 and 1 are the middles of the outermost pixels, or their outer edges.
  package var alignsCorners: Bool

  package init(mode: Mode, padding: Padding, alignsCorners: Bool) {
    self.mode = mode
    self.padding = padding
    self.alignsCorners = alignsCorners
  }
}

/// out[n, c, p] = x[n, c] at the place grid[n, p], whose numbers run from −1 to 1 over the image,
/// last axis first.
///
/// x and out of one type, x [N, C, D₁, …, Dᵣ], grid [N, P₁, …, Pᵣ, r] of a float type, out [N, C, P₁,
/// …, Pᵣ]. Interpolated in double; places are found in float unless the grid is f64, so that what
/// lies in the middle of two pixels is rounded as elsewhere.
package func gridSample(
  _ out: MutableTensorView, _ x: TensorView, grid: TensorView, _ sampling: GridSampling,
  threads: Int
) {
  let sizes = Array(x.shape.dimensions.dropFirst(2)), rank = sizes.count
  let channels = x.shape[1], pixels = sizes.reduce(1, *)
  let places = out.shape.dimensions.dropFirst(2).reduce(1, *)
  precondition(
    out.type == x.type && grid.shape.rank == rank + 2 && grid.shape[-1] == rank
      && grid.shape.dimensions.dropFirst().dropLast() == out.shape.dimensions.dropFirst(2)
      && grid.shape[0] == x.shape[0] && out.shape[0] == x.shape[0] && out.shape[1] == channels)
  if out.shape.count == 0 { return }
  let values = Doubles(x), results = Doubles(count: out.shape.count)
  let (from, to) = (values.base, results.base)
  let (base, type) = (grid.base, grid.type)
  parallelRanges(
    x.shape[0] * places, minimum: max(1, 1024 / max(1, channels)), threads: threads
  ) { range in
    var taps = GridTaps(sizes: sizes, sampling)
    for place in range {
      taps.find { axis in
        let number = Elements.load(base, place * rank + rank - 1 - axis, type)
        return type == .f64
          ? pixel(number, sizes[axis], sampling.alignsCorners)
          : Double(pixel(Float(number), sizes[axis], sampling.alignsCorners))
      }
      let n = place / places, position = place % places
      for c in 0..<channels {
        let image = from + (n * channels + c) * pixels
        var sum = 0.0
        for tap in 0..<taps.offsets.count { sum += taps.weights[tap] * image[taps.offsets[tap]] }
        to[(n * channels + c) * places + position] = sum
      }
    }
  }
  results.store(to: out)
  withExtendedLifetime(values) {}
}

private func pixel(_ number: Double, _ size: Int, _ alignsCorners: Bool) -> Double {
  alignsCorners
    ? (number + 1) / 2 * Double(size - 1) : ((number + 1) * Double(size) - 1) / 2
}

private func pixel(_ number: Float, _ size: Int, _ alignsCorners: Bool) -> Float {
  alignsCorners
    ? (number + 1) / 2 * Float(size - 1) : ((number + 1) * Float(size) - 1) / 2
}

/// The pixels, as offsets, and their weights that make up one sample.
private struct GridTaps {
  private(set) var offsets: [Int] = []
  private(set) var weights: [Double] = []
  private let sizes: [Int]
  private let sampling: GridSampling

  init(sizes: [Int], _ sampling: GridSampling) {
    self.sizes = sizes
    self.sampling = sampling
  }

  /// Finds the taps around the place whose coordinate along each axis `coordinate` gives.
  mutating func find(_ coordinate: (Int) -> Double) {
    offsets.removeAll(keepingCapacity: true)
    weights.removeAll(keepingCapacity: true)
    offsets.append(0)
    weights.append(1)
    for axis in sizes.indices {
      extend(axis, coordinate(axis))
      if offsets.isEmpty { return }
    }
  }

  private mutating func extend(_ axis: Int, _ coordinate: Double) {
    let size = sizes[axis]
    // Nothing is near a place that is no number.
    guard coordinate.isFinite else { return clear() }
    var x = sampling.mode == .nearest ? coordinate.rounded(.toNearestOrEven) : coordinate
    let (low, high) =
      sampling.alignsCorners ? (0, Double(size - 1)) : (-0.5, Double(size) - 0.5)
    if x < low || x > high {
      switch sampling.padding {
      case .zeros: x = min(max(x, -4), Double(size) + 4)
      // A cubic's taps stop at the border one by one.
      case .border:
        x =
          sampling.mode == .cubic
          ? min(max(x, -4), Double(size) + 4) : min(max(x, 0), Double(size - 1))
      case .reflection: x = reflected(x, low, high)
      }
    }
    let floor = x.rounded(.down), ratio = x - floor
    let first: Int, factors: [Double]
    switch sampling.mode {
    case .nearest: (first, factors) = (Int(x), [1])
    case .linear: (first, factors) = (Int(floor), [1 - ratio, ratio])
    case .cubic: (first, factors) = (Int(floor) - 1, cubicFactors(ratio))
    }
    let known = offsets.count
    for tap in 0..<factors.count {
      guard let source = inside(first + tap, size, low, high), factors[tap] != 0 else { continue }
      for i in 0..<known {
        offsets.append(offsets[i] * size + source)
        weights.append(weights[i] * factors[tap])
      }
    }
    offsets.removeFirst(known)
    weights.removeFirst(known)
  }

  private mutating func clear() {
    offsets.removeAll(keepingCapacity: true)
    weights.removeAll(keepingCapacity: true)
  }

  /// The pixel that stands for pixel `index`; nil where that is none.
  private func inside(_ index: Int, _ size: Int, _ low: Double, _ high: Double) -> Int? {
    if index >= 0 && index < size { return index }
    switch sampling.padding {
    case .zeros: return nil
    case .border: return min(max(index, 0), size - 1)
    case .reflection: return min(max(Int(reflected(Double(index), low, high)), 0), size - 1)
    }
  }
}

/// x thrown back at either border until it lies between them.
private func reflected(_ x: Double, _ low: Double, _ high: Double) -> Double {
  let range = high - low
  if range <= 0 { return low }
  let distance = x < low ? low - x : x > high ? x - high : 0
  if distance == 0 { return x }
  let turns = (distance / range).rounded(.down), rest = distance - turns * range
  let isEven = turns.truncatingRemainder(dividingBy: 2) == 0
  // Far away nothing is left of the fraction, and the rest may be anything.
  return min(max((x < low) == isEven ? low + rest : high - rest, low), high)
}

private func cubicFactors(_ x: Double) -> [Double] {
  let a = -0.75
  func outer(_ x: Double) -> Double { ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
  func inner(_ x: Double) -> Double { ((a + 2) * x - (a + 3)) * x * x + 1 }
  return [outer(x + 1), inner(x), inner(1 - x), outer(2 - x)]
}

/// out[n, p] = theta[n] · (position p, 1): where an affine map takes each place of a grid from −1 to
/// 1, coordinates last axis first; `alignsCorners` as in `gridSample`.
///
/// theta [N, r, r + 1], out [N, P₁, …, Pᵣ, r], of one float type.
package func affineGrid(_ out: MutableTensorView, _ theta: TensorView, alignsCorners: Bool) {
  let rank = theta.shape[1]
  precondition(
    theta.shape.rank == 3 && theta.shape[2] == rank + 1 && out.shape.rank == rank + 2
      && out.shape[-1] == rank && out.shape[0] == theta.shape[0] && out.type == theta.type)
  let sizes = Array(out.shape.dimensions.dropFirst().dropLast()), places = sizes.reduce(1, *)
  var position = [Double](repeating: 1, count: rank + 1)
  for n in 0..<out.shape[0] {
    for place in 0..<places {
      var rest = place
      for axis in (0..<rank).reversed() {
        let size = sizes[axis], at = Double(rest % size)
        rest /= size
        position[rank - 1 - axis] =
          alignsCorners
          ? (size == 1 ? -1 : -1 + 2 * at / Double(size - 1)) : (2 * at + 1) / Double(size) - 1
      }
      for row in 0..<rank {
        var sum = 0.0
        for column in 0...rank {
          let factor = Elements.load(
            theta.base, (n * rank + row) * (rank + 1) + column, theta.type)
          sum += factor * position[column]
        }
        Elements.store(sum, out.base, (n * places + place) * rank + row, out.type)
      }
    }
  }
}
