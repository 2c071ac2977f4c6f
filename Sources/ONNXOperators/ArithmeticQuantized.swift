import GraphIR
import TensorBase

/// Quantized numbers: integers that stand for (integer − zero point) · scale.
let quantizedOperators: [ONNXOperator] = [
  quantization(""),
  dequantization(""),
  // ONNX Runtime had types and blocks under its own name before ONNX did.
  quantization("com.microsoft"),
  dequantization("com.microsoft"),
  ONNXOperator("DynamicQuantizeLinear", inputs: 1...1, outputs: 1...3) { x throws(ExpansionFault) in
    try x.emitAll(.arithmetic(.dynamicQuantize), [try x.input(0)])
  },
  ONNXOperator("MatMulInteger", inputs: 2...4) { x throws(ExpansionFault) in
    [
      try x.integerProduct(
        try x.input(0), try x.input(1), aZero: x.optional(2), bZero: x.optional(3))
    ]
  },
  ONNXOperator("QLinearMatMul", inputs: 8...8, expand: expandQuantizedProduct),
  ONNXOperator("ConvInteger", inputs: 2...4, attributes: windowAttributes) {
    x throws(ExpansionFault) in
    [
      try x.integerConvolution(
        try x.input(0), try x.input(1), xZero: x.optional(2), weightZero: x.optional(3))
    ]
  },
  ONNXOperator(
    "QLinearConv", inputs: 8...9, attributes: windowAttributes, expand: expandQuantizedConvolution),
]

private func quantization(_ domain: String) -> ONNXOperator {
  ONNXOperator(
    "QuantizeLinear", domain: domain, inputs: 2...3,
    attributes: ["axis", "saturate", "block_size", "output_dtype", "precision"],
    lacks: { lackingType($0, "output_dtype") ?? lackingType($0, "precision") },
    expand: expandQuantize)
}

private func dequantization(_ domain: String) -> ONNXOperator {
  ONNXOperator(
    "DequantizeLinear", domain: domain, inputs: 2...3,
    attributes: ["axis", "block_size", "output_dtype"],
    lacks: { lackingType($0, "output_dtype") }, expand: expandDequantize)
}

private let windowAttributes: Set<String> = [
  "auto_pad", "dilations", "group", "kernel_shape", "pads", "strides",
]

private func expandQuantize(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let (input, scale) = (try x.input(0), try x.input(1))
  let zero = x.optional(2)
  let named = try x.elementType("output_dtype")
  let type = zero.map { x[$0].type } ?? named ?? .u8
  guard named == nil || named == type else {
    throw .misfit("'output_dtype' is not the type of the zero point, \(type)")
  }
  let own = x[scale].type
  let precision = try x.elementType("precision") ?? (own.isFloatingPoint ? own : .f64)
  let layout = try x.quantization(type, precision: precision, of: input)
  return [try x.emit(.arithmetic(.quantize(layout)), input, scale, zero)]
}

private func expandDequantize(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let (input, scale) = (try x.input(0), try x.input(1))
  let type = try x.elementType("output_dtype") ?? x[scale].type
  let layout = try x.quantization(type, precision: type, of: input)
  return [try x.emit(.arithmetic(.dequantize(layout)), input, scale, x.optional(2))]
}

extension Expansion {
  fileprivate func quantization(
    _ type: ElementType, precision: ElementType, of x: ValueID
  ) throws(ExpansionFault) -> Quantization {
    let axis = try int("axis", default: 1)
    let block = try int("block_size", default: 0)
    guard block >= 0 else { throw .misfit("a block of \(block) entries makes no sense") }
    // Whoever has one scale for all names no axis, and the default may not be there.
    let rank = self[x].shape.rank
    return Quantization(
      axis: axis < 0 ? axis + rank : axis, block: block == 0 ? nil : block, type: type,
      precision: precision)
  }

  /// The product of 8-bit integers less their zero points: one, or one per row of a and column of b.
  mutating func integerProduct(
    _ a: ValueID, _ b: ValueID, aZero: ValueID?, bZero: ValueID?
  ) throws(ExpansionFault) -> ValueID {
    try alongVectors(a, b) { x, left, right throws(ExpansionFault) in
      try x.emit(.arithmetic(.integerProduct), left, right, aZero, bZero)
    }
  }

  fileprivate mutating func integerConvolution(
    _ x: ValueID, _ weight: ValueID, xZero: ValueID?, weightZero: ValueID?
  ) throws(ExpansionFault) -> ValueID {
    let window = try window(of: self[x].shape, self[weight].shape)
    return try emit(.arithmetic(.integerConvolution(window)), x, weight, xZero, weightZero)
  }

