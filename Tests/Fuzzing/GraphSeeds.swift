import ByteIO
import GraphIR
import NativeFormat
import TensorBase

/// A .plumb file for every op that one can store, with a graph of one node.
func graphSeeds() throws -> [[UInt8]] {
  try nodes.map { op, shapes in
    var builder = GraphBuilder(name: "g")
    var weights: [(name: String, tensor: Tensor)] = []
    let inputs = shapes.enumerated().map { index, shape -> ValueID in
      let takesWeight =
        switch op {
        case .convolution, .linear: index > 0
        default: false
        }
      if takesWeight {
        weights.append(("w\(index)", Tensor(zeros: shape, type: .f32)))
        return builder.weight("w\(index)", shape)
      }
      let type: ElementType =
        switch op {
        case .select where index == 0: .bool
        case .gather where index == 1: .i64
        default: .f32
        }
      return builder.input("in\(index)", type, shape.dimensions.map { .size($0) })
    }
    if case .attention(let attention) = op {
      builder.output(
        builder.attention(
          "n", attention, query: inputs[0], key: inputs[1], value: inputs[2],
          mask: inputs.count > 3 ? inputs[3] : nil))
    } else {
      builder.output(builder.node("n", op, inputs: inputs))
    }
    var content = NativeContent()
    content.graphs = [builder.graph]
    let path = file([], "seed.plumb")
    var writer = try NativeWriter(path: path, options: StorageOptions(packing: .raw))
    for (name, tensor) in weights { try writer.add(name, tensor) }
    try writer.finish(content)
    return try readSmallFile(path, maximum: 1 << 16)
  }
}

private let nodes: [(Op, [Shape])] = [
  (.unary(.silu), [[2, 3]]), (.binary(.power), [[2, 3], [3]]), (.clamp(lower: 0, upper: 1), [[4]]),
  (.select, [[2, 3], [3], [2, 1]]), (.matMul, [[2, 3, 4], [2, 4, 5]]),
  (
    .convolution(
      Convolution(strides: [2, 1], padding: [1, 0, 1, 2], dilations: [1, 2], groups: 2)),
    [[1, 4, 7, 7], [6, 2, 3, 3], [6]]
  ),
  (.convolution(Convolution(padding: [1, 1, 1, 1])), [[1, 4, 9, 9], [5, 4, 3, 3]]),
  (.linear(activation: .relu), [[2, 3], [4, 3], [4]]),
  (.attention(Attention(heads: 2, scale: 0.5)), [[1, 3, 8], [1, 5, 8], [1, 5, 8]]),
  (
    .attention(Attention(heads: 2, scale: 0.5, isCausal: true, tokens: [0, 2])),
    [[1, 5, 8], [1, 5, 8], [1, 5, 8]]
  ),
  (
    .attention(Attention(heads: 2, scale: 0.5)),
    [[2, 3, 8], [2, 5, 8], [2, 5, 8], [2, 1, 1, 5]]
  ),
  (.groupNorm(GroupNorm(groups: 2, epsilon: 1e-5, activation: .silu)), [[1, 4, 3, 3], [4], [4]]),
  (.layerNorm(epsilon: 1e-5), [[2, 4], [4], [4]]), (.softmax(axis: 1), [[2, 4]]),
  (.gated(.gelu), [[2, 8]]), (.upsampleNearest(UpsampleNearest(scale: 2)), [[1, 2, 3, 3]]),
  (.upsampleNearest(UpsampleNearest(scale: 2)), [[1, 2, 3, 3], [1, 2, 5, 6]]),
  (.gather(axis: 0), [[5, 3], [2]]),
  (.reshape([.like(input: 1, axis: 0), .rest, .size(2)]), [[2, 6], [2, 9]]),
  (.transpose([2, 0, 1]), [[2, 3, 4]]), (.concat(axis: 1), [[2, 3], [2, 1]]),
  (.slice(Slice(axis: 1, start: 1, end: -1, step: 2)), [[2, 7]]),
  (.prefix(axis: 1, likeAxis: 0), [[2, 7], [3, 1]]),
  (.pad(Pad(before: [0, 1], after: [2, 0], value: 3)), [[2, 3]]), (.cast(.i8), [[2, 3]]),
  (.reduce(Reduction(.mean, axes: [0, 2], keepsAxes: true)), [[2, 3, 4]]), (.identity, [[2]]),
]
