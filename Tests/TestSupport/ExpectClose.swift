import Comparison
import TensorBase
import Testing

/// Fails the test when `actual` is not within `tolerance` of `expected`, saying where and by how
/// much. Gives the comparison, for tests that want more.
@discardableResult
package func expectClose(
  _ actual: Tensor, _ expected: Tensor, tolerance: Tolerance = .standard, _ name: String = "tensor",
  sourceLocation: SourceLocation = #_sourceLocation
) -> TensorComparison {
  let comparison = TensorComparison(
    name: name, actual: actual, expected: expected, tolerance: tolerance)
  if !comparison.passed {
    Issue.record(Comment(rawValue: comparison.sentence), sourceLocation: sourceLocation)
  }
  return comparison
}

/// As above, with the largest absolute error at most `factor` of the largest |expected|.
@discardableResult
package func expectClose(
  _ actual: Tensor, _ expected: Tensor, relativeToMaximum factor: Double, _ name: String = "tensor",
  sourceLocation: SourceLocation = #_sourceLocation
) -> TensorComparison {
  expectClose(
    actual, expected, tolerance: Tolerance(.relativeToMaximum(factor)), name,
    sourceLocation: sourceLocation)
}

/// As above, with the tolerance that a golden case states for its outputs.
@discardableResult
package func expectClose(
  _ actual: Tensor, _ expected: Tensor, golden: GoldenCase, _ name: String = "tensor",
  sourceLocation: SourceLocation = #_sourceLocation
) -> TensorComparison {
  let rule = Tolerance.Rule.relativeToMaximum(
    golden.relativeTolerance, absolute: golden.absoluteTolerance)
  return expectClose(
    actual, expected, tolerance: Tolerance(rule), "\(golden.family)/\(golden.name) \(name)",
    sourceLocation: sourceLocation)
}

/// For plain arrays.
@discardableResult
package func expectClose(
  _ actual: [Float], _ expected: [Float], relativeToMaximum factor: Double,
  _ name: String = "array", sourceLocation: SourceLocation = #_sourceLocation
) -> TensorComparison {
  expectClose(
    Tensor(floats: actual, shape: [actual.count]),
    Tensor(floats: expected, shape: [expected.count]), relativeToMaximum: factor, name,
    sourceLocation: sourceLocation)
}