  /// The window's attributes with what `auto_pad` stands for.
  private func window(of x: Shape, _ weight: Shape) throws(ExpansionFault) -> WindowAttributes {
    let rank = x.rank - 2
    guard rank >= 1, weight.rank == x.rank else {
      throw .misfit("\(x) and \(weight) do not convolve")
    }
    func list(_ name: String, _ value: Int, _ count: Int) throws(ExpansionFault) -> [Int] {
      let list = try ints(name) ?? [Int](repeating: value, count: count)
      guard list.count == count else { throw .misfit("'\(name)' lists \(list.count) numbers") }
      return list
    }
    let strides = try list("strides", 1, rank), dilations = try list("dilations", 1, rank)
    let kernel = Array(weight.dimensions.dropFirst(2))
    guard try ints("kernel_shape") ?? kernel == kernel else {
      throw .misfit("'kernel_shape' is not that of the weight, \(weight)")
    }
    guard (strides + dilations).allSatisfy({ $0 > 0 }) else {
      throw .misfit("strides \(strides) and dilations \(dilations) are not all positive")
    }
    var pads = try list("pads", 0, 2 * rank)
    let automatic = try string("auto_pad", default: "NOTSET")
    switch automatic {
    case "NOTSET": break
    case "VALID": pads = [Int](repeating: 0, count: 2 * rank)
    case "SAME_UPPER", "SAME_LOWER":
      for axis in 0..<rank {
        let size = x[axis + 2]
        let results = size / strides[axis] + (size % strides[axis]).signum()
        let (reach, overflow) = dilations[axis].multipliedReportingOverflow(by: kernel[axis] - 1)
        guard !overflow, reach < Int(Int32.max) else {
          throw .misfit("a dilation of \(dilations[axis]) is too large")
        }
        let total = max((results - 1) * strides[axis] + reach + 1 - size, 0)
        pads[axis] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2
        pads[axis + rank] = total - pads[axis]
      }
    default: throw .misfit("'auto_pad' is '\(automatic)', which means nothing")
    }
    return WindowAttributes(
      strides: strides, dilations: dilations, before: Array(pads.prefix(rank)),
      after: Array(pads.suffix(rank)), groups: try int("group", default: 1))
  }

  /// Sums of products of quantized numbers, i32, as quantized numbers of another scale:
  /// saturate(round(sums · factor) + zero), the factor being the product of the operands' scales over
  /// that of the result.
  fileprivate mutating func requantized(
    _ sums: ValueID, _ scales: (ValueID, ValueID), over scale: ValueID, zero: ValueID
  ) throws(ExpansionFault) -> ValueID {
    guard self[scale].shape.count == 1, self[zero].shape.count == 1 else {
      throw .unsupported("the result has scales \(self[scale]); here it has one for all")
    }
    let one = try reshape(try cast(scale, to: .f32), [])
    let product = try pair(
      .multiply, try cast(scales.0, to: .f32), try cast(scales.1, to: .f32))
    let real = try pair(
      .multiply, try cast(sums, to: .f32), try pair(.divide, product, one))
    let layout = Quantization(axis: 0, block: nil, type: self[zero].type, precision: .f32)
    return try emit(
      .arithmetic(.quantize(layout)), real, scalar(1, .f32), try reshape(zero, []))
  }
}

/// Inputs: a, its scale and zero point, b, its scale and zero point, scale and zero point of the
/// result.
private func expandQuantizedProduct(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let (a, b) = (try x.input(0), try x.input(3))
  let sums = try x.integerProduct(a, b, aZero: try x.input(2), bZero: try x.input(5))
  // Scales of rows lie down the side of a matrix, those of columns along its top.
  var (rows, columns) = (try x.input(1), try x.input(4))
  if x[rows].shape.count == 1 { rows = try x.reshape(rows, []) }
  if x[columns].shape.count == 1 { columns = try x.reshape(columns, []) }
  if x[rows].shape.rank == 1, x[a].shape.rank > 1, x[b].shape.rank > 1 {
    rows = try x.reshape(rows, [x[rows].shape[0], 1])
  }
  return [
    try x.requantized(sums, (rows, columns), over: try x.input(6), zero: try x.input(7))
  ]
}

/// Inputs: x, its scale and zero point, the weight, its scale and zero point, scale and zero point
/// of the result, [bias i32].
private func expandQuantizedConvolution(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let (input, weight) = (try x.input(0), try x.input(3))
  var sums = try x.integerConvolution(
    input, weight, xZero: try x.input(2), weightZero: try x.input(5))
  let ones = [Int](repeating: 1, count: max(x[input].shape.rank - 2, 0))
  if let bias = x.optional(8) {
    sums = try x.pair(.add, sums, try x.reshape(bias, [x[bias].shape.count] + ones))
  }
  var (own, scale) = (try x.input(1), try x.input(4))
  if x[own].shape.count == 1 { own = try x.reshape(own, []) }
  scale = try x.reshape(scale, [x[scale].shape.count] + ones)
  return [try x.requantized(sums, (own, scale), over: try x.input(6), zero: try x.input(7))]
}
