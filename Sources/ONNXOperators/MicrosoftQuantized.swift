import GraphIR
import TensorBase

let microsoftQuantizedOperators: [ONNXOperator] = [
  microsoft("QLinearAdd", inputs: 7...8) { x throws(ExpansionFault) in
    try expandPair(&x, .add)
  },
  microsoft("QLinearMul", inputs: 7...8) { x throws(ExpansionFault) in
    try expandPair(&x, .multiply)
  },
  microsoft("QLinearSigmoid", inputs: 4...5) { x throws(ExpansionFault) in
    try expandFunction(&x) { x, wide throws(ExpansionFault) in
      try x.apply(.plain(.sigmoid), wide)
    }
  },
  microsoft("QLinearLeakyRelu", inputs: 4...5, attributes: ["alpha"]) {
    x throws(ExpansionFault) in
    let alpha = try x.float("alpha", default: 0.01)
    return try expandFunction(&x) { x, wide throws(ExpansionFault) in
      try x.apply(.leakyRelu(alpha: alpha), wide)
    }
  },
  microsoft("QLinearSoftmax", inputs: 5...5, attributes: ["axis", "opset"]) {
    x throws(ExpansionFault) in
    let opset = try x.int("opset", default: 13)
    let given = try x.int("axis", default: opset < 13 ? 1 : -1)
    return try expandFunction(&x) { x, wide throws(ExpansionFault) in
      let shape = x[wide].shape
      let axis = try x.axis(given, rank: shape.rank)
      if opset >= 13 { return try x.emit(.softmax(axis: axis), wide) }
      // Up to version 12 all axes from this one on are one.
      let rows = shape.dimensions[..<axis].reduce(1, *)
      let columns = shape.dimensions[axis...].reduce(1, *)
      let y = try x.emit(.softmax(axis: 1), try x.reshape(wide, [rows, columns]))
      return try x.reshape(y, shape.dimensions)
    }
  },
  microsoft("QLinearGlobalAveragePool", inputs: 5...5, attributes: ["channels_last"]) {
    x throws(ExpansionFault) in
    let isLast = try x.flag("channels_last", default: false)
    return try expandFunction(&x) { x, wide throws(ExpansionFault) in
      let rank = x[wide].shape.rank
      guard rank >= 3 else { throw .misfit("\(x[wide]) is no picture") }
      let axes = isLast ? Array(1..<(rank - 1)) : Array(2..<rank)
      return try x.reduced(.mean, wide, axes: axes, keepsAxes: true)
    }
  },
  microsoft(
    "QLinearAveragePool", inputs: 4...5,
    attributes: SpatialWindow.attributes.union([
      "ceil_mode", "channels_last", "count_include_pad",
    ])
  ) { x throws(ExpansionFault) in
    let isLast = try x.flag("channels_last", default: false)
    let countsPadding = try x.flag("count_include_pad", default: false)
    return try expandFunction(&x) { x, wide throws(ExpansionFault) in
      let rank = x[wide].shape.rank
      guard rank >= 3 else { throw .misfit("\(x[wide]) is no picture") }
      let image =
        isLast ? try x.transpose(wide, [0, rank - 1] + Array(1..<(rank - 1))) : wide
      let window = try SpatialWindow(x, image: try x.spatialSizes(of: image), size: nil)
      let pool = Pool(
        .average(countsPadding: countsPadding), window.window, after: window.after)
      let y = try x.emit(.imaging(.pool(pool)), image)
      return isLast ? try x.transpose(y, [0] + Array(2..<rank) + [1]) : y
    }
  },
  microsoft("QLinearConcat", inputs: 5...anyCount, attributes: ["axis"]) {
    x throws(ExpansionFault) in
    guard (x.inputs.count - 2) % 3 == 0 else {
      throw .misfit("\(x.inputs.count) inputs are not tensors with scale and zero point")
    }
    var parts: [ValueID] = []
    for index in stride(from: 2, to: x.inputs.count, by: 3) {
      parts.append(
        try x.dequantized(try x.input(index), try x.input(index + 1), x.optional(index + 2)))
    }
    let axis = try x.axis(try x.int("axis", default: 0), of: x[parts[0]].shape)
    let joined = try x.emitAll(.concat(axis: axis), parts)[0]
    let zero = try x.input(1)
    return [try x.quantized(joined, try x.input(0), zero, x[zero].type)]
  },
  microsoft("QGemm", inputs: 6...9, attributes: ["alpha", "transA", "transB"], expand: expandGemm),
  microsoft("MatMulIntegerToFloat", inputs: 4...7) { x throws(ExpansionFault) in
    let sums = try x.integerProduct(
      try x.input(0), try x.input(1), aZero: x.optional(4), bZero: x.optional(5))
    let y = try x.scaled(sums, try x.input(2), try x.input(3))
    return [try x.added(y, x.optional(6))]
  },
  microsoft("DynamicQuantizeMatMul", inputs: 3...5) { x throws(ExpansionFault) in
    let quantized = try x.emitAll(.arithmetic(.dynamicQuantize), [try x.input(0)])
    let sums = try x.integerProduct(
      quantized[0], try x.input(1), aZero: quantized[2], bZero: x.optional(3))
    let y = try x.scaled(sums, quantized[1], try x.input(2))
    return [try x.added(y, x.optional(4))]
  },
  microsoft(
    "QAttention", inputs: 5...9, outputs: 1...2,
    attributes: [
      "do_rotary", "mask_filter_value", "num_heads", "past_present_share_buffer", "scale",
      "unidirectional",
    ],
    lacks: { call in
      if call.attributes["do_rotary"].isSet { return "rotation within QAttention" }
      return call.attributes["past_present_share_buffer"].isSet ? "a shared buffer of keys" : nil
    }
  ) { x throws(ExpansionFault) in
    let sums = try x.integerProduct(
      try x.input(0), try x.input(1), aZero: x.optional(6), bZero: x.optional(7))
    let bias = try x.input(2)
    let projected = try x.added(try x.scaled(sums, try x.input(3), try x.input(4)), bias)
    let (y, present) = try attendProjected(
      &x, projected, sizes: [], mask: x.optional(5), past: x.optional(8), bias: nil)
    return [y, present]
  },
]

