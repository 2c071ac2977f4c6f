import CKernels
import Glibc

/// A function that a product or norm applies to its result before it stores it.
package enum Activation: CaseIterable, Sendable {
  case identity, relu, silu, gelu, geluTanh, quickGelu, sigmoid, tanh

  var operation: plumb_unary_op {
    switch self {
    case .identity: PLUMB_IDENTITY
    case .relu: PLUMB_RELU
    case .silu: PLUMB_SILU
    case .gelu: PLUMB_GELU
    case .geluTanh: PLUMB_GELU_TANH
    case .quickGelu: PLUMB_QUICK_GELU
    case .sigmoid: PLUMB_SIGMOID
    case .tanh: PLUMB_TANH
    }
  }

  /// The plain version, in double.
  package func callAsFunction(_ x: Double) -> Double {
    switch self {
    case .identity: x
    case .relu: x < 0 ? 0 : x
    case .silu: x / (1 + exp(-x))
    case .gelu: 0.5 * x * (1 + erf(x / 2.squareRoot()))
    case .geluTanh:
      0.5 * x * (1 + Glibc.tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .quickGelu: x / (1 + exp(-1.702 * x))
    case .sigmoid: 1 / (1 + exp(-x))
    case .tanh: Glibc.tanh(x)
    }
  }
}
