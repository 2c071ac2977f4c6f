import ByteIO
import Comparison
import Executor
import GraphIR
import JSONText
import TensorBase
import TensorFiles

/// How a model's outputs and taps compare with a golden bundle.
public struct Verification: Sendable {
  /// A case of the bundle.
  public struct Case: Sendable {
    /// The name of its folder.
    public let name: String
    /// The graph that was run; `all` for a whole run of the method.
    public let graph: String
    let report: ComparisonReport
    /// Inputs that the case leaves out and transformers has a default for.
    var assumed: [String] = []
    /// Inputs of the case that the graph does not have.
    var stray: [String] = []
    /// Values inside of the graph that the case holds, for `verifyLayerwise`.
    var innerCount = 0
    /// Outputs of a whole run that the case holds and nothing was compared with.
    var omitted: [String] = []

    /// Whether every tensor is within tolerance.
    public var passed: Bool { report.passed() }
  }

  /// In the order of their names.
  public let cases: [Case]

  /// Whether every case passed.
  public var passed: Bool { cases.allSatisfy(\.passed) }

  /// Tensors that the bundle expects.
  var tensorCount: Int {
    cases.reduce(0) { $0 + $1.report.tensors.count + $1.report.missing.count }
  }
  /// Those of them that are missing or out of tolerance.
  var failureCount: Int {
    cases.reduce(0) { $0 + $1.report.failed.count + $1.report.missing.count }
  }

  /// A table per case, for a terminal.
  public var text: String {
    cases.map { item in
      "\(item.passed ? "ok" : "FAIL")  \(item.name) (graph \(item.graph))\n"
        + item.report.text() + item.notes.map { $0 + "\n" }.joined()
    }.joined(separator: "\n\n")
  }

  /// The same for programs that show test results: JUnit's XML.
  public var junitText: String {
    junitXML("plumb verify", cases.map { JUnitSuite(name: $0.name, $0.report) })
  }

  /// The same for programs: one JSON object.
  public var jsonText: String {
    JSONValue.object([
      "passed": .bool(passed),
      "cases": .array(
        cases.map { item in
          .object([
            "case": .string(item.name), "graph": .string(item.graph),
            "assumed_inputs": .array(item.assumed.map { .string($0) }),
            "stray_inputs": .array(item.stray.map { .string($0) }),
            "inner_values": .integer(Int64(item.innerCount)),
            "omitted": .array(item.omitted.map { .string($0) }), "report": item.report.json,
          ])
        }),
    ]).text(indent: 2)
  }
}

extension Verification.Case {
  /// What one should know beside the table.
  fileprivate var notes: [String] {
    var notes = assumed.map { assumedText($0) } + stray.map { strayText($0) }
    if innerCount > 0 {
      notes.append("\(innerCount) values in between were not compared; --layerwise compares them.")
    }
    if !omitted.isEmpty {
      notes.append(
        "left out, as a whole run is not held against them: \(omitted.joined(separator: ", ")).")
    }
    return notes
  }
}

/// That an input was not recorded, and what was taken.
func assumedText(_ input: String) -> String {
  let value =
    switch input {
    case "attention_mask": "all ones"
    case "position_ids": "0, 1, 2, …"
    default: "zeros"
    }
  return "\(input) is not in the case: \(value), as transformers takes it."
}

/// That an input was recorded that goes nowhere.
func strayText(_ input: String) -> String {
  "\(input) is recorded as an input, but the graph does not have it."
}

/// Runs a golden bundle's inputs through a model and compares outputs and taps.
///
/// A bundle is a folder with `case.json` and `io.safetensors`, or a folder of such folders: tensors
/// `input.<name>` go in, every `output.<name>` is asked for by name and compared. `case.json` may
/// name the graph in `config.graph`; otherwise it is the one that takes those inputs. Where it has
/// `io_sha256`, that is the digest of `io.safetensors`. A case whose
/// `config.kind` is `ground` holds a whole run of the method (`GoldenBundleCase.compareRun`).
///
/// - Parameters:
///   - tolerance: of the largest magnitude of each tensor; nil takes the bundle's own tolerance, or
///     1e-4 when it names none.
///   - memory: how much of it running the model may take.
///   - progress: told how many cases of how many are done.
/// - Throws: when the model or the bundle cannot be read, or a case fits no graph.
public func verify(
  modelPath: String, goldenFolder: String, relativeToMaximum tolerance: Double? = nil,
  threads: Int? = nil, isExact: Bool = false, memory: MemoryUse = .unlimited,
  progress: Progress = { _, _, _ in }
) throws -> Verification {
  let file = try ModelFile(path: modelPath, memory: memory)
  let bundle = try goldenBundle(goldenFolder)
  let options = ExecutionOptions(threads: threads ?? defaultThreadCount, isExact: isExact)
  var models: [String: Model] = [:]
  let cases = try bundle.enumerated().map { place, golden in
    progress("verifying", place, bundle.count)
    if golden.isWholeRun {
      let (report, omitted) = try golden.compareRun(
        modelPath: modelPath, tolerance: tolerance, execution: options, memory: memory)
      return Verification.Case(name: golden.name, graph: "all", report: report, omitted: omitted)
    }
    let name = try golden.graphName(among: file.graphs)
    var model = try models[name] ?? file.model(name)
    // Weights stay for further cases where there is room for all.
    defer { if memory == .unlimited { models[name] = model } }
    let (report, assumed) = try golden.compare(&model, tolerance: tolerance, options: options)
    return Verification.Case(
      name: golden.name, graph: name, report: report, assumed: assumed,
      stray: golden.strayInputs(of: model.graph), innerCount: golden.names("inner.").count)
  }
  progress("verifying", bundle.count, bundle.count)
  return Verification(cases: cases)
}