extension Expansion {
  fileprivate mutating func dequantized(
    _ id: ValueID, _ scale: ValueID, _ zero: ValueID?
  ) throws(ExpansionFault) -> ValueID {
    let layout = Quantization(axis: 1, block: nil, type: .f32, precision: .f32)
    return try emit(.arithmetic(.dequantize(layout)), id, scale, zero)
  }

  fileprivate mutating func quantized(
    _ id: ValueID, _ scale: ValueID, _ zero: ValueID?, _ type: ElementType
  ) throws(ExpansionFault) -> ValueID {
    let layout = Quantization(axis: 1, block: nil, type: type, precision: .f32)
    return try emit(.arithmetic(.quantize(layout)), id, scale, zero)
  }

  /// Sums of products of integers as what they stand for, with one scale or one for each column.
  fileprivate mutating func scaled(
    _ sums: ValueID, _ a: ValueID, _ b: ValueID
  ) throws(ExpansionFault) -> ValueID {
    func flat(_ id: ValueID) throws(ExpansionFault) -> ValueID {
      self[id].shape.count == 1 ? try reshape(id, []) : id
    }
    let scale = try pair(.multiply, try flat(a), try flat(b))
    return try pair(.multiply, try cast(sums, to: .f32), scale)
  }
}

/// Inputs: a, b, each with scale and zero point, scale and zero point of the result.
private func expandPair(
  _ x: inout Expansion, _ function: Pairwise
) throws(ExpansionFault) -> [ValueID?] {
  let input = try x.input(0)
  let a = try x.dequantized(input, try x.input(1), x.optional(2))
  let b = try x.dequantized(try x.input(3), try x.input(4), x.optional(5))
  let y = try x.pair(function, a, b)
  return [try x.quantized(y, try x.input(6), x.optional(7), x[input].type)]
}

/// Inputs: x, its scale and zero point, scale and zero point of the result.
private func expandFunction(
  _ x: inout Expansion,
  _ function: (inout Expansion, ValueID) throws(ExpansionFault) -> ValueID
) throws(ExpansionFault) -> [ValueID?] {
  let input = try x.input(0)
  let y = try function(&x, try x.dequantized(input, try x.input(1), x.optional(2)))
  return [try x.quantized(y, try x.input(3), x.optional(4), x[input].type)]
}

/// Inputs: a, its scale and zero point, b, its scale and zero point, [c i32 in units of the
/// product], [scale and zero point of the result, which is f32 without them].
private func expandGemm(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  var (a, b) = (try x.input(0), try x.input(3))
  guard x[a].shape.rank == 2, x[b].shape.rank == 2 else {
    throw .misfit("\(x[a]) and \(x[b]) are not both matrices")
  }
  if try x.flag("transA", default: false) { a = try x.transpose(a, [1, 0]) }
  if try x.flag("transB", default: false) { b = try x.transpose(b, [1, 0]) }
  var sums = try x.integerProduct(a, b, aZero: try x.input(2), bZero: try x.input(5))
  if let addend = x.optional(6) { sums = try x.pair(.add, sums, addend) }
  var y = try x.scaled(sums, try x.input(1), try x.input(4))
  let alpha = try x.float("alpha", default: 1)
  if alpha != 1 { y = try x.pair(.multiply, y, x.scalar(Double(alpha), .f32)) }
  guard let scale = x.optional(7) else { return [y] }
  let zero = x.optional(8)
  return [try x.quantized(y, scale, zero, zero.map { x[$0].type } ?? x[a].type)]
}
