import CKernels
import Glibc
import TensorBase

/// Elementwise functions of two numbers.
package enum BinaryFunction: CaseIterable, Sendable {
  case add, subtract, multiply, divide, power
  /// NaN when either number is.
  case minimum, maximum

  fileprivate var operation: plumb_binary_op? {
    switch self {
    case .add: PLUMB_ADD
    case .subtract: PLUMB_SUBTRACT
    case .multiply: PLUMB_MULTIPLY
    case .divide: PLUMB_DIVIDE
    case .minimum: PLUMB_MINIMUM
    case .maximum: PLUMB_MAXIMUM
    case .power: nil
    }
  }

  /// The plain version, in double.
  package func callAsFunction(_ a: Double, _ b: Double) -> Double {
    switch self {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .power: pow(a, b)
    case .minimum: a.isNaN || b.isNaN ? .nan : min(a, b)
    case .maximum: a.isNaN || b.isNaN ? .nan : max(a, b)
    }
  }

  /// On integers, wrapping on overflow; dividing rounds towards zero, and by zero gives zero.
  package func callAsFunction(_ a: Int64, _ b: Int64) -> Int64 {
    switch self {
    case .add: a &+ b
    case .subtract: a &- b
    case .multiply: a &* b
    case .divide: b == 0 ? 0 : a.dividedReportingOverflow(by: b).partialValue
    case .power: integerPower(a, b)
    case .minimum: min(a, b)
    case .maximum: max(a, b)
    }
  }
}

private func integerPower(_ base: Int64, _ exponent: Int64) -> Int64 {
  if exponent < 0 { return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0 }
  var result: Int64 = 1, square = base, rest = exponent
  while rest > 0 {
    if rest & 1 == 1 { result = result &* square }
    square = square &* square
    rest >>= 1
  }
  return result
}

/// out = function(a, b) with numpy's broadcasting to out's shape; all f32 or all i64. Fast where
/// both operands run along, or repeat, over the innermost axes.
package func binary(
  _ out: MutableTensorView, _ a: TensorView, _ b: TensorView, _ function: BinaryFunction,
  threads: Int
) {
  if function == .power && out.type == .f32 { return power(out, a, b, threads: threads) }
  let walk = Walk(
    out.shape.dimensions,
    [
      out.shape.strides, broadcastStrides(a.shape, to: out.shape),
      broadcastStrides(b.shape, to: out.shape),
    ])
  let inner = walk.innerCount, last = walk.dimensions.count - 1
  let aStep = walk.strides[1][last], bStep = walk.strides[2][last]
  guard let operation = function.operation, out.type == .f32, aStep <= 1, bStep <= 1 else {
    return binaryReference(out, a, b, function)
  }
  if out.shape.count == 0 { return }
  let to = out.floats, p = a.floats, q = b.floats
  if walk.outerCount == 1 {
    parallelRanges(inner, minimum: 16_384, threads: threads) { range in
      let i = range.lowerBound
      plumb_binary(operation, p + i * aStep, aStep, q + i * bStep, bStep, to + i, range.count)
    }
    return
  }
  parallelRanges(walk.outerCount, minimum: max(1, 16_384 / inner), threads: threads) { range in
    for outer in range {
      plumb_binary(
        operation, p + walk.offset(1, outer), aStep, q + walk.offset(2, outer), bStep,
        to + outer * inner, inner)
    }
  }
}

/// `binary`, one element at a time; floats in double.
package func binaryReference(
  _ out: MutableTensorView, _ a: TensorView, _ b: TensorView, _ function: BinaryFunction
) {
  precondition(a.type == out.type && b.type == out.type)
  let dimensions = out.shape.dimensions
  let strides = [
    broadcastStrides(a.shape, to: out.shape), broadcastStrides(b.shape, to: out.shape),
  ]
  for i in 0..<out.shape.count {
    var rest = i, p = 0, q = 0
    for axis in dimensions.indices.reversed() {
      p += rest % dimensions[axis] * strides[0][axis]
      q += rest % dimensions[axis] * strides[1][axis]
      rest /= dimensions[axis]
    }
    if out.type == .i64 {
      out.int64s[i] = function(a.int64s[p], b.int64s[q])
    } else {
      out.floats[i] = Float(function(Double(a.floats[p]), Double(b.floats[q])))
    }
  }
}
