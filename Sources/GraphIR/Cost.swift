extension ShapedGraph {
  /// Floating-point operations of the graph's products and convolutions, 2 per multiply-add.
  package var flop: Double {
    graph.nodes.reduce(0) { $0 + flop(of: $1) }
  }

  /// The same for one node; 0 for what is neither product nor convolution.
  package func flop(of node: Node) -> Double {
    guard case let output? = node.outputs[0] else { return 0 }
    let results = Double(self[output].shape.count)
    switch node.op {
    case .convolution(let attributes):
      guard let weight = node.inputs[1] else { return 0 }
      if attributes.packed != nil { return 2 * results * packedDepth(weight) }
      let outputs = self[weight].shape[attributes.layout == .channelsFirst ? 0 : 3]
      return 2 * results * Double(self[weight].shape.count) / Double(max(outputs, 1))
    case .linear(_, let packed):
      guard let weight = node.inputs[1] else { return 0 }
      return 2 * results * (packed == nil ? Double(self[weight].shape[1]) : packedDepth(weight))
    case .gatedLinear:
      guard let weight = node.inputs[1] else { return 0 }
      return 4 * results * packedDepth(weight)
    case .matMul:
      guard let a = node.inputs[0] else { return 0 }
      return 2 * results * Double(self[a].shape[-1])
    case .attention:
      guard let query = node.inputs[0], let key = node.inputs[1], let value = node.inputs[2] else {
        return 0
      }
      let pairs = Double(self[query].shape[0] * self[query].shape[1] * self[key].shape[1])
      return 2 * pairs * Double(self[query].shape[2] + self[value].shape[2])
    case .unary, .binary, .clamp, .select, .packWeight, .packScaledWeight, .groupNorm, .layerNorm,
      .softmax, .gated,
      .upsampleNearest, .gather, .reshape, .transpose, .concat, .slice, .prefix, .pad, .cast,
      .reduce, .identity, .arithmetic, .indexing, .imaging, .sequence, .dynamic, .call:
      return 0
    }
  }

  /// Inputs of a packed weight, times its window.
  private func packedDepth(_ weight: ValueID) -> Double {
    let head = self[weight].type == .i8 ? PackedWeight.scaleRows : 0
    return Double(self[weight].shape[1] - head)
  }
}
