import GraphIR
import TensorBase

let microsoftProductOperators: [ONNXOperator] = [
  microsoft(
    "FusedMatMul", inputs: 2...2,
    attributes: ["alpha", "transA", "transB", "transBatchA", "transBatchB"],
    expand: expandFusedMatMul),
  microsoft(
    "FusedGemm", inputs: 2...3,
    attributes: [
      "activation", "activation_alpha", "activation_beta", "activation_gamma", "alpha", "beta",
      "transA", "transB",
    ], lacks: unknownFusedActivation, expand: expandFusedGemm),
  microsoft(
    "FusedConv", inputs: 2...4,
    attributes: SpatialWindow.attributes.union(["activation", "activation_params", "group"]),
    lacks: unknownFusedActivation, expand: expandFusedConvolution),
  microsoft(
    "NhwcConv", inputs: 2...3, attributes: SpatialWindow.attributes.union(["group"]),
    expand: expandChannelsLastConvolution),
  microsoft(
    "MatMulNBits", inputs: 3...6,
    attributes: ["K", "N", "accuracy_level", "bits", "block_size", "weight_prepacked"],
    lacks: { call in
      if case .int(let layout) = call.attributes["weight_prepacked"], layout != 0 {
        return "weights packed for CUDA"
      }
      if case .int(let bits) = call.attributes["bits"], ![2, 4, 8].contains(bits) {
        return "weights of \(bits) bits"
      }
      return nil
    }, expand: expandBlockwiseMatMul),
]

private func expandFusedMatMul(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let inputs = (try x.input(0), try x.input(1))
  try x.requireFloats(inputs.0, inputs.1)
  let type = x.commonFloat(inputs.0, inputs.1)
  func operand(
    _ id: ValueID, _ turned: String, _ turnedBatch: String
  ) throws(ExpansionFault) -> ValueID {
    let value = try x.cast(id, to: type)
    let rank = x[value].shape.rank
    guard rank >= 2 else { return value }
    var order = Array(0..<rank)
    // The first axis goes behind the batch axes.
    if try x.flag(turnedBatch, default: false) { order = Array(1..<(rank - 1)) + [0, rank - 1] }
    if try x.flag(turned, default: false) { order.swapAt(rank - 1, rank - 2) }
    return try x.transpose(value, order)
  }
  let a = try operand(inputs.0, "transA", "transBatchA")
  let b = try operand(inputs.1, "transB", "transBatchB")
  var y = try x.matrixProduct(a, b)
  let alpha = try x.float("alpha", default: 1)
  if alpha != 1 { y = try x.pair(.multiply, y, x.scalar(Double(alpha), type)) }
  return [try x.cast(y, to: x[inputs.0].type)]
}

private func expandFusedGemm(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let inputs = (try x.input(0), try x.input(1))
  try x.requireFloats(inputs.0, inputs.1, x.optional(2))
  let type = x.commonFloat(inputs.0, inputs.1)
  guard x[inputs.0].shape.rank == 2, x[inputs.1].shape.rank == 2 else {
    throw .misfit("\(x[inputs.0]) and \(x[inputs.1]) are not both matrices")
  }
  var a = try x.cast(inputs.0, to: type), b = try x.cast(inputs.1, to: type)
  if try x.flag("transA", default: false) { a = try x.transpose(a, [1, 0]) }
  if try x.flag("transB", default: false) { b = try x.transpose(b, [1, 0]) }
  var y = try x.matrixProduct(a, b)
  func scaled(_ id: ValueID, _ attribute: String) throws(ExpansionFault) -> ValueID {
    let factor = try x.float(attribute, default: 1)
    return factor == 1 ? id : try x.pair(.multiply, id, x.scalar(Double(factor), type))
  }
  y = try scaled(y, "alpha")
  if let addend = x.optional(2) {
    y = try x.pair(.add, y, try scaled(try x.cast(addend, to: type), "beta"))
  }
  y = try x.activated(
    y, try x.string("activation", default: ""), alpha: try x.float("activation_alpha"),
    beta: try x.float("activation_beta"))
  return [try x.cast(y, to: x[inputs.0].type)]
}

private func expandFusedConvolution(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let (input, weight) = (try x.input(0), try x.input(1))
  let window = try SpatialWindow(
    x, image: try x.spatialSizes(of: input), size: try x.spatialSizes(of: weight))
  var y = try x.convolution(
    try x.widened(input), try x.widened(weight), bias: try x.widened(optional: x.optional(2)),
    window, groups: try x.int("group", default: 1))
  if let sum = x.optional(3) { y = try x.added(y, sum) }
  let numbers = try x.floats("activation_params") ?? []
  y = try x.activated(
    y, try x.string("activation", default: ""), alpha: numbers.first,
    beta: numbers.dropFirst().first)
  return [try x.cast(y, to: x[input].type)]
}

/// Pictures are [N, H, W, C]; the weight is as ever.
private func expandChannelsLastConvolution(
  _ x: inout Expansion
) throws(ExpansionFault) -> [ValueID?] {
  let (input, weight) = (try x.input(0), try x.input(1))
  let rank = x[input].shape.rank
  guard rank >= 3 else { throw .misfit("\(x[input]) is no picture") }
  let image = try x.transpose(try x.widened(input), [0, rank - 1] + Array(1..<(rank - 1)))
  let window = try SpatialWindow(
    x, image: try x.spatialSizes(of: image), size: try x.spatialSizes(of: weight))
  let y = try x.convolution(
    image, try x.widened(weight), bias: try x.widened(optional: x.optional(2)), window,
    groups: try x.int("group", default: 1))
  let last = try x.transpose(y, [0] + Array(2..<rank) + [1])
  return [try x.cast(last, to: x[input].type)]
}

/// x · weightᵀ + bias with a weight of a few bits an element, in blocks that each have a scale and
/// a zero point.
private func expandBlockwiseMatMul(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let input = try x.input(0)
  if x.optional(4) != nil { throw .unsupported("an order of groups ('g_idx')") }
  let op = BlockWeight(
    outputs: try x.positive("N"), inputs: try x.positive("K"),
    bits: try x.int("bits", default: 4), block: try x.positive("block_size"))
  var zeros = x.optional(3)
  if let points = zeros, x[points].type.isFloatingPoint { zeros = try x.cast(points, to: .f32) }
  let weight = try x.emit(
    .sequence(.unpackBlocks(op)), try x.input(1), try x.cast(try x.input(2), to: .f32), zeros)
  var bias: ValueID?
  if let given = x.optional(5) { bias = try x.cast(given, to: .f32) }
  let y = try x.emit(
    .linear(activation: nil), try x.cast(input, to: .f32), weight, bias)
  return [try x.cast(y, to: x[input].type)]
}
