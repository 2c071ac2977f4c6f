import TensorBase
import Testing

@Test func everyHalfSurvivesTheWayThroughFloat() {
  for bits in UInt16.min...UInt16.max {
    let value = floatFromHalf(bits)
    if value.isNaN {
      #expect(floatFromHalf(halfFromFloat(value)).isNaN)
    } else {
      #expect(halfFromFloat(value) == bits, "half \(bits)")
    }
  }
}

@Test func halfRoundsToNearestEven() {
  // Neighbouring halves a < b: a stays a just below the middle, the middle goes to the even one.
  for bits in stride(from: UInt16(0), to: 0x7bff, by: 1) {
    let a = floatFromHalf(bits)
    let b = floatFromHalf(bits + 1)
    let middle = (a + b) / 2
    #expect(halfFromFloat(middle) == (bits % 2 == 0 ? bits : bits + 1))
    #expect(halfFromFloat(middle.nextDown) == bits)
    #expect(halfFromFloat(middle.nextUp) == bits + 1)
    #expect(halfFromFloat(-middle.nextUp) == (bits + 1) | 0x8000)
  }
  #expect(halfFromFloat(65519.996) == 0x7bff)
  #expect(halfFromFloat(65520) == 0x7c00)
  #expect(halfFromFloat(.infinity) == 0x7c00)
}

@Test func bfloat16RoundsToNearestEven() {
  #expect(bfloat16FromFloat(Float(bitPattern: 0x3f80_8000)) == 0x3f80)
  #expect(bfloat16FromFloat(Float(bitPattern: 0x3f81_8000)) == 0x3f82)
  #expect(bfloat16FromFloat(Float(bitPattern: 0x3f80_8001)) == 0x3f81)
  #expect(floatFromBFloat16(bfloat16FromFloat(.nan)).isNaN)
  #expect(bfloat16FromFloat(.greatestFiniteMagnitude) == 0x7f80)
}

@Test func shapesFromOutsideAreChecked() throws {
  #expect(try Shape(checking: [2, 0, 3]).count == 0)
  #expect(try Shape(checking: []).count == 1)
  #expect(throws: TensorError.negativeDimension([2, -1])) { try Shape(checking: [2, -1]) }
  #expect(throws: TensorError.tooManyElements([Int.max, 2])) { try Shape(checking: [Int.max, 2]) }
  #expect(throws: TensorError.tooManyElements([0, Int.max, 2])) {
    try Shape(checking: [0, Int.max, 2])
  }
}

@Test(arguments: ElementType.allCases) func smallNumbersConvertBothWays(type: ElementType) {
  let numbers: [Float] = type == .bool ? [0, 1, 1] : [0, 1, 100]
  let tensor = Tensor(floats: numbers, shape: [3]).converted(to: type)
  #expect(tensor.type == type)
  #expect(tensor.byteCount == 3 * type.byteCount)
  #expect(tensor.floats == numbers)
  #expect(tensor.int64s == numbers.map { Int64($0) })
}

@Test func floatsAreCutAndClamped() {
  let tensor = Tensor(floats: [-1.9, 1.9, 300, -.infinity, .nan], shape: [5])
  #expect(tensor.converted(to: .i8).int64s == [-1, 1, 127, -128, 0])
  #expect(tensor.converted(to: .u8).int64s == [0, 1, 255, 0, 0])
}

@Test func viewsShareTheMemoryOfTheirTensor() {
  let tensor = Tensor(floats: [1, 2, 3, 4, 5, 6], shape: [2, 3])
  let view = tensor.view.reshaped([3, 2])
  #expect(view.shape.strides == [2, 1])
  #expect(view.floats[5] == 6)
  #expect(view.copied() == tensor.reshaped([3, 2]))
}
