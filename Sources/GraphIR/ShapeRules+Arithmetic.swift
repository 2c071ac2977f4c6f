import TensorBase

extension ArithmeticOp {
  package func outputFacts(_ facts: NodeFacts) throws(Misfit) -> [Fact] {
    let x = try facts[0]
    switch self {
    case .map(let function):
      try function.check(x)
      return [x]
    case .classify:
      try require(x.type.isFloatingPoint, "\(x) is not of a float type")
      return [Fact(.bool, x.shape)]
    case .pair(let function):
      let b = try facts[1]
      try function.check(x, b)
      return [Fact(x.type, try broadcast(x.shape, b.shape))]
    case .compare(let comparison):
      let b = try facts[1]
      try require(x.type == b.type, "\(x) and \(b) differ in type")
      try require(
        x.type != .bool || comparison == .equal, "\(x) is bool, which is equal or not but no less")
      return [Fact(.bool, try broadcast(x.shape, b.shape))]
    case .clip:
      try require(x.type != .bool, "\(x) has no order")
      for index in 1...2 where facts.isPresent(index) {
        let bound = try facts[index]
        try require(
          bound.type == x.type && bound.shape.count == 1,
          "the bound \(bound) is not one element of \(x.type)")
      }
      return [x]
    case .bitCast(let type):
      try require(
        type.byteCount == x.type.byteCount, "\(x) has not the width of \(type)")
      return [Fact(type, x.shape)]
    case .reduce(let reduction): return [try reduction.outputFact(x)]
    case .argExtreme(let attributes):
      try checkAxis(attributes.axis, x.shape)
      var dimensions = x.shape.dimensions
      if attributes.keepsAxis {
        dimensions[attributes.axis] = 1
      } else {
        dimensions.remove(at: attributes.axis)
      }
      let shape = Shape(dimensions)
      try require(
        x.shape[attributes.axis] > 0 || shape.count == 0, "\(x) has no extreme along an empty axis")
      return [Fact(.i64, shape)]
    case .cumulate(let attributes):
      try checkAxis(attributes.axis, x.shape)
      try require(x.type != .bool, "\(x) is not numeric")
      return [x]
    case .normalise(_, let axis):
      try checkAxis(axis, x.shape)
      try require(x.type.isFloatingPoint, "\(x) is not of a float type")
      return [x]
    case .quantize(let attributes):
      try require(
        x.type.isFloatingPoint && x.type != .f64 || x.type == .i32,
        "\(x) is neither a float nor i32")
      try require(
        [.i8, .u8, .i16, .u16].contains(attributes.type),
        "numbers are not quantized to \(attributes.type)")
      try attributes.checkScale(facts, x, zero: attributes.type)
      return [Fact(attributes.type, x.shape)]
    case .dequantize(let attributes):
      try require(
        [.i8, .u8, .i16, .u16, .i32, .f16].contains(x.type), "\(x) holds no quantized numbers")
      try require(
        attributes.type.isFloatingPoint, "numbers are not dequantized to \(attributes.type)")
      try attributes.checkScale(facts, x, zero: x.type)
      return [Fact(attributes.type, x.shape)]
    case .dynamicQuantize:
      try require(x.type == .f32, "\(x) is not f32")
      try require(x.shape.count > 0, "\(x) has no extremes")
      return [Fact(.u8, x.shape), Fact(.f32, []), Fact(.u8, [])]
    case .product:
      let b = try facts[1]
      try require(x.type == b.type, "\(x) and \(b) differ in type")
      try require(x.type != .bool, "\(x) is not numeric")
      return [Fact(x.type, try productShape(x, b))]
    case .integerProduct: return [try integerProductFact(facts)]
    case .integerConvolution(let window): return [try window.outputFact(facts)]
    }
  }
}

extension Elementwise {
  fileprivate func check(_ x: Fact) throws(Misfit) {
    let ofNumbers: [Elementwise] = [.plain(.absolute), .plain(.negate), .plain(.relu), .sign]
    if self == .complement {
      try require(!x.type.isFloatingPoint, "\(x) has no bits to turn over")
    } else if ofNumbers.contains(self) {
      try require(x.type != .bool, "\(x) is not numeric")
    } else {
      try require(x.type.isFloatingPoint, "\(x) is not of a float type")
    }
  }
}

extension Pairwise {
  fileprivate func check(_ a: Fact, _ b: Fact) throws(Misfit) {
    try require(
      a.type == b.type || self == .power, "\(a) and \(b) differ in type")
    switch self {
    case .and, .or, .exclusiveOr:
      try require(!a.type.isFloatingPoint, "\(a) is neither bool nor an integer")
    case .shiftLeft, .shiftRight:
      try require(!a.type.isFloatingPoint && a.type != .bool, "\(a) is not an integer")
    case .add, .subtract, .multiply, .power, .divide, .minimum, .maximum, .modulo, .remainder,
      .parametricRelu:
      try require(a.type != .bool && b.type != .bool, "\(a) and \(b) are not numeric")
    }
  }
}

