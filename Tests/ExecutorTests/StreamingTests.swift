import Executor
import GraphIR
import Synchronization
import TensorBase
import TestSupport
import Testing

/// Linears one after the other, of widths that are no multiples of a panel, each with a bias.
private func chain(_ widths: [Int] = [40, 33, 95, 32, 7, 64, 1]) -> Graph {
  var builder = GraphBuilder(name: "chain")
  var x = builder.input("x", .f32, [.size(3), .size(widths[0])])
  for (place, (inputs, outputs)) in zip(widths, widths.dropFirst()).enumerated() {
    x = builder.node(
      "linear\(place)", .linear(activation: nil), x,
      builder.weight("w\(place)", [outputs, inputs]), builder.weight("b\(place)", [outputs]))
    x = builder.node("tanh\(place)", .unary(.tanh), x)
  }
  builder.output(x)
  return builder.graph
}

/// What a source was asked for.
private final class Requests: Sendable {
  private let list = Mutex<[String]>([])
  var names: [String] { list.withLock { $0 } }
  func note(_ name: String) { list.withLock { $0.append(name) } }
}

private struct Damage: Error, Equatable { let name: String }

/// Weights that depend on their names and shapes alone, whole or by rows.
private func source(
  of graph: Graph, byRows: Bool = true, damaged: String? = nil, _ requests: Requests = Requests()
) -> WeightSource {
  let tensor: @Sendable (String, Int) throws -> Tensor = { name, _ in
    requests.note(name)
    for value in graph.values {
      if case .weight(name, let fact) = value.origin, name != damaged {
        let seed = name.utf8.reduce(UInt64(7)) { $0 &* 31 &+ UInt64($1) }
        return randomTensor(fact.shape, seed: seed, scale: 0.3)
      }
    }
    throw Damage(name: name)
  }
  return WeightSource(hasRows: byRows) { piece in
    let whole = try tensor(piece.name, piece.threads)
    guard let rows = piece.rows else { return whole }
    let count = whole.shape.count / whole.shape[0]
    return Tensor(
      floats: Array(whole.floats[rows.lowerBound * count..<rows.upperBound * count]),
      shape: Shape([rows.count] + whole.shape.dimensions.dropFirst()))
  }
}

private func limit(_ byteCount: Int, used: Int = 0) -> WeightMemory {
  .limited(WeightMemory.Limit(byteCount: byteCount) { used })
}

private func inputs(_ shapes: [String: Shape]) -> [String: Tensor] {
  var inputs: [String: Tensor] = [:]
  for (seed, name) in shapes.keys.sorted().enumerated() {
    inputs[name] = shapes[name].map { randomTensor($0, seed: UInt64(seed + 1)) }
  }
  return inputs
}

/// What the least limit is that a program can be made in.
private func leastLimit(_ graph: Graph, _ request: Model.Request) -> Int {
  var model = Model(graph, weights: source(of: graph), memory: limit(1))
  do {
    _ = try model.program(request, options: ExecutionOptions(threads: 1))
  } catch ExecutionError.tooLittleMemory(_, let needed, let given) {
    #expect(given == 1)
    return needed
  } catch { Issue.record(error) }
  return 0
}

@Suite struct StreamingTests {
  private let graphs = [residualBlock(), chain()]
  private let shapes: [[String: Shape]] = [blockInputs, ["x": [3, 40]]]

  @Test(arguments: [1, 2, 3], [true, false])
  func streamedWeightsGiveTheSameBits(threads: Int, byRows: Bool) throws {
    let options = ExecutionOptions(threads: threads)
    for (graph, shapes) in zip(graphs, shapes) {
      let request = Model.Request(inputs: shapes, fixedInputs: ["text"])
      var results: [[String: Tensor]] = []
      for memory in [WeightMemory.all, .least] {
        var model = Model(graph, weights: source(of: graph, byRows: byRows), memory: memory)
        var arena = Arena()
        let program = try model.program(request, options: options)
        let prepared = try program.prepare(inputs(shapes), arena: &arena, options: options)
        for _ in 0..<3 {
          results.append(
            try program.run(inputs(shapes), prepared: prepared, arena: &arena, options: options))
        }
        if case .all = memory {
          #expect(program.streamedWeightByteCount == 0 && program.heldWeightByteCount > 0)
        } else {
          #expect(program.streamedWeightByteCount > 0 && program.heldWeightByteCount == 0)
          #expect((1...program.streamWindow).contains(program.peakStreamedByteCount))
        }
      }
      #expect(results.allSatisfy { $0 == results[0] })
    }
  }

