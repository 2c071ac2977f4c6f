import ByteIO
import Comparison
import Executor
import GraphIR
import JSONText
import NativeFormat
import TensorBase
import TensorFiles

/// How the values inside of a model's graphs compare with a golden bundle, one by one in the order in
/// which they are computed.
public struct LayerwiseVerification: Sendable {
  /// One value that the bundle has.
  struct Layer: Sendable {
    let name: String
    /// The ops of the nodes between the golden values before it and this one.
    let ops: [String]
    /// What the nodes are given: names and shapes of golden values and graph inputs.
    let inputs: [(name: String, shape: Shape)]
    /// Computed from golden values: the error that these nodes make by themselves.
    let own: TensorComparison
    /// Computed from what the nodes before gave: the error that has gathered up to here. nil when
    /// what is before has another shape than the golden one.
    let drift: TensorComparison?
  }

  /// A case of the bundle.
  public struct Case: Sendable {
    /// The name of its folder.
    public let name: String
    /// The graph that was run.
    public let graph: String
    let layers: [Layer]
    /// Golden values that the graph does not have.
    let unknown: [String]

    /// The first value that its own nodes get wrong.
    var firstOwn: Layer? { layers.first { !$0.own.passed } }
    /// The first value that is wrong when each node takes what the ones before gave.
    var firstDrift: Layer? { layers.first { $0.drift.map { !$0.passed } ?? true } }

    /// Whether every value is within tolerance in both ways.
    public var passed: Bool { firstOwn == nil && firstDrift == nil }
  }

  /// In the order of their names.
  public let cases: [Case]
  /// Cases that hold a whole run of the method, which has no layers.
  public let skipped: [String]
  /// Where the first wrong node lies with its inputs; nil when nothing was kept.
  public let replay: String?

  /// Whether every case passed.
  public var passed: Bool { cases.allSatisfy(\.passed) }
}

/// Runs the graphs of a model value by value against a golden bundle, each value twice: from the
/// golden values before it, and from the computed ones.
///
/// Besides `output.<name>`, which `verify` compares, a case may hold `inner.<name>`: values inside
/// of the graph. Those that the graph does not have are named in the result.
///
/// - Parameters:
///   - tolerance: as for `verify`.
///   - replayFolder: where to put the first nodes that are wrong by themselves: `node.plumb`,
///     `inputs.safetensors`, `expected.safetensors`; nil keeps nothing.
/// - Throws: when the model or the bundle cannot be read, or a case fits no graph.
public func verifyLayerwise(
  modelPath: String, goldenFolder: String, relativeToMaximum tolerance: Double? = nil,
  replayFolder: String? = nil, threads: Int? = nil, isExact: Bool = false,
  memory: MemoryUse = .unlimited
) throws -> LayerwiseVerification {
  let file = try ModelFile(path: modelPath, memory: memory)
  let options = ExecutionOptions(threads: threads ?? defaultThreadCount, isExact: isExact)
  if let replayFolder { try checkWritable(folder: replayFolder) }
  var cases: [LayerwiseVerification.Case] = []
  var skipped: [String] = []
  var kept: String?
  for golden in try goldenBundle(goldenFolder) {
    guard !golden.isWholeRun else {
      skipped.append(golden.name)
      continue
    }
    let name = try golden.graphName(among: file.graphs)
    let walk = try LayerWalk(golden, file, graph: name, options, golden.tolerance(tolerance))
    let layers = try walk.layers { part, inputs, expected in
      guard let replayFolder, kept == nil else { return }
      try saveReplay(part, file.native, inputs, expected, in: replayFolder)
      kept = replayFolder
    }
    cases.append(
      .init(name: golden.name, graph: name, layers: layers, unknown: walk.unknown))
  }
  return LayerwiseVerification(cases: cases, skipped: skipped, replay: kept)
}

/// The values of one case in their order.
private struct LayerWalk {
  private let golden: GoldenBundleCase
  private let file: ModelFile
  private let graph: Graph
  private let options: ExecutionOptions
  private let tolerance: Tolerance
  /// The golden values that nodes compute, in the order of these, with the tensors' names.
  private var values: [(id: ValueID, tensor: String)] = []
  private(set) var unknown: [String] = []

  init(
    _ golden: GoldenBundleCase, _ file: ModelFile, graph name: String,
    _ options: ExecutionOptions, _ tolerance: Tolerance
  ) throws {
    guard let graph = file.graphs.first(where: { $0.name == name }) else {
      throw PipelineError.noGraph(file: file.name, name: name, known: file.graphs.map(\.name))
    }
    (self.golden, self.file, self.graph) = (golden, file, graph)
    (self.options, self.tolerance) = (options, tolerance)
    let producers = graph.producers
    var places: [String: Int] = [:]
    for (index, value) in graph.values.enumerated() { places[value.name] = index }
    for (prefix, name) in ["output.", "inner."].flatMap({ prefix in
      golden.names(prefix).map { (prefix, $0) }
    }) {
      if let place = places[name], producers[place] != nil {
        values.append((ValueID(place), prefix + name))
      } else if places[name] == nil {
        unknown.append(name)
      }
    }
    guard !values.isEmpty else {
      throw PipelineError.component(
        folder: golden.folder,
        reason: "graph '\(name)' has none of the values that this case holds")
    }
    values.sort { (producers[$0.id.index] ?? 0) < (producers[$1.id.index] ?? 0) }
  }

