import Comparison
import TensorBase
import TestSupport
import Testing

@Suite struct TensorComparisonTests {
  private func compare(
    _ actual: [Float], _ expected: [Float], _ tolerance: Tolerance = .standard
  ) -> TensorComparison {
    TensorComparison(
      name: "t", actual: Tensor(floats: actual, shape: [actual.count]),
      expected: Tensor(floats: expected, shape: [expected.count]), tolerance: tolerance)
  }

  @Test func equalPasses() {
    let result = compare([1, -2, 0], [1, -2, -0.0])
    #expect(result.passed)
    #expect(result.maximumAbsolute == nil && result.maximumRelative == nil)
    #expect(result.cosine.map { abs($0 - 1) < 1e-12 } == true)
  }

  /// |a − b| ≤ 1e-5 + 1.3e-6·|b|, at, inside and outside the edge.
  @Test func standardBoundsOfFloat32() {
    #expect(compare([1.0000112], [1]).passed)
    #expect(!compare([1.0000124], [1]).passed)
    #expect(compare([1e-5], [0]).passed)
    #expect(!compare([1.01e-5], [0]).passed)
  }

  @Test(arguments: [
    (ElementType.f16, 1.0009765625, true), (.f16, 1.001953125, false),
    (.bf16, 1.015625, true), (.bf16, 1.0234375, false),
    (.f64, 1.00000019, true), (.f64, 1.00000021, false),
  ])
  func standardBounds(_ type: ElementType, _ value: Double, _ passes: Bool) {
    func tensor(_ value: Double) -> Tensor {
      Tensor(type: .f64, shape: []) { $0.storeBytes(of: value, as: Double.self) }
        .converted(to: type)
    }
    let result = TensorComparison(name: "t", actual: tensor(value), expected: tensor(1))
    #expect(result.passed == passes)
    #expect(result.maximumAbsolute?.error == value - 1)
  }

