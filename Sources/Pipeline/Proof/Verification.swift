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
      "\(item.passed ? "ok" : "FAIL")  \(item.name) (graph \(item.graph))\n\(item.report.text())"
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
            "report": item.report.json,
          ])
        }),
    ]).text(indent: 2)
  }
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
/// - Throws: when the model or the bundle cannot be read, or a case fits no graph.
public func verify(
  modelPath: String, goldenFolder: String, relativeToMaximum tolerance: Double? = nil,
  threads: Int? = nil, isExact: Bool = false, memory: MemoryUse = .unlimited
) throws -> Verification {
  let file = try ModelFile(path: modelPath, memory: memory)
  let bundle = try goldenBundle(goldenFolder)
  let options = ExecutionOptions(threads: threads ?? defaultThreadCount, isExact: isExact)
  var models: [String: Model] = [:]
  let cases = try bundle.map { golden in
    if golden.isWholeRun {
      return Verification.Case(
        name: golden.name, graph: "all",
        report: try golden.compareRun(
          modelPath: modelPath, tolerance: tolerance, execution: options, memory: memory))
    }
    let name = try golden.graphName(among: file.graphs)
    var model = try models[name] ?? file.model(name)
    // Weights stay for further cases where there is room for all.
    defer { if memory == .unlimited { models[name] = model } }
    return Verification.Case(
      name: golden.name, graph: name,
      report: try golden.compare(&model, tolerance: tolerance, options: options))
  }
  return Verification(cases: cases)
}

/// The cases of a golden bundle, in the order of their names.
///
/// - Throws: when there is none, or one cannot be read.
func goldenBundle(_ path: String) throws -> [GoldenBundleCase] {
  let folders = try caseFolders(path)
  guard !folders.isEmpty else {
    throw PipelineError.notFound(
      path: path, reason: "no folder in it holds a case.json with an io.safetensors")
  }
  return try folders.map { try GoldenBundleCase(folder: $0) }
}

private func caseFolders(_ path: String) throws -> [String] {
  if regularFileExists(path + "/case.json") { return [path] }
  return try folderListing(path).sorted().map { path + "/" + $0 }.filter {
    regularFileExists($0 + "/case.json") && regularFileExists($0 + "/io.safetensors")
  }
}

/// One case of a golden bundle.
struct GoldenBundleCase {
  let name: String
  let folder: String
  let description: JSONValue
  let file: TensorFile

  init(folder: String) throws {
    name = lastComponent(of: folder)
    self.folder = folder
    description = try readJSON(folder + "/case.json")
    file = try TensorFile.open(folder + "/io.safetensors")
    if let digest = description["io_sha256"]?.stringValue {
      guard try file.sources().first?.sha256 == digest else {
        throw PipelineError.component(
          folder: folder, reason: "io.safetensors is not the file that case.json was written for")
      }
    }
    guard !names("output.").isEmpty else {
      throw PipelineError.component(
        folder: folder, reason: "io.safetensors holds no 'output.' tensor to compare with")
    }
  }

  func names(_ prefix: String) -> [String] {
    file.names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
  }

  /// The graph the case is about.
  func graphName(among graphs: [Graph]) throws -> String {
    if let name = description["config"]?["graph"]?.stringValue {
      guard graphs.contains(where: { $0.name == name }) else {
        throw PipelineError.noGraph(file: "the model", name: name, known: graphs.map(\.name))
      }
      return name
    }
    if graphs.count == 1 { return graphs[0].name }
    let given = Set(names("input."))
    let wanted = names("output.")
    let fitting = graphs.filter { graph in
      given.isSubset(of: graph.inputs.map { graph[$0.value].name })
        && wanted.allSatisfy { name in graph.value(named: name) != nil }
    }
    guard fitting.count == 1 else {
      throw PipelineError.unsupportedFile(
        file: "case '\(name)'",
        expected: "one that says which graph it is about (config.graph in case.json)")
    }
    return fitting[0].name
  }

  func compare(
    _ model: inout Model, tolerance: Double?, options: ExecutionOptions
  ) throws -> ComparisonReport {
    let graph = model.graph
    let wanted = try graph.values(wanted: names("output."))
    let part = graph.pruned(to: wanted)
    var inputs: [String: Tensor] = [:]
    for input in part.inputs {
      let name = part[input.value].name
      guard file.contains("input." + name) else {
        throw PipelineError.missingInputs(file: file.name, names: ["input." + name])
      }
      inputs[name] = try file.tensor(named: "input." + name).converted(to: input.type)
    }
    let outputs = Dictionary(
      uniqueKeysWithValues: try model.run(inputs, wanted: wanted, options: options).map {
        ($0.name, $0.tensor)
      })
    return try ComparisonReport(
      actualNames: Array(outputs.keys), expectedNames: names("output."),
      tolerance: self.tolerance(tolerance)
    ) { name in
      guard let actual = outputs[name] else { preconditionFailure("'\(name)' was wanted") }
      return (actual, try file.tensor(named: "output." + name))
    }
  }

  func tolerance(_ factor: Double?) -> Tolerance {
    let own = description["tolerance"]
    if let factor { return Tolerance(.relativeToMaximum(factor)) }
    if let absolute = own?["absolute"]?.doubleValue, let relative = own?["relative"]?.doubleValue {
      return Tolerance(.relativeToMaximum(relative, absolute: absolute))
    }
    return Tolerance(.relativeToMaximum(1e-4))
  }
}
