import Comparison
import Executor
import GraphIR
import Naming
import TensorBase
import TensorFiles

/// The values of one case, in the order in which nodes compute them.
struct LayerWalk {
  private typealias Layer = LayerwiseVerification.Layer

  private let golden: GoldenBundleCase
  private let file: ModelFile
  private let graph: Graph
  private let options: ExecutionOptions
  private let tolerance: Double?
  /// The golden values that nodes compute, in the order of these, with the tensors' names.
  private var values: [(id: ValueID, tensor: String)] = []
  /// Inputs, weights and constants among the golden values, in the graph's order.
  private var held: [(id: ValueID, tensor: String)] = []
  /// What nodes are to take for a golden value that is no such value: what was computed.
  private var substitutes: [ValueID: Tensor] = [:]
  private(set) var unknown: [String] = []
  private(set) var assumed: [String] = []
  var stray: [String] { golden.strayInputs(of: graph) }

  /// - Throws: when the graph has none of the case's values, or lacks one of its outputs.
  init(
    _ golden: GoldenBundleCase, _ file: ModelFile, graph name: String,
    _ options: ExecutionOptions, _ tolerance: Double?
  ) throws {
    guard let graph = file.graphs.first(where: { $0.name == name }) else {
      throw PipelineError.noGraph(file: file.name, name: name, known: file.graphs.map(\.name))
    }
    (self.golden, self.file, self.graph) = (golden, file, graph)
    (self.options, self.tolerance) = (options, tolerance)
    _ = try golden.outputs(of: graph)
    let producers = graph.producers
    var places: [String: Int] = [:]
    for (index, value) in graph.values.enumerated() { places[value.name] = index }
    var seen = Set<Int>()
    for prefix in ["output.", "inner."] {
      for name in golden.names(prefix) {
        guard let place = places[name] else {
          unknown.append(name)
          continue
        }
        guard seen.insert(place).inserted else { continue }
        let item = (id: ValueID(place), tensor: prefix + name)
        if producers[place] == nil { held.append(item) } else { values.append(item) }
      }
    }
    held.sort { $0.id.index < $1.id.index }
    values.sort { (producers[$0.id.index] ?? 0) < (producers[$1.id.index] ?? 0) }
  }

  /// Compares all values.
  ///
  /// - Parameters:
  ///   - progress: told how many values of how many are done.
  ///   - failed: is called with nodes that are out of tolerance.
  mutating func layers(
    _ progress: Progress, _ failed: (LayerFailure) throws -> Void
  ) throws -> [LayerwiseVerification.Layer] {
    try held.compactMap { try heldLayer($0.id, $0.tensor) } + computedLayers(progress, failed)
  }

  /// What the file or the case itself holds; nil for an input that is in the case once only.
  private func heldLayer(_ id: ValueID, _ tensor: String) throws -> Layer? {
    defer { golden.file.release(tensor) }
    let name = graph[id].name
    let actual: Tensor
    let role: Layer.Role
    switch graph[id].origin {
    case .weight(let stored, _): (actual, role) = (try file.native.tensor(named: stored), .weight)
    case .constant(let tensor): (actual, role) = (tensor, .constant)
    case .input, .node:
      guard golden.file.contains("input." + name) else { return nil }
      (actual, role) = (try golden.file.tensor(named: "input." + name), .input)
    }
    let comparison = golden.compare(
      name, actual, try golden.file.tensor(named: tensor), tolerance)
    return Layer(
      name: name, role: role, nodes: [], takes: [], own: comparison, drift: comparison)
  }

