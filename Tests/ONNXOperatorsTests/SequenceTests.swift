import Executor
import Foundation
import GraphIR
import ONNXOperators
import TensorBase
import Testing

/// Numbers between −1 and 1.
private func numbers(_ dimensions: Int..., type: ElementType = .f32) -> Tensor {
  let shape = Shape(dimensions)
  let values = (0..<shape.count).map { sin(Double($0 * $0 + 3 * $0) * 0.7) }
  return Tensor(doubles: values, shape: shape).converted(to: type)
}

/// softmax(q kᵀ / √d + addend) · v for one head, in double.
private func attended(
  _ q: [Double], _ k: [Double], _ v: [Double], size: Int, addend: (Int, Int) -> Double
) -> [Double] {
  let (queries, keys) = (q.count / size, k.count / size)
  return (0..<queries).flatMap { i in
    let scores = (0..<keys).map { j in
      (0..<size).reduce(0) { $0 + q[i * size + $1] * k[j * size + $1] } / Double(size).squareRoot()
        + addend(i, j)
    }
    let powers = scores.map { exp($0 - (scores.max() ?? 0)) }
    let sum = powers.reduce(0, +)
    return (0..<size).map { c in
      (0..<keys).reduce(0) { $0 + powers[$1] / sum * v[$1 * size + c] }
    }
  }
}

private func expectNear(_ got: [Double], _ expected: [Double], _ bound: Double) {
  #expect(got.count == expected.count)
  #expect(zip(got, expected).allSatisfy { abs($0 - $1) <= bound })
}

@Suite struct SequenceTests {
  @Test func attentionInDoubleStaysDouble() throws {
    let (q, k, v) = (
      numbers(1, 1, 3, 4, type: .f64), numbers(1, 1, 5, 4, type: .f64),
      numbers(1, 1, 5, 4, type: .f64)
    )
    let y = try run("Attention", version: 23, [q, k, v])[0]
    #expect(y.type == .f64)
    expectNear(
      y.doubles, attended(q.doubles, k.doubles, v.doubles, size: 4) { _, _ in 0 }, 1e-14)
  }

  /// Taps hang on attention nodes, so what they can compute must become one.
  @Test func attentionBecomesTheNodeWithATap() throws {
    func ops(_ attributes: [String: OperatorAttribute], masked: Bool) throws -> [String] {
      var graph = Graph(name: "one")
      let shapes: [String: Shape] = [
        "q": [1, 2, 3, 4], "k": [1, 2, 5, 4], "v": [1, 2, 5, 4], "m": [3, 5],
      ]
      for name in ["q", "k", "v"] + (masked ? ["m"] : []) {
        let id = ValueID(graph.values.count)
        graph.values.append(Value(name: name, origin: .input))
        graph.inputs.append(
          GraphInput(
            value: id, type: .f32,
            dimensions: (shapes[name]?.dimensions ?? []).map { .size($0) }))
      }
      let inputs = graph.inputs.map(\.value)
      graph.outputs = [ValueID(graph.values.count)]
      graph.values.append(Value(name: "y", origin: .node))
      let call = OperatorCall(name: "Attention", version: 25, attributes: attributes)
      graph.nodes = [Node(name: "node", op: .call(call), inputs: inputs, outputs: graph.outputs)]
      var model = Model(graph, vocabulary: Vocabulary(expand: expandONNX)) { _ in
        Tensor(scalar: Float.nan)
      }
      let program = try model.program(
        Model.Request(inputs: shapes.filter { masked || $0.key != "m" }),
        options: ExecutionOptions(threads: 1))
      return program.varying.shaped.graph.nodes.map(\.op.name)
    }
    #expect(try ops([:], masked: false).contains("attention"))
    #expect(try ops(["is_causal": .int(1)], masked: true).contains("attention"))
    #expect(try ops(["left_window_size": .int(1)], masked: false).contains("attention"))
    #expect(try !ops(["softcap": .float(2)], masked: false).contains("attention"))
  }

  @Test func windowsHideKeys() throws {
    let (q, k) = (numbers(1, 1, 4, 4), numbers(1, 1, 4, 4))
    let y = try run(
      "Attention", version: 25, ["left_window_size": .int(1), "right_window_size": .int(0)],
      [q, k, k])[0]
    let expected = attended(q.doubles, k.doubles, k.doubles, size: 4) { i, j in
      j <= i && j >= i - 1 ? 0 : -.infinity
    }
    expectNear(y.doubles, expected, 1e-6)
  }

  @Test func onlyTheLastStateMayBeWanted() throws {
    let (x, w, r) = (numbers(4, 2, 3), numbers(1, 20, 3), numbers(1, 20, 5))
    let all = try run("LSTM", version: 14, ["hidden_size": .int(5)], [x, w, r], outputs: 3)
    #expect(Array(all[0].floats.suffix(10)) == all[1].floats)
    let wide = try run(
      "LSTM", version: 22, ["hidden_size": .int(5)],
      [x, w, r].map { $0.converted(to: .f64) }, outputs: 3)
    #expect(wide[2].type == .f64)
    expectNear(all[2].doubles, wide[2].doubles, 1e-6)
  }

  @Test func aScaleOfFewerAxesIsRepeated() throws {
    let x = numbers(2, 3, 4)
    let (scale, shift) = (numbers(4), numbers(3, 1))
    let y = try run("LayerNormalization", version: 17, ["axis": .int(1)], [x, scale, shift])[0]
    let plain = try run(
      "LayerNormalization", version: 17, ["axis": .int(1)],
      [x, Tensor(floats: [Float](repeating: 1, count: 12), shape: [3, 4])])[0]
    let expected = plain.doubles.indices.map { i in
      plain.doubles[i] * scale.doubles[i % 4] + shift.doubles[i / 4 % 3]
    }
    expectNear(y.doubles, expected, 1e-6)
  }

  @Test func aLabelThatIsNoClassIsNamed() throws {
    #expect(throws: (any Error).self) {
      try run("NegativeLogLikelihoodLoss", version: 13, [numbers(2, 3), int64s(0, 3)])
    }
    let ignored = try run(
      "NegativeLogLikelihoodLoss", version: 13, ["ignore_index": .int(3)],
      [numbers(2, 3), int64s(0, 3)])[0]
    #expect(ignored.floats == [-numbers(2, 3).floats[0]])
  }
}
