import ByteIO
import Comparison
import Executor
import GraphIR
import TensorBase

/// How the values inside of a model's graphs compare with a golden bundle, one by one in the order in
/// which they are computed.
public struct LayerwiseVerification: Sendable {
  /// One value that the bundle has.
  struct Layer: Sendable {
    enum Role: String, Sendable {
      case input, weight, constant, computed
    }

    /// Something that the nodes take.
    struct Operand: Sendable {
      let name: String
      /// `computed` is a value that the bundle has.
      let role: Role
      let fact: Fact
    }

    let name: String
    let role: Role
    /// The nodes between the golden values before it and this one; none unless it is computed.
    let nodes: [NodeSummary]
    let takes: [Operand]
    /// Computed from golden values: the error that these nodes make by themselves. Of what is not
    /// computed, how the file's differs.
    let own: TensorComparison
    /// Computed from what the nodes before gave: the error that has gathered up to here. nil when
    /// what is before has another shape than the golden one.
    let drift: TensorComparison?

    var passed: Bool { own.passed && drift?.passed ?? false }
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
    /// Inputs that the case leaves out and transformers has a default for.
    let assumed: [String]
    /// Inputs of the case that the graph does not have.
    let stray: [String]

    /// The first weight, constant or input that is not as the bundle has it.
    var firstHeld: Layer? { layers.first { $0.role != .computed && !$0.own.passed } }
    /// The first value that its own nodes get wrong.
    var firstOwn: Layer? { layers.first { $0.role == .computed && !$0.own.passed } }
    /// The first value that is wrong when each node takes what the ones before gave.
    var firstDrift: Layer? {
      layers.first { $0.role == .computed && !($0.drift?.passed ?? false) }
    }

    /// Whether every value is within tolerance in both ways, and there is one.
    public var passed: Bool { !layers.isEmpty && layers.allSatisfy(\.passed) }
  }

  /// Where nodes lie that are out of tolerance.
  struct Replay: Sendable {
    let folder: String
    let caseName: String
    /// The value that they compute.
    let value: String
    /// Whether their inputs are the golden ones; otherwise those that the nodes before gave.
    let isOwn: Bool
    /// Whether convolutions were plain sums.
    let isExact: Bool
    let typesMatch: Bool
  }

  /// In the order of their names.
  public let cases: [Case]
  /// Cases that hold a whole run of the method, which has no layers.
  public let skipped: [String]
  /// nil when nothing was kept.
  let replay: Replay?

  /// Whether every case passed.
  public var passed: Bool { cases.allSatisfy(\.passed) }
}

/// Runs the graphs of a model value by value against a golden bundle, each value twice: from the
/// golden values before it, and from the computed ones.
///
/// Besides `output.<name>`, which `verify` compares, a case may hold `inner.<name>`: values inside
/// of the graph. Weights and constants among them are compared with the file's. Those that the graph
/// does not have are named in the result.
///
/// - Parameters:
///   - tolerance: as for `verify`.
///   - replayFolder: where to put the first nodes that are wrong by themselves, or when there are
///     none the first that drift: `node.plumb`, `inputs.safetensors`, `expected.safetensors` and
///     `tolerances.json`; nil keeps nothing.
///   - progress: told how many values of how many of a case are done.
/// - Throws: when the model or the bundle cannot be read, or a case fits no graph.
public func verifyLayerwise(
  modelPath: String, goldenFolder: String, relativeToMaximum tolerance: Double? = nil,
  replayFolder: String? = nil, threads: Int? = nil, isExact: Bool = false,
  memory: MemoryUse = .unlimited, progress: Progress = { _, _, _ in }
) throws -> LayerwiseVerification {
  let file = try ModelFile(path: modelPath, memory: memory)
  let options = ExecutionOptions(threads: threads ?? defaultThreadCount, isExact: isExact)
  if let replayFolder { try checkWritable(folder: replayFolder) }
  var cases: [LayerwiseVerification.Case] = []
  var skipped: [String] = []
  var kept: LayerwiseVerification.Replay?
  for golden in try goldenBundle(goldenFolder) {
    guard !golden.isWholeRun else {
      skipped.append(golden.name)
      continue
    }
    let name = try golden.graphName(among: file.graphs)
    var walk = try LayerWalk(golden, file, graph: name, options, tolerance)
    let layers = try walk.layers(progress) { failure in
      guard let replayFolder, kept == nil || failure.isOwn && kept?.isOwn == false else { return }
      try failure.save(file.native, in: replayFolder)
      kept = .init(
        folder: replayFolder, caseName: golden.name, value: failure.expected.name,
        isOwn: failure.isOwn, isExact: isExact,
        typesMatch: failure.comparison.typesMatch)
    }
    cases.append(
      .init(
        name: golden.name, graph: name, layers: layers, unknown: walk.unknown,
        assumed: walk.assumed, stray: walk.stray))
  }
  guard !cases.isEmpty else {
    throw PipelineError.component(
      folder: goldenFolder,
      reason: "its cases are whole runs of the method, which have no layers: "
        + shortList(skipped))
  }
  return LayerwiseVerification(cases: cases, skipped: skipped, replay: kept)
}