  /// From one byte too little to room for all: less is streamed the more there is, and the weights
  /// never take more than they may.
  @Test func limitsAreKept() throws {
    let options = ExecutionOptions(threads: 2)
    for (graph, shapes) in zip(graphs, shapes) {
      let request = Model.Request(inputs: shapes)
      let least = leastLimit(graph, request)
      var arena = Arena()
      var whole = Model(graph, weights: source(of: graph))
      let held = try whole.program(request, options: options)
      let expected = try held.run(inputs(shapes), arena: &arena, options: options)
      let all = held.heldWeightByteCount
      let margin = least - arena.byteCount

      var tooSmall = Model(graph, weights: source(of: graph), memory: limit(least - 1))
      #expect(throws: ExecutionError.self) { try tooSmall.program(request, options: options) }
      var streamed = Int.max
      for extra in stride(from: 0, through: 4 * all, by: max(1, all / 7)) {
        var model = Model(graph, weights: source(of: graph), memory: limit(least + extra))
        let program = try model.program(request, options: options)
        #expect(try program.run(inputs(shapes), arena: &arena, options: options) == expected)
        #expect(program.heldWeightByteCount + program.streamedWeightByteCount == all)
        #expect(program.streamedWeightByteCount <= streamed)
        #expect(program.peakStreamedByteCount <= program.streamWindow)
        #expect(program.heldWeightByteCount + program.peakStreamedByteCount <= margin + extra)
        streamed = program.streamedWeightByteCount
      }
      #expect(streamed == 0)
      // What the process uses already counts.
      var busy = Model(graph, weights: source(of: graph), memory: limit(least + 99, used: 100))
      #expect(throws: ExecutionError.self) { try busy.program(request, options: options) }
    }
  }

