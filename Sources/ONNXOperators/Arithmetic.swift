import GraphIR
import TensorBase

let arithmeticOperators: [ONNXOperator] =
  functionOperators + activationOperators + pairOperators + castOperators + reductionOperators
  + softmaxOperators + productOperators + quantizedOperators

extension Expansion {
  /// f(x) for x of any type that f takes; f32 by the op that passes and fast kernels know.
  mutating func apply(
    _ function: Elementwise, _ x: ValueID
  ) throws(ExpansionFault) -> ValueID {
    if case .plain(let plain) = function, self[x].type == .f32 { return try unary(plain, x) }
    if self[x].type.isHalf {
      return try cast(try apply(function, try cast(x, to: .f32)), to: self[x].type)
    }
    return try emit(.arithmetic(.map(function)), x)
  }

  /// f(a, b) for operands of any type that f takes; f32 by the op that passes and fast kernels
  /// know.
  mutating func pair(
    _ function: Pairwise, _ a: ValueID, _ b: ValueID
  ) throws(ExpansionFault) -> ValueID {
    if self[a].type == .f32, self[b].type == .f32, let plain = function.plain {
      return try binary(plain, a, b)
    }
    if self[a].type.isHalf, self[b].type == self[a].type {
      return try cast(
        try pair(function, try cast(a, to: .f32), try cast(b, to: .f32)), to: self[a].type)
    }
    return try emit(.arithmetic(.pair(function)), a, b)
  }
}

extension ElementType {
  /// Whether arithmetic is done in f32 and rounded: for one operation that is what rounding its
  /// exact result gives, since f32 has more than twice the digits.
  fileprivate var isHalf: Bool { self == .f16 || self == .bf16 }
}

extension Pairwise {
  fileprivate var plain: Binary? {
    switch self {
    case .add: .add
    case .subtract: .subtract
    case .multiply: .multiply
    case .divide: .divide
    case .power: .power
    case .minimum: .minimum
    case .maximum: .maximum
    case .modulo, .remainder, .and, .or, .exclusiveOr, .shiftLeft, .shiftRight, .parametricRelu:
      nil
    }
  }
}
