import CKernels
import Glibc
import TensorBase

/// Functions of two numbers of any type.
package enum PairFunction: CaseIterable, Sendable {
  case add, subtract, multiply, divide, power
  /// NaN when either number is.
  case minimum, maximum
  /// a − floor(a/b) · b, with b's sign.
  case modulo
  /// a − trunc(a/b) · b, with a's sign.
  case remainder
  case and, or, exclusiveOr, shiftLeft, shiftRight
  /// a · b where a is below 0, else a.
  case parametricRelu

  /// The vectorised version, where there is one.
  fileprivate var operation: plumb_binary_op? {
    switch self {
    case .add: PLUMB_ADD
    case .subtract: PLUMB_SUBTRACT
    case .multiply: PLUMB_MULTIPLY
    case .divide: PLUMB_DIVIDE
    case .minimum: PLUMB_MINIMUM
    case .maximum: PLUMB_MAXIMUM
    case .power, .modulo, .remainder, .and, .or, .exclusiveOr, .shiftLeft, .shiftRight,
      .parametricRelu:
      nil
    }
  }
}

/// out = function(a, b) with NumPy's broadcasting to out's shape; out and a of one type, b too
/// but for a power. Floats in double, rounded once; integers exact, keeping the low bits; dividing
/// integers by zero gives zero.
package func pairwise(
  _ out: MutableTensorView, _ a: TensorView, _ b: TensorView, _ function: PairFunction,
  threads: Int
) {
  precondition(a.type == out.type && (b.type == out.type || function == .power))
  if function == .power && out.type == .f32 && b.type == .f32 {
    return power(out, a, b, threads: threads)
  }
  let type = out.type
  if type == .f16 || type == .bf16, b.type == type, let operation = function.operation {
    return pairwiseHalves(out, a, b, operation, threads: threads)
  }
  let isFloating = type.isFloatingPoint || b.type.isFloatingPoint
  forPairLines(out.shape, a.shape, b.shape, threads: threads) { line, buffers in
    let count = line.count
    if isFloating {
      let (p, q) = (buffers.doubles(0), buffers.doubles(1))
      readLine(p, a.base, type, first: line.a.first, step: line.a.step, count: count)
      readLine(q, b.base, b.type, first: line.b.first, step: line.b.step, count: count)
      combine(p, q, count, function)
      writeLine(out.base, type, first: line.first, p, count: count)
    } else {
      let (p, q) = (buffers.integers(0), buffers.integers(1))
      readLine(p, a.base, type, first: line.a.first, step: line.a.step, count: count)
      readLine(q, b.base, b.type, first: line.b.first, step: line.b.step, count: count)
      combine(p, q, count, function, type)
      writeLine(out.base, type, first: line.first, p, count: count)
    }
  }
}

/// f16 and bf16 by way of f32, whose one rounding more changes no sum, product or quotient.
private func pairwiseHalves(
  _ out: MutableTensorView, _ a: TensorView, _ b: TensorView, _ operation: plumb_binary_op,
  threads: Int
) {
  let type = out.type
  forPairLines(out.shape, a.shape, b.shape, threads: threads) { line, buffers in
    let (p, q, count) = (buffers.floats(0), buffers.floats(1), line.count)
    readLine(p, a.base, type, first: line.a.first, step: line.a.step, count: count)
    readLine(q, b.base, type, first: line.b.first, step: line.b.step, count: count)
    let target = buffers.floats(2)
    plumb_binary(operation, p, line.a.step.signum(), q, line.b.step.signum(), target, count)
    writeLine(out.base, type, first: line.first, target, count: count)
  }
}

/// out = aᵇ, f32.
func power(_ out: MutableTensorView, _ a: TensorView, _ b: TensorView, threads: Int) {
  let to = out.floats, p = a.floats, q = b.floats
  forPairLines(out.shape, a.shape, b.shape, threads: threads) { line, _ in
    for i in 0..<line.count {
      to[line.first + i] = pow(
        p[line.a.first + i * line.a.step], q[line.b.first + i * line.b.step])
    }
  }
}

