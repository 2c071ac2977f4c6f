import GraphIR
import TensorBase

private let layerAttributes: Set<String> = ["axis", "epsilon", "stash_type"]

let microsoftNormalizationOperators: [ONNXOperator] = [
  microsoft(
    "LayerNormalization", inputs: 2...3, outputs: 1...3, attributes: layerAttributes,
    expand: expandLayerNormalization),
  microsoft(
    "SimplifiedLayerNormalization", inputs: 2...2, outputs: 1...2, attributes: layerAttributes,
    expand: expandRootMeanSquare),
  microsoft("SkipLayerNormalization", inputs: 3...5, outputs: 1...4, attributes: ["epsilon"]) {
    x throws(ExpansionFault) in
    try expandSkip(&x, shift: x.optional(3), bias: x.optional(4), isCentred: true)
  },
  microsoft(
    "SkipSimplifiedLayerNormalization", inputs: 3...4, outputs: 1...4, attributes: ["epsilon"]
  ) { x throws(ExpansionFault) in
    try expandSkip(&x, shift: nil, bias: x.optional(3), isCentred: false)
  },
  microsoft(
    "GroupNorm", inputs: 3...3, attributes: ["activation", "channels_last", "epsilon", "groups"]
  ) { x throws(ExpansionFault) in
    let input = try x.input(0)
    return [try x.cast(try grouped(&x, try x.widened(input)), to: x[input].type)]
  },
  microsoft(
    "SkipGroupNorm", inputs: 4...5, outputs: 1...2,
    attributes: ["activation", "channels_last", "epsilon", "groups"]
  ) { x throws(ExpansionFault) in
    let (input, skip) = (try x.input(0), try x.input(3))
    let shape = x[input].shape
    let isLast = try x.flag("channels_last", default: true)
    guard shape.rank >= 3 else { throw .misfit("\(x[input]) is no picture") }
    func perChannel(_ leading: [Int], _ channels: Int) -> [Int] {
      let ones = [Int](repeating: 1, count: shape.rank - 2)
      return isLast ? leading + ones + [channels] : leading + [channels] + ones
    }
    var sum = try x.added(
      input,
      x[skip].shape.rank == 2
        ? try x.reshape(skip, perChannel([x[skip].shape[0]], x[skip].shape[1])) : skip)
    if let bias = x.optional(4) {
      sum = try x.added(sum, try x.reshape(bias, perChannel([1], x[bias].shape.count)))
    }
    let y = try grouped(&x, sum)
    return [try x.cast(y, to: x[input].type), try x.cast(sum, to: x[input].type)]
  },
  microsoft(
    "EmbedLayerNormalization", inputs: 7...9, outputs: 1...3,
    attributes: ["epsilon", "mask_index_type"], expand: expandEmbedding),
]

/// (x + skip + bias) normalised; the sum is the fourth output.
private func expandSkip(
  _ x: inout Expansion, shift: ValueID?, bias: ValueID?, isCentred: Bool
) throws(ExpansionFault) -> [ValueID?] {
  let input = try x.input(0)
  let sum = try x.added(try x.added(input, try x.input(1)), bias)
  guard x[sum].shape == x[input].shape, x[sum].shape.rank > 0 else {
    throw .misfit("\(x[try x.input(1)]) cannot be added to \(x[input])")
  }
  let layer = LayerNormalization(
    axis: x[input].shape.rank - 1, epsilon: Double(try x.float("epsilon", default: 1e-5)),
    isCentred: isCentred)
  let (y, mean, inverse) = try layer.write(
    &x, sum, scale: try x.input(2), shift: shift,
    wantsStatistics: x.isWanted(output: 1) || x.isWanted(output: 2))
  return [
    try x.cast(y, to: x[input].type), mean, inverse,
    x.isWanted(output: 3) ? try x.cast(sum, to: x[input].type) : nil,
  ]
}

private func grouped(_ x: inout Expansion, _ input: ValueID) throws(ExpansionFault) -> ValueID {
  let activation: Unary? =
    switch try x.int("activation", default: 0) {
    case 0: nil
    case 1: .silu
    case let code: throw .misfit("there is no activation \(code)")
    }
  let op = GroupNorm(
    groups: try x.positive("groups"), epsilon: Double(try x.float("epsilon", default: 1e-5)),
    activation: activation,
    layout: try x.flag("channels_last", default: true) ? .channelsLast : .channelsFirst)
  return try x.emit(
    .groupNorm(op), input, try x.cast(try x.input(1), to: .f32),
    try x.cast(try x.input(2), to: .f32))
}

/// Words, positions and segments looked up, added and normalised.
private func expandEmbedding(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let (words, wordTable, positionTable) = (try x.input(0), try x.input(2), try x.input(3))
  let shape = x[words].shape
  guard shape.rank == 2, x[wordTable].shape.rank == 2, x[positionTable].shape.rank == 2 else {
    throw .misfit("\(x[words]) are no sentences of words")
  }
  var sum = try x.widened(try x.emit(.gather(axis: 0), wordTable, words))
  let positions: ValueID
  if let given = x.optional(8) {
    positions = try x.emit(.gather(axis: 0), positionTable, given)
  } else {
    guard shape[1] <= x[positionTable].shape[0] else {
      throw .misfit("\(shape[1]) words are more than \(x[positionTable].shape[0]) positions")
    }
    positions = try x.slice(positionTable, axis: 0, from: 0, to: shape[1])
  }
  sum = try x.added(sum, positions)
  let type = x[wordTable].type
  if let segments = x.optional(1), let table = x.optional(4) {
    sum = try x.added(sum, try x.emit(.gather(axis: 0), table, segments))
  }
  let layer = LayerNormalization(
    axis: 2, epsilon: Double(try x.float("epsilon", default: 1e-12)))
  let (y, _, _) = try layer.write(
    &x, sum, scale: try x.input(5), shift: try x.input(6), wantsStatistics: false)
  var count: ValueID?
  if x.isWanted(output: 1) {
    if let mask = x.optional(7) {
      let ones = try x.emit(.clamp(lower: 0, upper: 1), try x.cast(mask, to: .f32))
      let sum = try x.emit(.reduce(Reduction(.sum, axes: [1], keepsAxes: false)), ones)
      count = try x.cast(sum, to: .i32)
    } else {
      count = x.constant(Tensor(zeros: try x.writable([shape[0]]), type: .i32))
    }
  }
  return [
    try x.cast(y, to: type), count,
    x.isWanted(output: 2) ? try x.cast(sum, to: type) : nil,
  ]
}
