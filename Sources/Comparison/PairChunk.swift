import TensorBase

/// Some elements of two tensors of one type and shape, side by side.
struct PairChunk {
  static let capacity = 4096

  /// Place of the first element in the row-major order.
  fileprivate(set) var start = 0
  fileprivate(set) var count = 0
  /// Widened to float64: exact but for integers beyond 2⁵³.
  fileprivate(set) var actual = [Double](repeating: 0, count: capacity)
  fileprivate(set) var expected = [Double](repeating: 0, count: capacity)
  /// |actual − expected|, NaN where one of them is not finite. Of floats the float64 nearest to the
  /// difference, of integers that nearest to the exact difference.
  fileprivate(set) var errors = [Double](repeating: 0, count: capacity)
  /// How many steps from one representable value to the next lie between the two; see
  /// `ErrorStatistics.Steps`. Without meaning where one is NaN.
  fileprivate(set) var steps = [UInt64](repeating: 0, count: capacity)
}

/// Walks over two tensors of the same type and shape.
func forEachChunk(_ actual: Tensor, _ expected: Tensor, _ body: (PairChunk) -> Void) {
  switch actual.type {
  case .f32:
    walkFloats(actual, expected, Float.self, body) {
      (Double($0), signed($0.bitPattern & 0x7fff_ffff, $0.sign))
    }
  case .f64:
    walkFloats(actual, expected, Double.self, body) {
      ($0, signed($0.bitPattern & 0x7fff_ffff_ffff_ffff, $0.sign))
    }
  case .f16:
    walkFloats(actual, expected, UInt16.self, body) {
      (Double(floatFromHalf($0)), signed($0 & 0x7fff, $0 >> 15 == 0 ? .plus : .minus))
    }
  case .bf16:
    walkFloats(actual, expected, UInt16.self, body) {
      (Double(floatFromBFloat16($0)), signed($0 & 0x7fff, $0 >> 15 == 0 ? .plus : .minus))
    }
  case .i8: walkIntegers(actual, expected, Int8.self, body)
  case .i16: walkIntegers(actual, expected, Int16.self, body)
  case .i32: walkIntegers(actual, expected, Int32.self, body)
  case .i64: walkIntegers(actual, expected, Int64.self, body)
  case .u8, .bool: walkIntegers(actual, expected, UInt8.self, body)
  case .u16: walkIntegers(actual, expected, UInt16.self, body)
  case .u32: walkIntegers(actual, expected, UInt32.self, body)
  case .u64: walkIntegers(actual, expected, UInt64.self, body)
  }
}

/// The place of a float among the values of its type: 0 for both zeros, one more for each next
/// larger value, the infinities behind the largest finite ones.
@inline(__always)
private func signed(_ magnitude: some FixedWidthInteger, _ sign: FloatingPointSign) -> Int64 {
  sign == .plus ? Int64(magnitude) : -Int64(magnitude)
}

@inline(__always)
private func walkFloats<T: BitwiseCopyable>(
  _ actual: Tensor, _ expected: Tensor, _: T.Type, _ body: (PairChunk) -> Void,
  _ read: (T) -> (value: Double, place: Int64)
) {
  walk(actual, expected, T.self, body) { x, y in
    let (p, q) = (read(x), read(y))
    let distance = UInt64(bitPattern: max(p.place, q.place) &- min(p.place, q.place))
    let difference = p.value - q.value
    // Finite minus itself is 0; NaN and infinities give NaN.
    let finite = (p.value - p.value) + (q.value - q.value)
    return (p.value, q.value, difference.magnitude + finite, distance)
  }
}

@inline(__always)
private func walkIntegers<T: FixedWidthInteger & BitwiseCopyable>(
  _ actual: Tensor, _ expected: Tensor, _: T.Type, _ body: (PairChunk) -> Void
) {
  walk(actual, expected, T.self, body) { x, y in
    let distance = UInt64(x.distance(from: y))
    return (Double(x), Double(y), Double(distance), distance)
  }
}

@inline(__always)
private func walk<T: BitwiseCopyable>(
  _ actual: Tensor, _ expected: Tensor, _: T.Type, _ body: (PairChunk) -> Void,
  _ pair: (T, T) -> (Double, Double, Double, UInt64)
) {
  actual.withSpan(of: T.self) { a in
    expected.withSpan(of: T.self) { b in
      var chunk = PairChunk()
      while chunk.start < a.count {
        chunk.count = min(PairChunk.capacity, a.count - chunk.start)
        fill(
          chunk.start..<chunk.start + chunk.count, a, b, &chunk.actual, &chunk.expected,
          &chunk.errors, &chunk.steps, pair)
        body(chunk)
        chunk.start += chunk.count
      }
    }
  }
}

@inline(__always)
private func fill<T: BitwiseCopyable>(
  _ range: Range<Int>, _ a: Span<T>, _ b: Span<T>, _ actual: inout [Double],
  _ expected: inout [Double], _ errors: inout [Double], _ steps: inout [UInt64],
  _ pair: (T, T) -> (Double, Double, Double, UInt64)
) {
  var actual = actual.mutableSpan
  var expected = expected.mutableSpan
  var errors = errors.mutableSpan
  var steps = steps.mutableSpan
  let start = range.lowerBound
  for i in 0..<range.count {
    let (x, y, error, distance) = pair(a[start + i], b[start + i])
    actual[i] = x
    expected[i] = y
    errors[i] = error
    steps[i] = distance
  }
}

extension FixedWidthInteger {
  /// The exact distance to another integer.
  func distance(from other: Self) -> Magnitude {
    let (larger, smaller) = (Swift.max(self, other), Swift.min(self, other))
    return Magnitude(truncatingIfNeeded: larger) &- Magnitude(truncatingIfNeeded: smaller)
  }
}
