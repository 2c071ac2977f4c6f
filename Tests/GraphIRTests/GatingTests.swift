import GraphIR
import TensorBase
import TestSupport
import Testing

/// A linear of `outputs` columns with `gated` behind it, packed.
private func packedGate(
  outputs: Int, activation: Unary? = nil, change: (inout GraphBuilder, ValueID, ValueID) -> ValueID
) throws -> ShapedGraph {
  var builder = GraphBuilder(name: "gate")
  let x = builder.input("x", .f32, [.size(3), .size(5)])
  let weight = builder.weight("weight", [outputs, 5]), bias = builder.weight("bias", [outputs])
  let whole = builder.node("both", .linear(activation: activation), x, weight, bias)
  builder.output(builder.node("half", .gated(.gelu), change(&builder, x, whole)))
  return try ShapedGraph(builder.graph, inputs: ["x": [3, 5]]).packed()
}

@Test func gatesAreDrawnIntoTheirLinear() throws {
  let packed = try packedGate(outputs: 128) { _, _, whole in whole }
  let drawn = packed.gatesDrawnIn()
  try drawn.graph.validate()
  #expect(drawn.graph.nodes.map(\.op.name) == ["packWeight", "gatedLinear"])
  let node = try #require(drawn.graph.nodes.last)
  #expect(node.op == .gatedLinear(.gelu, packed: PackedWeight(outputs: 128)))
  #expect(node.inputs.map { $0.map { drawn.graph[$0].name } } == ["x", "weight@packed", "bias"])
  let facts = try node.op.outputFacts(node.inputs.map { id in id.map { drawn[$0] } })
  #expect(facts == [Fact(.f32, [3, 64])])
  #expect(drawn.facts[try #require(drawn.graph.outputs.first).index] == facts[0])
  #expect(drawn.flop == packed.flop && drawn.flop == Double(2 * 3 * 5 * 128))
  // Nothing larger than the result is left.
  #expect(
    drawn.graph.nodes.allSatisfy {
      $0.outputs.allSatisfy { $0.map { drawn.graph[$0].name } != "both" }
    })
}

@Test func gatesStayWhereTheWholeIsWantedOrDoesNotSplit() throws {
  // Halves of 16 columns share a panel.
  let narrow = try packedGate(outputs: 32) { _, _, whole in whole }
  #expect(narrow.gatesDrawnIn().graph.nodes.map(\.op.name).contains("gated"))
  let other = try packedGate(outputs: 64, activation: .silu) { _, _, whole in whole }
  #expect(other.gatesDrawnIn().graph.nodes.map(\.op.name).contains("gated"))
  let wanted = try packedGate(outputs: 64) { builder, _, whole in
    builder.output(whole)
    return whole
  }
  #expect(wanted.gatesDrawnIn().graph.nodes.map(\.op.name).contains("gated"))
  let residual = try packedGate(outputs: 64) { builder, x, whole in
    let other = builder.node("other", .linear(activation: nil), x, builder.weight("w2", [64, 5]))
    return builder.node("sum", .binary(.add), whole, other)
  }
  let fused = residual.fused().gatesDrawnIn()
  #expect(fused.graph.nodes.map(\.op.name).contains("gated"))
}

@Test func halvesThatDoNotSplitAreRefused() {
  let x = Fact(.f32, [2, 5])
  #expect(throws: Misfit.self) {
    try Op.gatedLinear(.gelu, packed: PackedWeight(outputs: 33)).outputFacts(
      [x, Fact(.f32, [2, 5, 32])])
  }
  #expect(throws: Misfit.self) {
    try Op.gatedLinear(.gelu, packed: PackedWeight(outputs: 64)).outputFacts(
      [x, Fact(.f32, [2, 4, 32])])
  }
}