/// a[i] = function(a[i], b[i]).
private func combine(
  _ a: UnsafeMutablePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int,
  _ function: PairFunction
) {
  switch function {
  case .add: for i in 0..<count { a[i] += b[i] }
  case .subtract: for i in 0..<count { a[i] -= b[i] }
  case .multiply: for i in 0..<count { a[i] *= b[i] }
  case .divide: for i in 0..<count { a[i] /= b[i] }
  case .power: for i in 0..<count { a[i] = pow(a[i], b[i]) }
  case .minimum: for i in 0..<count { a[i] = BinaryFunction.minimum(a[i], b[i]) }
  case .maximum: for i in 0..<count { a[i] = BinaryFunction.maximum(a[i], b[i]) }
  case .modulo: for i in 0..<count { a[i] = floorModulo(a[i], b[i]) }
  case .remainder: for i in 0..<count { a[i] = fmod(a[i], b[i]) }
  case .parametricRelu: for i in 0..<count { a[i] = a[i] < 0 ? a[i] * b[i] : a[i] }
  case .and, .or, .exclusiveOr, .shiftLeft, .shiftRight:
    preconditionFailure("\(function) of floats")
  }
}

/// A zero has b's sign.
private func floorModulo(_ a: Double, _ b: Double) -> Double {
  let rest = fmod(a, b)
  if rest == 0 { return copysign(0, b) }
  return (rest < 0) != (b < 0) ? rest + b : rest
}

/// a[i] = function(a[i], b[i]); of `type`, u64 as bit patterns.
private func combine(
  _ a: UnsafeMutablePointer<Int64>, _ b: UnsafePointer<Int64>, _ count: Int,
  _ function: PairFunction, _ type: ElementType
) {
  switch function {
  case .add: for i in 0..<count { a[i] = a[i] &+ b[i] }
  case .subtract: for i in 0..<count { a[i] = a[i] &- b[i] }
  case .multiply: for i in 0..<count { a[i] = a[i] &* b[i] }
  case .power: for i in 0..<count { a[i] = BinaryFunction.power(a[i], b[i]) }
  case .and: for i in 0..<count { a[i] &= b[i] }
  case .or: for i in 0..<count { a[i] |= b[i] }
  case .exclusiveOr: for i in 0..<count { a[i] ^= b[i] }
  case .shiftLeft:
    let width = Int64(8 * type.byteCount)
    for i in 0..<count { a[i] = b[i] < 0 || b[i] >= width ? 0 : a[i] << b[i] }
  case .shiftRight: shiftRight(a, b, count, type)
  case .parametricRelu: for i in 0..<count { a[i] = a[i] < 0 && type != .u64 ? a[i] &* b[i] : a[i] }
  case .divide, .minimum, .maximum, .modulo, .remainder:
    if type == .u64 { return combineUnsigned(a, b, count, function) }
    switch function {
    case .divide: for i in 0..<count { a[i] = BinaryFunction.divide(a[i], b[i]) }
    case .minimum: for i in 0..<count { a[i] = min(a[i], b[i]) }
    case .maximum: for i in 0..<count { a[i] = max(a[i], b[i]) }
    default:
      for i in 0..<count {
        // Dividing by −1 leaves nothing, and would overflow.
        let rest = b[i] == 0 || b[i] == -1 ? 0 : a[i] % b[i]
        let isOpposed = rest != 0 && (rest < 0) != (b[i] < 0)
        a[i] = function == .modulo && isOpposed ? rest + b[i] : rest
      }
    }
  }
}

private func shiftRight(
  _ a: UnsafeMutablePointer<Int64>, _ b: UnsafePointer<Int64>, _ count: Int, _ type: ElementType
) {
  let width = Int64(8 * type.byteCount)
  for i in 0..<count {
    let isBeyond = b[i] < 0 || b[i] >= width
    if type == .u64 {
      a[i] = isBeyond ? 0 : Int64(bitPattern: UInt64(bitPattern: a[i]) >> b[i])
    } else {
      a[i] = isBeyond ? (a[i] < 0 ? -1 : 0) : a[i] >> b[i]
    }
  }
}

private func combineUnsigned(
  _ a: UnsafeMutablePointer<Int64>, _ b: UnsafePointer<Int64>, _ count: Int,
  _ function: PairFunction
) {
  for i in 0..<count {
    let p = UInt64(bitPattern: a[i]), q = UInt64(bitPattern: b[i])
    let value: UInt64 =
      switch function {
      case .divide: q == 0 ? 0 : p / q
      case .minimum: min(p, q)
      case .maximum: max(p, q)
      default: q == 0 ? 0 : p % q
      }
    a[i] = Int64(bitPattern: value)
  }
}
