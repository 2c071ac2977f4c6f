import TensorBase

/// What one pass over two tensors finds.
struct Measurement {
  struct Place {
    let index: Int
    let actual: Double
    let expected: Double
    let error: Double
  }

  var largestAbsolute: Place?
  var largestRelative: Place?
  var firstFailure: Place?
  var failures = 0
  var actualNaNs = 0
  var expectedNaNs = 0
  var commonNaNs = 0
  var actualInfinities = 0
  var expectedInfinities = 0
  // Over elements finite on both sides.
  var product = 0.0
  var actualSquares = 0.0
  var expectedSquares = 0.0
}

/// Elements are widened by `value`, exactly, to float64.
@inline(__always)
func measureFloats<T: BitwiseCopyable>(
  _ actual: Tensor, _ expected: Tensor, _ bounds: Bounds, _ equalNaN: Bool, _: T.Type,
  _ value: (T) -> Double
) -> Measurement {
  actual.withSpan(of: T.self) { a in
    expected.withSpan(of: T.self) { b in
      var result = Measurement()
      var (product, xx, yy) = (0.0, 0.0, 0.0)
      var (largest, largestRatio) = (0.0, 0.0)
      for i in 0..<a.count {
        let (x, y) = (value(a[i]), value(b[i]))
        // Finite minus itself is 0; NaN and infinities give NaN.
        guard (x - x) + (y - y) == 0 else {
          result.addSpecial(x, y, at: i, equalNaN: equalNaN)
          continue
        }
        product += x * y
        xx += x * x
        yy += y * y
        let error = (x - y).magnitude
        if error > largest && error > (result.largestAbsolute?.error ?? 0) {
          largest = error
          result.largestAbsolute = .init(index: i, actual: x, expected: y, error: error)
        }
        if error > largestRatio * y.magnitude {
          result.addRatio(x, y, error: error, at: i)
          largestRatio = result.largestRelative?.error ?? 0
        }
        if !bounds.allow(error, at: y.magnitude) {
          result.fail(x, y, error: error, at: i)
        }
      }
      (result.product, result.actualSquares, result.expectedSquares) = (product, xx, yy)
      return result
    }
  }
}

/// Differences are exact before they are rounded to float64, so equal means equal.
@inline(__always)
func measureIntegers<T: FixedWidthInteger & BitwiseCopyable>(
  _ actual: Tensor, _ expected: Tensor, _ bounds: Bounds, _: T.Type
) -> Measurement {
  actual.withSpan(of: T.self) { a in
    expected.withSpan(of: T.self) { b in
      var result = Measurement()
      for i in 0..<a.count {
        let (x, y) = (Double(a[i]), Double(b[i]))
        result.product += x * y
        result.actualSquares += x * x
        result.expectedSquares += y * y
        if a[i] == b[i] { continue }
        let error = Double(a[i].distance(from: b[i]))
        if error > (result.largestAbsolute?.error ?? 0) {
          result.largestAbsolute = .init(index: i, actual: x, expected: y, error: error)
        }
        result.addRatio(x, y, error: error, at: i)
        if !bounds.allow(error, at: y.magnitude) {
          result.fail(x, y, error: error, at: i)
        }
      }
      return result
    }
  }
}

extension Measurement {
  mutating func addRatio(_ x: Double, _ y: Double, error: Double, at index: Int) {
    let ratio = error / y.magnitude
    if ratio > (largestRelative?.error ?? 0) {
      largestRelative = Place(index: index, actual: x, expected: y, error: ratio)
    }
  }

  mutating func fail(_ x: Double, _ y: Double, error: Double, at index: Int) {
    if firstFailure == nil {
      firstFailure = Place(index: index, actual: x, expected: y, error: error)
    }
    failures += 1
  }

  /// An element that is NaN or infinite on at least one side.
  mutating func addSpecial(_ x: Double, _ y: Double, at index: Int, equalNaN: Bool) {
    if x.isNaN { actualNaNs += 1 }
    if y.isNaN { expectedNaNs += 1 }
    if x.isNaN && y.isNaN { commonNaNs += 1 }
    if x.isInfinite { actualInfinities += 1 }
    if y.isInfinite { expectedInfinities += 1 }
    if x == y || (equalNaN && x.isNaN && y.isNaN) { return }
    // NaN, or infinite: no bound, however large, makes it pass.
    let error = (x - y).magnitude
    if error > (largestAbsolute?.error ?? 0) {
      largestAbsolute = Place(index: index, actual: x, expected: y, error: error)
    }
    addRatio(x, y, error: error, at: index)
    fail(x, y, error: error, at: index)
  }
}
