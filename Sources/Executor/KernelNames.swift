import GraphIR
import Kernels

// The graph's words for functions and layouts, in the kernels' words: two closed sets that know
// nothing of each other.

extension Unary {
  var kernel: UnaryFunction {
    switch self {
    case .sigmoid: .sigmoid
    case .silu: .silu
    case .relu: .relu
    case .tanh: .tanh
    case .exp: .exp
    case .log: .log
    case .sqrt: .sqrt
    case .reciprocal: .reciprocal
    case .negate: .negate
    case .absolute: .absolute
    case .sine: .sine
    case .cosine: .cosine
    case .gelu: .gelu
    case .geluTanh: .geluTanh
    case .quickGelu: .quickGelu
    }
  }
}

extension Unary? {
  /// The activation a product or norm applies as it stores; `Unary.isActivation` says which exist.
  var kernel: Activation {
    switch self {
    case nil: .identity
    case .sigmoid: .sigmoid
    case .silu: .silu
    case .relu: .relu
    case .tanh: .tanh
    case .gelu: .gelu
    case .geluTanh: .geluTanh
    case .quickGelu: .quickGelu
    case .exp, .log, .sqrt, .reciprocal, .negate, .absolute, .sine, .cosine:
      preconditionFailure("no kernel applies this function as it stores")
    }
  }
}

extension Binary {
  var kernel: BinaryFunction {
    switch self {
    case .add: .add
    case .subtract: .subtract
    case .multiply: .multiply
    case .divide: .divide
    case .power: .power
    case .minimum: .minimum
    case .maximum: .maximum
    }
  }
}

extension Reduction.Kind {
  var kernel: ReductionKind {
    switch self {
    case .sum: .sum
    case .mean: .mean
    case .maximum: .maximum
    case .minimum: .minimum
    }
  }
}

extension Reduction.Kind {
  /// The version of any type, with loops that the compiler turns into vector code.
  var anyKernel: AnyReductionKind {
    switch self {
    case .sum: .sum
    case .mean: .mean
    case .maximum: .maximum
    case .minimum: .minimum
    }
  }
}

extension ImageLayout {
  var kernel: PixelLayout {
    switch self {
    case .channelsFirst: .channelsFirst
    case .channelsLast: .channelsLast
    }
  }
}