  private mutating func computedLayers(
    _ progress: Progress, _ failed: (LayerFailure) throws -> Void
  ) throws -> [Layer] {
    let sources = graph.nearestSources(among: Set(values.map(\.id)))
    var lastUse: [ValueID: Int] = [:]
    for (place, value) in values.enumerated() {
      for source in sources[value.id] ?? [] { lastUse[source] = place }
    }
    /// What was computed and is needed again.
    var computed: [ValueID: Tensor] = [:]
    var facts: [ValueID: Fact] = [:]
    var layers: [Layer] = []
    for (place, value) in values.enumerated() {
      let before = sources[value.id] ?? []
      let part = graph.cut(at: facts.filter { before.contains($0.key) }, to: value.id)
      let name = graph[value.id].name
      let expected = try golden.file.tensor(named: value.tensor)
      var model = file.model(part)
      let ideal = try goldenInputs(of: part)
      let own = try run(&model, ideal)
      let comparison = golden.compare(name, own, expected, tolerance)
      func note(_ result: TensorComparison, _ inputs: [String: Tensor], isOwn: Bool) throws {
        guard !result.passed else { return }
        try failed(
          LayerFailure(
            part: part, inputs: inputs, expected: (name, expected), comparison: result,
            isOwn: isOwn))
      }
      try note(comparison, ideal, isOwn: true)
      var real: Tensor? = own
      var drift: TensorComparison? = comparison
      if !before.isEmpty {
        (real, drift) = (nil, nil)
        if let inputs = mixed(ideal, before, computed, facts) {
          let output = try run(&model, inputs)
          let result = golden.compare(name, output, expected, tolerance)
          (real, drift) = (output, result)
          try note(result, inputs, isOwn: false)
        }
      }
      layers.append(
        Layer(
          name: name, role: .computed, nodes: part.nodes.map(NodeSummary.init),
          takes: operands(of: part, ideal), own: comparison, drift: drift))
      let isAlike =
        own.shape == expected.shape
        && (own.type == expected.type
          || own.type.isFloatingPoint && expected.type.isFloatingPoint)
      if !isAlike { substitutes[value.id] = own }
      facts[value.id] = Fact(own.type, own.shape)
      computed[value.id] = real
      for source in before where lastUse[source] == place {
        computed[source] = nil
        substitutes[source] = nil
      }
      golden.file.release(value.tensor)
      progress("verifying \(golden.name)", place + 1, values.count)
    }
    return layers
  }

  /// The tensors that a part of the graph takes, as the bundle has them.
  private mutating func goldenInputs(of part: Graph) throws -> [String: Tensor] {
    let (tensors, missing) = try golden.inputs(
      of: part, kinds: ["input.", "output.", "inner."],
      known: Dictionary(uniqueKeysWithValues: substitutes.map { (graph[$0.key].name, $0.value) }))
    for name in missing where !assumed.contains(name) { assumed.append(name) }
    return tensors
  }

  /// The inputs with what was computed in the place of golden values; nil when one of those was not,
  /// or has a shape that depends on what was before.
  private func mixed(
    _ ideal: [String: Tensor], _ before: Set<ValueID>, _ computed: [ValueID: Tensor],
    _ facts: [ValueID: Fact]
  ) -> [String: Tensor]? {
    var inputs = ideal
    for id in before {
      guard let tensor = computed[id], tensor.shape == facts[id]?.shape else { return nil }
      inputs[graph[id].name] = tensor
    }
    return inputs
  }

  /// What the nodes of a part take from outside, each once, in their order.
  private func operands(of part: Graph, _ inputs: [String: Tensor]) -> [Layer.Operand] {
    let given = Set(graph.inputs.map { graph[$0.value].name })
    var seen = Set<ValueID>()
    var operands: [Layer.Operand] = []
    for case let id? in part.nodes.flatMap(\.inputs) where seen.insert(id).inserted {
      let name = part[id].name
      switch part[id].origin {
      case .input:
        guard let tensor = inputs[name] else { continue }
        operands.append(
          .init(
            name: name, role: given.contains(name) ? .input : .computed,
            fact: Fact(tensor.type, tensor.shape)))
      case .weight(_, let fact): operands.append(.init(name: name, role: .weight, fact: fact))
      case .constant(let tensor):
        operands.append(
          .init(name: name, role: .constant, fact: Fact(tensor.type, tensor.shape)))
      case .node: break
      }
    }
    return operands
  }

  private func run(_ model: inout Model, _ inputs: [String: Tensor]) throws -> Tensor {
    let outputs = try model.run(inputs, wanted: model.graph.outputs, options: options)
    guard let output = outputs.first else { preconditionFailure("one value is wanted") }
    return output.tensor
  }
}
