import GraphIR
import TensorBase

/// Writes the modules of a model: layers named by their module path, with their weights.
///
/// A module's value carries the module's path, as PyTorch's hooks would report it. Where the
/// outer module returns what its last child returns, `alias` gives the value a second name.
struct ModuleBuilder {
  private(set) var graph: GraphBuilder
  var binder: WeightBinder
  private(set) var bindings: [WeightBinding] = []
  private var known: Set<String> = []

  init(graph name: String, binder: WeightBinder) {
    graph = GraphBuilder(name: name)
    self.binder = binder
  }

  mutating func input(
    _ name: String, _ type: ElementType, _ dimensions: [Dimension]
  ) -> ValueID {
    graph.input(name, type, dimensions)
  }

  mutating func output(_ value: ValueID, named name: String) {
    graph.rename(value, name)
    graph.output(value)
  }

  mutating func weight(_ name: String, _ shape: Shape) -> ValueID {
    if known.insert(name).inserted, let binding = binder.bind(name, shape) {
      bindings.append(binding)
    }
    return graph.weight(name, shape)
  }

  mutating func constant(_ name: String, _ tensor: Tensor) -> ValueID {
    graph.constant(name, tensor)
  }

  mutating func node(_ name: String, _ op: Op, _ inputs: ValueID?...) -> ValueID {
    graph.node(name, op, inputs: inputs)
  }

  mutating func rename(_ value: ValueID, _ name: String) { graph.rename(value, name) }

  /// The attention node `name`; the value is called `name`.attended.
  mutating func attention(
    _ name: String, heads: Int, width: Int, isCausal: Bool = false, query: ValueID, key: ValueID,
    value: ValueID, mask: ValueID? = nil
  ) -> ValueID {
    let scale = 1 / Double(max(width / max(heads, 1), 1)).squareRoot()
    return graph.attention(
      name, Attention(heads: heads, scale: Float(scale), isCausal: isCausal), query: query,
      key: key, value: value, mask: mask)
  }

  /// A second name for an image or a row of states of that rank: a copy that runs only when it is
  /// asked for.
  mutating func alias(_ name: String, of value: ValueID, rank: Int) {
    _ = node(name, .reshape((0..<rank).map { .like(input: 0, axis: $0) }), value)
  }

  /// x […, inputs] → […, outputs]; weights under `path`, which is the node's name unless given.
  mutating func linear(
    _ name: String, _ x: ValueID, _ inputs: Int, _ outputs: Int, path: String? = nil,
    hasBias: Bool = true
  ) -> ValueID {
    let path = path ?? name
    let matrix = weight("\(path).weight", [outputs, inputs])
    let bias = hasBias ? weight("\(path).bias", [outputs]) : nil
    return node(name, .linear(activation: nil), x, matrix, bias)
  }

  /// x [N, inputs, H, W] → [N, outputs, …]; square kernel. `padding`: top, left, bottom, right.
  mutating func convolution(
    _ name: String, _ x: ValueID, _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1,
    padding: [Int]? = nil, path: String? = nil
  ) -> ValueID {
    let path = path ?? name
    let attributes = Convolution(
      strides: [stride, stride],
      padding: padding ?? [Int](repeating: (kernel - 1) / 2, count: 4))
    return node(
      name, .convolution(attributes), x,
      weight("\(path).weight", [outputs, inputs, kernel, kernel]),
      weight("\(path).bias", [outputs]))
  }

  mutating func groupNorm(
    _ name: String, _ x: ValueID, _ channels: Int, groups: Int, epsilon: Double
  ) -> ValueID {
    node(
      name, .groupNorm(GroupNorm(groups: groups, epsilon: epsilon)), x,
      weight("\(name).weight", [channels]), weight("\(name).bias", [channels]))
  }

  mutating func layerNorm(
    _ name: String, _ x: ValueID, _ width: Int, epsilon: Double, path: String? = nil
  ) -> ValueID {
    let path = path ?? name
    return node(
      name, .layerNorm(epsilon: epsilon), x, weight("\(path).weight", [width]),
      weight("\(path).bias", [width]))
  }
}
