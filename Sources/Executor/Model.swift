import GraphIR
import Naming
import TensorBase

/// A graph with its weights: makes programs for the shapes and outputs a caller wants, and keeps
/// what depends on the weights alone, computed once for all of them.
package struct Model {
  package let graph: Graph
  private let vocabulary: Vocabulary
  private let source: WeightSource
  private let memory: WeightMemory
  private var weights = PreparedWeights()
  /// The last program that `evaluate` made, for as long as it is asked for the same.
  private var last: (request: Request, options: ExecutionOptions, program: Program?)?

  /// - Parameters:
  ///   - graph: validated.
  ///   - vocabulary: what calls mean; a graph without calls needs none.
  ///   - weights: where the elements of its weights are.
  ///   - memory: how much of it weights may take.
  package init(
    _ graph: Graph, vocabulary: Vocabulary = .none, weights source: WeightSource,
    memory: WeightMemory = .all
  ) {
    self.graph = graph
    self.vocabulary = vocabulary
    self.source = source
    self.memory = memory
  }

  /// - Parameters:
  ///   - storedType: the type in which a tensor is stored, when it is not the graph's.
  ///   - load: gives the elements stored under a tensor's name.
  package init(
    _ graph: Graph, vocabulary: Vocabulary = .none,
    storedType: @escaping @Sendable (String) -> ElementType? = { _ in nil },
    weight load: @escaping @Sendable (String) throws -> Tensor
  ) {
    let source = WeightSource(stored: { storedType($0).map { StoredWeight($0) } }) {
      try load($0.name)
    }
    self.init(graph, vocabulary: vocabulary, weights: source)
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
  /// are needed, stay in memory and are not there yet.
  ///
  /// - Parameter arena: what it is going to run in, if that is there already.
  /// - Throws: `GraphError.needsElements` when shapes depend on elements of the inputs; then
  ///   `evaluate` can run the graph. `ExecutionError.tooLittleMemory`.
  package mutating func program(
    _ request: Request, arena: borrowing Arena = Arena(), options: ExecutionOptions
  ) throws -> Program {
    let (shaped, known) = try shaped(request, known: [:], options)
    return try program(shaped, request, known, arena: arena, options)
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
        last = (request, options, try program(request, arena: arena, options: options))
      } catch GraphError.needsElements {
        last = (request, options, nil)
      }
    }
    if let program = last?.program {
      return try program.run(inputs, arena: &arena, options: options)
    }
    let (shaped, known) = try shaped(request, known: inputs, options)
    let program = try program(shaped, request, [:], arena: arena, options)
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
    var arena = Arena()
    let program = try program(partial.ready, request, [:], arena: arena, options)
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
    arena: borrowing Arena, _ options: ExecutionOptions
  ) throws -> Program {
    var shaped = whole.fixing(known).pruned(to: whole.graph.outputs)
    if request.isOptimised {
      shaped = shaped.simplified().recognised().reshapesSunk().simplified().fused().channelsLast()
    }
    // The plain kernels read weights as they are.
    if request.isOptimised && options.kernels == .fast {
      shaped = shaped.packed(stored: source.stored).gatesDrawnIn()
    }
    let parts = shaped.split(fixedInputs: [])
    let prepared = weights.recipes(of: parts.fixed)
    let halves = parts.varying.bound(to: prepared).split(fixedInputs: request.fixedInputs)
    let stages = [try Stage(halves.fixed), try Stage(halves.varying)]
    let needs = stages.map { stage in
      StageWeights(stage.shaped, recipes(of: stage.shaped, prepared), source)
    }
    let choice = try choice(
      needs, arenaByteCount: stages.map(\.plan.arenaByteCount).max() ?? 0, reserved: arena)
    return Program(
      fixed: try bound(stages[0], needs[0], choice, options),
      varying: try bound(stages[1], needs[1], choice, options))
  }

  /// Recipes for all weights of a stage, by the values' names.
  private mutating func recipes(
    of shaped: ShapedGraph, _ prepared: [String: WeightRecipe]
  ) -> [String: WeightRecipe] {
    var recipes: [String: WeightRecipe] = [:]
    for value in shaped.graph.values {
      if case .weight = value.origin {
        recipes[value.name] = prepared[value.name] ?? weights.recipe(of: value, in: shaped.graph)
      }
    }
    return recipes
  }

  /// Decides which weights pass through, and lets go of those that need not stay any more.
  private mutating func choice(
    _ stages: [StageWeights], arenaByteCount: Int, reserved arena: borrowing Arena
  ) throws -> WeightChoice {
    let choice: WeightChoice
    switch memory {
    case .all: return .none
    case .least: choice = WeightChoice(smallestFor: stages)
    case .limited(let limit):
      // What is there already is no news.
      let others = max(0, limit.used() - weights.byteCount - arena.byteCount)
      choice = try WeightChoice(
        stages, graph: graph.name, within: limit.byteCount,
        others: others + max(arenaByteCount, arena.byteCount) + WeightChoice.margin)
    }
    weights.keep(
      stages.flatMap { $0.recipes.values }.filter { !choice.streamed.contains($0.name) })
    return choice
  }

  private mutating func bound(
    _ stage: Stage, _ needs: StageWeights, _ choice: WeightChoice, _ options: ExecutionOptions
  ) throws -> Stage {
    var stage = stage
    let uses = needs.uses.filter { choice.streamed.contains($0.recipe.name) }
    let streaming =
      uses.isEmpty
      ? nil : Streaming(uses: uses, window: choice.window, source: source, meter: WeightMeter())
    // The largest first: while one is made there is least beside it.
    for recipe in needs.recipes.values.sorted(by: { $0.precedes($1) })
    where !choice.streamed.contains(recipe.name) {
      _ = try weights.tensor(recipe, source, options: options)
    }
    try stage.bind(streaming: streaming) { value in
      guard let recipe = needs.recipes[value.name], !choice.streamed.contains(value.name) else {
        return nil
      }
      return try weights.tensor(recipe, source, options: options)
    }
    return stage
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
  fileprivate func bound(to recipes: [String: WeightRecipe]) -> ShapedGraph {
    var result = self
    result.graph.inputs.removeAll { input in
      let name = graph[input.value].name
      guard let recipe = recipes[name] else { return false }
      result.graph.values[input.value.index].origin = .weight(tensor: name, recipe.fact)
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
