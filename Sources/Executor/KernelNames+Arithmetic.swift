import GraphIR
import Kernels

extension Elementwise {
  var kernel: MapFunction {
    switch self {
    case .plain(let function): .plain(function.kernel)
    case .arcsine: .arcsine
    case .arccosine: .arccosine
    case .arctangent: .arctangent
    case .tangent: .tangent
    case .hyperbolicSine: .hyperbolicSine
    case .hyperbolicCosine: .hyperbolicCosine
    case .areaSine: .areaSine
    case .areaCosine: .areaCosine
    case .areaTangent: .areaTangent
    case .erf: .plain(.erf)
    case .floor: .plain(.floor)
    case .ceiling: .plain(.ceil)
    case .sign: .plain(.sign)
    case .round: .plain(.round)
    case .softplus: .softplus
    case .softsign: .softsign
    case .mish: .mish
    case .hardSwish: .hardSwish
    case .complement: .complement
    case .elu(let alpha): .elu(alpha: Double(alpha))
    case .celu(let alpha): .celu(alpha: Double(alpha))
    case .selu(let alpha, let gamma): .selu(alpha: Double(alpha), gamma: Double(gamma))
    case .leakyRelu(let alpha): .leakyRelu(alpha: Double(alpha))
    case .hardSigmoid(let alpha, let beta):
      .hardSigmoid(alpha: Double(alpha), beta: Double(beta))
    case .thresholdedRelu(let alpha): .thresholdedRelu(alpha: Double(alpha))
    case .shrink(let bias, let threshold):
      .shrink(bias: Double(bias), threshold: Double(threshold))
    case .swish(let alpha): .swish(alpha: Double(alpha))
    }
  }
}

extension Pairwise {
  var kernel: PairFunction {
    switch self {
    case .add: .add
    case .subtract: .subtract
    case .multiply: .multiply
    case .power: .power
    case .divide: .divide
    case .minimum: .minimum
    case .maximum: .maximum
    case .modulo: .modulo
    case .remainder: .remainder
    case .and: .and
    case .or: .or
    case .exclusiveOr: .exclusiveOr
    case .shiftLeft: .shiftLeft
    case .shiftRight: .shiftRight
    case .parametricRelu: .parametricRelu
    }
  }
}

extension Comparison {
  var kernel: ComparisonKind {
    switch self {
    case .equal: .equal
    case .less: .less
    case .lessOrEqual: .lessOrEqual
    case .greater: .greater
    case .greaterOrEqual: .greaterOrEqual
    }
  }
}

extension AnyReduction.Kind {
  var kernel: AnyReductionKind {
    switch self {
    case .sum: .sum
    case .mean: .mean
    case .product: .product
    case .minimum: .minimum
    case .maximum: .maximum
    case .sumOfSquares: .sumOfSquares
    case .norm1: .norm1
    case .norm2: .norm2
    case .logSum: .logSum
    case .logSumExp: .logSumExp
    }
  }
}

extension LineNormalisation {
  var kernel: LineNormalisationKind {
    switch self {
    case .softmax: .softmax
    case .logSoftmax: .logSoftmax
    case .hardmax: .hardmax
    }
  }
}
