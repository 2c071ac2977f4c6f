import GraphIR
import TensorBase

/// The tensors that all graphs allow to be kept in bytes, each with the axis along which its outputs
/// lie.
func byteAxes(_ graphs: [Graph]) -> [String: Int] {
  var axes: [String: Int] = [:]
  var refused = Set<String>()
  for graph in graphs {
    let own = graph.byteAxes()
    for value in graph.values {
      guard case .weight(let tensor, _) = value.origin else { continue }
      if let axis = own[tensor], axes[tensor, default: axis] == axis {
        axes[tensor] = axis
      } else {
        refused.insert(tensor)
      }
    }
  }
  return axes.filter { !refused.contains($0.key) }
}

extension Graph {
  /// Weights that linear layers and convolutions take and nothing else does.
  fileprivate func byteAxes() -> [String: Int] {
    var axes: [String: Int] = [:]
    /// Values that are also something else.
    var others = Set(outputs)
    func note(_ id: ValueID, _ axis: Int) {
      guard case .weight(let tensor, let fact) = self[id].origin, fact.type == .f32,
        fact.shape.rank >= 2, fact.shape[axis] > 0,
        fact.shape.count / fact.shape[axis] >= leastPerScale, axes[tensor, default: axis] == axis
      else {
        others.insert(id)
        return
      }
      axes[tensor] = axis
    }
    for node in nodes {
      for (place, input) in node.inputs.enumerated() {
        guard let input else { continue }
        if place == 1, case .weight(_, let fact) = self[input].origin,
          let axis = node.op.outputAxis(of: fact.shape)
        {
          note(input, axis)
        } else {
          others.insert(input)
        }
      }
    }
    for id in others {
      if case .weight(let tensor, _) = self[id].origin { axes[tensor] = nil }
    }
    return axes
  }
}

/// A scale takes as much as four elements: it must be worth it.
private let leastPerScale = 16

extension Op {
  /// The axis of the second input along which the op's outputs lie; nil when that is no weight.
  fileprivate func outputAxis(of shape: Shape) -> Int? {
    switch self {
    case .linear(_, packed: nil): return 0
    case .convolution(let attributes) where attributes.packed == nil:
      return attributes.layout == .channelsFirst ? 0 : nil
    case .call(let call) where call.domain.isEmpty:
      switch call.name {
      case "Conv": return 0
      case "Gemm":
        if case .int(let isTransposed)? = call.attributes["transB"], isTransposed != 0 { return 0 }
        return 1
      case "MatMul": return shape.rank == 2 ? 1 : nil
      default: return nil
      }
    default: return nil
    }
  }
}
