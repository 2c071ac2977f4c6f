import TensorBase

/// An element where two tensors differ.
package struct ElementDifference: Hashable, Sendable {
  /// A coordinate an axis.
  package let index: [Int]
  package let actual: Double
  package let expected: Double
  /// The two as their types write them, exactly.
  package let actualText: String
  package let expectedText: String
  /// Absolute or relative, as the field that holds this says. Infinite when one value is, or when
  /// it is relative to 0; NaN when a value is.
  package let error: Double
}

/// For which tensors a comparison gathers statistics.
package enum ComparisonDetail: Sendable, Hashable {
  case none, failures, all
}

/// How one tensor compares with what was expected of it.
package struct TensorComparison: Sendable {
  package let name: String
  package let actualType: ElementType
  package let expectedType: ElementType
  package let actualShape: Shape
  package let expectedShape: Shape
  package let tolerance: Tolerance
  /// The bounds that the tolerance came to: |a − b| ≤ absolute + relative · |b|, or one of the two
  /// where the rule is `either`.
  package let absoluteBound: Double
  package let relativeBound: Double
  /// Largest |actual − expected|; nil when the shapes differ, no value differs, or every
  /// difference is a NaN.
  package internal(set) var maximumAbsolute: ElementDifference?
  /// Largest |actual − expected| / |expected|; nil as above.
  package internal(set) var maximumRelative: ElementDifference?
  /// The first element out of tolerance, with its absolute error.
  package internal(set) var firstFailure: ElementDifference?
  /// Elements out of tolerance.
  package internal(set) var failureCount = 0
  /// Of the two tensors as vectors, over elements finite on both sides; nil when one of them is
  /// zero there or the shapes differ.
  package internal(set) var cosine: Double?
  package internal(set) var actualNaNCount = 0
  package internal(set) var expectedNaNCount = 0
  /// Elements that are NaN on both sides.
  package internal(set) var commonNaNCount = 0
  package internal(set) var actualInfinityCount = 0
  package internal(set) var expectedInfinityCount = 0
  /// The largest finite |expected|.
  package let largestExpected: Double
  /// What the differences are like; nil when that was not asked or the shapes differ.
  package internal(set) var statistics: ErrorStatistics?

  package var shapesMatch: Bool { actualShape == expectedShape }
  package var typesMatch: Bool { actualType == expectedType }

  package var passed: Bool {
    shapesMatch && (typesMatch || tolerance.typesMayDiffer) && failureCount == 0
  }
}

extension TensorComparison {
  /// Holds `actual` against `expected`. An element passes when it equals the expected one (so an
  /// infinity matches its like) or lies within the bounds; a NaN fails unless both sides have it and
  /// the tolerance says so. Tensors of different types are compared in the wider float where both
  /// are floats, otherwise in float64.
  ///
  /// - Parameter detail: when to gather `statistics` too, which takes some more passes.
  package init(
    name: String, actual: Tensor, expected: Tensor, tolerance: Tolerance = .standard,
    detail: ComparisonDetail = .none
  ) {
    self.name = name
    (actualType, expectedType) = (actual.type, expected.type)
    (actualShape, expectedShape) = (actual.shape, expected.shape)
    self.tolerance = tolerance
    let largest = largestMagnitude(expected)
    let bounds = Bounds(tolerance.rule, actual.type, expected.type, largest: largest)
    (absoluteBound, relativeBound) = (bounds.absolute, bounds.relative)
    largestExpected = largest
    guard actual.shape == expected.shape else { return }
    let common = commonType(actual.type, expected.type)
    let (a, b) = (actual.converted(to: common), expected.converted(to: common))
    let found = measurement(a, b, bounds)
    func difference(_ place: Measurement.Place) -> ElementDifference {
      ElementDifference(
        index: expected.shape.coordinates(of: place.index), actual: place.actual,
        expected: place.expected, actualText: actual.elementText(at: place.index),
        expectedText: expected.elementText(at: place.index), error: place.error)
    }
    maximumAbsolute = found.largestAbsolute.map(difference)
    maximumRelative = found.largestRelative.map(difference)
    firstFailure = found.firstFailure.map(difference)
    note(found)
    if detail == .all || detail == .failures && failureCount > 0 {
      statistics = ErrorStatistics(
        a, b, bounds, nanEqualsNaN: tolerance.nanEqualsNaN, hasSteps: typesMatch)
    }
  }

