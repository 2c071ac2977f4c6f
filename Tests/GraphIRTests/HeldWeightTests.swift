import GraphIR
import TensorBase
import TestSupport
import Testing

/// The type of what a graph's packing nodes take, by the name of what they put out.
private func packedTypes(_ shaped: ShapedGraph) -> [String: ElementType] {
  var types: [String: ElementType] = [:]
  for node in shaped.graph.nodes where node.op == .packWeight {
    if let input = node.inputs[0], let output = node.outputs[0] {
      types[shaped.graph[output].name] = shaped[input].type
    }
  }
  return types
}

private func expectSoundFacts(_ shaped: ShapedGraph) throws {
  try shaped.graph.validate()
  for node in shaped.graph.nodes {
    let facts = try node.op.outputFacts(node.inputs.map { id in id.map { shaped[$0] } })
    for (output, fact) in zip(node.outputs, facts) {
      if let output { #expect(shaped[output] == fact, "\(node)") }
    }
  }
}

@Test func packedWeightsStayInHalfPrecision() throws {
  let shaped = try ShapedGraph(residualBlock(), inputs: blockInputs).fused().channelsLast()
  let packed = shaped.packed { name in
    switch name {
    case "q.weight": .bf16
    case "k.weight": .f64
    case "v.weight": nil
    default: .f16
    }
  }
  try expectSoundFacts(packed)
  let types = packedTypes(packed)
  #expect(
    types == [
      "conv.weight@packed": .f16, "conv2.weight@packed": .f16, "time_proj.weight@packed": .f16,
      "q.weight@packed": .bf16, "k.weight@packed": .f32, "v.weight@packed": .f32,
    ])
  // What is not packed stays what it was.
  for (index, value) in packed.graph.values.enumerated() {
    guard case .weight(let tensor, let fact) = value.origin else { continue }
    #expect(fact == packed.facts[index])
    if !tensor.hasSuffix("weight") || tensor == "norm.weight" { #expect(fact.type == .f32) }
  }
  #expect(abs(packed.flop - shaped.flop) <= 1e-9 * shaped.flop)
}

/// Moves and widening between a weight and its product are done in half precision or not at all.
@Test func movesBeforePackingKeepHalfPrecision() throws {
  var builder = GraphBuilder(name: "chain")
  let x = builder.input("x", .f32, [.size(3), .size(4)])
  let ids = builder.input("ids", .i64, [.size(2)])
  // As exports in half precision have it.
  let own = builder.constant("own", Tensor(zeros: [4, 6], type: .f16))
  let wide = builder.node("wide", .cast(.f32), own)
  let turned = builder.node("turned", .transpose([1, 0]), wide)
  builder.output(builder.node("a", .linear(activation: nil), x, turned))
  // Stored in half precision, and taken as it is too.
  let table = builder.weight("table", [5, 4])
  builder.output(builder.node("b", .linear(activation: nil), x, table))
  builder.output(builder.node("rows", .gather(axis: 0), table, ids))
  // Arithmetic on the way is that of f32.
  let scaled = builder.node("scaled", .unary(.relu), builder.weight("raw", [5, 4]))
  builder.output(builder.node("c", .linear(activation: nil), x, scaled))
  // Doubles are rounded once, to f32.
  let exact = builder.constant("exact", Tensor(zeros: [5, 4], type: .f64))
  builder.output(
    builder.node("d", .linear(activation: nil), x, builder.node("single", .cast(.f32), exact)))

  let shaped = try ShapedGraph(builder.graph, inputs: ["x": [3, 4], "ids": [2]])
  let packed = shaped.packed { _ in .bf16 }
  try expectSoundFacts(packed)
  #expect(
    packedTypes(packed) == [
      "turned@packed": .f16, "table@packed": .bf16, "scaled@packed": .f32,
      "single@packed": .f32,
    ])
  #expect(packed.graph.nodes.filter { $0.op.name == "transpose" }.count == 1)
  #expect(packed.graph.nodes.filter { $0.op.name == "cast" }.count == 1)
  let tables = packed.graph.values.compactMap { value -> ElementType? in
    if case .weight("table", let fact) = value.origin { fact.type } else { nil }
  }
  #expect(Set(tables) == [.f32, .bf16])
}

@Test func onlyPackedWeightsMayBeInHalfPrecision() throws {
  let x = Fact(.f32, [2, 5]), packed = PackedWeight(outputs: 33)
  for type in [ElementType.f32, .f16, .bf16] {
    #expect(
      try Op.linear(activation: nil, packed: packed).outputFacts([x, Fact(type, [2, 5, 32])])
        == [Fact(.f32, [2, 33])])
    #expect(
      try Op.packWeight.outputFacts([Fact(type, [33, 5])]) == [Fact(type, [2, 5, 32])])
    let image = Fact(.f32, [1, 4, 4, 5])
    let convolution = Convolution(
      layout: .channelsLast, packed: PackedWeight(outputs: 33, window: [1, 1]))
    #expect(
      try Op.convolution(convolution).outputFacts([image, Fact(type, [2, 5, 32])])
        == [Fact(.f32, [1, 4, 4, 33])])
  }
  for type in [ElementType.f64, .i8, .i64] {
    #expect(throws: Misfit("input 1 is \(type.rawValue) [2, 5, 32], not f32, f16 or bf16")) {
      try Op.linear(activation: nil, packed: packed).outputFacts([x, Fact(type, [2, 5, 32])])
    }
    #expect(throws: Misfit.self) { try Op.packWeight.outputFacts([Fact(type, [33, 5])]) }
  }
  #expect(throws: Misfit.self) {
    try Op.linear(activation: nil).outputFacts([x, Fact(.f16, [33, 5])])
  }
}
