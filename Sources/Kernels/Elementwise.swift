import CKernels
import Glibc
import TensorBase

/// Functions of one number of any type.
package enum MapFunction: Hashable, Sendable {
  case plain(UnaryFunction)
  case arcsine, arccosine, arctangent, tangent
  case hyperbolicSine, hyperbolicCosine, areaSine, areaCosine, areaTangent
  case softplus, softsign, mish, hardSwish
  /// Every bit of an integer, or a bool, turned over.
  case complement
  /// alpha · (exp(x) − 1) below 0, else x.
  case elu(alpha: Double)
  /// max(0, x) + min(0, alpha · (exp(x/alpha) − 1)).
  case celu(alpha: Double)
  /// gamma · elu.
  case selu(alpha: Double, gamma: Double)
  /// alpha · x below 0, else x.
  case leakyRelu(alpha: Double)
  /// min(max(alpha · x + beta, 0), 1).
  case hardSigmoid(alpha: Double, beta: Double)
  /// x above alpha, else 0.
  case thresholdedRelu(alpha: Double)
  /// x + bias below −threshold, x − bias above threshold, else 0.
  case shrink(bias: Double, threshold: Double)
  /// x · sigmoid(alpha · x).
  case swish(alpha: Double)

  /// The function in double.
  package func callAsFunction(_ x: Double) -> Double {
    switch self {
    case .plain(let function): function(x)
    case .arcsine: asin(x)
    case .arccosine: acos(x)
    case .arctangent: atan(x)
    case .tangent: tan(x)
    case .hyperbolicSine: sinh(x)
    case .hyperbolicCosine: cosh(x)
    case .areaSine: asinh(x)
    case .areaCosine: acosh(x)
    case .areaTangent: atanh(x)
    case .softplus: smoothRelu(x)
    case .softsign: x.isInfinite ? copysign(1, x) : x / (1 + abs(x))
    case .mish: x == -.infinity ? 0 : x * Glibc.tanh(smoothRelu(x))
    case .hardSwish: x == -.infinity ? 0 : x * clamped(x / 6 + 0.5)
    case .complement: preconditionFailure("the complement of a float")
    case .elu(let alpha): x < 0 ? alpha * expm1(x) : x
    case .celu(let alpha): x < 0 ? alpha * expm1(x / alpha) : x
    case .selu(let alpha, let gamma): gamma * (x < 0 ? alpha * expm1(x) : x)
    case .leakyRelu(let alpha): x < 0 ? alpha * x : x
    case .hardSigmoid(let alpha, let beta): clamped(alpha * x + beta)
    case .thresholdedRelu(let alpha): x > alpha || x.isNaN ? x : 0
    case .shrink(let bias, let threshold):
      x < -threshold ? x + bias : x > threshold ? x - bias : x.isNaN ? x : 0
    case .swish(let alpha): x / (1 + exp(-alpha * x))
    }
  }

  /// On integers, keeping the low bits.
  fileprivate func callAsFunction(_ x: Int64, _ type: ElementType) -> Int64 {
    switch self {
    case .plain(.absolute): type == .u64 || x >= 0 ? x : 0 &- x
    case .plain(.negate): 0 &- x
    case .plain(.relu): type == .u64 ? x : max(x, 0)
    case .plain(.sign): type == .u64 ? (x == 0 ? 0 : 1) : x.signum()
    case .complement: type == .bool ? 1 - x : ~x
    default: preconditionFailure("\(self) of integers")
    }
  }
}

/// log(1 + exp(x)), without overflow.
private func smoothRelu(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }

/// x between 0 and 1; NaN stays NaN.
private func clamped(_ x: Double) -> Double { x < 0 ? 0 : x > 1 ? 1 : x }

/// out[i] = function(x[i]); same shape and type. Floats in double or, where it is as precise, in
/// the type itself; integers exact.
package func map(
  _ out: MutableTensorView, _ x: TensorView, _ function: MapFunction, threads: Int
) {
  precondition(out.type == x.type && out.shape.count == x.shape.count)
  let type = x.type
  if type == .f32 { return mapFloats(out, x, function, threads: threads) }
  let lines = (x.shape.count + lineLength - 1) / lineLength
  parallelRanges(lines, minimum: 8, threads: threads) { range in
    let buffers = LineBuffers(1)
    for line in range {
      let first = line * lineLength, count = min(lineLength, x.shape.count - first)
      if type == .f16 || type == .bf16, case .plain(let plain) = function {
        let p = buffers.floats(0)
        readLine(p, x.base, type, first: first, step: 1, count: count)
        unaryLine(p, p, count, plain)
        writeLine(out.base, type, first: first, p, count: count)
      } else if type.isFloatingPoint {
        let p = buffers.doubles(0)
        readLine(p, x.base, type, first: first, step: 1, count: count)
        for i in 0..<count { p[i] = function(p[i]) }
        writeLine(out.base, type, first: first, p, count: count)
      } else {
        let p = buffers.integers(0)
        readLine(p, x.base, type, first: first, step: 1, count: count)
        for i in 0..<count { p[i] = function(p[i], type) }
        writeLine(out.base, type, first: first, p, count: count)
      }
    }
  }
}

