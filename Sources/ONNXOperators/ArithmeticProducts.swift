import GraphIR
import TensorBase

/// Matrix products of numbers as they are.
let productOperators: [ONNXOperator] = [
  ONNXOperator("MatMul", inputs: 2...2) { x throws(ExpansionFault) in
    [try x.matrixProduct(try x.input(0), try x.input(1))]
  },
  ONNXOperator(
    "Gemm", inputs: 2...3,
    // `broadcast` allowed before version 7 what goes without saying since.
    attributes: ["alpha", "beta", "broadcast", "transA", "transB"],
    lacks: { outdated($0, ["broadcast"], since: 7) }, expand: expandGemm),
]

extension Expansion {
  /// NumPy's product of a and b of one numeric type: a rank of 1 stands for a row on the left and a
  /// column on the right, which the result does not have.
  mutating func matrixProduct(
    _ a: ValueID, _ b: ValueID
  ) throws(ExpansionFault) -> ValueID {
    try alongVectors(a, b) { x, left, right throws(ExpansionFault) in
      try x.anyProduct(left, right)
    }
  }

  /// Lets `product` see operands of rank 2 or more, and takes from its result the axes that they
  /// got for that.
  mutating func alongVectors(
    _ a: ValueID, _ b: ValueID,
    _ product: (inout Expansion, ValueID, ValueID) throws(ExpansionFault) -> ValueID
  ) throws(ExpansionFault) -> ValueID {
    let (left, right) = (self[a].shape, self[b].shape)
    guard left.rank > 0, right.rank > 0 else {
      throw .misfit("\(self[a]) and \(self[b]) do not multiply")
    }
    let result = try product(
      &self, left.rank == 1 ? try reshape(a, [1, left[0]]) : a,
      right.rank == 1 ? try reshape(b, [right[0], 1]) : b)
    var dimensions = self[result].shape.dimensions
    if right.rank == 1 { dimensions.removeLast() }
    if left.rank == 1 { dimensions.remove(at: dimensions.count - (right.rank == 1 ? 1 : 2)) }
    return try reshape(result, dimensions)
  }

  /// a […, n, k] by b […, k, m]. A weight on the right, of two axes, is turned once for all runs, so
  /// that the product can read it packed.
  fileprivate mutating func anyProduct(
    _ a: ValueID, _ b: ValueID
  ) throws(ExpansionFault) -> ValueID {
    let type = self[a].type
    guard type == self[b].type else {
      throw .misfit("\(self[a]) and \(self[b]) differ in type")
    }
    switch type {
    case .f32:
      let (left, right) = (self[a].shape, self[b].shape)
      if right.rank == 2, right.count > 0, left[-1] == right[0], isFixed(b), !isFixed(a) {
        return try emit(.linear(activation: nil), a, try transpose(b, [1, 0]))
      }
      return try emit(.matMul, a, b)
    case .f16, .bf16:
      return try cast(try anyProduct(try cast(a, to: .f32), try cast(b, to: .f32)), to: type)
    case .f64, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool:
      return try emit(.arithmetic(.product), a, b)
    }
  }
}

/// alpha · A · B + beta · C, A and B transposed on demand.
private func expandGemm(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  var (a, b) = (try x.input(0), try x.input(1))
  let type = x[a].type
  guard x[a].shape.rank == 2, x[b].shape.rank == 2, type == x[b].type else {
    throw .misfit("\(x[a]) and \(x[b]) are not two matrices of one type")
  }
  if type == .f16 || type == .bf16 { (a, b) = (try x.cast(a, to: .f32), try x.cast(b, to: .f32)) }
  let alpha = try x.float("alpha", default: 1), beta = try x.float("beta", default: 1)
  if try x.flag("transA", default: false) { a = try x.transpose(a, [1, 0]) }
  let isTurned = try x.flag("transB", default: false)
  let inner = x[b].shape[isTurned ? 1 : 0], columns = x[b].shape[isTurned ? 0 : 1]
  guard x[a].shape[1] == inner else { throw .misfit("\(x[a]) and \(x[b]) do not multiply") }

  var addend = beta == 0 ? nil : x.optional(2)
  if let given = addend {
    guard x[given].type == type else { throw .misfit("\(x[given]) is not of \(type)") }
    let isFitting =
      (try? broadcast(x[given].shape, [x[a].shape[0], columns])) == [x[a].shape[0], columns]
    guard isFitting else {
      throw .misfit("\(x[given]) does not broadcast to \([x[a].shape[0], columns])")
    }
    addend = try x.scaled(try x.cast(given, to: x[a].type), beta)
  }
  var result: ValueID
  let isLinear = x[a].type == .f32 && (isTurned || x.isFixed(b)) && inner > 0 && columns > 0
  if isLinear {
    let weight = isTurned ? b : try x.transpose(b, [1, 0])
    var bias: ValueID?
    if alpha == 1, let given = addend, x[given].shape.count == columns,
      x[given].shape[-1] == columns
    {
      bias = try x.reshape(given, [columns])
      addend = nil
    }
    result = try x.emit(.linear(activation: nil), a, weight, bias)
  } else {
    result = try x.matrixProduct(a, isTurned ? try x.transpose(b, [1, 0]) : b)
  }
  result = try x.scaled(result, alpha)
  if let addend { result = try x.pair(.add, result, addend) }
  return [try x.cast(result, to: type)]
}

extension Expansion {
  /// x · factor; integers by way of double where the factor is none.
  fileprivate mutating func scaled(
    _ x: ValueID, _ factor: Float
  ) throws(ExpansionFault) -> ValueID {
    if factor == 1 { return x }
    let type = self[x].type
    if type.isFloatingPoint || factor >= 0 && factor == factor.rounded() {
      return try pair(.multiply, x, scalar(Double(factor), type))
    }
    let wide = try pair(.multiply, try cast(x, to: .f64), scalar(Double(factor), .f64))
    return try cast(wide, to: type)
  }
}
