import ByteIO
import Comparison
import Executor
import GraphIR
import JSONText
import Naming
import TensorBase
import TensorFiles

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
  func isCase(_ folder: String) -> Bool {
    // One of the two alone is a case that lost something, and opening it says so.
    ["case.json", "io.safetensors"].contains { regularFileExists("\(folder)/\($0)") }
  }
  if isCase(path) { return [path] }
  return try folderListing(path).sorted().map { path + "/" + $0 }.filter(isCase)
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
    if let own = description["tolerance"] {
      for key in ["absolute", "relative"] {
        guard let value = own[key] else { continue }
        guard let number = value.doubleValue, number.isFinite, number >= 0 else {
          throw PipelineError.badSetting(
            file: "\(name)/case.json", key: "tolerance." + key, expected: "a number of at least 0")
        }
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
        throw PipelineError.component(
          folder: folder,
          reason: "the case is about graph '\(name)'; the model has "
            + graphs.map(\.name).joined(separator: ", "))
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

  /// Inputs of the case that the graph does not have.
  func strayInputs(of graph: Graph) -> [String] {
    let known = Set(graph.inputs.map { graph[$0.value].name })
    return names("input.").filter { !known.contains($0) }
  }

  /// - Throws: when the case is about none of the graphs, or about values that it does not have.
  func checkFit(_ graphs: [Graph]) throws {
    guard !isWholeRun else { return }
    let name = try graphName(among: graphs)
    for graph in graphs where graph.name == name {
      _ = try inputs(of: graph.pruned(to: try outputs(of: graph)))
    }
  }

  /// The values that the case's outputs are.
  ///
  /// - Throws: `GraphError.unknownValue` for one that the graph does not have.
  func outputs(of graph: Graph) throws -> [ValueID] {
    let places = Dictionary(
      uniqueKeysWithValues: graph.values.indices.map {
        (graph.values[$0].name, $0)
      })
    return try names("output.").map { name in
      guard let place = places[name] else {
        throw GraphError.unknownValue(
          graph: graph.name, name: name, nearest: nearestName(to: name, among: places.keys.sorted())
        )
      }
      return ValueID(place)
    }
  }

  /// The tensors that a part of a graph takes, as the case has them.
  ///
  /// A text encoder's inputs beside the token ids may be left out, as they are for transformers.
  ///
  /// - Parameters:
  ///   - kinds: as what the case may hold an input, the first that it has counts.
  ///   - known: tensors that go before those of the case.
  /// - Returns: the tensors, and those of them that the case leaves out.
  /// - Throws: `PipelineError.missingInputs`.
  func inputs(
    of part: Graph, kinds: [String] = ["input."], known: [String: Tensor] = [:]
  ) throws -> (tensors: [String: Tensor], assumed: [String]) {
    var assumed: [String] = []
    do {
      let tensors = try file.inputs(of: part) { name in
        known[name] == nil ? kinds.map { $0 + name } : []
      } otherwise: { name in
        if let tensor = known[name] { return tensor }
        guard part.name == "text_encoder",
          let ids = try? file.descriptor(named: "input.input_ids"),
          let usual = usualTextInput(name, shape: ids.shape)
        else { return nil }
        assumed.append(name)
        return usual
      }
      return (tensors, assumed)
    } catch PipelineError.missingInputs(_, let names) {
      throw PipelineError.missingInputs(file: "\(name)/\(file.name)", names: names)
    }
  }

  /// Runs the graph and compares the case's outputs.
  func compare(
    _ model: inout Model, tolerance: Double?, options: ExecutionOptions
  ) throws -> (report: ComparisonReport, assumed: [String]) {
    let wanted = try outputs(of: model.graph)
    let (inputs, assumed) = try inputs(of: model.graph.pruned(to: wanted))
    let outputs = Dictionary(
      uniqueKeysWithValues: try model.run(inputs, wanted: wanted, options: options).map {
        ($0.name, $0.tensor)
      })
    var report = ComparisonReport(tensors: [], missing: [], extra: [])
    for name in names("output.") {
      guard let actual = outputs[name] else { preconditionFailure("'\(name)' was wanted") }
      let expected = try file.tensor(named: "output." + name)
      report.tensors.append(compare(name, actual, expected, tolerance))
    }
    return (report, assumed)
  }

  /// A float type of another width than was recorded is no fault of a value; another kind is.
  func compare(
    _ name: String, _ actual: Tensor, _ expected: Tensor, _ factor: Double?
  ) -> TensorComparison {
    var tolerance = self.tolerance(factor, for: expected.type)
    tolerance.typesMayDiffer = actual.type.isFloatingPoint && expected.type.isFloatingPoint
    return TensorComparison(
      name: name, actual: actual, expected: expected, tolerance: tolerance, detail: .failures)
  }

  /// Floats: a share of the tensor's largest magnitude. Whole numbers and truth values, which
  /// rounding does not touch: the case's absolute tolerance alone.
  func tolerance(_ factor: Double?, for type: ElementType) -> Tolerance {
    let own = description["tolerance"]
    let absolute = own?["absolute"]?.doubleValue
    guard type.isFloatingPoint else {
      return Tolerance(.bounds(absolute: factor == nil ? absolute ?? 0 : 0, relative: 0))
    }
    if let factor { return Tolerance(.relativeToMaximum(factor)) }
    let relative = own?["relative"]?.doubleValue
    return absolute == nil && relative == nil
      ? Tolerance(.relativeToMaximum(1e-4))
      : Tolerance(.relativeToMaximum(relative ?? 0, absolute: absolute ?? 0))
  }
}