  /// Compares all values.
  ///
  /// - Parameter failed: is called with the nodes, inputs and golden output of those that are wrong
  ///   by themselves.
  func layers(
    _ failed: (Graph, [String: Tensor], (name: String, tensor: Tensor)) throws -> Void
  ) throws -> [LayerwiseVerification.Layer] {
    let sources = graph.nearestSources(among: Set(values.map(\.id)))
    var lastUse: [ValueID: Int] = [:]
    for (place, value) in values.enumerated() {
      for source in sources[value.id] ?? [] { lastUse[source] = place }
    }
    /// What was computed and is needed again.
    var computed: [ValueID: Tensor] = [:]
    var facts: [ValueID: Fact] = [:]
    var layers: [LayerwiseVerification.Layer] = []
    for (place, value) in values.enumerated() {
      let before = sources[value.id] ?? []
      let part = graph.cut(at: facts.filter { before.contains($0.key) }, to: value.id)
      let expected = try golden.file.tensor(named: value.tensor)
      var model = file.model(part)
      let ideal = try goldenInputs(of: part)
      let own = try run(&model, ideal)
      let comparison = compare(value, own, expected)
      var real: Tensor? = own
      var drift: TensorComparison? = comparison
      if !before.isEmpty {
        real = nil
        if let inputs = mixed(ideal, part, before, computed) {
          let output = try run(&model, inputs)
          (real, drift) = (output, compare(value, output, expected))
        } else {
          drift = nil
        }
      }
      layers.append(
        .init(
          name: graph[value.id].name, ops: part.nodes.map(\.op.name),
          inputs: part.inputs.compactMap { input in
            let name = part[input.value].name
            return ideal[name].map { (name, $0.shape) }
          }, own: comparison, drift: drift))
      if !comparison.passed {
        try failed(part, ideal, (graph[value.id].name, expected))
      }
      facts[value.id] = Fact(own.type, expected.shape)
      computed[value.id] = real?.shape == expected.shape ? real : nil
      for source in before where lastUse[source] == place { computed[source] = nil }
      golden.file.release(value.tensor)
    }
    return layers
  }

  private func compare(
    _ value: (id: ValueID, tensor: String), _ actual: Tensor, _ expected: Tensor
  ) -> TensorComparison {
    TensorComparison(
      name: graph[value.id].name, actual: actual, expected: expected.converted(to: actual.type),
      tolerance: tolerance, detail: .failures)
  }

  /// The tensors that a part of the graph takes, as the bundle has them.
  private func goldenInputs(of part: Graph) throws -> [String: Tensor] {
    var inputs: [String: Tensor] = [:]
    for input in part.inputs {
      let name = part[input.value].name
      let names = ["input." + name, "output." + name, "inner." + name]
      guard let found = names.first(where: { golden.file.contains($0) }) else {
        throw PipelineError.missingInputs(file: golden.file.name, names: [names[0]])
      }
      inputs[name] = try golden.file.tensor(named: found).converted(to: input.type)
    }
    return inputs
  }

  /// The inputs with what was computed in the place of golden values; nil when one of those was not,
  /// or not in that shape.
  private func mixed(
    _ ideal: [String: Tensor], _ part: Graph, _ before: Set<ValueID>,
    _ computed: [ValueID: Tensor]
  ) -> [String: Tensor]? {
    var inputs = ideal
    for id in before {
      guard let tensor = computed[id] else { return nil }
      inputs[graph[id].name] = tensor
    }
    return inputs
  }

  private func run(_ model: inout Model, _ inputs: [String: Tensor]) throws -> Tensor {
    let outputs = try model.run(inputs, wanted: model.graph.outputs, options: options)
    guard let output = outputs.first else { preconditionFailure("one value is wanted") }
    return output.tensor
  }
}

/// Writes nodes as a model of their own, with inputs and what should come of them.
private func saveReplay(
  _ part: Graph, _ native: NativeFile, _ inputs: [String: Tensor],
  _ expected: (name: String, tensor: Tensor), in folder: String
) throws {
  try makeFolder(folder)
  var writer = try NativeWriter(path: folder + "/node.plumb", options: StorageOptions())
  var written = Set<String>()
  for value in part.values {
    guard case .weight(let tensor, _) = value.origin, written.insert(tensor).inserted else {
      continue
    }
    try writer.add(tensor, try native.tensor(named: tensor))
  }
  var content = NativeContent()
  content.graphs = [part]
  content.provenance = [
    "converter": .string("plumb \(plumbVersion)"), "cut_from": .string(native.name),
    "identity": .string(native.identity),
  ]
  try writer.finish(content)
  let ordered = part.inputs.compactMap { input in
    let name = part[input.value].name
    return inputs[name].map { (name: name, tensor: $0) }
  }
  try writeSafetensors(ordered, to: folder + "/inputs.safetensors")
  try writeSafetensors([expected], to: folder + "/expected.safetensors")
}
