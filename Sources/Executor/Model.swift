import GraphIR
import Naming
import TensorBase

/// A graph with its weights: makes programs for the shapes and outputs a caller wants, and keeps
/// what depends on the weights alone, computed once for all of them.
package struct Model {
  package let graph: Graph
  private let vocabulary: Vocabulary
  private let load: (String) throws -> Tensor
  private var weights = PreparedWeights()
  /// The last program that `evaluate` made, for as long as it is asked for the same.
  private var last: (request: Request, options: ExecutionOptions, program: Program?)?

  /// - Parameters:
  ///   - graph: validated.
  ///   - vocabulary: what calls mean; a graph without calls needs none.
  ///   - weight: gives the elements stored under a tensor's name.
  package init(
    _ graph: Graph, vocabulary: Vocabulary = .none,
    weight load: @escaping (String) throws -> Tensor
  ) {
    self.graph = graph
    self.vocabulary = vocabulary
    self.load = load
  }

  /// What a caller wants to run.
  package struct Request: Hashable, Sendable {
    /// A shape for every graph input the wanted values depend on; by name.
    package var inputs: [String: Shape]
    /// The values to compute; nil for the graph's own outputs.
    package var wanted: [ValueID]?
    /// The keys whose probabilities the cross-attention taps hold; nil for all.
    package var tapTokens: [Int]?
    /// Graph inputs that stay the same over many runs.
    package var fixedInputs: Set<String>
    /// Whether the passes may rewrite the graph; false runs it as it was read.
    package var isOptimised: Bool

    package init(
      inputs: [String: Shape], wanted: [ValueID]? = nil, tapTokens: [Int]? = nil,
      fixedInputs: Set<String> = [], isOptimised: Bool = true
    ) {
      self.inputs = inputs
      self.wanted = wanted
      self.tapTokens = tapTokens
      self.fixedInputs = fixedInputs
      self.isOptimised = isOptimised
    }
  }

  /// Specialises the graph to the request, runs the passes, loads and prepares the weights that
  /// are needed and not there yet.
  ///
  /// - Throws: `GraphError.needsElements` when shapes depend on elements of the inputs; then
  ///   `evaluate` can run the graph.
  package mutating func program(
    _ request: Request, options: ExecutionOptions
  ) throws -> Program {
    let (shaped, known) = try shaped(request, known: [:], options)
    return try program(shaped, request, known, options)
  }

  /// Runs the graph once on these inputs, also when shapes depend on elements: then it is shaped
  /// and run in turns, as far as each goes.
  ///
  /// - Returns: the wanted values, by name.
  package mutating func evaluate(
    _ inputs: [String: Tensor], _ request: Request, arena: inout Arena, options: ExecutionOptions
  ) throws -> [String: Tensor] {
    if last?.request != request || last?.options != options {
      do {
        last = (request, options, try program(request, options: options))
      } catch GraphError.needsElements {
        last = (request, options, nil)
      }
    }
    if let program = last?.program {
      return try program.run(inputs, arena: &arena, options: options)
    }
    let (shaped, known) = try shaped(request, known: inputs, options)
    let program = try program(shaped, request, [:], options)
    return try program.run(known, arena: &arena, options: options)
  }

  /// Shapes what the request needs; where that takes elements, what can run with the known inputs
  /// runs first.
  ///
  /// - Parameter known: elements of inputs, by name.
  /// - Returns: the graph that is left, and the elements known of its inputs.
  /// - Throws: `GraphError.needsElements` when they depend on inputs that are not known.
  private mutating func shaped(
    _ request: Request, known: [String: Tensor], _ options: ExecutionOptions
  ) throws -> (ShapedGraph, known: [String: Tensor]) {
    var part = try part(for: request)
    var shapes = request.inputs.filter { part.hasInput(named: $0.key) }
    var known = known.filter { part.hasInput(named: $0.key) }
    while true {
      switch try shape(part, inputs: shapes, known: known, tools: vocabulary.tools(options)) {
      case .complete(let shaped): return (shaped, known)
      case .partial(let partial):
        let ready = partial.ready.graph
        guard !ready.outputs.isEmpty,
          ready.inputs.allSatisfy({ known[ready[$0.value].name] != nil })
        else {
          throw GraphError.needsElements(
            graph: graph.name, node: partial.waiting.node, value: partial.waiting.value)
        }
        try advance(partial, &shapes, &known, request, options)
        part = partial.rest
      }
    }
  }

  /// The part of the graph that the request needs. Inputs that it does without may be given all the
  /// same.
  private func part(for request: Request) throws(GraphError) -> Graph {
    for name in request.inputs.keys.sorted() where !graph.hasInput(named: name) {
      throw .unknownInput(
        graph: graph.name, name: name, known: graph.inputs.map { graph[$0.value].name })
    }
    var part = graph.pruned(to: request.wanted ?? graph.outputs)
    if let tokens = request.tapTokens { part.selectTapTokens(tokens) }
    return part
  }

  /// Runs what can run of a graph that is shaped in part, and notes the results.
  private mutating func advance(
    _ partial: PartialShaping, _ shapes: inout [String: Shape], _ known: inout [String: Tensor],
    _ request: Request, _ options: ExecutionOptions
  ) throws {
    let program = try program(partial.ready, request, [:], options)
    var arena = Arena()
    for (name, tensor) in try program.run(known, arena: &arena, options: options) {
      known[name] = tensor
      shapes[name] = tensor.shape
    }
    let names = Set(partial.rest.inputs.map { partial.rest[$0.value].name })
    shapes = shapes.filter { names.contains($0.key) }
    known = known.filter { names.contains($0.key) }
  }

  /// Runs the passes on a shaped graph and makes it ready to run.
  ///
  /// - Parameter known: elements of inputs that stay what they are.
  private mutating func program(
    _ whole: ShapedGraph, _ request: Request, _ known: [String: Tensor],
    _ options: ExecutionOptions
  ) throws -> Program {
    var shaped = whole.fixing(known).pruned(to: whole.graph.outputs)
    if request.isOptimised {
      shaped = shaped.simplified().recognised().reshapesSunk().simplified().fused().channelsLast()
    }
    // The plain kernels read weights as they are.
    if request.isOptimised && options.kernels == .fast { shaped = shaped.packed() }
    let parts = shaped.split(fixedInputs: [])
    let prepared = try weights.prepare(parts.fixed, options: options, load: load)
    let halves = parts.varying.bound(to: prepared).split(fixedInputs: request.fixedInputs)
    return Program(
      fixed: try stage(halves.fixed, prepared, options.threads),
      varying: try stage(halves.varying, prepared, options.threads))
  }

  private mutating func stage(
    _ shaped: ShapedGraph, _ prepared: [String: Tensor], _ threads: Int
  ) throws -> Stage {
    try Stage(shaped) { value in
      if let tensor = prepared[value.name] { return tensor }
      return try weights.weight(value, keeps: true, threads: threads, load: load)
    }
  }
}

