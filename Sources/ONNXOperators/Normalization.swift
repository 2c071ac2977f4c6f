import GraphIR
import TensorBase

private let layerAttributes: Set<String> = ["axis", "epsilon", "stash_type"]

let normalizationOperators: [ONNXOperator] = [
  ONNXOperator(
    "LayerNormalization", inputs: 2...3, outputs: 1...3, attributes: layerAttributes,
    expand: expandLayerNormalization),
  ONNXOperator("RMSNormalization", inputs: 2...2, attributes: layerAttributes) {
    x throws(ExpansionFault) in
    Array(try expandRootMeanSquare(&x).prefix(1))
  },
  // What ONNX Runtime's optimiser writes, in ONNX's own domain.
  ONNXOperator(
    "SimplifiedLayerNormalization", inputs: 2...2, outputs: 1...2, attributes: layerAttributes,
    expand: expandRootMeanSquare),
  ONNXOperator(
    "GroupNormalization", inputs: 3...3, attributes: ["epsilon", "num_groups", "stash_type"],
    expand: expandGroupNormalization),
  ONNXOperator("LpNormalization", inputs: 1...1, attributes: ["axis", "p"]) {
    x throws(ExpansionFault) in
    let input = try x.input(0)
    let axis = try x.axis(try x.int("axis", default: -1), rank: x[input].shape.rank)
    let op = ScaleToNorm(axis: axis, power: try x.int("p", default: 2))
    return [try x.emit(.sequence(.scaleToNorm(op)), input)]
  },
  ONNXOperator(
    "MeanVarianceNormalization", inputs: 1...1, attributes: ["axes"],
    expand: expandMeanVarianceNormalization),
]

/// x normalised over its axes from `axis` on, scaled and shifted by what broadcasts to it.
struct LayerNormalization {
  var axis: Int
  var epsilon: Double
  var isCentred = true

  /// y in the type of the scale, mean and 1 / deviation (f32), which are nil unless wanted.
  func write(
    _ x: inout Expansion, _ input: ValueID, scale: ValueID?, shift: ValueID?,
    wantsStatistics: Bool
  ) throws(ExpansionFault) -> (y: ValueID, mean: ValueID?, inverse: ValueID?) {
    try x.requireFloats(input, scale, shift)
    let shape = x[input].shape
    let type = x.commonFloat(input, scale)
    let result = scale.map { x[$0].type } ?? x[input].type
    let value = try x.cast(input, to: type)
    let normalised = Array(shape.dimensions[axis...])
    let n = normalised.reduce(1, *), rows = shape.dimensions[..<axis].reduce(1, *)
    // Operands that have an entry for each normalised one are applied by the kernel.
    func flat(_ id: ValueID?) throws(ExpansionFault) -> ValueID? {
      guard let id, stripped(x[id].shape.dimensions) == stripped(normalised) else { return nil }
      return try x.reshape(try x.cast(id, to: type), [n])
    }
    let gamma = try flat(scale)
    let isScaledApart = scale != nil && gamma == nil
    let beta = isScaledApart ? nil : try flat(shift)
    var y: ValueID
    var (mean, inverse): (ValueID?, ValueID?) = (nil, nil)
    if isCentred && type == .f32 && !wantsStatistics {
      let lines = axis == shape.rank - 1 ? value : try x.reshape(value, [rows, n])
      let ones = gamma == nil ? try x.filled(1, [n], .f32) : gamma
      let zeros = beta == nil ? try x.filled(0, [n], .f32) : beta
      y = try x.emit(.layerNorm(epsilon: epsilon), lines, ones, zeros)
    } else {
      let outputs = try x.emitAll(
        .sequence(.standardize(Standardization(epsilon: epsilon, isCentred: isCentred))),
        [try x.reshape(value, [rows, n]), gamma, beta])
      y = outputs[0]
      let statistics = Array(shape.dimensions[..<axis]) + normalised.map { _ in 1 }
      if wantsStatistics {
        mean = try x.reshape(outputs[1], statistics)
        inverse = try x.reshape(outputs[2], statistics)
      }
    }
    y = try x.reshape(y, shape.dimensions)
    if let scale, isScaledApart { y = try x.pair(.multiply, y, try x.cast(scale, to: type)) }
    if let shift, beta == nil { y = try x.pair(.add, y, try x.cast(shift, to: type)) }
    guard x[y].shape == shape else { throw .misfit("the scale does not fit \(x[input])") }
    return (try x.cast(y, to: result), mean, inverse)
  }
}

