import Comparison
import TensorBase
import TestSupport
import Testing

private func statistics(
  _ actual: Tensor, _ expected: Tensor, _ tolerance: Tolerance = .standard
) throws -> ErrorStatistics {
  try #require(
    TensorComparison(
      name: "t", actual: actual, expected: expected, tolerance: tolerance, detail: .all
    ).statistics)
}

private func statistics(
  _ actual: [Float], _ expected: [Float], _ tolerance: Tolerance = .standard
) throws -> ErrorStatistics {
  try statistics(
    Tensor(floats: actual, shape: [actual.count]),
    Tensor(floats: expected, shape: [expected.count]), tolerance)
}

/// What NumPy says of two float32 tensors made by integers: `numpy.quantile(method="inverted_cdf")`,
/// differences of the bits as integers, and sums in float64.
private struct NumPyCase: Sendable, CustomTestStringConvertible {
  let count: Int
  let type: ElementType
  let unequal: Int
  let mean: Double
  let bias: Double
  let rms: Double
  let errors: [Double]
  let steps: [UInt64]
  let largestStep: UInt64
  let largestStepIndex: Int
  let sqnr: Double
  let psnr: Double
  let zeros: Int
  let powers: [Int: Int]

  var testDescription: String { "\(count) \(type)" }

  var tensors: (actual: Tensor, expected: Tensor) {
    var (actual, expected): ([Float], [Float]) = ([], [])
    for i in 0..<count {
      let base = Float((i * 7919) % 10007 - 5000) / 97
      expected.append(base)
      actual.append(base + Float((i * 104729) % 1013 - 506) / 0x1p20)
    }
    return (
      Tensor(floats: actual, shape: [count]).converted(to: type),
      Tensor(floats: expected, shape: [count]).converted(to: type)
    )
  }
}

private let f32Errors = [
  0.00024127960205078125, 0.00043487548828125, 0.000476837158203125, 0.0004825592041015625,
]

private let numPyCases = [
  NumPyCase(
    count: 1000, type: .f32, unequal: 999, mean: 0.0002415456771850586,
    bias: -4.1675567626953125e-07, rms: 0.0002789235534768531, errors: f32Errors,
    steps: [108, 524, 4432, 31552], largestStep: 156672, largestStepIndex: 520,
    sqnr: 100.57307421074736, psnr: 111.35225533770145, zeros: 1,
    powers: [-7: 2, -6: 18, -5: 189, -4: 790]),
  NumPyCase(
    count: 1000, type: .f16, unequal: 44, mean: 0.0002244110107421875,
    bias: 3.51104736328125e-05, rms: 0.0020853655621275845, errors: [0, 0, 0.00390625, 0.03125],
    steps: [0, 0, 1, 4], largestStep: 19, largestStepIndex: 520, sqnr: 83.09911739781063,
    psnr: 93.87573543057036, zeros: 956, powers: [-4: 26, -3: 10, -2: 8]),
  NumPyCase(
    count: 1000, type: .f64, unequal: 999, mean: 0.0002415456771850586,
    bias: -4.1675567626953125e-07, rms: 0.0002789235534768531, errors: f32Errors,
    steps: [57_982_058_496, 281_320_357_888, 2_379_411_881_984, 16_939_351_015_424],
    largestStep: 84_112_639_524_864, largestStepIndex: 520, sqnr: 100.57307421074736,
    psnr: 111.35225533770145, zeros: 1, powers: [-7: 2, -6: 18, -5: 189, -4: 790]),
  // More than are sorted: these are counted.
  NumPyCase(
    count: 100_000, type: .f32, unequal: 99761, mean: 0.0002415197945199907,
    bias: -1.4457721263170243e-08, rms: 0.00027888323325929177,
    errors: [
      0.00024127960205078125, 0.00043487548828125, 0.00047779083251953125, 0.0004825592041015625,
    ], steps: [108, 540, 5888, 57472], largestStep: 971_964_416, largestStepIndex: 13647,
    sqnr: 100.5704683169249, psnr: 111.36132695392249, zeros: 239,
    powers: [-7: 63, -6: 1763, -5: 18711, -4: 79224]),
  NumPyCase(
    count: 100_000, type: .f16, unequal: 3925, mean: 0.00023154525756835937,
    bias: -2.3971939086914063e-06, rms: 0.002035841073983585, errors: [0, 0, 0.0078125, 0.03125],
    steps: [0, 0, 1, 7], largestStep: 3960, largestStepIndex: 13647, sqnr: 83.30404502483495,
    psnr: 94.09240178719631, zeros: 96075, powers: [-6: 1, -5: 39, -4: 1721, -3: 1422, -2: 742]),
  NumPyCase(
    count: 100_000, type: .f64, unequal: 99761, mean: 0.0002415197945199907,
    bias: -1.4457721263170243e-08, rms: 0.00027888323325929177,
    errors: [
      0.00024127960205078125, 0.00043487548828125, 0.00047779083251953125, 0.0004825592041015625,
    ],
    steps: [57_982_058_496, 289_910_292_480, 3_161_095_929_856, 30_855_045_054_464],
    largestStep: 4_557_044_688_573_431_808, largestStepIndex: 13647, sqnr: 100.5704683169249,
    psnr: 111.36132695392249, zeros: 239, powers: [-7: 63, -6: 1763, -5: 18711, -4: 79224]),
]