  @Test func reportsPlaceAndValuesOfTheMaxima() throws {
    let expected = Tensor(floats: [1, 100, 3, 4, 5, 6], shape: [2, 3])
    let actual = Tensor(floats: [1, 102, 3, 4, 5.5, 6], shape: [2, 3])
    let result = TensorComparison(name: "t", actual: actual, expected: expected)
    let absolute = try #require(result.maximumAbsolute)
    #expect(absolute.index == [0, 1])
    #expect(absolute.actual == 102 && absolute.expected == 100 && absolute.error == 2)
    let relative = try #require(result.maximumRelative)
    #expect(relative.index == [1, 1] && relative.error == 0.1)
    #expect(result.firstFailure == absolute)
    #expect(result.failureCount == 2 && !result.passed)
    let sentence = result.sentence
    #expect(
      sentence
        == "t: 2 of 6 elements out of tolerance (1.00e-05 + 1.30e-06·|expected|); largest error "
        + "2.00e+00 at [0, 1]: 102.0, expected 100.0.")
  }

  @Test func relativeToZeroIsInfinite() {
    let result = compare([0.5, 1], [0, 1])
    #expect(result.maximumRelative?.error == .infinity)
  }

  @Test func nanFails() {
    for (actual, expected) in [([Float.nan], [Float(1)]), ([1], [.nan]), ([.nan], [.nan])] {
      let generous = Tolerance(.bounds(absolute: .infinity, relative: .infinity))
      #expect(!compare(actual, expected, generous).passed)
      #expect(!compare(actual, expected, Tolerance(.relativeToMaximum(.infinity))).passed)
    }
    let both = compare([.nan, 1], [.nan, 1], Tolerance(nanEqualsNaN: true))
    #expect(both.passed && both.actualNaNCount == 1 && both.expectedNaNCount == 1)
    #expect(!compare([.nan], [1], Tolerance(nanEqualsNaN: true)).passed)
  }

  @Test func infinities() {
    let inf = Float.infinity
    let same = compare([inf, -inf, 1], [inf, -inf, 1])
    #expect(same.passed && same.actualInfinityCount == 2 && same.expectedInfinityCount == 2)
    #expect(same.cosine.map { abs($0 - 1) < 1e-12 } == true)
    let generous = Tolerance(.bounds(absolute: .infinity, relative: .infinity))
    #expect(!compare([inf], [-inf], generous).passed)
    #expect(!compare([1], [inf], generous).passed)
    let finite = compare([inf], [1], Tolerance(.bounds(absolute: 1e30, relative: 1)))
    #expect(!finite.passed && finite.maximumAbsolute?.error == .infinity)
  }

  @Test func finiteErrorAfterInfinityKeepsTheInfinity() {
    let result = compare([.infinity, 5], [1, 1])
    #expect(result.maximumAbsolute?.index == [0] && result.failureCount == 2)
  }

  @Test func scaled() {
    let tolerance = Tolerance(.relativeToMaximum(1e-2))
    #expect(compare([1000, 9.9], [1000, 0], tolerance).passed)
    #expect(!compare([1000, 10.1], [1000, 0], tolerance).passed)
    #expect(!compare([1e-20], [0], tolerance).passed)
    #expect(compare([0.5], [0], Tolerance(.relativeToMaximum(1e-2, absolute: 0.5))).passed)
    // An infinite expected value must not widen the tolerance.
    #expect(!compare([.infinity, 2], [.infinity, 1], tolerance).passed)
  }

  @Test func integersAreExact() {
    func tensor(_ values: [Int64]) -> Tensor { Tensor(int64s: values, shape: [values.count]) }
    let large = Int64(1) << 60
    let result = TensorComparison(
      name: "t", actual: tensor([large + 1, 3]), expected: tensor([large, 3]))
    #expect(!result.passed && result.failureCount == 1)
    #expect(result.maximumAbsolute?.error == 1)
    let far = TensorComparison(name: "t", actual: tensor([.max]), expected: tensor([.min]))
    #expect(far.maximumAbsolute?.error == 0x1p64)
    let loose = Tolerance(.bounds(absolute: 1, relative: 0))
    #expect(
      TensorComparison(
        name: "t", actual: tensor([4]), expected: tensor([3]), tolerance: loose
      ).passed)
  }

  @Test func boolsAreExact() {
    let a = Tensor(type: .bool, shape: [3], bytes: [0, 1, 1])
    let b = Tensor(type: .bool, shape: [3], bytes: [0, 1, 0])
    #expect(TensorComparison(name: "t", actual: a, expected: a).passed)
    #expect(TensorComparison(name: "t", actual: a, expected: b).failureCount == 1)
  }

  @Test func shapesAndTypesMustMatch() {
    let a = Tensor(floats: [1, 2], shape: [2])
    let shape = TensorComparison(name: "t", actual: a, expected: a.reshaped([1, 2]))
    #expect(!shape.passed && shape.sentence == "t: the shape is [2], expected [1, 2].")
    let type = TensorComparison(name: "t", actual: a.converted(to: .f16), expected: a)
    #expect(!type.passed && type.sentence == "t: the type is f16, expected f32; the values agree.")
    #expect(
      TensorComparison(
        name: "t", actual: a.converted(to: .f16), expected: a,
        tolerance: Tolerance(typesMayDiffer: true)
      ).passed)
  }

  @Test func emptyPasses() {
    let empty = Tensor(floats: [], shape: [0, 4])
    let result = TensorComparison(name: "t", actual: empty, expected: empty)
    #expect(result.passed && result.cosine == nil)
  }

  @Test func cosineOfOppositeAndOrthogonal() {
    #expect(compare([1, 2], [-1, -2]).cosine.map { abs($0 + 1) < 1e-12 } == true)
    #expect(compare([1, 0], [0, 1]).cosine == 0)
    #expect(compare([0, 0], [0, 1]).cosine == nil)
  }

  /// A hundred million elements take about a second or two; a slip to boxed or unspecialised code
  /// would take minutes.
  @Test func largeTensorsAreQuick() {
    let count = 4_000_000
    let a = Tensor(floats: (0..<count).map { Float($0 % 1000) }, shape: [count])
    let clock = ContinuousClock()
    var passed = false
    let time = clock.measure { passed = TensorComparison(name: "t", actual: a, expected: a).passed }
    #expect(passed)
    #if !DEBUG
    #expect(time < .seconds(1))
    #endif
  }
}

