import ByteIO
import Glibc
import Naming

// Runs the ONNX project's test cases and holds what passes against the committed lists and the
// document. tools/onnx-conformance builds and starts it.
let usage = """
  usage: tools/onnx-conformance [--suite NAME] [--runtime NAME] [--case PATTERN] [--verbose]
                                [--write-expected] [--write-docs]

    --suite, --runtime, --case   only these; each may be given several times
    --verbose                    say what came of each case that does not pass
    --write-expected             write the lists of cases that do not pass
    --write-docs                 write the tables of docs/onnx.md

  Suites: \(Suite.allCases.map(\.rawValue).joined(separator: ", "))
  Runtimes: \(Runtime.allCases.map(\.rawValue).joined(separator: ", "))
  Exit status 1: something is other than listed, or the document's tables are other figures.
  """

struct Options {
  var suites: [Suite] = []
  var runtimes: [Runtime] = []
  var patterns: [String] = []
  var isVerbose = false
  var writesExpected = false
  var writesDocument = false

  var isWhole: Bool { suites.isEmpty && runtimes.isEmpty && patterns.isEmpty }

  init(_ arguments: [String]) throws(ConformanceError) {
    var rest = arguments[...]
    func value(_ option: String, _ word: String?) throws(ConformanceError) -> String {
      guard let word else { throw .message("\(option) wants a value\n\(usage)") }
      return word
    }
    while let word = rest.popFirst() {
      switch word {
      case "--suite":
        let name = try value(word, rest.popFirst())
        guard let suite = Suite(rawValue: name) else {
          throw .message("no suite \(name)\n\(usage)")
        }
        suites.append(suite)
      case "--runtime":
        let name = try value(word, rest.popFirst())
        guard let runtime = Runtime(rawValue: name) else {
          throw .message("no runtime \(name)\n\(usage)")
        }
        runtimes.append(runtime)
      case "--case": patterns.append(try value(word, rest.popFirst()))
      case "--verbose": isVerbose = true
      case "--write-expected": writesExpected = true
      case "--write-docs": writesDocument = true
      default: throw .message("what is \(word)?\n\(usage)")
      }
    }
    if (writesExpected || writesDocument) && !(runtimes.isEmpty && patterns.isEmpty) {
      throw .message("lists and tables are written from whole suites under all runtimes")
    }
    if writesDocument && !suites.isEmpty {
      throw .message("the tables are written from all suites")
    }
  }
}

let documentPath = packageRoot + "/docs/onnx.md"
let markers = ("<!-- conformance -->\n", "\n<!-- /conformance -->")

/// The document before, between and after its markers.
func documentParts() throws -> (String, String, String) {
  let text = String(decoding: try readSmallFile(documentPath, maximum: 1 << 24), as: UTF8.self)
  guard let begin = text.firstRange(of: markers.0), let end = text.firstRange(of: markers.1),
    begin.upperBound <= end.lowerBound
  else { throw ConformanceError.message("docs/onnx.md has no markers of the conformance tables") }
  return (
    String(text[..<begin.upperBound]), String(text[begin.upperBound..<end.lowerBound]),
    String(text[end.lowerBound...])
  )
}

func conform(_ options: Options) throws -> Bool {
  var cases: [Case] = []
  for suite in options.suites.isEmpty ? Suite.allCases : options.suites {
    cases += try suite.cases()
  }
  let globs = options.patterns.map { Glob($0) }
  let all = cases
  if !globs.isEmpty { cases = cases.filter { test in globs.contains { $0.matches(test.name) } } }
  let runtimes = options.runtimes.isEmpty ? Runtime.allCases : options.runtimes
  let units = cases.flatMap { test in runtimes.map { Unit(test.suite, test.name, $0) } }
  guard !units.isEmpty else { throw ConformanceError.message("no case has such a name") }
  let results = try runAll(units)

  let tables = Tables(results)
  writeStandardOutput(tables.operators + "\n\n" + tables.outside + "\n\n" + tables.totals + "\n")
  if let share = tables.share, options.isWhole { writeStandardOutput("\n\(share)\n") }
  if options.isVerbose {
    writeStandardOutput("\n")
    for (unit, outcome) in results.outcomes.sorted(by: { $0.key.text < $1.key.text })
    where outcome != .passed {
      let about = results.abouts[unit.suite]?[unit.name]
      writeStandardOutput(
        "\(outcome.kind) \(unit.suite.rawValue)/\(unit.name) \(unit.runtime.rawValue)"
          + " [\(about?.op ?? "several nodes")] \(outcome.sentence)\n")
    }
  }
  var expectations = try Expectations()
  if options.writesExpected {
    try expectations.rewrite(results)
    expectations = try Expectations()
  }
  var complaints = expectations.complaints(results) + expectations.strangers(all)
  if options.writesDocument {
    let (before, _, after) = try documentParts()
    try writeFile(before + tables.document + after, to: documentPath)
  } else if options.isWhole, try documentParts().1 != tables.document {
    complaints.append(
      "docs/onnx.md has other figures; tools/onnx-conformance --write-docs writes these")
  }
  if !complaints.isEmpty {
    writeStandardOutput("\nOther than listed:\n" + complaints.joined(separator: "\n") + "\n")
  }
  writeStandardOutput("\n\(units.count) runs, \(complaints.count) other than listed\n")
  return complaints.isEmpty
}

do {
  let arguments = Array(CommandLine.arguments.dropFirst())
  if arguments.first == "--worker" && arguments.count == 3 {
    try work(listPath: arguments[1], outputPath: arguments[2])
  } else if arguments == ["--help"] {
    writeStandardOutput(usage + "\n")
  } else {
    exit(try conform(Options(arguments)) ? 0 : 1)
  }
} catch ConformanceError.message(let text) {
  writeStandardError("onnx-conformance: \(text)\n")
  exit(2)
} catch {
  writeStandardError("onnx-conformance: \(error)\n")
  exit(2)
}
