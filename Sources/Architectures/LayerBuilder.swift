import GraphIR
import TensorBase

/// The layers that the models share, each with its weights; a module's output value has the
/// module's path for a name.
struct LayerBuilder {
  var builder: GraphBuilder

  init(graph name: String) { builder = GraphBuilder(name: name) }

  var graph: Graph { builder.graph }

  /// x […, inputs] → […, outputs], weights `path`.weight and `path`.bias.
  mutating func linear(
    _ path: String, _ x: ValueID, from inputs: Int, to outputs: Int, hasBias: Bool = true,
    named name: String? = nil
  ) -> ValueID {
    let weight = builder.weight(path + ".weight", [outputs, inputs])
    let bias = hasBias ? builder.weight(path + ".bias", [outputs]) : nil
    return builder.node(name ?? path, .linear(activation: nil), x, weight, bias)
  }

  /// x [N, inputs, H, W] → [N, outputs, H', W'], a square kernel.
  ///
  /// - Parameter padding: top, left, bottom, right.
  mutating func convolution(
    _ path: String, _ x: ValueID, from inputs: Int, to outputs: Int, kernel: Int,
    stride: Int = 1, padding: [Int]? = nil, named name: String? = nil
  ) -> ValueID {
    let weight = builder.weight(path + ".weight", [outputs, inputs, kernel, kernel])
    let bias = builder.weight(path + ".bias", [outputs])
    let around = [Int](repeating: (kernel - 1) / 2, count: 4)
    let attributes = Convolution(strides: [stride, stride], padding: padding ?? around)
    return builder.node(name ?? path, .convolution(attributes), x, weight, bias)
  }

  mutating func groupNorm(
    _ path: String, _ x: ValueID, channels: Int, groups: Int, epsilon: Double
  ) -> ValueID {
    builder.node(
      path, .groupNorm(GroupNorm(groups: groups, epsilon: epsilon)), x,
      builder.weight(path + ".weight", [channels]), builder.weight(path + ".bias", [channels]))
  }

  mutating func layerNorm(
    _ path: String, _ x: ValueID, width: Int, epsilon: Double, named name: String? = nil
  ) -> ValueID {
    builder.node(
      name ?? path, .layerNorm(epsilon: epsilon), x, builder.weight(path + ".weight", [width]),
      builder.weight(path + ".bias", [width]))
  }

  mutating func apply(_ function: Unary, _ x: ValueID, named name: String) -> ValueID {
    builder.node(name, .unary(function), x)
  }

  mutating func add(_ a: ValueID, _ b: ValueID, named name: String) -> ValueID {
    builder.node(name, .binary(.add), a, b)
  }

  /// Gives a value of `rank` axes one more name, for a module that returns what its last child
  /// returns. Costs nothing unless somebody asks for that name.
  mutating func alias(_ x: ValueID, rank: Int, named name: String) {
    _ = builder.node(name, .reshape((0..<rank).map { .like(input: 0, axis: $0) }), x)
  }
}
