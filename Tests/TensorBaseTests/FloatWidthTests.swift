import TensorBase
import Testing

/// Patterns from all over float32, with the borders of f16's and bf16's ranges and ties.
private let patterns: [UInt32] = {
  var patterns = [UInt32](stride(from: 0, through: UInt32.max - 9973, by: 9973))
  for border: UInt32 in [
    0, 0x3300_0000, 0x3380_0000, 0x3880_0000, 0x3f80_0000, 0x3f80_1000, 0x3f80_3000, 0x3f80_8000,
    0x3f81_8000, 0x477f_e000, 0x477f_f000, 0x7f7f_8000, 0x7f80_0000, 0x7fc0_0000,
  ] {
    for step: UInt32 in 0...4 { patterns += [border &+ step, border &- step] }
  }
  return patterns + patterns.map { $0 ^ 0x8000_0000 }
}()

private let floats = patterns.map { Float(bitPattern: $0) }
private let tensor = Tensor(floats: floats, shape: [floats.count])

@Test(arguments: [ElementType.f16, .bf16])
func bulkRoundingIsElementwiseRounding(type: ElementType) {
  let expected = floats.map { type == .f16 ? halfFromFloat($0) : bfloat16FromFloat($0) }
  let rounded = tensor.converted(to: type)
  let found = rounded.withSpan(of: UInt16.self) { span in span.indices.map { span[$0] } }
  #expect(zip(expected, found).filter { $0 != $1 }.count == 0)
}

@Test(arguments: [ElementType.f16, .bf16])
func bulkWideningIsElementwiseWidening(type: ElementType) {
  let halves = [UInt16](0...UInt16.max)
  let bytes = halves.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
  let widened = Tensor(type: type, shape: [halves.count], bytes: bytes).converted(to: .f32)
  let found = widened.withSpan(of: UInt32.self) { span in span.indices.map { span[$0] } }
  let expected = halves.map { half in
    (type == .f16 ? floatFromHalf(half) : floatFromBFloat16(half)).bitPattern
  }
  #expect(zip(expected, found).filter { $0 != $1 }.count == 0)
}

@Test(arguments: [ElementType.f16, .bf16]) func exactnessIsSurvivalOfTheBits(type: ElementType) {
  for pattern in patterns.prefix(200_000) + patterns.suffix(300) {
    let value = Float(bitPattern: pattern)
    let back =
      type == .f16
      ? floatFromHalf(halfFromFloat(value)) : floatFromBFloat16(bfloat16FromFloat(value))
    let isExact = Tensor(floats: [value], shape: [1]).isExact(in: type)
    if isExact != (back.bitPattern == pattern) {
      Issue.record("\(type) \(pattern)")
      return
    }
  }
  // The last element alone spoils a long tensor.
  var long = [Float](repeating: 0.5, count: 10_001)
  #expect(Tensor(floats: long, shape: [10_001]).isExact(in: type))
  long[10_000] = 0.1
  #expect(!Tensor(floats: long, shape: [10_001]).isExact(in: type))
}

@Test func roundingReportsErrorAndOverflow() {
  func round(_ values: [Float], _ type: ElementType) -> Rounding {
    var rounding = Rounding()
    _ = Tensor.written(type, [values.count]) { bytes in
      rounding = Tensor(floats: values, shape: [values.count]).copy(
        elements: 0..<values.count, as: type, into: &bytes)
    }
    return rounding
  }
  #expect(round([1, 1 + 0x1p-11, -3], .f16) == Rounding(largestError: 0x1p-11))
  #expect(round([.infinity, .nan, 1], .f16) == Rounding())
  #expect(round([1, 70000, -80000], .f16).overflow == 70000)
  #expect(round([70000], .bf16) == Rounding(largestError: 144))
  #expect(round([.greatestFiniteMagnitude], .bf16).overflow == .greatestFiniteMagnitude)
}
