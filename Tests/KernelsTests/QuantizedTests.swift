import Kernels
import TensorBase
import Testing

extension KernelTests {
  private func bytes(_ count: Int, _ type: ElementType, _ numbers: inout Numbers, _ shape: [Int])
    -> Tensor
  {
    Tensor(
      type: type, shape: Shape(shape),
      bytes: (0..<count).map { _ in UInt8(truncatingIfNeeded: numbers.bits()) })
  }

  /// Against sums in 64 bits, at the ends of the range and beyond what float32 adds exactly.
  @Test(arguments: [(ElementType.u8, ElementType.i8), (.i8, .i8), (.u8, .u8)])
  func integerProductsAreExact(_ types: (ElementType, ElementType)) {
    var numbers = Numbers(3)
    for (m, n, k) in [(1, 1, 1), (3, 5, 700), (17, 33, 256), (2, 2, 0)] {
      let a = bytes(m * k, types.0, &numbers, [m, k]), b = bytes(k * n, types.1, &numbers, [k, n])
      let aZero = bytes(m, types.0, &numbers, [m]), bZero = bytes(n, types.1, &numbers, [n])
      let out = Result([m, n], type: .i32)
      integerProduct(
        out.view, a.view, b.view, aZero: aZero.view, bZero: bZero.view, threads: 2)
      let (p, q, r, s) = (a.int64s, b.int64s, aZero.int64s, bZero.int64s)
      var expected: [Int64] = []
      for i in 0..<m {
        for j in 0..<n {
          expected.append(
            (0..<k).reduce(0) { $0 + (p[i * k + $1] - r[i]) * (q[$1 * n + j] - s[j]) })
        }
      }
      #expect(out.view.readOnly.copied().int64s == expected)
    }
    let full = Tensor(type: .u8, shape: [1, 1000], bytes: [UInt8](repeating: 255, count: 1000))
    let out = Result([1, 1], type: .i32)
    integerProduct(
      out.view, full.view, full.reshaped([1000, 1]).view, aZero: nil, bZero: nil, threads: 1)
    #expect(out.view.readOnly.copied().int64s == [65_025_000])
  }

  @Test func integerConvolutionSumsWhatItsWindowSees() {
    var numbers = Numbers(5)
    let x = bytes(2 * 4 * 7 * 6, .u8, &numbers, [2, 4, 7, 6])
    let weight = bytes(6 * 2 * 3 * 2, .i8, &numbers, [6, 2, 3, 2])
    let zero = Tensor(type: .u8, shape: [], bytes: [7])
    let window = WindowParameters(strides: [2, 1], dilations: [1, 2], before: [1, 2], groups: 2)
    let out = Result([2, 6, 4, 7], type: .i32)
    integerConvolution(
      out.view, x.view, weight: weight.view, xZero: zero.view, weightZero: nil, window, threads: 2)
    let (p, w) = (x.int64s, weight.int64s)
    var expected: [Int64] = []
    for b in 0..<2 {
      for o in 0..<6 {
        for row in 0..<4 {
          for column in 0..<7 {
            var sum: Int64 = 0
            for c in 0..<2 {
              for i in 0..<3 {
                for j in 0..<2 {
                  let (y, z) = (row * 2 + i - 1, column + j * 2 - 2)
                  guard (0..<7).contains(y), (0..<6).contains(z) else { continue }
                  let element = p[((b * 4 + o / 3 * 2 + c) * 7 + y) * 6 + z] - 7
                  sum += element * w[((o * 2 + c) * 3 + i) * 2 + j]
                }
              }
            }
            expected.append(sum)
          }
        }
      }
    }
    #expect(out.view.readOnly.copied().int64s == expected)
  }

  @Test func quantizingRoundsHalvesToEvenAndSaturates() {
    let x = Tensor(floats: [-1.5, 0.5, 1.5, 2.5, 1000, -1000, .nan], shape: [7])
    let scale = Tensor(scalar: 1 as Float)
    let zero = Tensor(type: .u8, shape: [], bytes: [10]), out = Result([7], type: .u8)
    quantize(
      out.view, x.view, scale: scale.view, zero: zero.view, ScaleLayout(axis: 0, block: nil),
      precision: .f32, threads: 1)
    #expect(out.view.readOnly.copied().int64s == [8, 10, 12, 12, 255, 0, 0])
  }

  /// One scale per row, per column, and per block of two with a rest of one.
  @Test func scalesFollowTheirAxis() {
    let x = Tensor(type: .i8, shape: [2, 3], bytes: [1, 2, 3, 4, 5, 6])
    func result(_ scales: [Float], _ shape: [Int], _ axis: Int, _ block: Int?) -> [Float] {
      let out = Result([2, 3])
      dequantize(
        out.view, x.view, scale: Tensor(floats: scales, shape: Shape(shape)).view, zero: nil,
        ScaleLayout(axis: axis, block: block), threads: 1)
      return out.floats
    }
    #expect(result([1, 10], [2], 0, nil) == [1, 2, 3, 40, 50, 60])
    #expect(result([1, 10, 100], [3], 1, nil) == [1, 20, 300, 4, 50, 600])
    #expect(result([1, 10, 100, 1000], [2, 2], 1, 2) == [1, 2, 30, 400, 500, 6000])
    #expect(result([1, 10, 100], [1, 3], 0, 2) == [1, 20, 300, 4, 50, 600])
  }

  @Test func rangesSpreadOverBytes() {
    let out = Result([3], type: .u8), scale = Result([]), zero = Result([], type: .u8)
    let x = Tensor(floats: [-1, 0, 1.55], shape: [3])
    dynamicQuantize(out.view, scale: scale.view, zero: zero.view, x.view, threads: 1)
    #expect(scale.floats == [0.01] && zero.view.readOnly.copied().int64s == [100])
    #expect(out.view.readOnly.copied().int64s == [0, 100, 255])
    let none = Tensor(zeros: [2], type: .f32), zeros = Result([2], type: .u8)
    dynamicQuantize(zeros.view, scale: nil, zero: nil, none.view, threads: 1)
    #expect(zeros.view.readOnly.copied().int64s == [0, 0])
  }
}
