import TensorBase

/// How far an actual value may lie from the expected one.
package struct Tolerance: Hashable, Sendable {
  package enum Rule: Hashable, Sendable {
    /// By element type, the defaults of `torch.testing.assert_close`: see `Tolerance.standard`.
    case standard
    /// |actual − expected| ≤ absolute + relative · |expected|.
    case bounds(absolute: Double, relative: Double)
    /// |actual − expected| ≤ absolute, or |actual − expected| ≤ relative · |expected|: Polygraphy's
    /// rule, where either bound is enough. `bounds` is NumPy's, where they add up.
    case either(absolute: Double, relative: Double)
    /// |actual − expected| ≤ absolute + factor · the largest finite |expected| of the tensor.
    case relativeToMaximum(Double, absolute: Double = 0)
  }

  package var rule: Rule
  /// Otherwise a NaN on either side fails.
  package var nanEqualsNaN: Bool
  /// Otherwise tensors of different types fail whatever their values.
  package var typesMayDiffer: Bool

  package init(_ rule: Rule = .standard, nanEqualsNaN: Bool = false, typesMayDiffer: Bool = false) {
    self.rule = rule
    self.nanEqualsNaN = nanEqualsNaN
    self.typesMayDiffer = typesMayDiffer
  }

  /// f16 1e-3, bf16 1.6e-2, f32 1.3e-6 relative with 1e-5 absolute; f64 1e-7 for both; integers
  /// and bools exact.
  package static let standard = Tolerance(.standard)
  /// Every value must be equal (0 and −0 are).
  package static let exact = Tolerance(.bounds(absolute: 0, relative: 0))
}

/// The largest difference that passes at an expected value.
struct Bounds {
  var absolute: Double
  var relative: Double
  /// Whether one of the two is enough; otherwise their sum counts.
  var isEither = false

  /// Whether an error passes at an expected magnitude. NaN does not.
  @inline(__always)
  func allow(_ error: Double, at magnitude: Double) -> Bool {
    isEither
      ? error <= absolute || error <= relative * magnitude
      : error <= absolute + relative * magnitude
  }

  /// `largest`: the largest finite |expected|. Of two types the coarser one counts.
  init(_ rule: Tolerance.Rule, _ a: ElementType, _ b: ElementType, largest: Double) {
    switch rule {
    case .standard:
      let (x, y) = (standardBounds(a), standardBounds(b))
      absolute = max(x.absolute, y.absolute)
      relative = max(x.relative, y.relative)
    case .bounds(let absolute, let relative):
      (self.absolute, self.relative) = (absolute, relative)
    case .either(let absolute, let relative):
      (self.absolute, self.relative, isEither) = (absolute, relative, true)
    case .relativeToMaximum(let factor, let absolute):
      (self.absolute, relative) = (absolute + factor * largest, 0)
    }
  }
}

/// The table in the documentation of `torch.testing.assert_close`.
private func standardBounds(_ type: ElementType) -> (absolute: Double, relative: Double) {
  switch type {
  case .f16: (1e-5, 1e-3)
  case .bf16: (1e-5, 1.6e-2)
  case .f32: (1e-5, 1.3e-6)
  case .f64: (1e-7, 1e-7)
  case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool: (0, 0)
  }
}
