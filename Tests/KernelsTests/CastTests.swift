import Kernels
import TensorBase
import Testing

extension KernelTests {
  /// Every half bit pattern, both ways, at every level, against TensorBase's own arithmetic.
  @Test func allHalves() {
    let usual = ProcessorLevel.current
    defer { usual.use() }
    let bytes = (0..<65_536).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
    let halves = Tensor(type: .f16, shape: [65_536], bytes: bytes)
    for level in ProcessorLevel.available {
      level.use()
      let wide = Result([65_536]), back = Result([65_536], type: .f16)
      cast(wide.view, halves.view, threads: 2)
      cast(back.view, wide.view.readOnly, threads: 2)
      let got = wide.floats
      let same = (0..<65_536).filter {
        let expected = floatFromHalf(UInt16($0))
        return got[$0].bitPattern == expected.bitPattern || (got[$0].isNaN && expected.isNaN)
      }
      #expect(same.count == 65_536, "\(level)")
      let again = back.floats
      let kept = (0..<65_536).filter { again[$0] == got[$0] || (again[$0].isNaN && got[$0].isNaN) }
      #expect(kept.count == 65_536, "\(level)")
    }
  }

  @Test(arguments: [ElementType.f16, .bf16])
  func narrowingRoundsToEven(_ type: ElementType) {
    let usual = ProcessorLevel.current
    defer { usual.use() }
    var numbers = Numbers(9)
    let values: [Float] =
      (0..<5000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: numbers.bits())) }
      + (0..<5000).map { _ in numbers.next() * 1e-5 }
      + [65_504, 65_519.996, 65_520, 6e-8, 2.98e-8, 2.99e-8, 1e-30, -0.0, .infinity, .nan]
    let x = Tensor(floats: values, shape: [values.count])
    let expected = values.map {
      type == .f16
        ? floatFromHalf(halfFromFloat($0)) : floatFromBFloat16(bfloat16FromFloat($0))
    }
    for level in ProcessorLevel.available {
      level.use()
      let out = Result([values.count], type: type)
      cast(out.view, x.view, threads: 1)
      expectClose(out.floats, expected, 0, 0, "\(level)")
    }
  }

  @Test func anyTypeToAny() {
    let x = Tensor(floats: [0, 1, -1, 2.75, -2.75, 100, 127], shape: [7])
    for from in ElementType.allCases {
      let source = Result([7], type: from)
      cast(source.view, x.view, threads: 1)
      for to in ElementType.allCases {
        let fast = Result([7], type: to), plain = Result([7], type: to)
        cast(fast.view, source.view.readOnly, threads: 1)
        castReference(plain.view, source.view.readOnly)
        #expect(fast.floats == plain.floats, "\(from) \(to)")
      }
    }
  }

  @Test func integersSaturate() {
    let x = Tensor(floats: [300, -300, .nan, .infinity, -.infinity, 2.9], shape: [6])
    let out = Result([6], type: .i8)
    cast(out.view, x.view, threads: 1)
    #expect(out.floats == [127, -128, 0, 127, -128, 2])
  }
}
