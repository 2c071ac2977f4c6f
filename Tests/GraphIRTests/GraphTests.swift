import GraphIR
import TensorBase
import TestSupport
import Testing

@Test func shapesFollowFromTheInputs() throws {
  let graph = residualBlock()
  try graph.validate()
  let shaped = try ShapedGraph(graph, inputs: blockInputs)
  let probabilities = try #require(graph.value(named: "attn2.probabilities"))
  #expect(shaped[probabilities] == Fact(.f32, [3, 9, 35]))
  #expect(shaped[graph.outputs[0]] == Fact(.f32, [3, 4, 5, 7]))
}

@Test func tapTokensNarrowCrossAttentionOnly() throws {
  let graph = residualBlock()
  let shaped = try ShapedGraph(graph, inputs: blockInputs, tapTokens: [0, 4])
  let layers = shaped.graph.attentionLayers
  #expect(layers.map(\.name) == ["attn1", "attn2"])
  #expect(layers.map(\.kind) == [.self, .cross])
  #expect(try shaped[#require(layers[0].probabilities)].shape == [3, 35, 35])
  #expect(try shaped[#require(layers[1].probabilities)].shape == [3, 2, 35])
}

@Test func inputsThatDoNotFitAreNamed() throws {
  let graph = residualBlock()
  var inputs = blockInputs
  inputs["time"] = [2, 6]
  #expect(
    throws: GraphError.inputShape(
      graph: "block", name: "time", given: [2, 6], expected: "[batch=3, 6]")
  ) { try ShapedGraph(graph, inputs: inputs) }
  inputs["time"] = nil
  #expect(throws: GraphError.missingInput(graph: "block", name: "time")) {
    try ShapedGraph(graph, inputs: inputs)
  }
  inputs = blockInputs
  inputs["tmie"] = [1]
  #expect(
    throws: GraphError.unknownInput(
      graph: "block", name: "tmie", known: ["sample", "time", "text"])
  ) {
    try ShapedGraph(graph, inputs: inputs)
  }
}

@Test func fusionDrawsEverythingIntoTheConvolutions() throws {
  let shaped = try ShapedGraph(residualBlock(), inputs: blockInputs)
  let fused = shaped.pruned(to: shaped.graph.outputs).fused()
  try fused.graph.validate()
  let names = fused.graph.nodes.map(\.op.name)
  #expect(!names.contains("silu"))
  #expect(names.filter { $0 == "add" }.count == 1)
  let convolutions = fused.graph.nodes.filter { $0.op.name == "convolution" }
  #expect(
    convolutions.map { $0.inputs.map { $0 != nil } } == [
      [true, true, true, true], [true, true, false, false, true],
    ])
  guard case .groupNorm(let norm) = fused.graph.nodes[0].op else {
    Issue.record("the first node is \(fused.graph.nodes[0])")
    return
  }
  #expect(norm.activation == .silu)
}