private func stripped(_ dimensions: [Int]) -> [Int] { Array(dimensions.drop { $0 == 1 }) }

private func layer(
  _ x: Expansion, isCentred: Bool
) throws(ExpansionFault) -> LayerNormalization {
  LayerNormalization(
    axis: try x.axis(try x.int("axis", default: -1), rank: x[try x.input(0)].shape.rank),
    epsilon: Double(try x.float("epsilon", default: 1e-5)), isCentred: isCentred)
}

func expandLayerNormalization(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let (y, mean, inverse) = try layer(x, isCentred: true).write(
    &x, try x.input(0), scale: try x.input(1), shift: x.optional(2),
    wantsStatistics: x.isWanted(output: 1) || x.isWanted(output: 2))
  return [y, mean, inverse]
}

func expandRootMeanSquare(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let (y, _, inverse) = try layer(x, isCentred: false).write(
    &x, try x.input(0), scale: try x.input(1), shift: nil,
    wantsStatistics: x.isWanted(output: 1))
  return [y, inverse]
}

private func expandGroupNormalization(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let input = try x.input(0)
  var (scale, shift) = (try x.input(1), try x.input(2))
  try x.requireFloats(input, scale, shift)
  let (type, shape) = (x[input].type, x[input].shape)
  let groups = try x.positive("num_groups")
  guard shape.rank >= 2, shape[1] % groups == 0 else {
    throw .misfit("\(x[input]) does not split into \(groups) groups")
  }
  let epsilon = Double(try x.float("epsilon", default: 1e-5))
  // Up to version 20 scale and bias have an entry for each group.
  if x.version < 21, shape[1] != groups {
    let row = try x.writable([shape[1]])
    let owners = (0..<shape[1]).map { Int64($0 / (shape[1] / groups)) }
    let places = x.constant(Tensor(int64s: owners, shape: row))
    for id in [scale, shift] where x[id].shape != [groups] {
      throw .misfit("\(x[id]) has no entry for each of \(groups) groups")
    }
    scale = try x.emit(.gather(axis: 0), scale, places)
    shift = try x.emit(.gather(axis: 0), shift, places)
  }
  let wide = x.commonFloat(input)
  let (value, gamma, beta) = (
    try x.cast(input, to: wide), try x.cast(scale, to: wide), try x.cast(shift, to: wide)
  )
  if wide == .f32 {
    let y = try x.emit(
      .groupNorm(GroupNorm(groups: groups, epsilon: epsilon)), value, gamma, beta)
    return [try x.cast(y, to: type)]
  }
  let rows = shape[0] * groups
  guard rows > 0 else { return [input] }
  var y = try x.emit(
    .sequence(.standardize(Standardization(epsilon: epsilon))),
    try x.reshape(value, [rows, shape.count / rows]))
  y = try x.reshape(y, shape.dimensions)
  let perChannel = [shape[1]] + shape.dimensions.dropFirst(2).map { _ in 1 }
  y = try x.pair(.multiply, y, try x.reshape(gamma, perChannel))
  return [try x.pair(.add, y, try x.reshape(beta, perChannel))]
}

/// (x − mean) / (deviation + 10⁻⁹).
private func expandMeanVarianceNormalization(
  _ x: inout Expansion
) throws(ExpansionFault) -> [ValueID?] {
  let input = try x.input(0)
  try x.requireFloats(input)
  let (type, rank) = (x[input].type, x[input].shape.rank)
  let axes = try (try x.ints("axes") ?? [0, 2, 3]).map { axis throws(ExpansionFault) in
    try x.axis(axis, rank: rank)
  }
  let value = try x.widened(input)
  let mean = try x.reduced(.mean, value, axes: axes, keepsAxes: true)
  let centred = try x.pair(.subtract, value, mean)
  let square = try x.pair(.multiply, centred, centred)
  let variance = try x.reduced(.mean, square, axes: axes, keepsAxes: true)
  let deviation = try x.binary(
    .add, try x.apply(.plain(.sqrt), variance), x.scalar(1e-9, x[value].type))
  return [try x.cast(try x.pair(.divide, centred, deviation), to: type)]
}
