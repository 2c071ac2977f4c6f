import Executor
import GraphIR
import Kernels
import TensorBase
import TestSupport
import Testing

/// The block's weights in a narrow type, by name.
private func narrowWeights(_ graph: Graph, _ type: ElementType) -> [String: Tensor] {
  var weights: [String: Tensor] = [:]
  for (index, value) in graph.values.enumerated() {
    if case .weight(let name, let fact) = value.origin {
      weights[name] = randomTensor(fact.shape, seed: UInt64(index + 1), scale: 0.5)
        .converted(to: type)
    }
  }
  return weights
}

/// Bytes of the weights that a program holds, by type.
private func heldBytes(_ program: Program) -> [ElementType: Int] {
  let shaped = program.varying.shaped
  var bytes: [ElementType: Int] = [:]
  for (value, fact) in zip(shaped.graph.values, shaped.facts) {
    if case .weight = value.origin { bytes[fact.type, default: 0] += fact.byteCount }
  }
  return bytes
}

/// Weights stored in half precision are held so and count, bit for bit, as the f32 they stand for.
@Test(arguments: [ElementType.f16, .bf16])
func weightsAreHeldAsTheyAreStored(_ type: ElementType) throws {
  let graph = residualBlock()
  let weights = narrowWeights(graph, type)
  var wide = Model(graph) { name in try #require(weights[name]).converted(to: .f32) }
  var held = Model(graph, storedType: { weights[$0]?.type }) { name in
    try #require(weights[name])
  }
  var inputs: [String: Tensor] = [:]
  for (seed, (name, shape)) in blockInputs.sorted(by: { $0.key < $1.key }).enumerated() {
    inputs[name] = randomTensor(shape, seed: UInt64(seed + 90))
  }
  let wanted = try graph.values(wanted: ["result", "conv", "attn2.probabilities"])
  var arena = Arena()
  let choices = [
    ExecutionOptions(threads: 1), ExecutionOptions(threads: 3),
    ExecutionOptions(threads: 2, isExact: true),
    ExecutionOptions(threads: 1, kernels: .reference),
  ]
  for options in choices {
    let request = Model.Request(
      inputs: blockInputs, wanted: wanted, isOptimised: options.kernels == .fast)
    let (plain, narrow) = (
      try wide.program(request, options: options), try held.program(request, options: options)
    )
    let expected = try plain.run(inputs, arena: &arena, options: options)
    #expect(try narrow.run(inputs, arena: &arena, options: options) == expected)
    #expect(expected.count == 3)
    let (before, after) = (heldBytes(plain), heldBytes(narrow))
    #expect(Set(before.keys) == [.f32])
    if options.kernels == .fast {
      // Six weights are packed; three vectors of four numbers are not.
      #expect(after == [.f32: 48, type: ((before[.f32] ?? 0) - 48) / 2])
    } else {
      #expect(after == before)
    }
  }
}

/// Weights that pass through a run are the same in half precision, whole or row by row.
@Test(arguments: [ElementType.f16, .bf16], [true, false])
func heldWeightsPassThrough(_ type: ElementType, byRows: Bool) throws {
  let graph = residualBlock()
  let weights = narrowWeights(graph, type)
  let rows: @Sendable (String, Range<Int>, Int) throws -> Tensor = { name, rows, _ in
    let whole = try #require(weights[name])
    let count = whole.shape.count / whole.shape[0]
    return Tensor(
      floats: Array(whole.floats[rows.lowerBound * count..<rows.upperBound * count]),
      shape: Shape([rows.count] + whole.shape.dimensions.dropFirst())
    ).converted(to: type)
  }
  let source = WeightSource(
    storedType: { weights[$0]?.type }, tensor: { name, _ in try #require(weights[name]) },
    rows: byRows ? rows : nil)
  var staying = Model(graph, weights: source)
  var passing = Model(graph, weights: source, memory: .least)
  var inputs: [String: Tensor] = [:]
  for (seed, (name, shape)) in blockInputs.sorted(by: { $0.key < $1.key }).enumerated() {
    inputs[name] = randomTensor(shape, seed: UInt64(seed + 70))
  }
  var arena = Arena()
  let options = ExecutionOptions(threads: 2)
  let request = Model.Request(inputs: blockInputs)
  let expected = try staying.program(request, options: options)
    .run(inputs, arena: &arena, options: options)
  let program = try passing.program(request, options: options)
  #expect(try program.run(inputs, arena: &arena, options: options) == expected)
}
