/// The figures of a whole run, as docs/onnx.md has them.
struct Tables {
  private let results: Results
  private let suites: [Suite]

  init(_ results: Results) {
    self.results = results
    suites = Suite.allCases.filter { suite in results.outcomes.keys.contains { $0.suite == suite } }
  }

  /// A row a suite: how many cases pass under each runtime, and of those in scope in all of them.
  var totals: String {
    var rows = [
      "| suite | cases | as read | optimised | reloaded | in scope | of these pass |",
      "|---|--:|--:|--:|--:|--:|--:|",
    ]
    var sums = [Int](repeating: 0, count: 6)
    for suite in suites {
      let names = names(suite)
      let inScope = names.filter { results.abouts[suite]?[$0]?.outside == nil }
      let numbers =
        [names.count]
        + Runtime.allCases.map { runtime in
          names.count { results.outcomes[Unit(suite, $0, runtime)] == .passed }
        } + [inScope.count, inScope.count { passes(suite, $0) }]
      sums = zip(sums, numbers).map { $0 + $1 }
      rows.append("| \(suite.title) | " + numbers.map(grouped).joined(separator: " | ") + " |")
    }
    rows.append("| all | " + sums.map(grouped).joined(separator: " | ") + " |")
    return rows.joined(separator: "\n")
  }

  /// The sentence about the newest node cases; nil when they were not run.
  var share: String? {
    guard suites.contains(.pypiNode) else { return nil }
    let names = names(.pypiNode)
    let passed = names.count { passes(.pypiNode, $0) }
    let share = Double(passed * 1000 / max(names.count, 1)) / 10
    return
      "Of all \(grouped(names.count)) node cases of ONNX 1.23, \(grouped(passed)) pass under all"
      + " three runtimes: \(share) %."
  }

  /// Why the cases outside the scope are outside, with counts over all suites.
  var outside: String {
    var counts: [String: (cases: Int, passed: Int)] = [:]
    for suite in suites {
      for name in names(suite) {
        guard let reason = results.abouts[suite]?[name]?.outside else { continue }
        counts[reason, default: (0, 0)].cases += 1
        if passes(suite, name) { counts[reason]?.passed += 1 }
      }
    }
    let rows = counts.sorted { ($1.value.cases, $0.key) < ($0.value.cases, $1.key) }
      .map { "| \($0.key) | \($0.value.cases) | \($0.value.passed) |" }
    return (["| outside of the scope | cases | pass all the same |", "|---|--:|--:|"] + rows)
      .joined(separator: "\n")
  }

  /// A row an operator: node cases of both ages. A case whose node is written out as the body of its
  /// function counts for that operator.
  var operators: String {
    struct Row {
      var opsets = (Int.max, 0)
      var counts: [Suite: (passed: Int, total: Int)] = [:]
    }
    var rows: [String: Row] = [:]
    let nodeSuites: [Suite] = [.debianNode, .pypiNode]
    for suite in nodeSuites where suites.contains(suite) {
      let abouts = results.abouts[suite] ?? [:]
      for name in names(suite) {
        let base = String(
          name.prefix(upTo: name.firstRange(of: "_expanded")?.lowerBound ?? name.endIndex))
        let op = abouts[name]?.op ?? abouts[base]?.op ?? "(several nodes)"
        let opset = abouts[name]?.opset ?? 0
        var row = rows[op] ?? Row()
        row.opsets = (min(row.opsets.0, opset), max(row.opsets.1, opset))
        var count = row.counts[suite] ?? (0, 0)
        count.total += 1
        if passes(suite, name) { count.passed += 1 }
        row.counts[suite] = count
        rows[op] = row
      }
    }
    let lines = rows.sorted { $0.key < $1.key }.map { op, row in
      let opsets =
        row.opsets.0 == row.opsets.1 ? "\(row.opsets.0)" : "\(row.opsets.0)–\(row.opsets.1)"
      let counts = nodeSuites.map { row.counts[$0].map { "\($0.passed)/\($0.total)" } ?? "" }
      return "| \(op) | \(opsets) | \(counts.joined(separator: " | ")) |"
    }
    return
      ([
        "| operator | opsets of the cases | ONNX 1.12 | ONNX 1.23 |", "|---|---|--:|--:|",
      ] + lines).joined(separator: "\n")
  }

  /// All of it, between the markers of the document.
  var document: String {
    ([totals] + (share.map { [$0] } ?? []) + [outside, operators]).joined(separator: "\n\n")
  }

  private func names(_ suite: Suite) -> [String] {
    Set(results.outcomes.keys.lazy.filter { $0.suite == suite }.map(\.name)).sorted()
  }

  /// Under every runtime that was run.
  private func passes(_ suite: Suite, _ name: String) -> Bool {
    Runtime.allCases.allSatisfy {
      let outcome = results.outcomes[Unit(suite, name, $0)]
      return outcome == nil || outcome == .passed
    }
  }
}

/// 1616 as 1,616.
private func grouped(_ number: Int) -> String {
  var digits = Array(String(number))
  var place = digits.count - 3
  while place > 0 {
    digits.insert(",", at: place)
    place -= 3
  }
  return String(digits)
}
