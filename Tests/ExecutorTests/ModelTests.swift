import Executor
import GraphIR
import Kernels
import TensorBase
import TestSupport
import Testing

/// A weight that depends on its name and shape alone.
private func weight(of graph: Graph) -> @Sendable (String) throws -> Tensor {
  { name in
    for value in graph.values {
      if case .weight(name, let fact) = value.origin {
        let seed = name.utf8.reduce(UInt64(7)) { $0 &* 31 &+ UInt64($1) }
        return randomTensor(fact.shape, seed: seed, scale: 0.5)
      }
    }
    throw KernelError.productsUnavailable("there is no weight \(name)")
  }
}

private func inputs(_ shapes: [String: Shape]) -> [String: Tensor] {
  var inputs: [String: Tensor] = [:]
  for (seed, name) in shapes.keys.sorted().enumerated() {
    inputs[name] = shapes[name].map { randomTensor($0, seed: UInt64(seed + 1)) }
  }
  return inputs
}

private let wantedNames = ["result", "attn2.probabilities", "attn1.probabilities", "conv"]

@Test func passesAndFastKernelsChangeNothing() throws {
  let graph = residualBlock()
  let given = inputs(blockInputs)
  let wanted = try graph.values(wanted: wantedNames)
  var model = Model(graph, weight: weight(of: graph))
  var arena = Arena()
  let plainOptions = ExecutionOptions(threads: 1, kernels: .reference)
  let plain = try model.program(
    Model.Request(inputs: blockInputs, wanted: wanted, isOptimised: false), options: plainOptions
  ).run(given, arena: &arena, options: plainOptions)
  #expect(Set(plain.keys) == Set(wantedNames))

  for threads in [1, 2, 3] {
    let options = ExecutionOptions(threads: threads)
    let program = try model.program(
      Model.Request(inputs: blockInputs, wanted: wanted, fixedInputs: ["text"]), options: options)
    let prepared = try program.prepare(given, arena: &arena, options: options)
    #expect(Set(prepared.keys) == ["k", "v"])
    let fast = try program.run(given, prepared: prepared, arena: &arena, options: options)
    for name in wantedNames {
      let expected = try #require(plain[name])
      let actual = try #require(fast[name])
      expectClose(actual, expected, relativeToMaximum: 1e-5)
    }
  }
}

@Test func tapsAreTheHeadsMeanOfTheChosenTokens() throws {
  let graph = residualBlock()
  let given = inputs(blockInputs)
  let tap = try graph.values(wanted: ["attn2.probabilities"])
  var model = Model(graph, weight: weight(of: graph))
  var arena = Arena()
  let options = ExecutionOptions(threads: 2)
  let all = try model.program(
    Model.Request(inputs: blockInputs, wanted: tap), options: options
  ).run(given, arena: &arena, options: options)
  let some = try model.program(
    Model.Request(inputs: blockInputs, wanted: tap, tapTokens: [0, 4, 8]), options: options
  ).run(given, arena: &arena, options: options)
  let whole = try #require(all["attn2.probabilities"])
  let chosen = try #require(some["attn2.probabilities"])
  #expect(whole.shape == [3, 9, 35])
  #expect(chosen.shape == [3, 3, 35])
  let (a, b) = (whole.floats, chosen.floats)
  for batch in 0..<3 {
    for query in 0..<35 {
      var sum: Float = 0
      for token in 0..<9 { sum += a[(batch * 9 + token) * 35 + query] }
      #expect(abs(sum - 1) < 1e-5)
      for (place, token) in [0, 4, 8].enumerated() {
        #expect(b[(batch * 3 + place) * 35 + query] == a[(batch * 9 + token) * 35 + query])
      }
    }
  }
}

@Test func onlyWhatIsWantedNeedsItsInputs() throws {
  let graph = residualBlock()
  var model = Model(graph, weight: weight(of: graph))
  var arena = Arena()
  let options = ExecutionOptions(threads: 1)
  let wanted = try graph.values(wanted: ["silu"])
  let program = try model.program(
    Model.Request(inputs: ["sample": [1, 4, 3, 3]], wanted: wanted), options: options)
  let outputs = try program.run(
    ["sample": randomTensor([1, 4, 3, 3], seed: 3)], arena: &arena, options: options)
  #expect(outputs["silu"]?.shape == [1, 4, 3, 3])
  #expect(throws: ExecutionError.missingInput(graph: "block", name: "sample")) {
    try program.run([:], arena: &arena, options: options)
  }
  #expect(throws: ExecutionError.self) {
    try program.run(["sample": randomTensor([1], seed: 1)], arena: &arena, options: options)
  }
}

@Test func unknownNamesAreRefusedWithTheNearest() throws {
  let graph = residualBlock()
  #expect(
    throws: GraphError.unknownValue(graph: "block", name: "conv3", nearest: "conv")
  ) { try graph.values(wanted: ["conv3"]) }
  #expect(try graph.values(wanted: ["attn*.probabilities"]).count == 2)
}

@Test func whatNoMachineHoldsIsRefused() throws {
  var builder = GraphBuilder(name: "large")
  let x = builder.input("x", .f32, [.size(1)])
  builder.output(builder.node("y", .indexing(.expand([1 << 57])), x))
  var model = Model(builder.graph) { _ in Tensor(scalar: Float(0)) }
  #expect(throws: ExecutionError.self) {
    try model.program(
      Model.Request(inputs: ["x": [1]]), options: ExecutionOptions(threads: 1))
  }
}

/// Batches and axes of no elements are fine inputs.
@Test func outputsWithoutElements() throws {
  var builder = GraphBuilder(name: "empty")
  let q = builder.input("q", .f32, [.size(0), .size(5), .size(8)])
  let k = builder.input("k", .f32, [.size(1), .size(3), .size(8)])
  let attended = builder.attention(
    "attention", Attention(heads: 2, scale: 0.5), query: q, key: k, value: k)
  builder.output(attended)
  let x = builder.input("x", .f32, [.size(2), .size(0)])
  let row = builder.node("row", .reshape([.size(1), .size(2), .size(0)]), x)
  let one = builder.input("one", .f32, [.size(1), .size(1)])
  builder.output(builder.node("sum", .binary(.add), row, one))
  var model = Model(builder.graph) { _ in Tensor(scalar: Float(0)) }
  let shapes: [String: Shape] = ["q": [0, 5, 8], "k": [1, 3, 8], "x": [2, 0], "one": [1, 1]]
  for kernels in [ExecutionOptions.KernelChoice.fast, .reference] {
    var arena = Arena()
    let results = try model.evaluate(
      shapes.mapValues { Tensor(zeros: $0, type: .f32) }, Model.Request(inputs: shapes),
      arena: &arena, options: ExecutionOptions(threads: 1, kernels: kernels))
    #expect(results[builder.graph[attended].name]?.shape == [0, 5, 8])
    #expect(results["sum"]?.shape == [1, 2, 0])
  }
}