@Test func fusionKeepsWhatIsWanted() throws {
  let graph = residualBlock()
  let wanted = try ["norm", "conv", "result"].map { try #require(graph.value(named: $0)) }
  let shaped = try ShapedGraph(graph, inputs: blockInputs).pruned(to: wanted)
  let fused = shaped.fused().channelsLast()
  try fused.graph.validate()
  #expect(fused.graph.outputs.map { fused.graph[$0].name } == ["norm", "conv", "result"])
  #expect(fused.graph.nodes.contains { $0.op == .unary(.silu) })
}

@Test func channelsLastNeedsTranspositionsAtTheEdgesOnly() throws {
  let shaped = try ShapedGraph(residualBlock(), inputs: blockInputs).fused().channelsLast()
  try shaped.graph.validate()
  let transposed = shaped.graph.nodes.filter { $0.op.name == "transpose" }
  // The sample in, the result out, and two weights.
  #expect(transposed.count == 4, "\(transposed.map(\.name))")
  for node in shaped.graph.nodes {
    let facts = try node.op.outputFacts(node.inputs.map { id in id.map { shaped[$0] } })
    for (output, fact) in zip(node.outputs, facts) {
      if let output { #expect(shaped[output] == fact, "\(node)") }
    }
  }
}

@Test func packingReadsWeightsAsTheyAreStored() throws {
  let shaped = try ShapedGraph(residualBlock(), inputs: blockInputs).fused().channelsLast()
  let packed = shaped.packed()
  try packed.graph.validate()
  // Each weight is packed once, from the layout in which it is stored: nothing turns it first.
  #expect(packed.graph.nodes.filter { $0.op.name == "transpose" }.count == 2)
  let packing = packed.graph.nodes.filter { $0.op == .packWeight }
  #expect(
    packing.allSatisfy { node in
      node.inputs[0].map { if case .weight = packed.graph[$0].origin { true } else { false } }
        ?? false
    })
  for node in packed.graph.nodes {
    switch node.op {
    case .convolution(let attributes): #expect(attributes.packed != nil, "\(node)")
    case .linear(_, let weight): #expect(weight != nil, "\(node)")
    default: break
    }
    let facts = try node.op.outputFacts(node.inputs.map { id in id.map { packed[$0] } })
    for (output, fact) in zip(node.outputs, facts) {
      if let output { #expect(packed[output] == fact, "\(node)") }
    }
  }
  #expect(abs(packed.flop - shaped.flop) <= 1e-9 * shaped.flop)
}

@Test func packedWeightsThatDoNotFitAreRefused() throws {
  let x = Fact(.f32, [2, 5]), weight = Fact(.f32, [2, 5, 32])
  #expect(
    try Op.linear(activation: nil, packed: PackedWeight(outputs: 33)).outputFacts([x, weight])
      == [Fact(.f32, [2, 33])])
  for wrong in [
    PackedWeight(outputs: 32), PackedWeight(outputs: 65), PackedWeight(outputs: -33),
    PackedWeight(outputs: .max), PackedWeight(outputs: 33, window: [1, 2]),
    PackedWeight(outputs: 33, window: []),
  ] {
    #expect(throws: Misfit.self, "\(wrong)") {
      try Op.linear(activation: nil, packed: wrong).outputFacts([x, weight])
    }
  }
  let image = Fact(.f32, [1, 4, 4, 5])
  let attributes = Convolution(
    layout: .channelsLast, packed: PackedWeight(outputs: 33, window: [1, -1]))
  #expect(throws: Misfit.self) { try Op.convolution(attributes).outputFacts([image, weight]) }
}

/// Of a stored graph paddings can be anything: sums of them must not wrap to something small.
@Test func paddingsThatOverflowAreRefused() throws {
  let image = Fact(.f32, [1, 1, 4, 4]), weight = Fact(.f32, [1, 1, 1, 1])
  for padding in [[Int.max, 0, Int.max, 0], [0, Int.max, 0, Int.max], [1 << 62, 0, 1 << 62, 0]] {
    #expect(throws: Misfit.self, "\(padding)") {
      try Op.convolution(Convolution(padding: padding)).outputFacts([image, weight])
    }
    #expect(throws: Misfit.self, "\(padding)") {
      let pad = Pad(before: [0, 0] + padding[..<2], after: [0, 0] + padding[2...])
      _ = try Op.pad(pad).outputFacts([image])
    }
  }
}

@Test func attentionNeedsHeadsWithElements() throws {
  let attention = Op.attention(Attention(heads: 2, scale: 1))
  let (full, empty) = (Fact(.f32, [1, 3, 8]), Fact(.f32, [1, 3, 0]))
  #expect(throws: Misfit.self) { try attention.outputFacts([empty, empty, full]) }
  #expect(throws: Misfit.self) { try attention.outputFacts([full, full, empty]) }
}

@Test func splitHoistsWhatIsFixed() throws {
  let shaped = try ShapedGraph(residualBlock(), inputs: blockInputs).fused().channelsLast()
  let weights = shaped.split(fixedInputs: [])
  #expect(
    Set(weights.fixed.graph.outputs.map { weights.fixed.graph[$0].name }) == [
      "conv.weight@hwio", "conv2.weight@hwio",
    ])
  let text = weights.varying.split(fixedInputs: ["text"])
  try text.fixed.graph.validate()
  try text.varying.graph.validate()
  #expect(text.fixed.graph.outputs.map { text.fixed.graph[$0].name } == ["k", "v"])
  let inputs = text.varying.graph.inputs.map { text.varying.graph[$0.value].name }
  #expect(inputs == ["sample", "time", "conv.weight@hwio", "conv2.weight@hwio", "k", "v"])
}

@Test func pruningDropsWhatNobodyWants() throws {
  let graph = residualBlock()
  let wanted = try #require(graph.value(named: "attn2.probabilities"))
  let pruned = graph.pruned(to: [wanted])
  try pruned.validate()
  #expect(!pruned.nodes.contains { $0.name == "grid" || $0.name == "out" })
  #expect(pruned.outputs.map { pruned[$0].name } == ["attn2.probabilities"])
}

