import Kernels
import TensorBase
import TestSupport
import Testing

/// All kernel tests run one after the other: the SIMD level is the process's.
@Suite(.serialized) struct KernelTests {
  init() throws { try loadProducts() }
}

/// Deterministic numbers, about normal with a few large ones.
struct Numbers {
  private var random: TestRandom

  init(_ seed: UInt64) { random = TestRandom(state: seed &* 0x9E37_79B9_7F4A_7C15 | 1) }

  mutating func bits() -> UInt64 { random.next() }

  mutating func next() -> Float {
    var sum: Float = -2
    for _ in 0..<4 { sum += Float(bits() >> 40) / Float(1 << 24) }
    return sum * 1.7
  }

  mutating func tensor(_ dimensions: [Int], scale: Float = 1, offset: Float = 0) -> Tensor {
    let shape = Shape(dimensions)
    return Tensor(floats: (0..<shape.count).map { _ in next() * scale + offset }, shape: shape)
  }
}

/// A writable f32 (or other) result with rubbish in it, so that an unwritten element shows.
final class Result {
  let view: MutableTensorView
  init(_ dimensions: [Int], type: ElementType = .f32) {
    let shape = Shape(dimensions)
    let storage = TensorStorage(AlignedBytes(count: max(1, shape.count * type.byteCount)))
    view = MutableTensorView(type: type, shape: shape, storage: storage)
    let bytes = view.base.assumingMemoryBound(to: UInt8.self)
    for i in 0..<(shape.count * type.byteCount) { bytes[i] = 0xB7 }
  }
  var floats: [Float] { view.readOnly.copied().floats }
  var int64s: [Int64] { view.readOnly.copied().int64s }
}

/// Runs `fast` at every level this processor has and compares each result with `reference`'s.
/// An element may differ by `absolute` + `relative` · |reference|; NaN must meet NaN.
func expectAgreement(
  _ dimensions: [Int], absolute: Float = 1e-6, relative: Float = 1e-5,
  _ context: @autoclosure () -> String = "", reference: (MutableTensorView) -> Void,
  fast: (MutableTensorView) -> Void, sourceLocation: SourceLocation = #_sourceLocation
) {
  let expected = Result(dimensions)
  reference(expected.view)
  let usual = ProcessorLevel.current
  defer { usual.use() }
  for level in ProcessorLevel.available {
    level.use()
    let got = Result(dimensions)
    fast(got.view)
    expectClose(
      got.floats, expected.floats, absolute, relative, "\(level) \(context())", sourceLocation)
  }
}

func expectClose(
  _ got: [Float], _ expected: [Float], _ absolute: Float, _ relative: Float, _ context: String,
  _ sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(got.count == expected.count, sourceLocation: sourceLocation)
  let bad = zip(got, expected).enumerated().filter { _, pair in
    let (a, b) = pair
    if a == b || (a.isNaN && b.isNaN) { return false }
    return !(abs(a - b) <= absolute + relative * abs(b))
  }
  if let first = bad.first {
    Issue.record(
      "\(context): \(bad.count) of \(got.count) differ, first [\(first.offset)] \(first.element)",
      sourceLocation: sourceLocation)
  }
}
