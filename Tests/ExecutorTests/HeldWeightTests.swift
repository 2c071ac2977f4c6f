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

/// The block's weights, those of two axes and more in bytes with scales beside them, and where they
/// come from: as they are stored, or as the f32 they stand for.
private func byteWeights(_ graph: Graph) -> (held: WeightSource, wide: WeightSource) {
  var stored: [String: Tensor] = [:], wide: [String: Tensor] = [:]
  for (index, value) in graph.values.enumerated() {
    guard case .weight(let name, let fact) = value.origin else { continue }
    let exact = randomTensor(fact.shape, seed: UInt64(index + 1), scale: 0.5)
    wide[name] = exact
    guard fact.shape.rank > 1 else { continue }
    let scales = ByteScales(fitting: exact, axis: 0)
    let bytes = scales.bytes(of: exact).bytes
    stored[name] = bytes
    wide[name] = Tensor.written(.f32, fact.shape) { target in
      bytes.withBytes { scales.widen($0, from: 0, into: &target) }
    }
    wide[name + "@scales"] = Tensor(floats: scales.scales, shape: [scales.scales.count])
  }
  let (bytes, numbers) = (stored, wide)
  let held = WeightSource(
    stored: { name in
      bytes[name].map { _ in
        StoredWeight(.i8, scales: WeightScales(tensor: name + "@scales", axis: 0))
      }
    }, hasRows: true
  ) { piece in
    let whole = try #require(piece.type == .i8 ? bytes[piece.name] : numbers[piece.name])
    return rows(piece.rows, of: whole)
  }
  return (held, WeightSource { try #require(numbers[$0.name]) })
}

/// Some rows of a tensor; nil for all.
private func rows(_ rows: Range<Int>?, of whole: Tensor) -> Tensor {
  guard let rows else { return whole }
  let count = whole.shape.count / whole.shape[0] * whole.type.byteCount
  return Tensor(
    type: whole.type, shape: Shape([rows.count] + whole.shape.dimensions.dropFirst()),
    bytes: Array(whole.bytes[rows.lowerBound * count..<rows.upperBound * count]))
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
  let source = WeightSource(
    stored: { weights[$0].map { StoredWeight($0.type) } }, hasRows: byRows
  ) { piece in
    rows(piece.rows, of: try #require(weights[piece.name]))
  }
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

/// Weights in bytes are held so, staying or passing through, and count, bit for bit, as the f32 they
/// stand for; plain kernels are given that.
@Test func bytesAreHeldWithTheirScales() throws {
  let graph = residualBlock()
  let (source, wide) = byteWeights(graph)
  var plain = Model(graph, weights: wide)
  var staying = Model(graph, weights: source)
  var passing = Model(graph, weights: source, memory: .least)
  var inputs: [String: Tensor] = [:]
  for (seed, (name, shape)) in blockInputs.sorted(by: { $0.key < $1.key }).enumerated() {
    inputs[name] = randomTensor(shape, seed: UInt64(seed + 50))
  }
  var arena = Arena()
  for options in [
    ExecutionOptions(threads: 1), ExecutionOptions(threads: 3),
    ExecutionOptions(threads: 1, kernels: .reference),
  ] {
    let request = Model.Request(inputs: blockInputs, isOptimised: options.kernels == .fast)
    let program = try plain.program(request, options: options)
    let expected = try program.run(inputs, arena: &arena, options: options)
    let held = try staying.program(request, options: options)
    #expect(try held.run(inputs, arena: &arena, options: options) == expected)
    let streamed = try passing.program(request, options: options)
    #expect(try streamed.run(inputs, arena: &arena, options: options) == expected)
    if options.kernels == .fast {
      #expect(Set(heldBytes(held).keys) == [.f32, .i8])
      #expect(heldBytes(held)[.f32] == 48)
    } else {
      #expect(heldBytes(held) == heldBytes(program))
    }
  }
}
