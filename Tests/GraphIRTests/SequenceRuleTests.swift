import GraphIR
import TensorBase
import Testing

/// What sequence ops take, and what they refuse.
@Suite struct SequenceRuleTests {
  private func facts(_ op: SequenceOp, _ inputs: [Fact?]) throws(Misfit) -> [Fact] {
    try op.outputFacts(NodeFacts(inputs))
  }

  private func f32(_ dimensions: Int...) -> Fact { Fact(.f32, Shape(dimensions)) }

  @Test func shapesFollow() throws {
    let layer = Recurrent(
      cell: .memory(isCoupled: false), direction: .bidirectional, hidden: 5,
      activations: [Recurrent.Activation](repeating: .init(.tanh), count: 6))
    #expect(
      try facts(.recurrent(layer), [f32(4, 2, 3), f32(2, 20, 3), f32(2, 20, 5)])
        == [f32(4, 2, 2, 5), f32(2, 2, 5), f32(2, 2, 5)])
    var turned = layer
    turned.isBatchFirst = true
    #expect(
      try facts(.recurrent(turned), [f32(2, 4, 3), f32(2, 20, 3), f32(2, 20, 5)])
        == [f32(2, 4, 2, 5), f32(2, 2, 5), f32(2, 2, 5)])
    #expect(
      try facts(.fourier(Fourier(axis: 1, length: 9, isHalf: true)), [f32(2, 7, 1)])
        == [f32(2, 5, 2)])
    #expect(
      try facts(
        .fourier(Fourier(axis: 1, length: 8, isInverse: true, isHalf: true)), [f32(2, 5, 2)])
        == [f32(2, 8, 1)])
    #expect(
      try facts(.visibility(Visibility(queries: 3, keys: 4, offset: .fixed(0))), [])
        == [f32(1, 1, 3, 4)])
    #expect(
      try facts(
        .unpackBlocks(BlockWeight(outputs: 6, inputs: 40, bits: 4, block: 16)),
        [Fact(.u8, [6, 3, 8]), f32(6, 3)]) == [f32(6, 40)])
  }

  @Test func whatDoesNotFitIsRefused() {
    let layer = Recurrent(cell: .plain, hidden: 5, activations: [.init(.tanh)])
    let rotation = Rotation(heads: 2, width: 4, isInterleaved: false)
    let loss = LogLikelihood(reduction: .mean, ignored: nil, takesScores: true)
    let weight = BlockWeight(outputs: 6, inputs: 40, bits: 4, block: 16)
    var wrongBits = weight, huge = weight
    wrongBits.bits = 3
    (huge.outputs, huge.inputs) = (1 << 40, 1 << 40)
    let linear = LinearAttention(heads: 2, keyHeads: 1, scale: 1, correctsRecall: true)
    let cases: [(SequenceOp, [Fact?])] = [
      (.recurrent(layer), [f32(4, 2), f32(1, 5, 3), f32(1, 5, 5)]),
      (.recurrent(layer), [f32(4, 2, 3), f32(1, 5, 4), f32(1, 5, 5)]),
      (.recurrent(layer), [f32(4, 2, 3), f32(1, 5, 3), f32(1, 5, 5), nil, Fact(.i64, [2])]),
      (.recurrent(layer), [Fact(.f64, [4, 2, 3]), f32(1, 5, 3), f32(1, 5, 5)]),
      (.fourier(Fourier(axis: 1, length: 0)), [f32(2, 7, 1)]),
      (.fourier(Fourier(axis: 2, length: 7)), [f32(2, 7, 1)]),
      (.fourier(Fourier(axis: 1, length: 7)), [f32(2, 7, 3)]),
      (.fourier(Fourier(axis: 1, length: 7, isHalf: true)), [f32(2, 7, 2)]),
      (.fourier(Fourier(axis: 0, length: .max)), [f32(2, 7, 1)]),
      (.standardize(Standardization(epsilon: 1)), [f32(2, 3, 4)]),
      (.standardize(Standardization(epsilon: 1)), [f32(2, 3), f32(2)]),
      (.scaleToNorm(ScaleToNorm(axis: 0, power: 3)), [f32(2)]),
      (.linearAttention(linear), [f32(1, 3, 8), f32(1, 3, 4), f32(1, 3, 4)]),
      (
        .linearAttention(linear),
        [f32(1, 3, 8), f32(1, 3, 8), f32(1, 3, 4), nil, nil, f32(1, 3, 1)]
      ),
      (.rotate(rotation), [f32(1, 3, 7), f32(1, 3, 2), f32(1, 3, 2)]),
      (.rotate(rotation), [f32(1, 3, 8), f32(1, 3, 3), f32(1, 3, 3)]),
      (.rotate(rotation), [f32(1, 3, 8), f32(9, 2), f32(9, 2), Fact(.i64, [1, 4])]),
      (.logLikelihood(loss), [f32(3), Fact(.i64, [3])]),
      (.logLikelihood(loss), [f32(3, 5), Fact(.i64, [4])]),
      (.logLikelihood(loss), [f32(3, 5), f32(3)]),
      (.visibility(Visibility(queries: 3, keys: 4, offset: .fromLengths)), []),
      (.visibility(Visibility(queries: .max, keys: .max, offset: .fixed(0))), []),
      (.attentionWeights, [f32(2, 3), f32(4, 2, 3)]),
      (.attentionWeights, [Fact(.f16, [2, 3])]),
      (.unpackBlocks(weight), [Fact(.u8, [6, 3, 7]), f32(6, 3)]),
      (.unpackBlocks(wrongBits), [Fact(.u8, [6, 3, 6]), f32(6, 3)]),
      (.unpackBlocks(huge), [Fact(.u8, [6, 3, 8]), f32(6, 3)]),
    ]
    for (op, inputs) in cases {
      #expect(throws: Misfit.self, "\(op.name) of \(inputs)") { try facts(op, inputs) }
    }
  }
}
