import GraphIR
import TensorBase

extension Graph {
  /// How many items the input takes at once where the graph leaves no choice; nil where it does.
  ///
  /// - Throws: when they are more than anybody has.
  func fixedBatch(_ input: GraphInput) throws -> Int? {
    guard case .size(let size)? = input.dimensions?.first else { return nil }
    guard (1...64).contains(size) else {
      throw PipelineError.wrongGraph(
        graph: name,
        lacks: "a batch of 1 to 64 for its input '\(self[input.value].name)', which takes \(size)")
    }
    return size
  }
}

extension Tensor {
  /// A tensor of so many items like this one, whose first axis has one.
  func repeated(_ count: Int) -> Tensor {
    if count == 1 { return self }
    return Tensor(
      type: type, shape: Shape([count] + shape.dimensions.dropFirst()),
      bytes: Array(repeatElement(bytes, count: count).joined()))
  }

  /// The first item along the first axis, which stays.
  var first: Tensor {
    if shape.rank == 0 || shape[0] <= 1 { return self }
    return Tensor(
      type: type, shape: Shape([1] + shape.dimensions.dropFirst()),
      bytes: Array(bytes.prefix(byteCount / shape[0])))
  }
}
