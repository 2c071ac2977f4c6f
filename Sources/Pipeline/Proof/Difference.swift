import ByteIO
import Comparison
import JSONText
import Naming
import TensorBase

/// How an absolute and a relative bound go together.
public enum ToleranceRule: String, Sendable, Hashable {
  /// |a − b| ≤ absolute + relative·|b|, as NumPy and PyTorch have it.
  case sum
  /// |a − b| ≤ absolute, or |a − b| ≤ relative·|b|, as Polygraphy has it.
  case either
}

/// How to compare, and what to tell.
public struct DifferenceOptions: Sendable {
  /// nil for both bounds takes the defaults of `torch.testing.assert_close` by type; one of them nil
  /// is 0.
  public var absolute: Double?
  /// Of |b|.
  public var relative: Double?
  /// For these bounds, and for those of `tolerances` that say nothing else.
  public var rule = ToleranceRule.sum
  /// `GLOB=ATOL,RTOL` with tolerances of some tensors; of several that match, the last counts.
  public var tolerances: [String] = []
  /// A JSON file with tolerances; those of `tolerances` go before them.
  public var tolerancesPath: String?
  /// Whether NaN equals NaN. Otherwise it equals nothing.
  public var nanEqualsNaN = false
  /// Whether tensors of different types are compared by value.
  public var typesMayDiffer = false
  /// Names or patterns of the tensors to compare; empty for all.
  public var only: [String] = []
  /// Whether statistics of all tensors are wanted, not of the failed alone.
  public var isDetailed = false
  /// Whether the page is wanted, which needs pictures.
  public var hasPictures = false

  /// The defaults: all tensors, each by the bounds of its type.
  public init() {}
}

/// How the tensors, and where there are some the graphs, of one file compare with those of another.
public struct FileDifference: Sendable {
  let actualPath: String
  let expectedPath: String
  let report: ComparisonReport
  /// Where the files are models.
  let graphs: ModelDifference?
  /// By the tensors' names.
  let maps: [String: ErrorMap]
  let isDetailed: Bool
  /// What was not looked at: files of a folder that hold no tensors, tolerances for other tensors.
  let notes: [String]

  /// Whether every tensor is in both files and within tolerance, and the graphs are the same.
  public var passed: Bool { report.passed() && graphs?.isEmpty ?? true }

  /// A table with a line per tensor, after what differs between the graphs.
  public var text: String {
    (graphs.map { $0.text + "\n" } ?? "") + report.text(isDetailed: isDetailed)
      + notes.map { $0 + "\n" }.joined()
  }

  /// The same for programs.
  public var jsonText: String {
    guard case .object(var object) = report.json else { preconditionFailure("a report is one") }
    object["passed"] = .bool(passed)
    if let graphs { object["graphs"] = graphs.json }
    object["notes"] = .array(notes.map { .string($0) })
    return JSONValue.object(object).text(indent: 2)
  }

  /// The same for programs that show test results: JUnit's XML.
  public var junitText: String {
    var suites = [JUnitSuite(name: "\(actualPath) against \(expectedPath)", report)]
    if let graphs { suites.insert(graphs.junitSuite, at: 0) }
    return junitXML("plumb diff", suites)
  }

  /// The same as a page that needs nothing else, with pictures of where tensors differ.
  public func htmlText() throws -> String { try differencePage(self) }
}

/// Pictures in a page at most: of the first tensors that differ.
private let pictureLimit = 100

/// Compares the tensors of two files by name, and the graphs of two models.
///
/// - Parameters:
///   - actualPath: what is to be judged.
///   - expectedPath: what it should be.
/// - Throws: when a file cannot be read, or an option fits nothing.
public func differences(
  of actualPath: String, from expectedPath: String, options: DifferenceOptions = .init()
) throws -> FileDifference {
  let table = try ToleranceTable(options)
  var actual = try TensorSet(path: actualPath)
  let expected = try TensorSet(path: expectedPath)
  // A file of one tensor without a name of its own is named after the file.
  if let name = expected.fileName, actual.fileName != nil { actual.rename(to: name) }
  let actualNames = actual.names
  let expectedNames = expected.names
  let contents = (actual.content, expected.content)
  guard !actualNames.isEmpty || !expectedNames.isEmpty || contents.0 != nil && contents.1 != nil
  else {
    throw PipelineError.notFound(
      path: actualPath, reason: "it holds no tensor, and neither does \(expectedPath)")
  }
  let unused = try table.unused(actualNames + expectedNames)
  let chosen = try chosen(options.only, actualNames + expectedNames)

  let known = Set(actualNames)
  var report = ComparisonReport(
    tensors: [], missing: expectedNames.filter { chosen($0) && !known.contains($0) }, extra: [])
  let wanted = Set(expectedNames)
  report.extra = actualNames.filter { chosen($0) && !wanted.contains($0) }
  var maps: [String: ErrorMap] = [:]
  for name in expectedNames where known.contains(name) && chosen(name) {
    defer {
      actual.release(name)
      expected.release(name)
    }
    let (a, b) = (try actual.tensor(named: name), try expected.tensor(named: name))
    let comparison = TensorComparison(
      name: name, actual: a, expected: b, tolerance: table.tolerance(for: name),
      detail: options.isDetailed || options.hasPictures ? .all : .failures)
    report.tensors.append(comparison)
    if options.hasPictures, maps.count < pictureLimit,
      let place = comparison.firstNaN ?? comparison.maximumAbsolute?.index
        ?? comparison.firstFailure?.index
    {
      maps[name] = ErrorMap(a, b, around: place, maximumSide: 256)
    }
  }
  let graphs: ModelDifference? =
    if let a = contents.0, let b = contents.1 {
      ModelDifference(a, b)
    } else { nil }
  return FileDifference(
    actualPath: actualPath, expectedPath: expectedPath, report: report,
    graphs: options.only.isEmpty ? graphs : nil, maps: maps, isDetailed: options.isDetailed,
    notes: notes(actual, actualPath) + notes(expected, expectedPath)
      + (unused.isEmpty
        ? []
        : [
          "\(lastComponent(of: options.tolerancesPath ?? "")) has tolerances for tensors that are "
            + "not here: \(shortList(unused))"
        ]))
}

/// Files of a folder that were not looked at.
private func notes(_ set: TensorSet, _ path: String) -> [String] {
  guard case .folder(let folder) = set, !folder.others.isEmpty else { return [] }
  return ["\(path): no files of tensors, and not looked at: \(shortList(folder.others))"]
}

extension TensorComparison {
  /// Coordinates of the first element out of tolerance, if it is a NaN.
  fileprivate var firstNaN: [Int]? {
    firstFailure.flatMap { $0.error.isNaN ? $0.index : nil }
  }
}

/// - Throws: when a pattern matches none of the names.
private func chosen(_ patterns: [String], _ names: [String]) throws -> (String) -> Bool {
  guard !patterns.isEmpty else { return { _ in true } }
  let globs = patterns.map { Glob($0) }
  for glob in globs where !names.contains(where: { glob.matches($0) }) {
    throw PipelineError.noTensor(option: "--only", pattern: glob.pattern, among: names)
  }
  return { name in globs.contains { $0.matches(name) } }
}
