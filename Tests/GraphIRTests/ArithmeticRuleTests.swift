import GraphIR
import TensorBase
import Testing

/// What the arithmetic family makes of types and shapes, and what it refuses.
@Suite struct ArithmeticRuleTests {
  private func facts(_ op: ArithmeticOp, _ inputs: Fact?...) throws(Misfit) -> [Fact] {
    try op.outputFacts(NodeFacts(inputs))
  }

  private let window = WindowAttributes(
    strides: [2], dilations: [1], before: [1], after: [0], groups: 1)
  private let blocks = Quantization(axis: 1, block: 2, type: .u8, precision: .f32)

  @Test func outputsFollowTheirInputs() throws {
    #expect(
      try facts(.pair(.add), Fact(.u8, [2, 1]), Fact(.u8, [3])) == [Fact(.u8, [2, 3])])
    #expect(try facts(.pair(.power), Fact(.f32, [2]), Fact(.i64, [])) == [Fact(.f32, [2])])
    #expect(
      try facts(.compare(.less), Fact(.f16, [4]), Fact(.f16, [])) == [Fact(.bool, [4])])
    #expect(
      try facts(
        .reduce(AnyReduction(.norm2, axes: [0, 2], keepsAxes: false)), Fact(.i8, [2, 3, 4]))
        == [Fact(.i8, [3])])
    #expect(
      try facts(
        .argExtreme(ArgExtreme(isMaximum: true, axis: 1, keepsAxis: true, takesLast: false)),
        Fact(.bool, [2, 3])) == [Fact(.i64, [2, 1])])
    #expect(try facts(.bitCast(.i32), Fact(.f32, [2])) == [Fact(.i32, [2])])
    #expect(
      try facts(.product, Fact(.i64, [5, 1, 2, 3]), Fact(.i64, [4, 3, 6]))
        == [Fact(.i64, [5, 4, 2, 6])])
    #expect(
      try facts(
        .integerProduct, Fact(.u8, [2, 3, 4]), Fact(.i8, [4, 5]), Fact(.u8, [3]), Fact(.i8, []))
        == [Fact(.i32, [2, 3, 5])])
    #expect(
      try facts(.integerConvolution(window), Fact(.u8, [1, 2, 9]), Fact(.i8, [4, 2, 3]))
        == [Fact(.i32, [1, 4, 4])])
    #expect(
      try facts(.quantize(blocks), Fact(.f32, [2, 5]), Fact(.f32, [2, 3]))
        == [Fact(.u8, [2, 5])])
    #expect(
      try facts(.dynamicQuantize, Fact(.f32, [2, 2]))
        == [Fact(.u8, [2, 2]), Fact(.f32, []), Fact(.u8, [])])
  }

  @Test func whatDoesNotFitIsRefused() {
    let refused: [(ArithmeticOp, [Fact?])] = [
      (.map(.tangent), [Fact(.i32, [2])]),
      (.map(.complement), [Fact(.f32, [2])]),
      (.map(.sign), [Fact(.bool, [2])]),
      (.classify(.isNaN), [Fact(.i8, [])]),
      (.pair(.add), [Fact(.u8, [2]), Fact(.i8, [2])]),
      (.pair(.add), [Fact(.u8, [2]), Fact(.u8, [3])]),
      (.pair(.and), [Fact(.f32, [2]), Fact(.f32, [2])]),
      (.pair(.shiftLeft), [Fact(.bool, []), Fact(.bool, [])]),
      (.compare(.less), [Fact(.bool, []), Fact(.bool, [])]),
      (.clip, [Fact(.f32, [2]), Fact(.f32, [2]), nil]),
      (.clip, [Fact(.f32, [2]), nil, Fact(.f64, [])]),
      (.bitCast(.i64), [Fact(.f32, [2])]),
      (.reduce(AnyReduction(.sum, axes: [2], keepsAxes: true)), [Fact(.f32, [2, 2])]),
      (.reduce(AnyReduction(.sum, axes: [0], keepsAxes: true)), [Fact(.bool, [2, 2])]),
      (
        .argExtreme(ArgExtreme(isMaximum: true, axis: 0, keepsAxis: true, takesLast: false)),
        [Fact(.f32, [0, 2])]
      ),
      (.normalise(.softmax, axis: -1), [Fact(.f32, [2])]),
      (.quantize(blocks), [Fact(.f32, [2, 5]), Fact(.f32, [2, 2])]),
      (.quantize(blocks), [Fact(.f32, [2, 5]), Fact(.f32, [2, 3]), Fact(.i8, [2, 3])]),
      (.quantize(blocks), [Fact(.f64, [2, 5]), Fact(.f32, [2, 3])]),
      (.dynamicQuantize, [Fact(.f32, [0])]),
      (.product, [Fact(.i8, [2, 3]), Fact(.i8, [2, 3])]),
      (.integerProduct, [Fact(.i16, [2, 3]), Fact(.i8, [3, 2])]),
      (.integerProduct, [Fact(.u8, [2, 3]), Fact(.i8, [3, 2]), Fact(.u8, [3])]),
      (.integerConvolution(window), [Fact(.u8, [1, 3, 9]), Fact(.i8, [4, 2, 3])]),
      (.integerConvolution(window), [Fact(.u8, [1, 2, 1]), Fact(.i8, [4, 2, 3])]),
    ]
    for (op, inputs) in refused {
      #expect(throws: Misfit.self, "\(op.name) of \(inputs)") {
        try op.outputFacts(NodeFacts(inputs))
      }
    }
  }

  /// Sizes from a file whose sums and products leave `Int`.
  @Test func hugeWindowsAreRefused() {
    let x = Fact(.u8, [1, 1, 9]), weight = Fact(.i8, [1, 1, 3])
    for (strides, dilations, before) in [
      ([1], [Int.max], [0]), ([1], [1], [Int.max]), ([0], [1], [0]), ([1], [1], [-1]),
    ] {
      let window = WindowAttributes(
        strides: strides, dilations: dilations, before: before, after: [0], groups: 1)
      #expect(throws: Misfit.self) {
        try ArithmeticOp.integerConvolution(window).outputFacts(NodeFacts([x, weight]))
      }
    }
  }
}
