import Executor
import GraphIR
import ONNXOperators
import TensorBase
import Testing

/// Two outputs that are each as large as can be said are too large to be added up.
@Test func sizesWhoseSumOverflows() throws {
  let side = 1 << 30
  var graph = Graph(name: "large")
  graph.values = [
    Value(name: "x", origin: .input),
    Value(name: "k", origin: .constant(Tensor(int64s: [Int64(side - 1)], shape: [1]))),
    Value(name: "y", origin: .node), Value(name: "i", origin: .node),
  ]
  graph.inputs = [
    GraphInput(value: ValueID(0), type: .f32, dimensions: [.size(side), .size(side - 1)])
  ]
  graph.outputs = [ValueID(2), ValueID(3)]
  let call = OperatorCall(domain: "", name: "TopK", version: 11, attributes: [:])
  graph.nodes = [
    Node(name: "n", op: .call(call), inputs: [ValueID(0), ValueID(1)], outputs: graph.outputs)
  ]
  let found = try survey(
    graph, inputs: ["x": [side, side - 1]], tools: Vocabulary(expand: expandONNX).shapingTools)
  #expect(found.fact(ValueID(3)) == Fact(.i64, [side, side - 1]))
}

/// Files may leave out any input of any operator, needed or not.
@Suite struct OmittedInputTests {
  /// Every operator with every one of its needed inputs left out, the others being all the same
  /// tensor: whatever comes of it, nothing traps.
  @Test(arguments: ["", "com.microsoft"])
  func nothingTraps(_ domain: String) throws {
    let tensors = [
      Tensor(floats: [Float](repeating: 0.5, count: 24), shape: [2, 3, 4]),
      Tensor(floats: [Float](repeating: 0.5, count: 16), shape: [1, 4, 2, 2]),
      Tensor(int64s: [1, 0], shape: [2]), Tensor(scalar: Float(1)),
    ]
    let names = onnxOperatorNames(domain: domain)
    #expect(names.count > 10)
    for name in names {
      let counts = try #require(onnxOperator(domain: domain, name: name)).inputs
      for count in Set([counts.lowerBound, min(counts.upperBound, counts.lowerBound + 3)]) {
        for absent in 0..<min(count, 8) {
          for tensor in tensors {
            var inputs = [Tensor?](repeating: tensor, count: count)
            inputs[absent] = nil
            _ = try? run(name, version: 22, domain: domain, [:], inputs)
          }
        }
      }
    }
  }

  @Test(arguments: [("RNN", 1), ("GRU", 1), ("LSTM", 1), ("LSTM", 2), ("NonMaxSuppression", 1)])
  func sentence(_ name: String, _ absent: Int) throws {
    let count = name == "NonMaxSuppression" ? 2 : 3
    var inputs = [Tensor?](
      repeating: Tensor(floats: [Float](repeating: 0, count: 8), shape: [1, 2, 4]), count: count)
    inputs[absent] = nil
    let error = try #require(throws: (any Error).self) {
      try run(name, version: 14, [:], inputs)
    }
    #expect("\(error)".contains("input \(absent) is missing"), "\(error)")
  }
}
