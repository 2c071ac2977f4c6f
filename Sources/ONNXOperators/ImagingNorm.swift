import GraphIR
import TensorBase

let imageNormOperators: [ONNXOperator] = [
  ONNXOperator(
    "BatchNormalization", inputs: 5...5, outputs: 1...5,
    attributes: ["epsilon", "momentum", "spatial", "training_mode", "is_test"],
    expand: expandBatchNorm),
  ONNXOperator(
    "InstanceNormalization", inputs: 3...3, attributes: ["epsilon"], expand: expandInstanceNorm),
  ONNXOperator(
    "LRN", inputs: 1...1, attributes: ["alpha", "beta", "bias", "size"], expand: expandLRN),
]

private func expandBatchNorm(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let input = try x.input(0), type = x[input].type
  guard type.isFloatingPoint, x[input].shape.rank >= 2 else {
    throw .misfit("its input is \(x[input]), not floats with a batch and channels")
  }
  // Before version 14 it is the listed outputs that tell training.
  let isTraining =
    x.version >= 14
    ? try x.flag("training_mode", default: false)
    : (1..<5).contains { x.isWanted(output: $0) }
  let wide: ElementType = type == .f64 ? .f64 : .f32
  var parameters: [ValueID] = []
  for index in 1...4 { parameters.append(try x.cast(try x.input(index), to: wide)) }
  let value = try x.cast(input, to: wide)
  // Without `spatial` (version 7 has it) each element behind the batch has numbers of its own.
  let isSpatial = x.version >= 9 ? true : try x.flag("spatial", default: true)
  let expected =
    isSpatial ? [x[input].shape[1]] : Array(x[input].shape.dimensions.dropFirst())
  guard parameters.allSatisfy({ x[$0].shape.dimensions == expected }) else {
    throw .misfit("scale, bias, mean or variance has not the shape \(expected)")
  }
  let epsilon = Double(try x.float("epsilon", default: 1e-5))
  if !isTraining {
    let result = try normalised(&x, value, parameters, epsilon, isSpatial: isSpatial)
    return [try x.cast(result, to: type)]
  }

  let rank = x[value].shape.rank
  let axes = isSpatial ? (0..<rank).filter { $0 != 1 } : [0]
  let mean = try x.reduced(.mean, value, axes: axes, keepsAxes: true)
  let difference = try x.pair(.subtract, value, mean)
  let variance = try x.reduced(
    .mean, try x.pair(.multiply, difference, difference), axes: axes, keepsAxes: true)
  let shape = x[mean].shape.dimensions
  let deviation = try x.apply(
    .plain(.sqrt), try x.pair(.add, variance, x.scalar(epsilon, wide)))
  let scale = try x.pair(.divide, try x.reshape(parameters[0], shape), deviation)
  let result = try x.pair(
    .add, try x.pair(.multiply, difference, scale), try x.reshape(parameters[1], shape))
  let current = (try x.reshape(mean, expected), try x.reshape(variance, expected))
  let momentum = Double(try x.float("momentum", default: 0.9))
  func running(_ before: ValueID, _ now: ValueID, _ index: Int) throws(ExpansionFault) -> ValueID {
    let old = try x.pair(.multiply, before, x.scalar(momentum, wide))
    let new = try x.pair(.multiply, now, x.scalar(1 - momentum, wide))
    return try x.cast(try x.pair(.add, old, new), to: x[try x.input(index)].type)
  }
  return [
    try x.cast(result, to: type),
    x.isWanted(output: 1) ? try running(parameters[2], current.0, 3) : nil,
    x.isWanted(output: 2) ? try running(parameters[3], current.1, 4) : nil,
    x.isWanted(output: 3) ? try x.cast(current.0, to: type) : nil,
    x.isWanted(output: 4) ? try x.cast(current.1, to: type) : nil,
  ]
}

/// x · s + (bias − mean · s) with s = scale / √(variance + epsilon): two numbers a channel, known
/// with the weights.
private func normalised(
  _ x: inout Expansion, _ value: ValueID, _ parameters: [ValueID], _ epsilon: Double,
  isSpatial: Bool
) throws(ExpansionFault) -> ValueID {
  let type = x[value].type, rank = x[value].shape.rank
  let deviation = try x.apply(
    .plain(.sqrt), try x.pair(.add, parameters[3], x.scalar(epsilon, type)))
  var scale = try x.pair(.divide, parameters[0], deviation)
  var shift = try x.pair(.subtract, parameters[1], try x.pair(.multiply, parameters[2], scale))
  if isSpatial {
    if rank == 3 && type == .f32 {
      // As a picture of one row, which is what convolutions over one axis make.
      let shape = x[value].shape
      let picture = try x.reshape(value, [shape[0], shape[1], 1, shape[2]])
      let result = try x.emit(
        .imaging(.channelAffine(ChannelAffine())), picture, scale, shift)
      return try x.reshape(result, shape.dimensions)
    }
    if rank > 3 && type == .f32 {
      return try x.emit(.imaging(.channelAffine(ChannelAffine())), value, scale, shift)
    }
    let shape = x[scale].shape.dimensions + [Int](repeating: 1, count: rank - 2)
    scale = try x.reshape(scale, shape)
    shift = try x.reshape(shift, shape)
  }
  return try x.pair(.add, try x.pair(.multiply, value, scale), shift)
}

private func expandInstanceNorm(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let input = try x.input(0), fact = x[input], shape = fact.shape
  guard shape.rank >= 3, fact.type.isFloatingPoint else {
    throw .misfit("its input is \(fact), not floats of three axes or more")
  }
  let channels = shape[1]
  let epsilon = Double(try x.float("epsilon", default: 1e-5))
  let pixels = shape.dimensions.dropFirst(2).reduce(1, *)
  if fact.type == .f64 {
    let axes = Array(2..<shape.rank)
    let mean = try x.reduced(.mean, input, axes: axes, keepsAxes: true)
    let difference = try x.pair(.subtract, input, mean)
    let variance = try x.reduced(
      .mean, try x.pair(.multiply, difference, difference), axes: axes, keepsAxes: true)
    let deviation = try x.apply(.plain(.sqrt), try x.pair(.add, variance, x.scalar(epsilon, .f64)))
    let column = [channels] + axes.map { _ in 1 }
    let scale = try x.reshape(try x.input(1), column), shift = try x.reshape(try x.input(2), column)
    let normal = try x.pair(.divide, difference, deviation)
    return [try x.pair(.add, try x.pair(.multiply, normal, scale), shift)]
  }
  // As a picture, whatever the number of axes: that has a fast kernel.
  let value = try x.widened(input)
  let picture =
    shape.rank == 4 ? value : try x.reshape(value, [shape[0], channels, pixels, 1])
  let result = try x.emit(
    .groupNorm(GroupNorm(groups: channels, epsilon: epsilon)), picture,
    try x.widened(try x.input(1)), try x.widened(try x.input(2)))
  return [try x.cast(try x.reshape(result, shape.dimensions), to: fact.type)]
}

private func expandLRN(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  guard let size = try x.int("size") else { throw .misfit("'size' is not there") }
  let norm = LocalResponseNorm(
    size: size, alpha: try x.float("alpha", default: 1e-4),
    beta: try x.float("beta", default: 0.75), bias: try x.float("bias", default: 1))
  return [try x.emit(.imaging(.localResponseNorm(norm)), try x.input(0))]
}