extension AnyReduction {
  fileprivate func outputFact(_ x: Fact) throws(Misfit) -> Fact {
    for axis in axes { try checkAxis(axis, x.shape) }
    try require(
      x.type != .bool || kind == .minimum || kind == .maximum, "\(x) is not numeric")
    let reduced = Set(axes)
    let dimensions = x.shape.dimensions.indices.compactMap { axis in
      reduced.contains(axis) ? (keepsAxes ? 1 : nil) : x.shape[axis]
    }
    return Fact(x.type, try checked(dimensions))
  }
}

extension Quantization {
  fileprivate func checkScale(
    _ facts: NodeFacts, _ x: Fact, zero: ElementType
  ) throws(Misfit) {
    let scale = try facts[1]
    try require(
      scale.type.isFloatingPoint || scale.type == .i32, "the scale is \(scale), not a float")
    if let block {
      try checkAxis(axis, x.shape)
      try require(
        block > 0 && scale.shape.rank == x.shape.rank,
        "blocks of \(block) of \(x) scale by \(scale)")
      var expected = x.shape.dimensions
      expected[axis] = expected[axis] / block + (expected[axis] % block).signum()
      try require(
        scale.shape.dimensions == expected, "the scale of blocks is \(scale.shape), not \(expected)"
      )
    } else if scale.shape.count != 1 || scale.shape.rank > 1 {
      try checkAxis(axis, x.shape)
      try require(
        scale.shape == [x.shape[axis]],
        "the scale \(scale) is neither one number nor one per entry of axis \(axis) of \(x)")
    }
    guard facts.isPresent(2) else { return }
    let point = try facts[2]
    try require(
      point.type == zero && point.shape.count == scale.shape.count,
      "the zero point \(point) does not fit the scale \(scale)")
  }
}

/// […, n, k] by […, k, m].
private func productShape(_ a: Fact, _ b: Fact) throws(Misfit) -> Shape {
  try require(
    a.shape.rank >= 2 && b.shape.rank >= 2 && a.shape[-1] == b.shape[-2],
    "\(a) and \(b) do not multiply")
  let leading = try broadcast(
    Shape(Array(a.shape.dimensions.dropLast(2))), Shape(Array(b.shape.dimensions.dropLast(2))))
  return try checked(leading.dimensions + [a.shape[-2], b.shape[-1]])
}

private func integerProductFact(_ facts: NodeFacts) throws(Misfit) -> Fact {
  let (a, b) = (try facts[0], try facts[1])
  try require(
    a.type.isByte && b.type.isByte, "\(a) and \(b) are not of 8-bit integers")
  let shape = try productShape(a, b)
  for (index, operand) in [(2, a), (3, b)] where facts.isPresent(index) {
    let zero = try facts[index]
    let inner = operand.shape[index == 2 ? -1 : -2], lines = operand.shape[index == 2 ? -2 : -1]
    let all = inner == 0 ? 0 : operand.shape.count / inner
    try require(
      zero.type == operand.type && [1, lines, all].contains(zero.shape.count),
      "the zero point \(zero) does not fit \(operand)")
  }
  return Fact(.i32, shape)
}

extension ElementType {
  fileprivate var isByte: Bool { self == .i8 || self == .u8 }
}

extension WindowAttributes {
  fileprivate func outputFact(_ facts: NodeFacts) throws(Misfit) -> Fact {
    let (x, weight) = (try facts[0], try facts[1])
    try require(
      x.type.isByte && weight.type.isByte, "\(x) and \(weight) are not of 8-bit integers")
    let rank = x.shape.rank - 2
    try require(
      rank >= 1 && weight.shape.rank == x.shape.rank, "\(x) and \(weight) do not convolve")
    try require(
      [strides, dilations, before, after].allSatisfy { $0.count == rank }
        && (strides + dilations + [groups]).allSatisfy { $0 > 0 }
        && (before + after).allSatisfy { $0 >= 0 },
      "strides \(strides), padding \(before), \(after), dilations \(dilations), "
        + "groups \(groups) make no sense")
    let (channels, outputs) = (x.shape[1], weight.shape[0])
    try require(
      weight.shape[1].multipliedReportingOverflow(by: groups) == (channels, false)
        && outputs % groups == 0,
      "the weight \(weight) in \(groups) groups does not fit the input \(x)")
    var dimensions = [x.shape[0], outputs]
    for axis in 0..<rank {
      let kernel = weight.shape[axis + 2]
      let (span, overflow) = max(kernel - 1, 0).multipliedReportingOverflow(by: dilations[axis])
      let (padding, overflow2) = before[axis].addingReportingOverflow(after[axis])
      let (padded, overflow3) = x.shape[axis + 2].addingReportingOverflow(padding)
      try require(
        !overflow && !overflow2 && !overflow3 && kernel > 0 && padded > span,
        "the kernel, \(kernel) wide at dilation \(dilations[axis]), is larger than the padded "
          + "input, \(padded)")
      dimensions.append((padded - span - 1) / strides[axis] + 1)
    }
    if facts.isPresent(2) {
      let zero = try facts[2]
      try require(
        zero.type == x.type && zero.shape.count == 1, "the zero point \(zero) does not fit \(x)")
    }
    if facts.isPresent(3) {
      let zero = try facts[3]
      try require(
        zero.type == weight.type && (zero.shape.count == 1 || zero.shape == [outputs]),
        "the zero point \(zero) does not fit \(weight)")
    }
    return Fact(.i32, try checked(dimensions))
  }
}