  /// Precondition: same type and shape.
  private func measurement(
    _ actual: Tensor, _ expected: Tensor, _ bounds: Bounds
  ) -> Measurement {
    let equalNaN = tolerance.nanEqualsNaN
    return switch actual.type {
    case .f32: measureFloats(actual, expected, bounds, equalNaN, Float.self) { Double($0) }
    case .f64: measureFloats(actual, expected, bounds, equalNaN, Double.self) { $0 }
    case .f16:
      measureFloats(actual, expected, bounds, equalNaN, UInt16.self) {
        Double(floatFromHalf($0))
      }
    case .bf16:
      measureFloats(actual, expected, bounds, equalNaN, UInt16.self) {
        Double(floatFromBFloat16($0))
      }
    case .i8: measureIntegers(actual, expected, bounds, Int8.self)
    case .i16: measureIntegers(actual, expected, bounds, Int16.self)
    case .i32: measureIntegers(actual, expected, bounds, Int32.self)
    case .i64: measureIntegers(actual, expected, bounds, Int64.self)
    case .u8, .bool: measureIntegers(actual, expected, bounds, UInt8.self)
    case .u16: measureIntegers(actual, expected, bounds, UInt16.self)
    case .u32: measureIntegers(actual, expected, bounds, UInt32.self)
    case .u64: measureIntegers(actual, expected, bounds, UInt64.self)
    }
  }

  private mutating func note(_ found: Measurement) {
    failureCount = found.failures
    commonNaNCount = found.commonNaNs
    (actualNaNCount, expectedNaNCount) = (found.actualNaNs, found.expectedNaNs)
    (actualInfinityCount, expectedInfinityCount) = (
      found.actualInfinities, found.expectedInfinities
    )
    let norms = (found.actualSquares * found.expectedSquares).squareRoot()
    if norms > 0 && norms.isFinite { cosine = found.product / norms }
  }
}

extension Shape {
  /// The coordinates of the element at a place of the row-major order.
  func coordinates(of place: Int) -> [Int] {
    var rest = place
    return strides.map { stride in
      defer { rest %= stride }
      return rest / stride
    }
  }
}

/// The type in which two tensors are compared: exact for both where both are floats.
private func commonType(_ a: ElementType, _ b: ElementType) -> ElementType {
  if a == b { return a }
  let isNarrow = [a, b].allSatisfy { [.f16, .bf16, .f32].contains($0) }
  return isNarrow ? .f32 : .f64
}

/// The largest finite magnitude; 0 when there is none.
private func largestMagnitude(_ tensor: Tensor) -> Double {
  func largest<T: BitwiseCopyable>(_ type: T.Type, _ value: (T) -> Double) -> Double {
    tensor.withSpan(of: type) { elements in
      var result = 0.0
      for i in 0..<elements.count {
        let magnitude = value(elements[i]).magnitude
        if magnitude > result && magnitude < .infinity { result = magnitude }
      }
      return result
    }
  }
  return switch tensor.type {
  case .f32: largest(Float.self) { Double($0) }
  case .f64: largest(Double.self) { $0 }
  case .f16: largest(UInt16.self) { Double(floatFromHalf($0)) }
  case .bf16: largest(UInt16.self) { Double(floatFromBFloat16($0)) }
  case .i8: largest(Int8.self) { Double($0) }
  case .i16: largest(Int16.self) { Double($0) }
  case .i32: largest(Int32.self) { Double($0) }
  case .i64: largest(Int64.self) { Double($0) }
  case .u8, .bool: largest(UInt8.self) { Double($0) }
  case .u16: largest(UInt16.self) { Double($0) }
  case .u32: largest(UInt32.self) { Double($0) }
  case .u64: largest(UInt64.self) { Double($0) }
  }
}
