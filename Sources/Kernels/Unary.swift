import CKernels
import Glibc
import TensorBase

/// Elementwise functions of one number.
package enum UnaryFunction: CaseIterable, Sendable {
  case sigmoid, silu, relu, tanh, exp, log, sqrt, reciprocal, negate, absolute, sine, cosine
  case gelu, geluTanh, quickGelu, erf, floor, ceil, sign
  /// To the nearest integer, halves to even.
  case round

  /// The vectorised version, where there is one.
  fileprivate var operation: plumb_unary_op? {
    switch self {
    case .sigmoid: PLUMB_SIGMOID
    case .silu: PLUMB_SILU
    case .relu: PLUMB_RELU
    case .tanh: PLUMB_TANH
    case .exp: PLUMB_EXP
    case .gelu: PLUMB_GELU
    case .geluTanh: PLUMB_GELU_TANH
    case .quickGelu: PLUMB_QUICK_GELU
    case .erf: PLUMB_ERF
    case .log, .sqrt, .reciprocal, .negate, .absolute, .sine, .cosine, .floor, .ceil, .sign,
      .round:
      nil
    }
  }

  /// The plain version, in double.
  package func callAsFunction(_ x: Double) -> Double {
    switch self {
    case .sigmoid: Activation.sigmoid(x)
    case .silu: Activation.silu(x)
    case .relu: Activation.relu(x)
    case .tanh: Activation.tanh(x)
    case .gelu: Activation.gelu(x)
    case .geluTanh: Activation.geluTanh(x)
    case .quickGelu: Activation.quickGelu(x)
    case .exp: Glibc.exp(x)
    case .log: Glibc.log(x)
    case .sqrt: x.squareRoot()
    case .reciprocal: 1 / x
    case .negate: -x
    case .absolute: abs(x)
    case .sine: Glibc.sin(x)
    case .cosine: Glibc.cos(x)
    case .erf: Glibc.erf(x)
    case .floor: x.rounded(.down)
    case .ceil: x.rounded(.up)
    case .sign: x > 0 ? 1 : x < 0 ? -1 : x
    case .round: x.rounded(.toNearestOrEven)
    }
  }
}

/// out[i] = function(x[i]); same shape, f32, in place allowed.
package func unary(
  _ out: MutableTensorView, _ x: TensorView, _ function: UnaryFunction, threads: Int
) {
  precondition(out.shape.count == x.shape.count)
  let to = out.floats, from = x.floats
  parallelRanges(x.shape.count, minimum: 16_384, threads: threads) { range in
    unaryLine(to + range.lowerBound, from + range.lowerBound, range.count, function)
  }
}

/// to[i] = function(from[i]). Functions of a single instruction have no loop in C: the compiler
/// turns theirs into vector code.
func unaryLine(
  _ to: UnsafeMutablePointer<Float>, _ from: UnsafePointer<Float>, _ count: Int,
  _ function: UnaryFunction
) {
  if let operation = function.operation { return plumb_unary(operation, from, to, count) }
  switch function {
  case .sqrt: for i in 0..<count { to[i] = from[i].squareRoot() }
  case .reciprocal: for i in 0..<count { to[i] = 1 / from[i] }
  case .negate: for i in 0..<count { to[i] = -from[i] }
  case .absolute: for i in 0..<count { to[i] = abs(from[i]) }
  case .floor: for i in 0..<count { to[i] = from[i].rounded(.down) }
  case .ceil: for i in 0..<count { to[i] = from[i].rounded(.up) }
  case .round: for i in 0..<count { to[i] = from[i].rounded(.toNearestOrEven) }
  case .log: for i in 0..<count { to[i] = Glibc.log(from[i]) }
  case .sine: for i in 0..<count { to[i] = Glibc.sin(from[i]) }
  case .cosine: for i in 0..<count { to[i] = Glibc.cos(from[i]) }
  case .sign, .sigmoid, .silu, .relu, .tanh, .exp, .gelu, .geluTanh, .quickGelu, .erf:
    for i in 0..<count { to[i] = Float(function(Double(from[i]))) }
  }
}

/// `unary`, one element at a time in double.
package func unaryReference(
  _ out: MutableTensorView, _ x: TensorView, _ function: UnaryFunction
) {
  precondition(out.shape.count == x.shape.count)
  let to = out.floats, from = x.floats
  for i in 0..<x.shape.count { to[i] = Float(function(Double(from[i]))) }
}

/// out[…, c] = x[…, c] · function(x[…, C + c]); x […, 2C], out […, C], f32. With GELU this is
/// GEGLU.
package func gated(
  _ out: MutableTensorView, _ x: TensorView, _ function: Activation, threads: Int
) {
  let (rows, width) = checkGated(out, x)
  let to = out.floats, from = x.floats
  parallelRanges(rows, minimum: 8, threads: threads) { range in
    let first = from + range.lowerBound * 2 * width
    plumb_gated(
      function.operation, first, first + width, 2 * width, to + range.lowerBound * width, width,
      range.count, width)
  }
}

/// `gated`, one element at a time in double.
package func gatedReference(_ out: MutableTensorView, _ x: TensorView, _ function: Activation) {
  let (rows, width) = checkGated(out, x)
  for row in 0..<rows {
    for c in 0..<width {
      let a = Double(x.floats[row * 2 * width + c])
      let b = Double(x.floats[row * 2 * width + width + c])
      out.floats[row * width + c] = Float(a * function(b))
    }
  }
}

private func checkGated(_ out: MutableTensorView, _ x: TensorView) -> (rows: Int, width: Int) {
  precondition(x.shape.rank >= 1 && x.shape[-1] % 2 == 0)
  let width = x.shape[-1] / 2
  precondition(out.shape.dimensions == x.shape.dimensions.dropLast() + [width])
  return (x.shape.dimensions.dropLast().reduce(1, *), width)
}
