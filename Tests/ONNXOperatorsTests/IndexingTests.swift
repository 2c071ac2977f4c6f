import GraphIR
import TensorBase
import Testing

/// What the ONNX project's own cases leave out: old forms, ends far outside, empty tensors, values
/// that only a run tells.
@Suite struct IndexingTests {
  @Test(arguments: [
    (-100, 100, 1, [0, 1, 2, 3] as [Float]), (1, Int64.max, 2, [1, 3]), (3, .min, -2, [3, 1]),
    (-100, .min, -1, [0]), (2, -2, -1, []), (0, 9, .max, [0]), (3, -9, .min, [3]),
    (-1, -9, -1, [3, 2, 1, 0]), (4, 9, 1, []),
  ])
  func sliceEnds(start: Int64, end: Int64, step: Int64, expected: [Float]) throws {
    for constants in [[], [1, 2, 3, 4]] as [Set<Int>] {
      let inputs = [counting(4), int64s(start), int64s(end), int64s(-1), int64s(step)]
      let y = try run("Slice", version: 13, inputs, constants: constants)[0]
      #expect(y.floats == expected && y.shape == [expected.count])
    }
  }

  @Test func attributesOfOldVersions() throws {
    let x = counting(2, 3)
    let cut = try run(
      "Slice", version: 9, ["starts": .ints([1]), "ends": .ints([1000]), "axes": .ints([1])], [x])
    #expect(cut[0].floats == [1, 2, 4, 5])
    let parts = try run(
      "Split", version: 11, ["axis": .int(-1), "split": .ints([1, 2])], [x], outputs: 2)
    #expect(parts[0].floats == [0, 3] && parts[1].shape == [2, 2])
    let padded = try run(
      "Pad", version: 2, ["pads": .ints([0, 1, 0, 0]), "value": .float(9)], [x])
    #expect(padded[0].floats == [9, 0, 1, 2, 9, 3, 4, 5])
    let raised = try run("Unsqueeze", version: 11, ["axes": .ints([0, -1])], [x])
    #expect(raised[0].shape == [1, 2, 3, 1])
    let best = try run("TopK", version: 1, ["k": .int(2)], [x], outputs: 2)
    #expect(best[0].floats == [2, 1, 5, 4] && best[1].int64s == [2, 1, 2, 1])
    let shaped = try run("Reshape", version: 1, ["shape": .ints([3, -1])], [x])
    #expect(shaped[0].shape == [3, 2])
  }

  @Test func reshapeReadsZeroAndOpenDimensions() throws {
    func shape(_ x: Tensor, _ target: Tensor, _ attributes: [String: OperatorAttribute] = [:])
      throws
      -> Shape
    { try run("Reshape", version: 14, attributes, [x, target])[0].shape }
    #expect(try shape(counting(2, 3, 4), int64s(0, -1)) == [2, 12])
    #expect(try shape(counting(0, 3), int64s(0, -1)) == [0, 3])
    #expect(try shape(counting(0, 3), int64s(3, 0), ["allowzero": .int(1)]) == [3, 0])
    #expect(throws: (any Error).self) { try shape(counting(2, 3), int64s(-1, -1)) }
    #expect(throws: (any Error).self) { try shape(counting(2, 3), int64s(4, -1)) }
    #expect(throws: (any Error).self) { try shape(counting(2, 3), int64s(.max, .max)) }
  }

