import TensorBase

/// Arithmetic on tensors of any numeric type, beyond what the ops of `Op` itself do on f32.
package enum ArithmeticOp: Hashable, Sendable {
  /// x → f(x), elementwise, in x's type.
  case map(Elementwise)
  /// x of a float type → bool: what kind of number it is.
  case classify(NumberClass)
  /// a, b of one type → f(a, b) with NumPy broadcasting. An exponent may be of another type.
  case pair(Pairwise)
  /// a, b of one type → bool with NumPy broadcasting.
  case compare(Comparison)
  /// x, [lower], [upper], one element each, of x's type → min(max(x, lower), upper).
  case clip
  /// x → the same bits as another type of the same width.
  case bitCast(ElementType)
  /// x → reduced over some axes, in x's type. No elements reduce to what does not change others.
  case reduce(AnyReduction)
  /// x → i64: where along an axis the extreme lies.
  case argExtreme(ArgExtreme)
  /// x → running sums or products along an axis.
  case cumulate(Cumulation)
  /// x of a float type → normalised along an axis.
  case normalise(LineNormalisation, axis: Int)
  /// x (float or i32), scale, [zero point] → saturate(round(x / scale) + zero point).
  case quantize(Quantization)
  /// x (integer), scale, [zero point] → (x − zero point) · scale.
  case dequantize(Quantization)
  /// x f32 → y u8, scale f32 [], zero point u8 []: scale and zero point from x's extremes.
  case dynamicQuantize
  /// a […, n, k], b […, k, m] of one numeric type → […, n, m]; integers wrap.
  case product
  /// a […, n, k], b […, k, m] of 8-bit integers, [zero point of a: one, n, or (…, n)],
  /// [zero point of b: one, m, or (…, m)] → i32: (a − zero) · (b − zero).
  case integerProduct
  /// x [N, C, …], weight [O, C/groups, …] of 8-bit integers, [zero point of x: one],
  /// [zero point of the weight: one or O] → i32; the zero point pads.
  case integerConvolution(WindowAttributes)
}

/// A function of one number.
package enum Elementwise: Hashable, Sendable {
  case plain(Unary)
  case arcsine, arccosine, arctangent, tangent
  case hyperbolicSine, hyperbolicCosine, areaSine, areaCosine, areaTangent
  case erf, floor, ceiling, sign
  /// To the nearest integer, halves to even.
  case round
  /// log(1 + exp(x)).
  case softplus
  /// x / (1 + |x|).
  case softsign
  /// x · tanh(softplus(x)).
  case mish
  /// x · min(max(x/6 + 1/2, 0), 1).
  case hardSwish
  /// Every bit of an integer, or a bool, turned over.
  case complement
  /// alpha · (exp(x) − 1) below 0, else x.
  case elu(alpha: Float)
  /// max(0, x) + min(0, alpha · (exp(x/alpha) − 1)).
  case celu(alpha: Float)
  /// gamma · elu.
  case selu(alpha: Float, gamma: Float)
  /// alpha · x below 0, else x.
  case leakyRelu(alpha: Float)
  /// min(max(alpha · x + beta, 0), 1).
  case hardSigmoid(alpha: Float, beta: Float)
  /// x above alpha, else 0.
  case thresholdedRelu(alpha: Float)
  /// x + bias below −threshold, x − bias above threshold, else 0.
  case shrink(bias: Float, threshold: Float)
  /// x · sigmoid(alpha · x).
  case swish(alpha: Float)
}

package enum NumberClass: Hashable, Sendable {
  case isNaN
  case isInfinite(negative: Bool, positive: Bool)
}

/// A function of two numbers.
package enum Pairwise: String, CaseIterable, Sendable {
  case add, subtract, multiply, power
  /// On integers towards zero; by zero gives zero.
  case divide
  case minimum, maximum
  /// a − floor(a/b) · b, with b's sign; of integers by zero gives zero.
  case modulo
  /// a − trunc(a/b) · b, with a's sign; of integers by zero gives zero.
  case remainder
  /// On integers and bool.
  case and, or, exclusiveOr
  /// By a count of bits; all of them and more leaves the sign.
  case shiftLeft, shiftRight
  /// a · b where a is below 0, else a.
  case parametricRelu
}

package enum Comparison: String, CaseIterable, Sendable {
  case equal, less, lessOrEqual, greater, greaterOrEqual
}

package struct AnyReduction: Hashable, Sendable {
  package enum Kind: String, CaseIterable, Sendable {
    case sum, mean, product, minimum, maximum, sumOfSquares
    /// Σ|x|, √Σx², log Σx, log Σexp(x).
    case norm1, norm2, logSum, logSumExp
  }

  package var kind: Kind
  package var axes: [Int]
  package var keepsAxes: Bool

  package init(_ kind: Kind, axes: [Int], keepsAxes: Bool) {
    self.kind = kind
    self.axes = axes
    self.keepsAxes = keepsAxes
  }
}

