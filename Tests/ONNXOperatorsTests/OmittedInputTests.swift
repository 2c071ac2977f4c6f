import GraphIR
import ONNXOperators
import TensorBase
import Testing

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
