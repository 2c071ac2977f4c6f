import GraphIR
import Kernels
import Planner
import TensorBase

/// A shaped graph with its plan and the tensors that do not change from run to run: all that is
/// needed to run it.
package struct Stage: Sendable {
  package let shaped: ShapedGraph
  package let plan: Plan
  /// Constants, and weights that are held, by value; nil for all else.
  private var constants: [Tensor?]
  /// Weights that pass through; nil when there are none.
  private var streaming: Streaming?

  /// A stage without its weights.
  ///
  /// - Throws: `ExecutionError.tooLarge` before any memory is asked for that is not there.
  init(_ shaped: ShapedGraph) throws(ExecutionError) {
    self.shaped = shaped
    // Sizes come from files: each for itself first, so that their sums cannot overflow.
    let available = memoryByteCount
    for node in shaped.graph.nodes {
      for case let id? in node.outputs where shaped[id].byteCount > available {
        throw ExecutionError.tooLarge(
          graph: shaped.graph.name, what: "\(shaped[id]) from node '\(node.name)'",
          needed: shaped[id].byteCount, available: available)
      }
    }
    plan = Plan(shaped)
    guard plan.arenaByteCount <= available else {
      throw ExecutionError.tooLarge(
        graph: shaped.graph.name, what: "a run", needed: plan.arenaByteCount, available: available)
    }
    constants = shaped.graph.values.map { value in
      if case .constant(let tensor) = value.origin { tensor } else { nil }
    }
  }

  /// Gives the stage its weights: tensors, or nil for those that pass through.
  mutating func bind(
    streaming: Streaming? = nil, held tensor: (Value) throws -> Tensor?
  ) rethrows {
    self.streaming = streaming
    for (index, value) in shaped.graph.values.enumerated() {
      if case .weight = value.origin { constants[index] = try tensor(value) }
    }
  }

  var heldWeightByteCount: Int {
    zip(shaped.graph.values, constants).reduce(0) { sum, pair in
      guard case .weight = pair.0.origin else { return sum }
      return sum + (pair.1?.byteCount ?? 0)
    }
  }

  var streamedWeightByteCount: Int {
    streaming?.uses.reduce(0) { $0 + $1.recipe.byteCount } ?? 0
  }

  var peakStreamedByteCount: Int { streaming?.meter.peakByteCount ?? 0 }

  var streamWindow: Int { streaming?.window ?? 0 }

  /// Runs the graph once.
  ///
  /// - Parameters:
  ///   - inputs: by name; more than the graph takes is fine.
  ///   - arena: memory that runs share one after the other; grown when it is too small.
  ///   - observe: is told each node, by its place in the graph, as soon as it has run.
  /// - Returns: the graph's outputs, by name.
  /// - Throws: `ExecutionError`, `tooCostly` before anything is done; why a weight that passes
  ///   through could not be prepared, once its node's turn comes.
  package func run(
    _ inputs: [String: Tensor], arena: inout Arena, options: ExecutionOptions,
    observe: ((Int) -> Void)? = nil
  ) throws -> [String: Tensor] {
    let graph = shaped.graph
    if let budget = options.budget {
      let bytes = graph.outputs.reduce(Double(plan.arenaByteCount)) {
        $0 + Double(shaped[$1].byteCount)
      }
      guard budget.spend(shaped.flop + bytes + 1000 * Double(graph.nodes.count)) else {
        throw ExecutionError.tooCostly(graph: graph.name)
      }
    }
    arena.reserve(plan.arenaByteCount)
    var given = constants
    for input in graph.inputs {
      let name = graph[input.value].name
      guard let tensor = inputs[name] else {
        throw ExecutionError.missingInput(graph: graph.name, name: name)
      }
      let fact = shaped[input.value]
      guard Fact(tensor.type, tensor.shape) == fact else {
        throw ExecutionError.wrongInput(
          graph: graph.name, name: name, given: "\(Fact(tensor.type, tensor.shape))",
          expected: "\(fact)")
      }
      given[input.value.index] = tensor
    }
    if let streaming {
      let stream = WeightStream(streaming, options: options)
      let isDone: Void? = try alongside(stream.fill) {
        defer { stream.stop() }
        try runNodes(&given, stream, arena: arena, options: options, observe: observe)
      }
      guard isDone != nil else { throw ExecutionError.noThread(graph: graph.name) }
    } else {
      try runNodes(&given, nil, arena: arena, options: options, observe: observe)
    }
    var outputs: [String: Tensor] = [:]
    for id in graph.outputs {
      outputs[graph[id].name] = view(id, given: given, arena: arena).copied()
    }
    return outputs
  }

  private func runNodes(
    _ given: inout [Tensor?], _ stream: WeightStream?, arena: borrowing Arena,
    options: ExecutionOptions, observe: ((Int) -> Void)?
  ) throws {
    let uses = streaming?.uses ?? []
    var next = 0
    for (index, node) in shaped.graph.nodes.enumerated() {
      let first = next
      while next < uses.count, uses[next].node == index {
        given[uses[next].value] = try stream?.take(next)
        next += 1
      }
      try run(node, given: given, arena: arena, options: options)
      for place in first..<next {
        given[uses[place].value] = nil
        stream?.drop(place)
      }
      observe?(index)
    }
  }

  private func run(
    _ node: Node, given: [Tensor?], arena: borrowing Arena, options: ExecutionOptions
  ) throws(ExecutionError) {
    let inputs = node.inputs.map { id in id.map { view($0, given: given, arena: arena) } }
    let outputs = node.outputs.map { id -> MutableTensorView? in
      guard let id, case .arena(let offset) = plan.places[id.index] else { return nil }
      return arena.mutableView(shaped[id].type, shaped[id].shape, at: offset)
    }
    do throws(KernelError) {
      try dispatch(node.op, inputs, outputs, options)
    } catch {
      throw .failed(
        graph: shaped.graph.name, node: node.name, op: node.op.name, reason: error.description)
    }
  }

  private func view(_ id: ValueID, given: [Tensor?], arena: borrowing Arena) -> TensorView {
    let fact = shaped[id]
    switch plan.places[id.index] {
    case .arena(let offset): return arena.view(fact.type, fact.shape, at: offset)
    case .same(let other):
      return view(other, given: given, arena: arena).reshaped(fact.shape)
    case .outside:
      guard let tensor = given[id.index] else {
        preconditionFailure("'\(shaped.graph[id].name)' has no source")
      }
      return tensor.view
    }
  }
}

/// How a run goes about it.
package struct ExecutionOptions: Hashable, Sendable {
  package enum KernelChoice: Sendable {
    case fast
    /// The plain versions, with double accumulation: slow, and the yardstick of the fast ones.
    case reference
  }

  package var threads: Int
  package var kernels: KernelChoice
  /// Rules out algorithms that save multiplications at the price of precision.
  package var isExact: Bool
  /// What the run may cost; nil for whatever it takes.
  package var budget: Budget?

  package init(
    threads: Int, kernels: KernelChoice = .fast, isExact: Bool = false, budget: Budget? = nil
  ) {
    self.threads = threads
    self.kernels = kernels
    self.isExact = isExact
    self.budget = budget
  }
}