package struct ArgExtreme: Hashable, Sendable {
  package var isMaximum: Bool
  package var axis: Int
  package var keepsAxis: Bool
  /// Of equal extremes the last, not the first.
  package var takesLast: Bool

  package init(isMaximum: Bool, axis: Int, keepsAxis: Bool, takesLast: Bool) {
    self.isMaximum = isMaximum
    self.axis = axis
    self.keepsAxis = keepsAxis
    self.takesLast = takesLast
  }
}

package struct Cumulation: Hashable, Sendable {
  package var isProduct: Bool
  package var axis: Int
  /// An entry does not count itself.
  package var isExclusive: Bool
  /// From the end of the axis.
  package var isReversed: Bool

  package init(isProduct: Bool, axis: Int, isExclusive: Bool, isReversed: Bool) {
    self.isProduct = isProduct
    self.axis = axis
    self.isExclusive = isExclusive
    self.isReversed = isReversed
  }
}

package enum LineNormalisation: String, CaseIterable, Sendable {
  case softmax, logSoftmax
  /// 1 at the first of the largest, else 0.
  case hardmax
}

/// How many elements share a scale: the scale has one element, or one per entry of `axis`, or x's
/// shape with `block` entries of `axis` to one of its own.
package struct Quantization: Hashable, Sendable {
  package var axis: Int
  /// nil unless blocked.
  package var block: Int?
  /// The output's type.
  package var type: ElementType
  /// The type in which quantizing divides.
  package var precision: ElementType

  package init(axis: Int, block: Int?, type: ElementType, precision: ElementType) {
    self.axis = axis
    self.block = block
    self.type = type
    self.precision = precision
  }
}

/// How a window moves over the spatial axes; one entry per axis.
package struct WindowAttributes: Hashable, Sendable {
  package var strides: [Int]
  package var dilations: [Int]
  package var before: [Int]
  package var after: [Int]
  package var groups: Int

  package init(strides: [Int], dilations: [Int], before: [Int], after: [Int], groups: Int) {
    self.strides = strides
    self.dilations = dilations
    self.before = before
    self.after = after
    self.groups = groups
  }
}

extension ArithmeticOp {
  package var name: String {
    switch self {
    case .map(let function): function.name
    case .classify(.isNaN): "isNaN"
    case .classify(.isInfinite): "isInfinite"
    case .pair(let function): function.rawValue
    case .compare(let comparison): comparison.rawValue
    case .clip: "clip"
    case .bitCast: "bitCast"
    case .reduce: "reduce"
    case .argExtreme(let attributes): attributes.isMaximum ? "argMax" : "argMin"
    case .cumulate(let attributes): attributes.isProduct ? "cumulativeProduct" : "cumulativeSum"
    case .normalise(let kind, _): kind.rawValue
    case .quantize: "quantize"
    case .dequantize: "dequantize"
    case .dynamicQuantize: "dynamicQuantize"
    case .product: "product"
    case .integerProduct: "integerProduct"
    case .integerConvolution: "integerConvolution"
    }
  }

  package var inputCounts: ClosedRange<Int> {
    switch self {
    case .map, .classify, .bitCast, .reduce, .argExtreme, .cumulate, .normalise, .dynamicQuantize:
      1...1
    case .pair, .compare, .product: 2...2
    case .clip: 1...3
    case .quantize, .dequantize: 2...3
    case .integerProduct, .integerConvolution: 2...4
    }
  }

  package var requiredInputs: Int { inputCounts.lowerBound }

  package var outputCount: Int {
    switch self {
    case .dynamicQuantize: 3
    case .map, .classify, .bitCast, .reduce, .argExtreme, .cumulate, .normalise, .pair, .compare,
      .product, .clip, .quantize, .dequantize, .integerProduct, .integerConvolution:
      1
    }
  }
}

extension Elementwise {
  fileprivate var name: String {
    switch self {
    case .plain(let function): function.rawValue
    case .arcsine: "arcsine"
    case .arccosine: "arccosine"
    case .arctangent: "arctangent"
    case .tangent: "tangent"
    case .hyperbolicSine: "hyperbolicSine"
    case .hyperbolicCosine: "hyperbolicCosine"
    case .areaSine: "areaSine"
    case .areaCosine: "areaCosine"
    case .areaTangent: "areaTangent"
    case .erf: "erf"
    case .floor: "floor"
    case .ceiling: "ceiling"
    case .sign: "sign"
    case .round: "round"
    case .softplus: "softplus"
    case .softsign: "softsign"
    case .mish: "mish"
    case .hardSwish: "hardSwish"
    case .complement: "complement"
    case .elu: "elu"
    case .celu: "celu"
    case .selu: "selu"
    case .leakyRelu: "leakyRelu"
    case .hardSigmoid: "hardSigmoid"
    case .thresholdedRelu: "thresholdedRelu"
    case .shrink: "shrink"
    case .swish: "swish"
    }
  }
}
