import Kernels
import TensorBase
import Testing

extension KernelTests {
  @Test(arguments: UnaryFunction.allCases)
  func unaryAgrees(_ function: UnaryFunction) {
    var numbers = Numbers(1)
    for count in [0, 1, 3, 7, 8, 15, 16, 17, 31, 33, 40_001] {
      let positive = function == .log || function == .sqrt
      let x = numbers.tensor([count], scale: 4)
      let input = positive ? Tensor(floats: x.floats.map(abs), shape: x.shape) : x
      expectAgreement(
        [count], absolute: 2e-7, relative: 4e-7,
        reference: { unaryReference($0, input.view, function) },
        fast: { unary($0, input.view, function, threads: 2) })
    }
  }

  /// Ends of the range: overflow, denormals, zeros of both signs, infinities, NaN.
  @Test(arguments: [
    UnaryFunction.exp, .sigmoid, .tanh, .erf, .relu, .silu, .gelu, .geluTanh, .quickGelu,
  ])
  func unaryAtTheEnds(_ function: UnaryFunction) {
    let finite: [Float] = [
      0, -0.0, 1.5e-38, -1.5e-38, 1e-20, 88, 88.7, 89, 104, 1e10, 3e38, -87, -88, -100, -103, -104,
      -110, -1e10, 0.6249, 0.6251, 0.9999, 1.0001, 3.99, 4.01, -4.01,
    ]
    let exact: Set<UnaryFunction> = [.exp, .sigmoid, .tanh, .erf, .relu]
    let values = finite + (exact.contains(function) ? [.infinity, -.infinity, .nan] : [.nan])
    let repeated = Tensor(floats: values + values, shape: [values.count * 2])
    // x · x · x leaves float's range in the tanh form of GELU; its result does not.
    expectAgreement(
      [values.count * 2], absolute: 1e-6, relative: 4e-7,
      reference: { unaryReference($0, repeated.view, function) },
      fast: { unary($0, repeated.view, function, threads: 1) })
  }

  @Test(arguments: BinaryFunction.allCases)
  func binaryAgrees(_ function: BinaryFunction) {
    let shapes: [([Int], [Int], [Int])] = [
      ([5], [5], [5]), ([2, 3, 37], [2, 3, 37], [2, 3, 37]), ([4, 33], [33], [4, 33]),
      ([33], [4, 33], [4, 33]), ([6, 7], [], [6, 7]), ([], [6, 7], [6, 7]),
      ([2, 3, 5, 8], [2, 1, 1, 8], [2, 3, 5, 8]), ([2, 1, 1, 8], [2, 3, 5, 8], [2, 3, 5, 8]),
      ([3, 1], [1, 4], [3, 4]), ([2, 4, 1, 1], [2, 4, 3, 3], [2, 4, 3, 3]), ([0, 3], [3], [0, 3]),
      ([50_000], [50_000], [50_000]),
    ]
    var numbers = Numbers(2)
    for (a, b, out) in shapes {
      let p = numbers.tensor(
        a, scale: function == .power ? 0.2 : 1, offset: function == .power ? 2 : 0)
      let q = numbers.tensor(b)
      expectAgreement(
        out, absolute: 0, relative: 1e-6, "\(a) \(b)",
        reference: { binaryReference($0, p.view, q.view, function) },
        fast: { binary($0, p.view, q.view, function, threads: 2) })
    }
  }

  @Test func extremesKeepNaN() {
    let a = Tensor(floats: [.nan, 1, 2, .nan], shape: [4])
    let b = Tensor(floats: [1, .nan, 3, .nan], shape: [4])
    for function in [BinaryFunction.minimum, .maximum] {
      expectAgreement(
        [4], reference: { binaryReference($0, a.view, b.view, function) },
        fast: { binary($0, a.view, b.view, function, threads: 1) })
    }
  }

  @Test func integersAreExact() {
    let a = Tensor(int64s: [7, -7, 9_007_199_254_740_993, 5], shape: [4])
    let b = Tensor(int64s: [2, 2, 1, 0], shape: [4])
    for (function, expected) in [
      (BinaryFunction.divide, [3, -3, 9_007_199_254_740_993, 0]),
      (.multiply, [14, -14, 9_007_199_254_740_993, 0]),
      (.power, [49, 49, 9_007_199_254_740_993, 1]),
    ] as [(BinaryFunction, [Int64])] {
      let out = Result([4], type: .i64)
      binary(out.view, a.view, b.view, function, threads: 1)
      #expect(out.int64s == expected)
    }
  }

  @Test(arguments: [Activation.gelu, .silu, .sigmoid])
  func gatedAgrees(_ function: Activation) {
    var numbers = Numbers(4)
    for (rows, width) in [(1, 1), (3, 7), (5, 16), (17, 40), (2, 129)] {
      let x = numbers.tensor([rows, 2 * width], scale: 2)
      expectAgreement(
        [rows, width], absolute: 1e-6, relative: 1e-6,
        reference: { gatedReference($0, x.view, function) },
        fast: { gated($0, x.view, function, threads: 2) })
    }
  }

  @Test func selectAndClamp() {
    let condition = Tensor(type: .bool, shape: [2, 1], bytes: [1, 0])
    let a = Tensor(floats: [1, 2, 3], shape: [3]), b = Tensor(floats: [-1], shape: [])
    let out = Result([2, 3])
    select(out.view, condition: condition.view, a.view, b.view)
    #expect(out.floats == [1, 2, 3, -1, -1, -1])
    let x = Tensor(floats: [-5, 0.5, 5, .nan, .infinity], shape: [5]), clamped = Result([5])
    clamp(clamped.view, x.view, lower: -1, upper: 2)
    #expect(clamped.floats[0...2] == [-1, 0.5, 2] && clamped.floats[4] == 2)
    #expect(clamped.floats[3].isNaN)
  }
}
