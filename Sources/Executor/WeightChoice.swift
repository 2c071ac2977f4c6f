import GraphIR
import TensorBase

/// Which weights of a program stay in memory and which pass through.
///
/// A weight can pass through a stage where one node takes it. One that several nodes take stays, as
/// it would have to be loaded for each. The largest stay first: the window, which has to hold the
/// largest that passes through, shrinks with each of them, and they belong to the layers whose
/// pictures are smallest, where loading takes longest against computing.
struct WeightChoice {
  /// Names of the values that pass through.
  let streamed: Set<String>
  /// Bytes of weights that may pass through at once.
  let window: Int

  /// Bytes of a process beside weights, arena and what it has when a program is made: what kernels
  /// need for themselves, stacks, inputs and outputs.
  static let margin = 32 << 20

  /// Nothing passes through.
  static let none = WeightChoice(streamed: [], window: 0)

  private init(streamed: Set<String>, window: Int) {
    self.streamed = streamed
    self.window = window
  }

  /// The smallest window in which one weight is prepared while the one before it is in use.
  init(smallestFor stages: [StageWeights]) {
    self.init(
      streamed: streamable(stages),
      window: stages.map { $0.windows(streamable(stages)).overlapping }.max() ?? 0)
  }

  /// As many weights stay as fit.
  ///
  /// - Parameters:
  ///   - byteCount: what the process may use.
  ///   - others: what it uses for other things: all that is there, the arena, the margin.
  /// - Throws: `ExecutionError.tooLittleMemory` when it cannot even run with one weight at a time.
  init(
    _ stages: [StageWeights], graph: String, within byteCount: Int, others: Int
  ) throws(ExecutionError) {
    var sizes: [Int: Int] = [:]
    for recipe in stages.flatMap(\.recipes.values) { sizes[recipe.number] = recipe.byteCount }
    var passing = streamable(stages)
    let numbers = Dictionary(
      stages.flatMap(\.recipes).map { ($0.key, $0.value.number) }
    ) { first, _ in first }
    // A recipe under two names is made once when it stays.
    let candidates = Set(passing.compactMap { numbers[$0] })
    let staying = sizes.reduce(0) { candidates.contains($1.key) ? $0 : $0 + $1.value }
    let available = byteCount - others - staying
    let least = stages.map { $0.windows(passing).least }.max() ?? 0
    guard least <= available else {
      throw .tooLittleMemory(graph: graph, needed: others + staying + least, given: byteCount)
    }
    let order = candidates.sorted { (sizes[$1] ?? 0, $0) < (sizes[$0] ?? 0, $1) }
    let names = Dictionary(grouping: passing) { numbers[$0] ?? -1 }
    var best = WeightChoice(streamed: passing, window: available)
    var held = 0
    for number in order {
      held += sizes[number] ?? 0
      for name in names[number] ?? [] { passing.remove(name) }
      // Twice what overlapping takes lets small layers get ahead of a large one. As the window
      // shrinks with what stays, more may fit where less does not.
      let window = 2 * (stages.map { $0.windows(passing).overlapping }.max() ?? 0)
      if held + window <= available {
        best = WeightChoice(streamed: passing, window: available - held)
      }
    }
    self = best
  }
}

/// The weights of a stage, and how they can pass through it.
struct StageWeights {
  /// By the value's name.
  let recipes: [String: WeightRecipe]
  /// Those that one node takes, in the order in which they are taken.
  let uses: [WeightUse]

  init(_ shaped: ShapedGraph, _ recipes: [String: WeightRecipe], _ source: WeightSource) {
    let graph = shaped.graph
    var takers = [Int](repeating: 0, count: graph.values.count)
    // The caller takes outputs after the run; a reshape lends what it was lent.
    for id in graph.outputs { takers[id.index] = 2 }
    for node in graph.nodes {
      for id in Set(node.inputs.compactMap { $0 }) {
        takers[id.index] += isReshape(node.op) ? 2 : 1
      }
    }
    var own: [String: WeightRecipe] = [:]
    for value in graph.values {
      if case .weight = value.origin { own[value.name] = recipes[value.name] }
    }
    var uses: [WeightUse] = []
    for (place, node) in graph.nodes.enumerated() {
      var seen = Set<ValueID>()
      for case let id? in node.inputs where takers[id.index] == 1 && seen.insert(id).inserted {
        guard case .weight = graph[id].origin, let recipe = own[graph[id].name] else { continue }
        uses.append(
          WeightUse(
            node: place, value: id.index, recipe: recipe,
            workByteCount: recipe.workByteCount(source)))
      }
    }
    self.recipes = own
    self.uses = uses
  }

  /// Bytes that it takes to let some weights pass through: one node at a time at least, or with
  /// a node's weights prepared while the ones before them are in use.
  ///
  /// - Parameter names: the values'.
  func windows(_ names: Set<String>) -> (least: Int, overlapping: Int) {
    var (least, overlapping) = (0, 0)
    // Of the node before, and of the current one so far.
    var (before, current, node) = (0, 0, -1)
    for use in uses where names.contains(use.recipe.name) {
      if use.node != node { (before, current, node) = (current, 0, use.node) }
      current += use.recipe.byteCount
      least = max(least, current + use.workByteCount)
      overlapping = max(overlapping, before + current + use.workByteCount)
    }
    return (least, overlapping)
  }
}

/// The values that can pass through every stage that takes them.
private func streamable(_ stages: [StageWeights]) -> Set<String> {
  var names = Set<String>()
  for stage in stages { names.formUnion(stage.uses.map(\.recipe.name)) }
  for stage in stages {
    let able = Set(stage.uses.map(\.recipe.name))
    names.subtract(stage.recipes.keys.filter { !able.contains($0) })
  }
  return names
}

private func isReshape(_ op: Op) -> Bool {
  if case .reshape = op { true } else { false }
}
