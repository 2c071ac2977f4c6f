import Naming
import TensorBase

/// How a set of named tensors compares with the expected set.
package struct ComparisonReport: Sendable {
  /// In the order of the expected names.
  package var tensors: [TensorComparison]
  /// Expected, but not there.
  package var missing: [String]
  /// There, but not expected.
  package var extra: [String]

  package init(tensors: [TensorComparison], missing: [String], extra: [String]) {
    self.tensors = tensors
    self.missing = missing
    self.extra = extra
  }

  /// Compares by name. `load` gives the actual and the expected tensor of a name that is in both
  /// lists; it is called once a name, so two large files need no more memory than two tensors.
  package init<Failure: Error>(
    actualNames: [String], expectedNames: [String], tolerance: Tolerance = .standard,
    load: (String) throws(Failure) -> (actual: Tensor, expected: Tensor)
  ) throws(Failure) {
    let actual = Set(actualNames)
    let expected = Set(expectedNames)
    var tensors: [TensorComparison] = []
    for name in expectedNames where actual.contains(name) {
      let pair = try load(name)
      tensors.append(
        TensorComparison(
          name: name, actual: pair.actual, expected: pair.expected, tolerance: tolerance))
    }
    self.tensors = tensors
    missing = expectedNames.filter { !actual.contains($0) }
    extra = actualNames.filter { !expected.contains($0) }
  }

  /// Whether every tensor is there and within tolerance.
  package func passed(allowingExtra: Bool = false) -> Bool {
    missing.isEmpty && (allowingExtra || extra.isEmpty) && tensors.allSatisfy(\.passed)
  }

  package var failed: [TensorComparison] { tensors.filter { !$0.passed } }

  /// The tensor with the largest absolute error, NaN before all.
  package var worst: TensorComparison? {
    tensors.max { rank($0) < rank($1) }
  }

  private func rank(_ comparison: TensorComparison) -> Double {
    if comparison.firstFailure?.error.isNaN == true { return .infinity }
    return comparison.maximumAbsolute?.error ?? 0
  }
}

extension ComparisonReport {
  /// A table with a line a tensor and a line of totals.
  ///
  /// - Parameter isDetailed: with a paragraph on each tensor that has statistics and differs.
  package func text(isDetailed: Bool = false) -> String {
    var rows = [["", "tensor", "type", "shape", "max abs", "max rel", "cosine", "off", "NaN/Inf"]]
    for tensor in tensors {
      rows.append([
        tensor.passed ? "ok" : "FAIL", tensor.name,
        both(tensor.actualType.rawValue, tensor.expectedType.rawValue),
        both(tensor.actualShape.description, tensor.expectedShape.description),
        tensor.text(of: tensor.maximumAbsolute), tensor.text(of: tensor.maximumRelative),
        tensor.cosine.map { fixed($0, digits: 8) } ?? "-",
        tensor.shapesMatch ? String(tensor.failureCount) : "-",
        tensor.shapesMatch
          ? both(
            "\(tensor.actualNaNCount)/\(tensor.actualInfinityCount)",
            "\(tensor.expectedNaNCount)/\(tensor.expectedInfinityCount)") : "-",
      ])
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var lines = rows.map { row in
      zip(row, widths).map { cell, width in
        cell + String(repeating: " ", count: width - cell.count)
      }.joined(separator: "  ").trimmingEnd()
    }
    for tensor in failed {
      lines.append(tensor.sentence)
      if let advice = tensor.advice { lines.append("  " + advice) }
    }
    lines += missing.map { name in
      "FAIL  \(name): missing." + (partner(of: name).map { " Is it '\($0)'?" } ?? "")
    }
    lines += extra.map { "extra \($0): not expected." }
    if tensors.isEmpty { lines.append("Nothing was compared: no name is on both sides.") }
    if isDetailed {
      for tensor in tensors { lines += tensor.details }
    }
    lines.append(
      "\(tensors.count) compared, \(failed.count) out of tolerance, \(missing.count) missing, "
        + "\(extra.count) extra.")
    return lines.joined(separator: "\n") + "\n"
  }

  /// An extra tensor whose name is much like that of a missing one.
  private func partner(of name: String) -> String? {
    // It takes time for each pair; who misses so many has other worries.
    missing.count * extra.count > 10_000
      ? nil
      : nearestName(to: name, among: extra)
        ?? extra.first { other in
          let (long, short) = name.count > other.count ? (name, other) : (other, name)
          return long.hasPrefix(short + ".") || long.hasSuffix("." + short)
        }
  }

  private func both(_ actual: String, _ expected: String) -> String {
    actual == expected ? actual : "\(actual) for \(expected)"
  }
}

extension TensorComparison {
  /// What is wrong, or how close it is, in one sentence.
  package var sentence: String {
    guard shapesMatch else {
      let isPermuted =
        actualShape.rank > 1
        && actualShape.dimensions.sorted() == expectedShape.dimensions.sorted()
      return "\(name): the shape is \(actualShape), expected \(expectedShape)"
        + (isPermuted ? "; transposed?" : ".")
    }
    guard typesMatch || tolerance.typesMayDiffer else {
      let values =
        failureCount == 0 ? "the values agree" : "of the values \(failureCount) are off as well"
      return "\(name): the type is \(actualType.rawValue), expected \(expectedType.rawValue); "
        + "\(values)."
    }
    guard failureCount > 0, let first = firstFailure else {
      let error = maximumAbsolute.map { shortNumber($0.error) } ?? "0"
      return "\(name): within tolerance, largest absolute error \(error)."
    }
    var text = "\(name): \(failureCount) of \(expectedShape.count) elements out of tolerance "
    text += "(\(boundText))"
    if let largest = maximumAbsolute {
      text += "; largest error \(shortNumber(largest.error))\(largest.index.placeText): "
      text += "\(largest.actualText), expected \(largest.expectedText)"
    }
    if maximumAbsolute?.index != first.index {
      text += "; first\(first.index.placeText): \(first.actualText), expected \(first.expectedText)"
    }
    let (nans, expectedNaNs) = (actualNaNCount, expectedNaNCount)
    if nans + expectedNaNs > 0 { text += "; \(nans) NaN, expected \(expectedNaNs)" }
    return text + "."
  }

  /// Whether nothing but NaNs in the same places keeps it from passing.
  var needsEqualNaN: Bool {
    failureCount > 0 && failureCount == commonNaNCount && !tolerance.nanEqualsNaN
  }

  /// A maximum for the table.
  fileprivate func text(of maximum: ElementDifference?) -> String {
    guard shapesMatch else { return "-" }
    if let maximum { return shortNumber(maximum.error) }
    return failureCount > 0 ? "nan" : "0"
  }

  private var boundText: String {
    switch tolerance.rule {
    case .either:
      "\(shortNumber(absoluteBound)) or \(shortNumber(relativeBound))·|expected|"
    case .standard, .bounds:
      "\(shortNumber(absoluteBound)) + \(shortNumber(relativeBound))·|expected|"
    case .relativeToMaximum(let factor, let absolute):
      "\(shortNumber(factor)) of the largest expected, \(shortNumber(largestExpected))"
        + (absolute > 0 ? ", + \(shortNumber(absolute))" : "")
    }
  }
}

extension String {
  func trimmingEnd() -> String {
    var result = self[...]
    while result.last == " " { result.removeLast() }
    return String(result)
  }
}
