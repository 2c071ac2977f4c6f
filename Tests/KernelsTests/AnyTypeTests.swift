import Kernels
import TensorBase
import Testing

extension KernelTests {
  /// A tensor of any type from numbers that it holds.
  private func tensor(_ values: [Double], _ type: ElementType, _ dimensions: [Int]? = nil)
    -> Tensor
  {
    let wide = Tensor(doubles: values, shape: Shape(dimensions ?? [values.count]))
    let out = Result(wide.shape.dimensions, type: type)
    cast(out.view, wide.view, threads: 1)
    return out.view.readOnly.copied()
  }

  private func doubles(_ result: Result) -> [Double] { result.view.readOnly.copied().doubles }

  private func pair(
    _ function: PairFunction, _ a: [Double], _ b: [Double], _ type: ElementType
  ) -> [Double] {
    let out = Result([a.count], type: type)
    pairwise(out.view, tensor(a, type).view, tensor(b, type).view, function, threads: 1)
    return doubles(out)
  }

  @Test func integersOfEveryWidthWrap() {
    #expect(pair(.add, [127, -128], [1, -1], .i8) == [-128, 127])
    #expect(pair(.subtract, [0], [1], .u16) == [65_535])
    #expect(pair(.multiply, [65_536], [65_536], .u32) == [0])
    #expect(pair(.divide, [-7, 7, 5], [2, -2, 0], .i32) == [-3, -3, 0])
    #expect(pair(.divide, [0x1p63], [2], .u64) == [0x1p62])
    #expect(pair(.maximum, [0x1p63, 1], [1, 0x1p63], .u64) == [0x1p63, 0x1p63])
    #expect(pair(.modulo, [-7, 7, -8], [3, -3, 0], .i64) == [2, -2, 0])
    #expect(pair(.remainder, [-7, 7], [3, -3], .i8) == [-1, 1])
    // The one quotient that does not fit.
    #expect(pair(.divide, [-0x1p63], [-1], .i64) == [-0x1p63])
    #expect(pair(.modulo, [-0x1p63], [-1], .i64) == [0])
  }

  @Test func shiftsBeyondTheWidthLeaveTheSign() {
    #expect(pair(.shiftLeft, [1, 1, 255], [7, 8, 1], .u8) == [128, 0, 254])
    #expect(pair(.shiftRight, [-128, -1, 64], [3, 9, -1], .i8) == [-16, -1, 0])
    #expect(pair(.shiftRight, [0x1p63], [63], .u64) == [1])
  }

  @Test func floatsKeepTheSignOfAModulo() {
    let result = pair(.modulo, [-4.5, 5.5, 1, -0.0], [2, -3, -.infinity, 3], .f64)
    #expect(result[0...1] == [1.5, -0.5] && result[2] == -.infinity)
    #expect(result[3].sign == .plus)
    #expect(pair(.remainder, [-4.5, 5.5], [2, -3], .f16) == [-0.5, 2.5])
  }

  @Test func powersTakeExponentsOfOtherTypes() {
    let out = Result([3], type: .i32)
    pairwise(
      out.view, tensor([2, 3, -2], .i32).view, tensor([3, 0.5, 3], .f32).view, .power, threads: 1)
    #expect(doubles(out) == [8, 1, -8])
  }

  @Test(arguments: [ElementType.f32, .f16, .f64, .i8, .i64, .u64])
  func comparisonsBroadcast(_ type: ElementType) {
    let out = Result([2, 3], type: .bool)
    let a = tensor([1, 2], type, [2, 1]), b = tensor([1, 2, 3], type)
    for (kind, expected) in [
      (.less, [0, 1, 1, 0, 0, 1]), (.lessOrEqual, [1, 1, 1, 0, 1, 1]),
      (.equal, [1, 0, 0, 0, 1, 0]), (.greater, [0, 0, 0, 1, 0, 0]),
      (.greaterOrEqual, [1, 0, 0, 1, 1, 0]),
    ] as [(ComparisonKind, [Double])] {
      compare(out.view, a.view, b.view, kind, threads: 2)
      #expect(doubles(out) == expected)
    }
  }

