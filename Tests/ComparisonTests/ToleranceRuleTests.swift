import Comparison
import TensorBase
import TestSupport
import Testing

@Suite struct ToleranceRuleTests {
  private func passes(_ a: Float, _ b: Float, _ rule: Tolerance.Rule) -> Bool {
    TensorComparison(
      name: "t", actual: Tensor(scalar: a), expected: Tensor(scalar: b), tolerance: Tolerance(rule)
    ).passed
  }

  /// The bounds add up in one rule and stand alone in the other.
  @Test func sumAndEither() {
    #expect(passes(11.5, 10, .bounds(absolute: 0.5, relative: 0.1)))
    #expect(!passes(11.5, 10, .either(absolute: 0.5, relative: 0.1)))
    #expect(passes(11, 10, .either(absolute: 0.5, relative: 0.1)))
    #expect(passes(11, 10, .either(absolute: 1, relative: 0)))
    #expect(!passes(11, 10, .either(absolute: 0.99, relative: 0.099)))
    #expect(!passes(.nan, 10, .either(absolute: .infinity, relative: .infinity)))
    #expect(!passes(.infinity, 10, .either(absolute: .infinity, relative: .infinity)))
    #expect(passes(0.5, 0, .either(absolute: 0.5, relative: 1)))
  }

  @Test func sentence() {
    let result = TensorComparison(
      name: "t", actual: Tensor(scalar: Float(3)), expected: Tensor(scalar: Float(2)),
      tolerance: Tolerance(.either(absolute: 0.5, relative: 0.25)), detail: .failures)
    #expect(result.sentence.contains("(5.00e-01 or 2.50e-01·|expected|)"))
    #expect(
      result.advice == "it passes from atol 1.00e+00 or rtol 2.50e-01, or rtol 5.00e-01 or atol "
        + "5.00e-01, or 5.00e-01 of the largest expected")
    let nan = TensorComparison(
      name: "t", actual: Tensor(scalar: Float.nan), expected: Tensor(scalar: Float(2)),
      detail: .failures)
    #expect(nan.advice?.contains("no tolerance") == true)
  }

  @Test func printedTolerancesAreNotTooSmall() {
    for value in [
      1.234e-5, 1.2301e-5, 9.9951e-3, 0.99999, 1, 1.0000001, 123456.7, .leastNonzeroMagnitude,
    ] {
      let a = Tensor(doubles: [value], shape: [1])
      let result = TensorComparison(
        name: "t", actual: a, expected: Tensor(doubles: [0], shape: [1]),
        tolerance: .exact, detail: .failures)
      let words = (result.advice ?? "").split(separator: " ")
      let printed = words.firstIndex(of: "atol").flatMap { Double(words[$0 + 1]) }
      #expect(printed.map { $0 >= value && $0 <= value * 1.0101 } ?? false, "\(words)")
    }
  }
}

@Suite struct ErrorMapTests {
  @Test func aSliceAroundTheLargestError() throws {
    let expected = Tensor(floats: [Float](repeating: 0, count: 24), shape: [2, 3, 4])
    var values = [Float](repeating: 0, count: 24)
    values[12 + 4 + 3] = 2
    values[12] = -1
    values[0] = 0.5
    let actual = Tensor(floats: values, shape: [2, 3, 4])
    let map = try #require(ErrorMap(actual, expected, around: [1, 1, 3], maximumSide: 8))
    #expect(map.leading == [1] && map.size == (3, 4) && map.picture == (3, 4))
    #expect(map.errors == [1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0])
  }

  @Test func cellsKeepTheLargestOfMany() throws {
    let count = 7 * 5000
    var values = [Float](repeating: 0, count: count)
    values[5000 * 6 + 4999] = 3
    values[2] = .nan
    values[3] = 1
    values[5000 * 3] = .infinity
    var expected = [Float](repeating: 0, count: count)
    expected[5000 * 3] = .infinity
    let map = try #require(
      ErrorMap(
        Tensor(floats: values, shape: [7, 5000]), Tensor(floats: expected, shape: [7, 5000]),
        around: [0, 2], maximumSide: 4))
    #expect(map.picture == (4, 4) && map.size == (7, 5000))
    #expect(map.errors[0].isNaN && map.errors[15] == 3)
    #expect(map.errors[1..<15].allSatisfy { $0 == 0 })
  }

  @Test func whatHasNoPicture() {
    let line = Tensor(floats: [1, 2], shape: [2])
    #expect(ErrorMap(line, line, around: [0], maximumSide: 4) == nil)
    let empty = Tensor(floats: [], shape: [0, 2])
    #expect(ErrorMap(empty, empty, around: [0, 0], maximumSide: 4) == nil)
    #expect(
      ErrorMap(
        line.reshaped([1, 2]), line.reshaped([2, 1]), around: [0, 0], maximumSide: 4) == nil)
  }
}