  @Test func splitLeavesTheLastPartShort() throws {
    let parts = try run("Split", version: 18, ["num_outputs": .int(3)], [counting(7)], outputs: 3)
    #expect(parts.map(\.shape) == [[3], [3], [1]])
    #expect(throws: (any Error).self) {
      try run("Split", version: 13, [counting(7), int64s(3, 5)], outputs: 2)
    }
  }

  @Test func indicesOutsideAreErrors() {
    for constants in [[], [1], [0, 1]] as [Set<Int>] {
      #expect(throws: (any Error).self) {
        try run("Gather", version: 13, [counting(3, 2), int64s(0, 3)], constants: constants)
      }
      #expect(throws: (any Error).self) {
        try run("Gather", version: 13, [counting(3, 2), int64s(-4)], constants: constants)
      }
    }
  }

  @Test(arguments: [
    "ij,jk->ik", "bij,bkj->bik", "ii->i", "ij->", "i,j", "...ij,...jk", "ij,j", "a,b,c->cab",
    "iij,jk->k", "ij,ij->", "bnqd,bnkd->bnqk", "B...a,a...->B",
  ])
  func einsumByProductsOfMatricesIsThePlainOne(equation: String) throws {
    let sizes: [Character: Int] = [
      "i": 3, "j": 4, "k": 2, "b": 2, "n": 3, "q": 2, "d": 5, "a": 4, "c": 1, "B": 2,
    ]
    let terms = equation.prefix { $0 != "-" }.split(separator: ",")
    let operands = terms.map { term in
      let shape = Shape(
        term.replacing("...", with: "c").map { sizes[$0] ?? 1 })
      return Tensor(floats: (0..<shape.count).map { Float($0 % 7) - 2 }, shape: shape)
    }
    let attributes = ["equation": OperatorAttribute.string(equation)]
    let fast = try run("Einsum", version: 12, attributes, operands)[0]
    let plain = try run(
      "Einsum", version: 12, attributes, operands.map { $0.converted(to: .f64) })[0]
    #expect(fast.shape == plain.shape && fast.floats == plain.floats)
  }

  @Test func einsumOfNothingIsZero() throws {
    let y = try run(
      "Einsum", version: 12, ["equation": .string("ij,jk->ik")], [counting(2, 0), counting(0, 3)])
    #expect(y[0] == Tensor(zeros: [2, 3], type: .f32))
    for equation in ["ij", "i->j", "ij->ii", "i1,j", "....ij", "ij->k", ""] {
      #expect(throws: (any Error).self) {
        try run("Einsum", version: 12, ["equation": .string(equation)], [counting(2, 3, 4)])
      }
    }
  }

  @Test func selectionTellsItsOwnSize() throws {
    let x = Tensor(floats: [0, 2, 0, 3], shape: [2, 2])
    #expect(
      try run("NonZero", version: 13, [x])[0] == Tensor(int64s: [0, 1, 1, 1], shape: [2, 2]))
    let found = try run("Unique", version: 11, ["axis": .int(-1)], [x], outputs: 4)
    #expect(found[0].floats == [0, 2, 0, 3] && found[3].int64s == [1, 1])
    let kept = try run(
      "Compress", version: 11, ["axis": .int(0)], [x, int64s(0, 1).converted(to: .bool)])
    #expect(kept[0].floats == [0, 3] && kept[0].shape == [1, 2])
  }

  @Test func rangesOfEitherDirection() throws {
    func range(_ start: Tensor, _ limit: Tensor, _ delta: Tensor) throws -> [Float] {
      try run("Range", version: 11, [start, limit, delta])[0].floats
    }
    func number(_ value: Int64) -> Tensor { Tensor(scalar: value) }
    #expect(try range(number(3), number(-2), number(-2)) == [3, 1, -1])
    #expect(try range(number(3), number(3), number(1)) == [])
    let thirds = try range(
      Tensor(scalar: Float(0)), Tensor(scalar: Float(1)), Tensor(scalar: Float(0.3)))
    #expect(thirds == (0..<4).map { Float(Double($0) * Double(Float(0.3))) })
    #expect(throws: (any Error).self) { try range(number(0), number(3), number(0)) }
    #expect(throws: (any Error).self) { try range(number(.min), number(.max), number(1)) }
    #expect(throws: (any Error).self) {
      try range(Tensor(scalar: Float(0)), Tensor(scalar: Float.infinity), Tensor(scalar: Float(1)))
    }
  }

  @Test func cutAndPaddedToTheMiddle() throws {
    let y = try run("CenterCropPad", version: 18, [counting(3, 4), int64s(2, 5)])[0]
    #expect(y.floats == [0, 1, 2, 3, 0, 4, 5, 6, 7, 0])
  }

  @Test func dropoutIsTheInputUnlessTraining() throws {
    let x = counting(2, 3)
    let still = try run(
      "Dropout", version: 13, [x, Tensor(scalar: Float(0.5)), int64s(0).converted(to: .bool)],
      outputs: 2)
    #expect(still[0] == x && still[1].int64s == [1, 1, 1, 1, 1, 1])
    // numpy.random.RandomState(0).uniform(size=6): 0.549 0.715 0.603 0.545 0.424 0.646
    let training = try run(
      "Dropout", version: 13, ["seed": .int(0)],
      [x, Tensor(scalar: Float(0.6)), int64s(1).converted(to: .bool)], outputs: 2)
    #expect(training[1].int64s == [0, 1, 1, 0, 0, 1])
    #expect(training[0].floats[0] == 0 && abs(training[0].floats[5] - 12.5) < 1e-4)
  }
}