  /// Along and across memory, agreeing with the plain version.
  @Test(arguments: [[0], [1], [2], [0, 2], [1, 2], [0, 1, 2], []])
  func reductionsAgree(_ axes: [Int]) {
    var numbers = Numbers(7)
    let x = numbers.tensor([5, 13, 600])
    let shape = (0..<3).map { axes.contains($0) ? 1 : x.shape[$0] }
    for (kind, plain) in [
      (.sum, .sum), (.mean, .mean), (.minimum, .minimum), (.maximum, .maximum),
    ] as [(AnyReductionKind, ReductionKind)] {
      expectAgreement(
        shape, absolute: 1e-6, relative: 1e-6, "\(kind) \(axes)",
        reference: { reduce($0, x.view, plain, axes: axes) },
        fast: { reduceAny($0, x.view, kind, axes: axes, threads: 2) })
    }
    let wide = x.converted(to: .f64), out = Result(shape, type: .f64)
    reduceAny(out.view, wide.view, .logSumExp, axes: axes, threads: 1)
    let sums = Result(shape, type: .f64), powers = Result([5, 13, 600], type: .f64)
    map(powers.view, wide.view, .plain(.exp), threads: 1)
    reduceAny(sums.view, powers.view.readOnly, .logSum, axes: axes, threads: 1)
    #expect(zip(doubles(out), doubles(sums)).allSatisfy { abs($0 - $1) < 1e-9 })
  }

  @Test func reductionsOfIntegersAreExact() {
    let x = tensor([250, 250, 250, 3], .u8, [2, 2])
    for (kind, expected) in [
      (.sum, [244, 253]), (.mean, [250, 126]), (.maximum, [250, 250]), (.minimum, [250, 3]),
    ] as [(AnyReductionKind, [Double])] {
      let out = Result([2], type: .u8)
      reduceAny(out.view, x.view, kind, axes: [1], threads: 1)
      // A sum of 500 keeps its low byte; the mean is of the whole sum.
      #expect(doubles(out) == expected)
    }
    let huge = Tensor(int64s: [9_007_199_254_740_993, 1], shape: [2])
    let sum = Result([], type: .i64)
    reduceAny(sum.view, huge.view, .sum, axes: [0], threads: 1)
    #expect(sum.int64s == [9_007_199_254_740_994])
  }

  @Test func nothingReducesToWhatChangesNothing() {
    let none = Tensor(zeros: [0, 2], type: .f32), noBytes = Tensor(zeros: [0, 2], type: .i8)
    for (kind, real, whole) in [
      (.sum, 0, 0), (.product, 1, 1), (.minimum, .infinity, 127), (.maximum, -.infinity, -128),
    ] as [(AnyReductionKind, Double, Double)] {
      let out = Result([1, 2]), bytes = Result([1, 2], type: .i8)
      reduceAny(out.view, none.view, kind, axes: [0], threads: 1)
      reduceAny(bytes.view, noBytes.view, kind, axes: [0], threads: 1)
      #expect(doubles(out) == [real, real] && doubles(bytes) == [whole, whole])
    }
  }

  @Test func extremesAreFoundAndTiesDecided() {
    let x = tensor([3, 1, 3, .nan, 9, .nan], .f32, [2, 3])
    let out = Result([2], type: .i64)
    argExtreme(out.view, x.view, axis: 1, isMaximum: true, takesLast: false, threads: 1)
    #expect(out.int64s == [0, 0])
    argExtreme(out.view, x.view, axis: 1, isMaximum: true, takesLast: true, threads: 1)
    #expect(out.int64s == [2, 2])
  }

  @Test func runningTotals() {
    let x = tensor([1, 2, 3], .i32)
    let out = Result([3], type: .i32)
    func totals(_ isProduct: Bool, _ isExclusive: Bool, _ isReversed: Bool) -> [Double] {
      cumulate(
        out.view, x.view, axis: 0, isProduct: isProduct, isExclusive: isExclusive,
        isReversed: isReversed)
      return doubles(out)
    }
    #expect(totals(false, false, false) == [1, 3, 6])
    #expect(totals(false, true, true) == [5, 3, 0])
    #expect(totals(true, true, false) == [1, 1, 2])
    #expect(totals(true, false, true) == [6, 6, 3])
  }

  @Test(arguments: [0, 1, 2])
  func softmaxAgreesAlongEveryAxis(_ axis: Int) {
    var numbers = Numbers(9)
    let x = numbers.tensor([3, 17, 5], scale: 4)
    expectAgreement(
      [3, 17, 5], absolute: 1e-6, relative: 1e-6,
      reference: { softmaxReference($0, x.view, axis: axis) },
      fast: { softmax($0, x.view, axis: axis, threads: 2) })
    expectAgreement(
      [3, 17, 5], absolute: 1e-6, relative: 1e-6,
      reference: { softmaxReference($0, x.view, axis: axis) },
      fast: { normalise($0, x.view, .softmax, axis: axis, threads: 2) })
  }

  /// Rounding once from double is not rounding twice.
  @Test func doublesRoundOnce() {
    let out = Result([2], type: .f16)
    // Just above halfway between two f16 neighbours, by less than f32 sees.
    cast(out.view, tensor([1 + 0x1p-11 + 0x1p-40, -(1 + 0x1p-11)], .f64).view, threads: 1)
    #expect(doubles(out) == [1 + 0x1p-10, -1])
  }
}
