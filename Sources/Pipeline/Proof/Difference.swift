import Comparison
import JSONText

/// How the tensors of one file compare with those of another.
public struct FileDifference: Sendable {
  let report: ComparisonReport

  /// Whether every tensor is in both files and within tolerance.
  public var passed: Bool { report.passed() }

  /// A table with a line per tensor.
  public var text: String { report.text() }

  /// The same for programs.
  public var jsonText: String { report.json.text(indent: 2) }
}

/// Compares the tensors of two files by name.
///
/// - Parameters:
///   - actualPath: what is to be judged.
///   - expectedPath: what it should be.
///   - relative: |a − b| ≤ absolute + relative·|b|; nil for both takes the defaults of
///     `torch.testing.assert_close` by type; one of them nil is 0.
/// - Throws: when a file cannot be read.
public func differences(
  of actualPath: String, from expectedPath: String, relative: Double? = nil,
  absolute: Double? = nil
) throws -> FileDifference {
  let actual = try TensorSet(path: actualPath)
  let expected = try TensorSet(path: expectedPath)
  let tolerance =
    relative == nil && absolute == nil
    ? Tolerance.standard
    : Tolerance(.bounds(absolute: absolute ?? 0, relative: relative ?? 0))
  let report = try ComparisonReport(
    actualNames: actual.names, expectedNames: expected.names, tolerance: tolerance
  ) { name in
    defer {
      actual.release(name)
      expected.release(name)
    }
    return (try actual.tensor(named: name), try expected.tensor(named: name))
  }
  return FileDifference(report: report)
}

extension ComparisonReport {
  var json: JSONValue {
    .object([
      "passed": .bool(passed()),
      "missing": .array(missing.map { .string($0) }),
      "extra": .array(extra.map { .string($0) }),
      "tensors": .array(tensors.map(\.json)),
    ])
  }
}

extension TensorComparison {
  fileprivate var json: JSONValue {
    func difference(_ difference: ElementDifference?) -> JSONValue {
      guard let difference else { return .null }
      return .object([
        "error": .number(difference.error),
        "index": .array(difference.index.map { .integer(Int64($0)) }),
        "actual": .number(difference.actual), "expected": .number(difference.expected),
      ])
    }
    func count(_ number: Int) -> JSONValue { .integer(Int64(number)) }
    return .object([
      "name": .string(name), "passed": .bool(passed),
      "type": .string(actualType.rawValue), "expected_type": .string(expectedType.rawValue),
      "shape": .array(actualShape.dimensions.map(count)),
      "expected_shape": .array(expectedShape.dimensions.map(count)),
      "absolute_bound": .number(absoluteBound), "relative_bound": .number(relativeBound),
      "max_abs": difference(maximumAbsolute), "max_rel": difference(maximumRelative),
      "first_failure": difference(firstFailure),
      "cosine": cosine.map { .number($0) } ?? .null,
      "failures": count(failureCount),
      "nan": .array([count(actualNaNCount), count(expectedNaNCount)]),
      "inf": .array([count(actualInfinityCount), count(expectedInfinityCount)]),
    ])
  }
}