@Test func unsoundGraphsAreRefused() throws {
  let sound = residualBlock()
  var graph = sound
  graph.nodes.swapAt(0, 1)
  #expect(throws: GraphError.usedBeforeComputed(graph: "block", node: "silu", value: "norm")) {
    try graph.validate()
  }
  graph = sound
  graph.nodes[1].outputs = graph.nodes[0].outputs
  #expect(throws: GraphError.computedTwice(graph: "block", node: "silu", value: "norm")) {
    try graph.validate()
  }
  graph = sound
  graph.nodes[0].inputs[1] = ValueID(10_000)
  #expect(throws: GraphError.badReference(graph: "block", node: "norm", index: 10_000)) {
    try graph.validate()
  }
  graph = sound
  graph.nodes[0].inputs.removeLast()
  #expect(throws: GraphError.self) { try graph.validate() }
  graph = sound
  graph.values[1].name = "sample"
  #expect(throws: GraphError.duplicateName(graph: "block", name: "sample")) {
    try graph.validate()
  }
  graph = sound
  graph.nodes.removeFirst()
  #expect(throws: GraphError.self) { try graph.validate() }
  graph = sound
  graph.outputs = [ValueID(-1)]
  #expect(throws: GraphError.self) { try graph.validate() }
}

@Test(
  arguments: [
    (Op.matMul, [[2, 3, 4], [5, 4]]),
    (Op.concat(axis: 1), [[2, 3], [3, 3]]),
    (Op.concat(axis: 2), [[2, 3], [2, 3]]),
    (Op.transpose([0, 0]), [[2, 3]]),
    (Op.reshape([.size(4), .rest]), [[2, 3]]),
    (Op.reshape([.rest, .rest]), [[2, 3]]),
    (Op.reshape([.size(-1), .size(-6)]), [[2, 3]]),
    (Op.reshape([.size(Int.max), .size(4)]), [[2, 3]]),
    (Op.slice(Slice(axis: 0, start: 0, end: 1, step: 0)), [[2]]),
    (Op.binary(.add), [[2, 3], [2, 4]]),
    (Op.gated(.gelu), [[2, 3]]),
    (Op.linear(activation: nil), [[2, 3], [4, 4]]),
    (Op.groupNorm(GroupNorm(groups: 2, epsilon: 0)), [[1, 3, 2, 2], [3], [3]]),
    (Op.convolution(Convolution(strides: [0, 1])), [[1, 1, 4, 4], [1, 1, 3, 3]]),
    (Op.convolution(Convolution()), [[1, 1, 2, 4], [1, 1, 3, 3]]),
    (Op.convolution(Convolution(groups: 2)), [[1, 3, 4, 4], [2, 1, 3, 3]]),
    (Op.convolution(Convolution(dilations: [Int.max, 1])), [[1, 1, 4, 4], [1, 1, 3, 3]]),
    (Op.attention(Attention(heads: 3, scale: 1)), [[1, 2, 4], [1, 2, 4], [1, 2, 4]]),
    (
      Op.attention(Attention(heads: 2, scale: 1, tokens: [2])),
      [[1, 2, 4], [1, 2, 4], [1, 2, 4]]
    ),
    (Op.pad(Pad(before: [Int.max, 0], after: [1, 0])), [[2, 2]]),
    (Op.upsampleNearest(UpsampleNearest(scale: 65)), [[1, 1, 2, 2]]),
    (Op.softmax(axis: 2), [[2, 3]]),
    (Op.concat(axis: 0), [[1 << 59, 2], [1 << 59, 2], [1 << 59, 2]]),
    (Op.linear(activation: nil), [[1 << 58, 1], [1 << 58, 1]]),
    (
      Op.attention(Attention(heads: 1, scale: 1)),
      [[1, 1 << 40, 1], [1, 1 << 40, 1], [1, 1 << 40, 1]]
    ),
  ] as [(Op, [Shape])])
func whatDoesNotFitIsRefused(op: Op, shapes: [Shape]) {
  #expect(throws: Misfit.self) { try op.outputFacts(shapes.map { Fact(.f32, $0) }) }
}

@Test(
  arguments: [
    (0, 3, 1, [0, 1, 2]), (-2, Int.max, 1, [3, 4]), (1, -1, 2, [1, 3]), (4, 2, 1, []),
    (Int.min, Int.max, 3, [0, 3]),
  ] as [(Int, Int, Int, [Int])])
func slicesTakeWhatPythonTakes(start: Int, end: Int, step: Int, expected: [Int]) throws {
  #expect(try Array(Slice(axis: 0, start: start, end: end, step: step).range(count: 5)) == expected)
}
