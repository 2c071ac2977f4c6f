import Executor
import GraphIR
import TensorBase
import TestSupport
import Testing

/// A loop in a loop, each with as many iterations as said; puts out the numbers of the outer ones,
/// each added to the last number of the inner ones.
private func loops(_ outer: Int64, _ inner: Int64) -> Graph {
  func body(_ name: String) -> Graph {
    var graph = Graph(name: name)
    graph.values = [Value(name: "i", origin: .input), Value(name: "goes", origin: .input)]
    return graph
  }
  func loop(_ body: Graph, parameters: Int, carried: Int, scanned: Int) -> Op {
    let body = GraphBody(graph: body, parameters: (0..<parameters).map { ValueID($0) })
    return .dynamic(.loop(Loop(body: body, carried: carried, scanned: scanned)))
  }
  // [i, goes, last] → last = i
  var last = body("inner")
  last.values.append(Value(name: "last", origin: .input))
  last.outputs = [ValueID(1), ValueID(0)]
  var sum = body("outer")
  sum.values += [
    Value(name: "count", origin: .constant(Tensor(scalar: inner))),
    Value(name: "none", origin: .constant(Tensor(scalar: Int64(-1)))),
    Value(name: "last", origin: .node), Value(name: "sum", origin: .node),
  ]
  sum.nodes = [
    Node(
      name: "inner", op: loop(last, parameters: 3, carried: 1, scanned: 0),
      inputs: [ValueID(2), nil, ValueID(3)], outputs: [ValueID(4)]),
    Node(name: "add", op: .binary(.add), inputs: [ValueID(0), ValueID(4)], outputs: [ValueID(5)]),
  ]
  sum.outputs = [ValueID(1), ValueID(5)]
  var graph = Graph(name: "g")
  graph.values = [
    Value(name: "count", origin: .constant(Tensor(scalar: outer))),
    Value(name: "sums", origin: .node), Value(name: "x", origin: .input),
    Value(name: "more", origin: .node),
  ]
  graph.inputs = [GraphInput(value: ValueID(2), type: .i64, dimensions: [.size(1)])]
  graph.nodes = [
    Node(
      name: "outer", op: loop(sum, parameters: 2, carried: 0, scanned: 1),
      inputs: [ValueID(0), nil], outputs: [ValueID(1)]),
    Node(
      name: "join", op: .concat(axis: 0), inputs: [ValueID(1), ValueID(2)], outputs: [ValueID(3)]),
  ]
  graph.outputs = [ValueID(3)]
  return graph
}

@Sendable private func noWeight(_ name: String) throws -> Tensor {
  throw GraphError.notComputed(graph: "g", value: name)
}

@Suite struct LoopTests {
  private let inputs = ["x": Tensor(int64s: [70], shape: [1])]

  @Test(arguments: [(3, 5, [4, 5, 6, 70]), (2, 0, [-1, 0, 70]), (0, 9, [70])])
  func nothingIsCarried(_ outer: Int64, _ inner: Int64, _ expected: [Int64]) throws {
    var model = Model(loops(outer, inner), weight: noWeight)
    var arena = Arena()
    let outputs = try model.evaluate(
      inputs, Model.Request(inputs: ["x": [1]]), arena: &arena,
      options: ExecutionOptions(threads: 1))
    #expect(outputs["more"]?.int64s == expected)
  }

  /// What never runs is not asked for more than the shapes of what it would put out.
  @Test func aBodyThatNeverRuns() throws {
    var model = Model(loops(0, 1 << 50), weight: noWeight)
    var arena = Arena()
    let options = ExecutionOptions(threads: 1)
    #expect(throws: GraphError.self) {
      try model.evaluate(
        inputs, Model.Request(inputs: ["x": [1]]), arena: &arena, options: options)
    }
    // x + [1, 2] of another type would not fit; nothing but x is put out.
    var body = Graph(name: "body")
    body.values = [
      Value(name: "i", origin: .input), Value(name: "goes", origin: .input),
      Value(name: "v", origin: .input),
      Value(name: "c", origin: .constant(Tensor(floats: [1, 2], shape: [2]))),
      Value(name: "sum", origin: .node),
    ]
    body.nodes = [
      Node(name: "add", op: .binary(.add), inputs: [ValueID(2), ValueID(3)], outputs: [ValueID(4)])
    ]
    body.outputs = [ValueID(1), ValueID(4)]
    let loop = Loop(
      body: GraphBody(graph: body, parameters: (0..<3).map { ValueID($0) }), carried: 1, scanned: 0)
    var graph = Graph(name: "g")
    graph.values = [
      Value(name: "count", origin: .constant(Tensor(scalar: Int64(0)))),
      Value(name: "x", origin: .input), Value(name: "y", origin: .node),
    ]
    graph.inputs = [GraphInput(value: ValueID(1), type: .i64, dimensions: [.size(1)])]
    graph.nodes = [
      Node(
        name: "loop", op: .dynamic(.loop(loop)), inputs: [ValueID(0), nil, ValueID(1)],
        outputs: [ValueID(2)])
    ]
    graph.outputs = [ValueID(2)]
    model = Model(graph, weight: noWeight)
    let outputs = try model.evaluate(
      inputs, Model.Request(inputs: ["x": [1]]), arena: &arena, options: options)
    #expect(outputs["y"]?.int64s == [70])
  }

  /// Shaping works short loops out, and leaves those that may never end to a run.
  @Test(arguments: [(1000, 2, true), (1 << 50, 2, false), (2, 1 << 50, false)])
  func shapingEnds(_ outer: Int64, _ inner: Int64, _ isComplete: Bool) throws {
    let found = try survey(
      loops(outer, inner), inputs: ["x": [1]], tools: Vocabulary.none.shapingTools)
    #expect(found.isComplete == isComplete)
    #expect(found.fact(ValueID(3)) == (isComplete ? Fact(.i64, [Int(outer) + 1]) : nil))
  }

  /// What is left to a run is done there, however long it takes.
  @Test func aRunHasNoBudget() throws {
    let graph = loops(20_000, 1)
    let found = try survey(graph, inputs: ["x": [1]], tools: Vocabulary.none.shapingTools)
    #expect(!found.isComplete)
    var model = Model(graph, weight: noWeight)
    var arena = Arena()
    let outputs = try model.evaluate(
      inputs, Model.Request(inputs: ["x": [1]]), arena: &arena,
      options: ExecutionOptions(threads: 1))
    #expect(outputs["more"]?.shape == [20_001])
    // The same with a budget is refused in a sentence.
    #expect(throws: GraphError.needsElements(graph: "g", node: "outer", value: "sums")) {
      try model.evaluate(
        inputs, Model.Request(inputs: ["x": [1]]), arena: &arena,
        options: ExecutionOptions(threads: 1, budget: Budget(operations: 1e6)))
    }
  }
}
