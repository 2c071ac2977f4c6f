import Comparison
import Reports

/// A group of test cases in JUnit's XML, the form in which CI systems take results.
struct JUnitSuite {
  struct Failure {
    /// `tolerance`, `shape`, `type`, `missing`, `extra` or `graph`.
    let kind: String
    let message: String
    var text = ""
  }

  struct Case {
    let name: String
    /// nil when it passed.
    let failure: Failure?
    /// Why nothing was compared; nil when something was.
    var skipped: String?
  }

  let name: String
  let cases: [Case]

  init(name: String, cases: [Case]) {
    self.name = name
    self.cases = cases
  }

  /// A case per tensor; missing and extra ones fail.
  init(name: String, _ report: ComparisonReport) {
    self.name = name
    cases =
      report.tensors.map { Case(name: $0.name, failure: Failure($0)) }
      + report.missing.map {
        Case(name: $0, failure: Failure(kind: "missing", message: "\($0) is missing"))
      }
      + report.extra.map {
        Case(name: $0, failure: Failure(kind: "extra", message: "\($0) is not expected"))
      }
  }

  fileprivate var skippedCount: Int { cases.count { $0.skipped != nil } }

  fileprivate var failureCount: Int { cases.count { $0.failure != nil } }

  fileprivate var xml: [String] {
    var lines = [
      "  <testsuite name=\"\(escaped(name))\" tests=\"\(cases.count)\" "
        + "failures=\"\(failureCount)\" errors=\"0\" skipped=\"\(skippedCount)\">"
    ]
    for item in cases {
      let opening =
        "    <testcase classname=\"\(escaped(name))\" name=\"\(escaped(item.name))\""
      if let reason = item.skipped {
        lines.append(opening + "><skipped message=\"\(escaped(reason))\"/></testcase>")
        continue
      }
      guard let failure = item.failure else {
        lines.append(opening + "/>")
        continue
      }
      lines.append(opening + ">")
      lines.append(
        "      <failure type=\"\(failure.kind)\" message=\"\(escaped(failure.message))\">"
          + escaped(failure.text) + "</failure>")
      lines.append("    </testcase>")
    }
    return lines + ["  </testsuite>"]
  }
}

extension JUnitSuite.Failure {
  /// nil when the tensor passes.
  ///
  /// - Parameter more: lines on it beside what the comparison says.
  init?(_ tensor: TensorComparison, more: [String] = []) {
    guard !tensor.passed else { return nil }
    self.init(
      kind: tensor.shapesMatch ? tensor.failureCount > 0 ? "tolerance" : "type" : "shape",
      message: tensor.sentence,
      text: (more + [tensor.advice].compactMap { $0 } + tensor.details).joined(separator: "\n"))
  }
}

/// A document of suites.
func junitXML(_ name: String, _ suites: [JUnitSuite]) -> String {
  let tests = suites.reduce(0) { $0 + $1.cases.count }
  let failures = suites.reduce(0) { $0 + $1.failureCount }
  let lines =
    [
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
      "<testsuites name=\"\(escaped(name))\" tests=\"\(tests)\" failures=\"\(failures)\" "
        + "errors=\"0\">",
    ] + suites.flatMap(\.xml) + ["</testsuites>", ""]
  return lines.joined(separator: "\n")
}