/// The f32 version: activations that networks spend time in without a detour through double.
private func mapFloats(
  _ out: MutableTensorView, _ x: TensorView, _ function: MapFunction, threads: Int
) {
  let to = out.floats, from = x.floats
  if case .plain(let plain) = function { return unary(out, x, plain, threads: threads) }
  parallelRanges(x.shape.count, minimum: 16_384, threads: threads) { range in
    switch function {
    case .leakyRelu(let alpha):
      let slope = Float(alpha)
      for i in range { to[i] = from[i] < 0 ? slope * from[i] : from[i] }
    case .hardSigmoid(let alpha, let beta):
      let (slope, shift) = (Float(alpha), Float(beta))
      for i in range {
        let value = slope * from[i] + shift
        let raised = value < 0 ? 0 : value
        to[i] = raised > 1 ? 1 : raised
      }
    case .hardSwish:
      for i in range {
        let value = from[i] * (1 / 6 as Float) + 0.5
        let raised = value < 0 ? 0 : value
        to[i] = from[i] == -.infinity ? 0 : from[i] * (raised > 1 ? 1 : raised)
      }
    case .elu(let alpha):
      let slope = Float(alpha)
      for i in range { to[i] = from[i] < 0 ? slope * expm1f(from[i]) : from[i] }
    case .plain, .arcsine, .arccosine, .arctangent, .tangent, .hyperbolicSine, .hyperbolicCosine,
      .areaSine, .areaCosine, .areaTangent, .softplus, .softsign, .mish, .complement, .celu,
      .selu, .thresholdedRelu, .shrink, .swish:
      for i in range { to[i] = Float(function(Double(from[i]))) }
    }
  }
}

/// out[i] = whether x[i] is NaN; x of a float type, out bool.
package func isNaN(_ out: MutableTensorView, _ x: TensorView, threads: Int) {
  classify(out, x, threads: threads) { $0.isNaN }
}

/// out[i] = whether x[i] is one of the chosen infinities; x of a float type, out bool.
package func isInfinite(
  _ out: MutableTensorView, _ x: TensorView, negative: Bool, positive: Bool, threads: Int
) {
  classify(out, x, threads: threads) { $0.isInfinite && ($0 < 0 ? negative : positive) }
}

private func classify(
  _ out: MutableTensorView, _ x: TensorView, threads: Int, _ holds: (Double) -> Bool
) {
  precondition(out.type == .bool && out.shape.count == x.shape.count)
  let to = out.base.assumingMemoryBound(to: UInt8.self)
  let lines = (x.shape.count + lineLength - 1) / lineLength
  parallelRanges(lines, minimum: 32, threads: threads) { range in
    let buffers = LineBuffers(1)
    let p = buffers.doubles(0)
    for line in range {
      let first = line * lineLength, count = min(lineLength, x.shape.count - first)
      readLine(p, x.base, x.type, first: first, step: 1, count: count)
      for i in 0..<count { to[first + i] = holds(p[i]) ? 1 : 0 }
    }
  }
}

/// out = min(max(x, lower), upper), the bounds of one element each or absent; all of one type.
/// NaN stays NaN.
package func clip(
  _ out: MutableTensorView, _ x: TensorView, lower: TensorView?, upper: TensorView?, threads: Int
) {
  precondition(out.type == x.type && out.shape.count == x.shape.count)
  let type = x.type
  let lines = (x.shape.count + lineLength - 1) / lineLength
  let turn = type == .u64 ? Int64.min : 0
  parallelRanges(lines, minimum: 8, threads: threads) { range in
    let buffers = LineBuffers(1)
    for line in range {
      let first = line * lineLength, count = min(lineLength, x.shape.count - first)
      if type.isFloatingPoint {
        let p = buffers.doubles(0)
        let low = lower.map { Elements.load($0.base, 0, type) } ?? -.infinity
        let high = upper.map { Elements.load($0.base, 0, type) } ?? .infinity
        readLine(p, x.base, type, first: first, step: 1, count: count)
        for i in 0..<count {
          let raised = p[i] < low ? low : p[i]
          p[i] = raised > high ? high : raised
        }
        writeLine(out.base, type, first: first, p, count: count)
      } else {
        let p = buffers.integers(0)
        // Turning the sign over orders unsigned numbers as signed ones.
        let low = lower.map { Elements.integer($0.base, 0, type) ^ turn } ?? Int64.min
        let high = upper.map { Elements.integer($0.base, 0, type) ^ turn } ?? Int64.max
        readLine(p, x.base, type, first: first, step: 1, count: count)
        for i in 0..<count { p[i] = min(max(p[i] ^ turn, low), high) ^ turn }
        writeLine(out.base, type, first: first, p, count: count)
      }
    }
  }
}