private func isNear(_ value: Double?, _ expected: Double) -> Bool {
  value.map { abs($0 - expected) <= 1e-12 * abs(expected) + 1e-18 } ?? false
}

@Suite struct ErrorStatisticsTests {
  @Test(arguments: numPyCases) fileprivate func asNumPy(_ test: NumPyCase) throws {
    let (actual, expected) = test.tensors
    let result = try statistics(actual, expected)
    #expect(result.count == test.count && result.unequalCount == test.unequal)
    #expect(isNear(result.meanError, test.mean))
    #expect(isNear(result.meanDifference, test.bias))
    #expect(isNear(result.rootMeanSquare, test.rms))
    #expect(result.errorQuantiles == test.errors)
    let steps = try #require(result.steps)
    #expect(steps.quantiles == test.steps && steps.count == test.count)
    #expect(steps.largest == test.largestStep && steps.largestIndex == [test.largestStepIndex])
    #expect(isNear(result.signalToNoise, test.sqnr))
    #expect(isNear(result.peakSignalToNoise, test.psnr))
    #expect(result.histogram.zeroCount == test.zeros)
    #expect(
      Dictionary(uniqueKeysWithValues: result.histogram.filled.map { ($0.power, $0.count) })
        == test.powers)
  }

  /// The smallest bounds let the tensors pass, and a little less does not.
  @Test(arguments: numPyCases) fileprivate func smallestBounds(_ test: NumPyCase) throws {
    let (actual, expected) = test.tensors
    func passes(_ rule: Tolerance.Rule) -> Bool {
      TensorComparison(
        name: "t", actual: actual, expected: expected, tolerance: Tolerance(rule)
      ).passed
    }
    for relative in [0, 1e-7, 1e-6, 1e-3] {
      for isEither in [false, true] {
        func rule(_ absolute: Double, _ relative: Double) -> Tolerance.Rule {
          isEither
            ? .either(absolute: absolute, relative: relative)
            : .bounds(absolute: absolute, relative: relative)
        }
        let absolute = try #require(
          try statistics(actual, expected, Tolerance(rule(0, relative))).smallestAbsolute)
        #expect(passes(rule(absolute, relative)))
        if absolute > 0 { #expect(!passes(rule(absolute * (1 - 1e-12), relative))) }
      }
    }
    // Where something expected is 0, a relative bound alone does not do.
    let hasZero = test.count > 5000
    let bounds = try statistics(
      actual, expected, Tolerance(.bounds(absolute: 1e-5, relative: 0)))
    if hasZero {
      #expect(bounds.smallestRelative == nil)
    } else {
      let relative = try #require(bounds.smallestRelative)
      #expect(passes(.bounds(absolute: 1e-5, relative: relative)))
      #expect(!passes(.bounds(absolute: 1e-5, relative: relative * (1 - 1e-12))))
      let either = try #require(
        try statistics(
          actual, expected, Tolerance(.either(absolute: 1e-5, relative: 0))
        ).smallestRelative)
      #expect(passes(.either(absolute: 1e-5, relative: either)))
      #expect(!passes(.either(absolute: 1e-5, relative: either * (1 - 1e-12))))
    }
  }

  @Test func byHand() throws {
    // Errors 0, 1, 2, 4 of expected 4, −2, 0, 8.
    let result = try statistics([4, -1, 2, 4], [4, -2, 0, 8])
    #expect(result.meanError == 1.75 && result.meanDifference == -0.25)
    #expect(result.rootMeanSquare == (21.0 / 4).squareRoot())
    // At least half, nine tenths, … of four errors: the second, fourth, fourth, fourth.
    #expect(result.errorQuantiles == [1, 4, 4, 4])
    #expect(isNear(result.signalToNoise, 6.020599913279624))  // 10·log₁₀(84 / 21)
    #expect(isNear(result.peakSignalToNoise, 12.798406965940432))  // 10·log₁₀(10² / 5.25)
    #expect(result.unequalCount == 3 && result.histogram.zeroCount == 1)
    #expect(result.histogram.filled.map(\.power) == [0])
  }

  @Test func powersOfTenAtTheirEdges() throws {
    let edge = Float(0.001)
    let values: [Float] = [1, 9.999999, 10, edge, edge.nextDown, 0, Float(bitPattern: 7), 3e38]
    let result = try statistics(values, values.map { _ in 0 })
    var expected: [Int: Int] = [0: 2, 1: 1, 38: 1]
    // float32's 0.001 is a little more than 0.001.
    expected[-3] = 1
    expected[-4] = 1
    let filled = result.histogram.filled
    // Seven of the smallest float32 are 9.8e-45.
    expected[-45] = 1
    #expect(Dictionary(uniqueKeysWithValues: filled.map { ($0.power, $0.count) }) == expected)
    #expect(result.histogram.zeroCount == 1)
  }

  @Test func steps() throws {
    func steps(_ a: Float, _ b: Float) throws -> UInt64? {
      try statistics([a], [b]).steps?.largest
    }
    #expect(try steps(0, -0.0) == 0)
    #expect(try steps(1, Float(1).nextUp) == 1)
    #expect(try steps(-Float.leastNonzeroMagnitude, .leastNonzeroMagnitude) == 2)
    #expect(try steps(.greatestFiniteMagnitude, .infinity) == 1)
    #expect(try steps(1, 2) == 1 << 23)
    #expect(try steps(-.infinity, .infinity) == 0xff00_0000)
    let far = try statistics(
      Tensor(doubles: [-.infinity], shape: []), Tensor(doubles: [.infinity], shape: []))
    #expect(far.steps?.largest == 0xffe0_0000_0000_0000 && far.steps?.largestIndex == [])
    func half(_ bits: [UInt16], _ type: ElementType) -> Tensor {
      Tensor(
        type: type, shape: [bits.count],
        bytes: bits.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] })
    }
    // 1.0 and the next, −0 and the smallest, in both 16-bit types.
    let f16 = try statistics(half([0x3c00, 0x8000], .f16), half([0x3c01, 0x0001], .f16))
    #expect(f16.steps?.quantiles == [1, 1, 1, 1])
    #expect(f16.errorQuantiles[3] == 0x1p-10)
    let bf16 = try statistics(half([0x3f80, 0x8003], .bf16), half([0x3f81, 0x0001], .bf16))
    #expect(bf16.steps?.largest == 4 && bf16.steps?.largestIndex == [1])
  }

  @Test func integersAndBools() throws {
    let large = Int64.max
    let whole = try statistics(
      Tensor(int64s: [large, large - 1], shape: [2]), Tensor(int64s: [.min, large], shape: [2]))
    #expect(whole.steps?.largest == .max && whole.steps?.quantiles == [1, .max, .max, .max])
    #expect(whole.errorQuantiles == [1, 0x1p64, 0x1p64, 0x1p64])
    let bools = try statistics(
      Tensor(type: .bool, shape: [4], bytes: [0, 1, 1, 0]),
      Tensor(type: .bool, shape: [4], bytes: [0, 1, 0, 0]))
    #expect(bools.unequalCount == 1 && bools.errorQuantiles == [0, 1, 1, 1])
    let bytes = try statistics(
      Tensor(type: .u8, shape: [2], bytes: [255, 0]), Tensor(type: .u8, shape: [2], bytes: [0, 0]))
    #expect(bytes.steps?.largest == 255 && bytes.smallestAbsolute == 255)
  }

  @Test func specialValues() throws {
    let inf = Float.infinity
    let result = try statistics([.nan, 1, inf, inf, .nan], [.nan, 1.5, inf, -inf, 2])
    // Only one pair is finite, and no bound makes NaN pass.
    #expect(result.count == 1 && result.meanError == 0.5 && result.unequalCount == 4)
    #expect(result.errorQuantiles == [0.5, 0.5, 0.5, 0.5])
    #expect(result.smallestAbsolute == nil && result.smallestRelative == nil)
    #expect(result.steps?.count == 3 && result.steps?.largestIndex == [3])
    let same = try statistics([.nan, inf, 3], [.nan, inf, 3], Tolerance(nanEqualsNaN: true))
    #expect(same.smallestAbsolute == 0 && same.smallestRelative == 0)
    #expect(same.signalToNoise == .infinity && same.peakSignalToNoise == nil)
    let nothing = try statistics([.nan], [.nan])
    #expect(nothing.count == 0 && nothing.meanError == nil && nothing.errorQuantiles.isEmpty)
    #expect(nothing.steps?.quantiles == [] && nothing.signalToNoise == nil)
  }

  @Test func overflowingSums() throws {
    let largest = Double.greatestFiniteMagnitude
    let result = try statistics(
      Tensor(doubles: [largest, 0], shape: [2]), Tensor(doubles: [-largest, 0], shape: [2]))
    #expect(result.meanError == nil && result.rootMeanSquare == nil)
    #expect(result.errorQuantiles == [0, .infinity, .infinity, .infinity])
    #expect(result.smallestAbsolute == nil)
  }

  @Test func emptyAndScalar() throws {
    let empty = Tensor(floats: [], shape: [0, 3])
    let nothing = try statistics(empty, empty)
    #expect(nothing.count == 0 && nothing.smallestAbsolute == 0 && nothing.steps?.count == 0)
    let scalar = try statistics(Tensor(scalar: Float(2)), Tensor(scalar: Float(1)))
    #expect(scalar.errorQuantiles == [1, 1, 1, 1] && scalar.steps?.largestIndex == [])
    #expect(scalar.smallestRelative == 1 - 1e-5)
  }

  @Test func differentTypes() throws {
    let a = Tensor(floats: [1, 2.5, 1e-3], shape: [3])
    let loose = Tolerance(.bounds(absolute: 1, relative: 0), typesMayDiffer: true)
    let result = TensorComparison(
      name: "t", actual: a.converted(to: .f16), expected: a, tolerance: loose, detail: .all)
    #expect(result.passed && result.statistics?.steps == nil)
    #expect(result.maximumAbsolute?.index == [2])
    let whole = TensorComparison(
      name: "t", actual: Tensor(int64s: [1, 2, 0], shape: [3]), expected: a, tolerance: loose)
    #expect(whole.passed && whole.maximumAbsolute?.error == 0.5)
  }

  @Test func gatheredOnlyWhenAsked() {
    let (a, b) = (Tensor(floats: [1], shape: [1]), Tensor(floats: [2], shape: [1]))
    func statistics(_ x: Tensor, _ detail: ComparisonDetail) -> ErrorStatistics? {
      TensorComparison(name: "t", actual: x, expected: b, detail: detail).statistics
    }
    #expect(statistics(a, .none) == nil && statistics(a, .failures) != nil)
    #expect(statistics(b, .failures) == nil && statistics(b, .all) != nil)
    #expect(statistics(a.reshaped([1, 1]), .all) == nil)
  }
}
