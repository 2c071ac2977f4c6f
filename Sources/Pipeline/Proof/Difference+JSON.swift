import Comparison
import JSONText

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

private func integer(_ number: Int) -> JSONValue { .integer(Int64(number)) }

private func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }

/// A level in decibels.
private func level(_ value: Double?) -> JSONValue {
  value == .infinity ? .string("infinite") : number(value)
}

/// A number, or as a string "nan", "inf" or "-inf", which JSON's numbers lack.
func numberOrWord(_ value: Double) -> JSONValue {
  value.isFinite ? .number(value) : .string(shortNumber(value))
}

/// Whole numbers as they are; a float64 may not hold them.
private func element(_ value: Double, _ text: String) -> JSONValue {
  Int64(text).map { .integer($0) } ?? numberOrWord(value)
}

extension TensorComparison {
  var json: JSONValue {
    func difference(_ difference: ElementDifference?) -> JSONValue {
      guard let difference else { return .null }
      return .object([
        "error": numberOrWord(difference.error),
        "index": .array(difference.index.map(integer)),
        "actual": element(difference.actual, difference.actualText),
        "expected": element(difference.expected, difference.expectedText),
      ])
    }
    var object: JSONObject = [
      "name": .string(name), "passed": .bool(passed),
      "type": .string(actualType.rawValue), "expected_type": .string(expectedType.rawValue),
      "shape": .array(actualShape.dimensions.map(integer)),
      "expected_shape": .array(expectedShape.dimensions.map(integer)),
      "rule": .string(tolerance.ruleName), "equal_nan": .bool(tolerance.nanEqualsNaN),
      "absolute_bound": .number(absoluteBound), "relative_bound": .number(relativeBound),
      "max_abs": difference(maximumAbsolute), "max_rel": difference(maximumRelative),
      "first_failure": difference(firstFailure),
      "cosine": number(cosine),
      "failures": integer(failureCount),
      "nan": .array([integer(actualNaNCount), integer(expectedNaNCount)]),
      "inf": .array([integer(actualInfinityCount), integer(expectedInfinityCount)]),
    ]
    if let statistics {
      object["statistics"] = statistics.json
      object["passes_with"] = .object([
        "atol": number(statistics.smallestAbsolute), "rtol": number(statistics.smallestRelative),
        "of_largest": number(largestShare),
      ])
    }
    return .object(object)
  }
}

extension Tolerance {
  fileprivate var ruleName: String {
    switch rule {
    case .standard, .bounds: "sum"
    case .either: "either"
    case .relativeToMaximum: "of_largest"
    }
  }
}

extension ErrorStatistics {
  fileprivate var json: JSONValue {
    func quantiles<T>(_ values: [T], _ json: (T) -> JSONValue) -> JSONValue {
      var object = JSONObject()
      for (level, value) in zip(Self.levels, values) {
        object[level % 10 == 0 ? "0.\(level / 10)" : "0.\(level)"] = json(value)
      }
      return .object(object)
    }
    var object: JSONObject = [
      "finite": integer(count), "unequal": integer(unequalCount), "mean_error": number(meanError),
      "mean_difference": number(meanDifference), "rms": number(rootMeanSquare),
      "error_quantiles": quantiles(errorQuantiles) { .number($0) },
      "sqnr_db": level(signalToNoise), "psnr_db": level(peakSignalToNoise),
      "histogram": .object([
        "zero": integer(histogram.zeroCount),
        "powers_of_ten": .array(
          histogram.filled.map { .array([integer($0.power), integer($0.count)]) }),
      ]),
    ]
    if let steps {
      object["ulp"] = .object([
        "count": integer(steps.count),
        "quantiles": quantiles(steps.quantiles) { whole($0) }, "max": whole(steps.largest),
        "max_index": steps.largestIndex.map { .array($0.map(integer)) } ?? .null,
      ])
    }
    return .object(object)
  }
}

/// A count that may be beyond what JSON's readers take for an integer.
private func whole(_ value: UInt64) -> JSONValue {
  Int64(exactly: value).map { .integer($0) } ?? .number(Double(value))
}
