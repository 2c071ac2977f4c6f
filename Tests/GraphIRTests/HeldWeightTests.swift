import GraphIR
import TensorBase
import TestSupport
import Testing

/// The type of what a graph's packing nodes take, by the name of what they put out.
private func packedTypes(_ shaped: ShapedGraph) -> [String: ElementType] {
  var types: [String: ElementType] = [:]
  for node in shaped.graph.nodes where [.packWeight, .packScaledWeight].contains(node.op) {
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
    case "q.weight": StoredWeight(.bf16)
    case "k.weight": StoredWeight(.f64)
    case "v.weight": nil
    case "conv2.weight": StoredWeight(.i8, scales: WeightScales(tensor: "scales", axis: 0))
    // Scales along the inputs cannot be held beside the outputs'.
    case "time_proj.weight": StoredWeight(.i8, scales: WeightScales(tensor: "scales", axis: 1))
    default: StoredWeight(.f16)
    }
  }
  try expectSoundFacts(packed)
  let types = packedTypes(packed)
  #expect(
    types == [
      "conv.weight@packed": .f16, "conv2.weight@packed": .i8, "time_proj.weight@packed": .f32,
      "q.weight@packed": .bf16, "k.weight@packed": .f32, "v.weight@packed": .f32,
    ])
  // What is not packed stays what it was.
  for (index, value) in packed.graph.values.enumerated() {
    guard case .weight(let tensor, let fact) = value.origin else { continue }
    #expect(fact == packed.facts[index])
    if !tensor.hasSuffix("weight") || tensor == "norm.weight" { #expect(fact.type == .f32) }
    if tensor == "scales" { #expect(fact.shape.rank == 1) }
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
  let packed = shaped.packed { _ in StoredWeight(.bf16) }
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

/// Bytes are moved as bytes as long as each scale's elements stay together along an axis; otherwise
/// the weight is packed as what it stands for.
@Test func movesBeforePackingKeepScales() throws {
  var builder = GraphBuilder(name: "chain")
  let x = builder.input("x", .f32, [.size(3), .size(4)])
  let turned = builder.node("turned", .transpose([1, 0]), builder.weight("along1", [4, 6]))
  builder.output(builder.node("a", .linear(activation: nil), x, turned))
  let flat = builder.node(
    "flat", .reshape([.size(6), .size(4)]), builder.weight("along0", [6, 2, 2]))
  builder.output(builder.node("b", .linear(activation: nil), x, flat))
  let torn = builder.node(
    "torn", .reshape([.size(6), .size(4)]), builder.weight("middle", [2, 3, 4]))
  builder.output(builder.node("c", .linear(activation: nil), x, torn))
  let shaped = try ShapedGraph(builder.graph, inputs: ["x": [3, 4]])
  let packed = shaped.packed { name in
    let axis = name == "along0" ? 0 : 1
    return StoredWeight(.i8, scales: WeightScales(tensor: "\(name)@scales", axis: axis))
  }
  try expectSoundFacts(packed)
  #expect(
    packedTypes(packed) == [
      "turned@packed": .i8, "flat@packed": .i8, "torn@packed": .f32,
    ])
  let scales = packed.graph.values.compactMap { value -> String? in
    guard case .weight(let tensor, let fact) = value.origin, fact.shape == [6] else { return nil }
    return tensor
  }
  #expect(Set(scales) == ["along0@scales", "along1@scales"])
  #expect(packed.flop == shaped.flop)
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
  // Bytes have rows of scales before them.
  let scaled = Fact(.i8, [2, 9, 32])
  #expect(
    try Op.packScaledWeight.outputFacts([Fact(.i8, [33, 5]), Fact(.f32, [33])]) == [scaled])
  #expect(
    try Op.linear(activation: nil, packed: packed).outputFacts([x, scaled])
      == [Fact(.f32, [2, 33])])
  for weight in [Fact(.i8, [2, 5, 32]), Fact(.f32, [2, 9, 32])] {
    #expect(throws: Misfit.self) {
      try Op.linear(activation: nil, packed: packed).outputFacts([x, weight])
    }
  }
  #expect(throws: Misfit.self) { try Op.packWeight.outputFacts([Fact(.i8, [33, 5])]) }
  for inputs in [
    [Fact(.i8, [33, 5]), Fact(.f32, [5])], [Fact(.f32, [33, 5]), Fact(.f32, [33])],
    [Fact(.i8, [33]), Fact(.f32, [33])],
  ] {
    #expect(throws: Misfit.self) { try Op.packScaledWeight.outputFacts(inputs) }
  }
  for type in [ElementType.f64, .u8, .i64] {
    #expect(throws: Misfit("input 1 is \(type.rawValue) [2, 5, 32], not f32, f16, bf16 or i8")) {
      try Op.linear(activation: nil, packed: packed).outputFacts([x, Fact(type, [2, 5, 32])])
    }
    #expect(throws: Misfit.self) { try Op.packWeight.outputFacts([Fact(type, [33, 5])]) }
  }
  #expect(throws: Misfit.self) {
    try Op.linear(activation: nil).outputFacts([x, Fact(.f16, [33, 5])])
  }
}