  /// Every weight in turn cannot be loaded: held or streamed, the error is its own, run after run.
  @Test func damageIsToldAsItIs() throws {
    let options = ExecutionOptions(threads: 2)
    for (graph, shapes) in zip(graphs, shapes) {
      let request = Model.Request(inputs: shapes)
      for value in graph.values {
        guard case .weight(let name, _) = value.origin else { continue }
        var held = Model(graph, weights: source(of: graph, damaged: name))
        #expect(throws: Damage(name: name)) { try held.program(request, options: options) }
        var model = Model(graph, weights: source(of: graph, damaged: name), memory: .least)
        let program = try model.program(request, options: options)
        var arena = Arena()
        for _ in 0..<2 {
          #expect(throws: Damage(name: name)) {
            try program.run(inputs(shapes), arena: &arena, options: options)
          }
        }
      }
    }
  }

  /// A node that fails in the middle of a run: the run ends, and the next one is as good as any.
  @Test func abandonedRunsLeaveNothingBehind() throws {
    var builder = GraphBuilder(name: "picking")
    let x = builder.input("x", .f32, [.size(3), .size(4)])
    let row = builder.input("row", .i64, [.size(1)])
    func linear(_ name: String, _ x: ValueID, _ shape: Shape) -> ValueID {
      builder.node(name, .linear(activation: nil), x, builder.weight(name + ".w", shape))
    }
    let picked = builder.node("pick", .gather(axis: 0), linear("first", x, [50, 4]), row)
    let second = linear("second", picked, [70, 50])
    builder.output(linear("third", second, [5, 70]))
    let graph = builder.graph
    let options = ExecutionOptions(threads: 2)
    func given(_ row: Int64) -> [String: Tensor] {
      ["x": randomTensor([3, 4], seed: 1), "row": Tensor(int64s: [row], shape: [1])]
    }
    let request = Model.Request(inputs: ["x": [3, 4], "row": [1]])
    var arena = Arena()
    var held = Model(graph, weights: source(of: graph))
    let expected = try held.program(request, options: options)
      .run(given(2), arena: &arena, options: options)
    var model = Model(graph, weights: source(of: graph), memory: .least)
    let program = try model.program(request, options: options)
    for _ in 0..<20 {
      #expect(throws: ExecutionError.self) {
        try program.run(given(7), arena: &arena, options: options)
      }
      #expect(try program.run(given(2), arena: &arena, options: options) == expected)
    }
  }

  @Test func programsOfOneModelTakeTurns() throws {
    let graph = residualBlock()
    let options = ExecutionOptions(threads: 2)
    for memory in [WeightMemory.least, limit(1 << 30), limit(40 << 20)] {
      var model = Model(graph, weights: source(of: graph), memory: memory)
      var held = Model(graph, weights: source(of: graph))
      var arena = Arena()
      var larger = blockInputs
      larger["sample"] = [3, 4, 9, 8]
      let programs = try [blockInputs, larger].map { shapes in
        let request = Model.Request(inputs: shapes)
        return (
          shapes, try model.program(request, arena: arena, options: options),
          try held.program(request, options: options)
        )
      }
      for _ in 0..<2 {
        for (shapes, program, other) in programs {
          let result = try program.run(inputs(shapes), arena: &arena, options: options)
          #expect(
            try result == other.run(inputs(shapes), arena: &arena, options: options))
        }
      }
    }
  }

  /// A weight that two nodes take stays, and is loaded once; one that a caller wants does too.
  @Test func weightsThatSeveralTakeStay() throws {
    var builder = GraphBuilder(name: "tied")
    var x = builder.input("x", .f32, [.size(2), .size(33)])
    let tied = builder.weight("tied", [33, 33])
    x = builder.node("first", .linear(activation: nil), x, tied)
    x = builder.node("own", .linear(activation: nil), x, builder.weight("own.w", [33, 33]))
    let scale = builder.weight("scale", [33])
    x = builder.node("scaled", .binary(.multiply), x, scale)
    builder.output(builder.node("second", .linear(activation: nil), x, tied))
    builder.output(scale)
    let graph = builder.graph
    let requests = Requests()
    let options = ExecutionOptions(threads: 2)
    let request = Model.Request(inputs: ["x": [2, 33]])
    var model = Model(graph, weights: source(of: graph, requests), memory: .least)
    let program = try model.program(request, options: options)
    #expect(program.heldWeightByteCount == (2 * 33 * 32 + 33) * 4)
    #expect(program.streamedWeightByteCount == 2 * 33 * 32 * 4)
    var arena = Arena()
    var held = Model(graph, weights: source(of: graph))
    let given = inputs(["x": [2, 33]])
    let expected = try held.program(request, options: options)
      .run(given, arena: &arena, options: options)
    for _ in 0..<3 {
      #expect(try program.run(given, arena: &arena, options: options) == expected)
    }
    #expect(requests.names.count { $0 == "tied" } == 1)
    #expect(requests.names.count { $0 == "own.w" } == 3)
  }

  /// A weight larger than a piece is packed piece by piece, and is the same; its last piece is not
  /// whole, nor is its last panel.
  @Test func largeWeightsArePackedInPieces() throws {
    let graph = chain([2048, 2081, 3])
    let request = Model.Request(inputs: ["x": [3, 2048]])
    let given = inputs(["x": [3, 2048]])
    let options = ExecutionOptions(threads: 1)
    var arena = Arena()
    var results: [[String: Tensor]] = []
    for (byRows, memory) in [(false, WeightMemory.all), (true, .all), (true, .least)] {
      let requests = Requests()
      var model = Model(graph, weights: source(of: graph, byRows: byRows, requests), memory: memory)
      let program = try model.program(request, options: options)
      results.append(try program.run(given, arena: &arena, options: options))
      #expect(requests.names.count { $0 == "w0" } == (byRows ? 2 : 1))
      #expect(program.peakStreamedByteCount <= program.streamWindow)
    }
    #expect(results.allSatisfy { $0 == results[0] })
  }
}
