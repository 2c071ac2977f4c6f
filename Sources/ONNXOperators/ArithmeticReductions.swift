import GraphIR
import TensorBase

/// Reductions, positions of extremes, running sums and products.
let reductionOperators: [ONNXOperator] = [
  reduction("ReduceSum", .sum),
  reduction("ReduceMean", .mean),
  reduction("ReduceProd", .product),
  reduction("ReduceMin", .minimum),
  reduction("ReduceMax", .maximum),
  reduction("ReduceSumSquare", .sumOfSquares),
  reduction("ReduceL1", .norm1),
  reduction("ReduceL2", .norm2),
  reduction("ReduceLogSum", .logSum),
  reduction("ReduceLogSumExp", .logSumExp),
  extreme("ArgMax", isMaximum: true),
  extreme("ArgMin", isMaximum: false),
  cumulation("CumSum", isProduct: false),
  cumulation("CumProd", isProduct: true),
]

private func reduction(_ name: String, _ kind: AnyReduction.Kind) -> ONNXOperator {
  // Sums take their axes as an input from version 13 on, the others from 18.
  let switchover = kind == .sum ? 13 : 18
  return ONNXOperator(
    name, inputs: 1...2, attributes: ["axes", "keepdims", "noop_with_empty_axes"],
    lacks: { outdated($0, ["axes"], since: switchover) }
  ) { x throws(ExpansionFault) in
    let input = try x.input(0)
    let keeps = try x.flag("keepdims", default: true)
    var axes: [Int] = []
    if x.version < switchover {
      axes = try x.ints("axes") ?? []
    } else if x.optional(1) != nil {
      axes = try x.integers(of: 1)
    }
    if axes.isEmpty {
      if x.version >= switchover, try x.flag("noop_with_empty_axes", default: false) {
        return [try x.unreduced(kind, input)]
      }
      axes = Array(0..<x[input].shape.rank)
    }
    for index in axes.indices { axes[index] = try x.axis(axes[index], of: x[input].shape) }
    axes = Set(axes).sorted()
    return [try x.reduced(kind, input, axes: axes, keepsAxes: keeps)]
  }
}

extension Expansion {
  /// x reduced over axes counted from the front; f32 by the op that fast kernels know.
  mutating func reduced(
    _ kind: AnyReduction.Kind, _ x: ValueID, axes: [Int], keepsAxes: Bool
  ) throws(ExpansionFault) -> ValueID {
    let isEmpty = axes.contains { self[x].shape[$0] == 0 }
    if self[x].type == .f32, !isEmpty, let plain = kind.plain {
      return try emit(.reduce(Reduction(plain, axes: axes, keepsAxes: keepsAxes)), x)
    }
    return try emit(
      .arithmetic(.reduce(AnyReduction(kind, axes: axes, keepsAxes: keepsAxes))), x)
  }

  /// What a reduction over no axes makes of each element.
  fileprivate mutating func unreduced(
    _ kind: AnyReduction.Kind, _ x: ValueID
  ) throws(ExpansionFault) -> ValueID {
    switch kind {
    case .sum, .mean, .product, .minimum, .maximum: return x
    case .sumOfSquares, .norm1, .norm2, .logSum, .logSumExp:
      return try reduced(kind, x, axes: [], keepsAxes: true)
    }
  }
}

extension AnyReduction.Kind {
  fileprivate var plain: Reduction.Kind? {
    switch self {
    case .sum: .sum
    case .mean: .mean
    case .minimum: .minimum
    case .maximum: .maximum
    case .product, .sumOfSquares, .norm1, .norm2, .logSum, .logSumExp: nil
    }
  }
}

private func extreme(_ name: String, isMaximum: Bool) -> ONNXOperator {
  ONNXOperator(
    name, inputs: 1...1, attributes: ["axis", "keepdims", "select_last_index"]
  ) { x throws(ExpansionFault) in
    let input = try x.input(0)
    let attributes = ArgExtreme(
      isMaximum: isMaximum,
      axis: try x.axis(try x.int("axis", default: 0), of: x[input].shape),
      keepsAxis: try x.flag("keepdims", default: true),
      takesLast: try x.flag("select_last_index", default: false))
    return [try x.emit(.arithmetic(.argExtreme(attributes)), input)]
  }
}

private func cumulation(_ name: String, isProduct: Bool) -> ONNXOperator {
  ONNXOperator(
    name, inputs: 2...2, attributes: ["exclusive", "reverse"]
  ) { x throws(ExpansionFault) in
    let input = try x.input(0)
    let axis = try x.integers(of: 1)
    guard axis.count == 1 else { throw .misfit("\(axis) is not one axis") }
    let attributes = Cumulation(
      isProduct: isProduct, axis: try x.axis(axis[0], of: x[input].shape),
      isExclusive: try x.flag("exclusive", default: false),
      isReversed: try x.flag("reverse", default: false))
    return [try x.emit(.arithmetic(.cumulate(attributes)), input)]
  }
}