extension ShapedGraph {
  /// The graph with these inputs as constants.
  fileprivate func fixing(_ known: [String: Tensor]) -> ShapedGraph {
    var result = self
    result.graph.inputs.removeAll { input in
      guard let tensor = known[graph[input.value].name] else { return false }
      result.graph.values[input.value.index].origin = .constant(tensor)
      return true
    }
    return result
  }

  /// The graph with inputs that are known turned into constants held outside of it: weights whose
  /// tensor name is the value's own.
  fileprivate func bound(to ready: [String: Tensor]) -> ShapedGraph {
    var result = self
    result.graph.inputs.removeAll { input in
      let name = graph[input.value].name
      guard let tensor = ready[name] else { return false }
      result.graph.values[input.value.index].origin = .weight(
        tensor: name, Fact(tensor.type, tensor.shape))
      return true
    }
    return result
  }
}

extension Graph {
  fileprivate func hasInput(named name: String) -> Bool {
    inputs.contains { self[$0.value].name == name }
  }
}

/// A model made ready for one request: run `prepare` when the fixed inputs are known, then `run`
/// as often as the others change.
package struct Program: Sendable {
  package let fixed: Stage
  package let varying: Stage

  /// Computes what depends on fixed inputs alone.
  package func prepare(
    _ inputs: [String: Tensor], arena: inout Arena, options: ExecutionOptions
  ) throws(ExecutionError) -> [String: Tensor] {
    try fixed.run(inputs, arena: &arena, options: options)
  }

  /// Computes the wanted values.
  ///
  /// - Parameters:
  ///   - inputs: by name.
  ///   - prepared: what `prepare` returned for the fixed inputs.
  ///   - observe: is told each node, by its place in `varying`, as soon as it has run.
  package func run(
    _ inputs: [String: Tensor], prepared: [String: Tensor] = [:], arena: inout Arena,
    options: ExecutionOptions, observe: ((Int) -> Void)? = nil
  ) throws(ExecutionError) -> [String: Tensor] {
    try varying.run(
      inputs.merging(prepared) { _, prepared in prepared }, arena: &arena, options: options,
      observe: observe)
  }
}

extension Graph {
  /// The values that names and patterns ask for, in the order of the graph, each once.
  ///
  /// - Throws: `GraphError.unknownValue` for a name or pattern that matches nothing.
  package func values(wanted patterns: [String]) throws(GraphError) -> [ValueID] {
    var found = Set<Int>()
    for pattern in patterns {
      let glob = Glob(pattern)
      let matches = values.indices.filter { index in
        if case .node = values[index].origin { return glob.matches(values[index].name) }
        return !glob.hasWildcard && values[index].name == pattern
      }
      guard !matches.isEmpty else {
        throw .unknownValue(
          graph: name, name: pattern,
          nearest: nearestName(to: pattern, among: values.lazy.map(\.name)))
      }
      found.formUnion(matches)
    }
    return found.sorted().map { ValueID($0) }
  }
}
