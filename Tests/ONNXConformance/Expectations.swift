import ByteIO

/// The committed lists of what does not pass, and why: Tests/ONNXConformanceTests/expected, a file a
/// suite. A line is a case, what comes of it, and the reason, with tabs between; what comes of it is
/// `refused` (a clear sentence at load), `failed`, `wrong`, or one of these with `@` and the runtimes
/// it concerns. A case that is not listed passes.
struct Expectations {
  struct Entry {
    let kind: String
    /// Empty for all runtimes.
    let runtimes: [Runtime]
    let reason: String
  }

  private(set) var entries: [Suite: [String: [Entry]]] = [:]

  static func path(_ suite: Suite) -> String {
    "\(packageRoot)/Tests/ONNXConformanceTests/expected/\(suite.rawValue).txt"
  }

  init() throws {
    for suite in Suite.allCases {
      let path = Self.path(suite)
      guard fileExists(path) else { continue }
      let text = String(decoding: try readSmallFile(path, maximum: 1 << 24), as: UTF8.self)
      for line in text.split(separator: "\n") where !line.hasPrefix("#") {
        let fields = tabFields(line)
        guard fields.count == 3, !fields[2].isEmpty else {
          throw ConformanceError.message("\(path): not a case, an outcome and a reason: \(line)")
        }
        let parts = fields[1].split(separator: "@").map(String.init)
        let runtimes = parts.count < 2 ? [] : parts[1].split(separator: ",").map(String.init)
        entries[suite, default: [:]][fields[0], default: []].append(
          Entry(
            kind: parts[0], runtimes: runtimes.compactMap(Runtime.init(rawValue:)),
            reason: fields[2]))
      }
    }
  }

  func entry(_ unit: Unit) -> Entry? {
    entries[unit.suite]?[unit.name]?.first {
      $0.runtimes.isEmpty || $0.runtimes.contains(unit.runtime)
    }
  }

  /// What is other than listed, a sentence each.
  func complaints(_ results: Results) -> [String] {
    var complaints: [String] = []
    for (unit, outcome) in results.outcomes.sorted(by: { $0.key.text < $1.key.text }) {
      let name = "\(unit.suite.rawValue)/\(unit.name) \(unit.runtime.rawValue)"
      let entry = entry(unit)
      let expected = entry?.kind ?? "passed"
      if outcome.kind != expected {
        complaints.append(
          "\(name): \(outcome.kind), listed as \(expected)"
            + (outcome.sentence.isEmpty ? "" : ": \(outcome.sentence)"))
      }
    }
    return complaints
  }

  /// Listed cases that there are not.
  func strangers(_ cases: [Case]) -> [String] {
    var known: [Suite: Set<String>] = [:]
    for test in cases { known[test.suite, default: []].insert(test.name) }
    var sentences: [String] = []
    for (suite, listed) in entries {
      guard let names = known[suite] else { continue }
      for name in listed.keys where !names.contains(name) {
        sentences.append("\(suite.rawValue)/\(name) is listed, but there is no such case")
      }
    }
    return sentences.sorted()
  }

  /// Writes the lists as the results are; reasons that are there already are kept, others are the
  /// scope's, or the error's own words.
  func rewrite(_ results: Results) throws {
    for suite in Suite.allCases {
      var lines: [String] = []
      let units = results.outcomes.filter { $0.key.suite == suite }
      guard !units.isEmpty else { continue }
      for (name, group) in Dictionary(grouping: units, by: \.key.name).sorted(by: {
        $0.key < $1.key
      }) {
        let bad = group.filter { $0.value != .passed }
        for (kind, some) in Dictionary(grouping: bad, by: \.value.kind).sorted(by: {
          $0.key < $1.key
        }) {
          let runtimes = Runtime.allCases.filter { runtime in
            some.contains { $0.key.runtime == runtime }
          }
          let isAll = runtimes.count == Set(group.map(\.key.runtime)).count
          let suffix = isAll ? "" : "@" + runtimes.map(\.rawValue).joined(separator: ",")
          let old = some.first.flatMap { entry($0.key) }
          let reason =
            (old?.kind == kind ? old?.reason : nil) ?? results.abouts[suite]?[name]?.outside
            ?? "TO EXPLAIN: \(some[0].value.sentence)"
          lines.append("\(name)\t\(kind)\(suffix)\t\(reason)")
        }
      }
      let head =
        "# \(suite.title): cases that do not pass. See Expectations.swift; written by"
        + " tools/onnx-conformance --write-expected."
      try writeFile(([head] + lines).joined(separator: "\n") + "\n", to: Self.path(suite))
    }
  }
}