@Suite struct ComparisonReportTests {
  private let one = Tensor(floats: [1, 2], shape: [2])
  private let other = Tensor(floats: [1, 2.5], shape: [2])

  private func report(
    _ actual: [String: Tensor], _ expected: [String: Tensor]
  ) throws -> ComparisonReport {
    try ComparisonReport(
      actualNames: actual.keys.sorted(), expectedNames: expected.keys.sorted()
    ) { name in
      (try #require(actual[name]), try #require(expected[name]))
    }
  }

  /// A table says nothing of elements that could not be compared.
  @Test func shapesNaNsAndPartners() throws {
    let nan = Tensor(floats: [.nan, 2], shape: [2])
    let text = try report(
      ["a": one.reshaped([2, 1]), "n": nan, "enc.w": one],
      ["a": one.reshaped([1, 2]), "n": nan, "enc.v": one]
    ).text()
    let words = text.split(separator: " ").joined(separator: " ")
    for part in [
      "FAIL a f32 [2, 1] for [1, 2] - - - - -", "FAIL n f32 [2] nan nan 1.00000000 1 1/0",
      "a: the shape is [2, 1], expected [1, 2]; transposed?",
      "FAIL enc.v: missing. Is it 'enc.w'?",
    ] { #expect(words.contains(part), "no '\(part)' in \(words)") }
    #expect(try report(["a": one], ["zzzzzz": one]).text().contains("no name is on both sides"))
  }

  /// Whole numbers beyond what a float64 holds, truth values, scalars and half precision are shown as
  /// they are.
  @Test func elementsAsTheyAre() {
    func sentence(_ a: Tensor, _ b: Tensor) -> String {
      TensorComparison(name: "t", actual: a, expected: b).sentence
    }
    let large = Int64(1) << 53
    #expect(
      sentence(Tensor(int64s: [large + 1], shape: [1]), Tensor(int64s: [large], shape: [1]))
        .hasSuffix("at [0]: 9007199254740993, expected 9007199254740992."))
    #expect(
      sentence(
        Tensor(type: .bool, shape: [1], bytes: [1]), Tensor(type: .bool, shape: [1], bytes: [0])
      ).hasSuffix("at [0]: true, expected false."))
    #expect(
      sentence(Tensor(scalar: Float(0.1)), Tensor(scalar: Float(0.2)))
        .hasSuffix("largest error 1.00e-01: 0.1, expected 0.2."))
  }

  @Test func missingAndExtraFail() throws {
    let missing = try report(["a": one], ["a": one, "b": one])
    #expect(missing.missing == ["b"] && !missing.passed())
    let extra = try report(["a": one, "b": one], ["a": one])
    #expect(extra.extra == ["b"] && !extra.passed() && extra.passed(allowingExtra: true))
    #expect(try report(["a": one], ["a": one]).passed())
  }

  @Test func worstAndFailed() throws {
    let nan = Tensor(floats: [.nan, 2], shape: [2])
    let result = try report(["a": one, "b": other, "c": nan], ["a": one, "b": one, "c": one])
    #expect(result.failed.map(\.name) == ["b", "c"])
    #expect(result.worst?.name == "c")
  }

  @Test func table() throws {
    let text = try report(["a": one, "long": other], ["a": one, "long": one]).text()
    #expect(
      text == """
              tensor  type  shape  max abs   max rel   cosine      off  NaN/Inf
        ok    a       f32   [2]    0         0         1.00000000  0    0/0
        FAIL  long    f32   [2]    5.00e-01  2.50e-01  0.99654576  1    0/0
        long: 1 of 2 elements out of tolerance (1.00e-05 + 1.30e-06·|expected|); largest error \
        5.00e-01 at [1]: 2.5, expected 2.0.
        2 compared, 1 out of tolerance, 0 missing, 0 extra.

        """)
  }
}
