extension Tensor {
  /// The elements as float32: rounded to nearest from f64 and large integers; bool as 0 and 1.
  package var floats: [Float] {
    [Float](unsafeUninitializedCapacity: shape.count) { target, count in
      count = shape.count
      readElements { index, element in target[index] = element.float }
    }
  }

  /// The elements as float64, exact but for 64-bit integers beyond 2⁵³.
  package var doubles: [Double] {
    [Double](unsafeUninitializedCapacity: shape.count) { target, count in
      count = shape.count
      readElements { index, element in target[index] = element.double }
    }
  }

  /// The elements as int64. Floats are cut towards zero, clamped to the range, NaN becomes 0;
  /// u64 beyond `Int64.max` is clamped.
  package var int64s: [Int64] {
    [Int64](unsafeUninitializedCapacity: shape.count) { target, count in
      count = shape.count
      readElements { index, element in target[index] = element.int64 }
    }
  }

  /// The elements as `Int`; nil when the type is a float.
  package var integers: [Int]? { type.isFloatingPoint ? nil : int64s.map { Int($0) } }

  /// The same numbers in another type: floats rounded to nearest (ties to even), floats to
  /// integers cut towards zero and clamped, anything but zero becomes true.
  package func converted(to target: ElementType) -> Tensor {
    if target == type { return self }
    switch (type, target) {
    case (.f32, .f16), (.f32, .bf16):
      return Tensor.written(target, shape) { bytes in
        copy(elements: 0..<shape.count, as: target, into: &bytes)
      }
    case (.f16, .f32), (.bf16, .f32):
      return Tensor.written(target, shape) { bytes in
        withBytes { widen($0, of: type, into: &bytes) }
      }
    default: break
    }
    return Tensor(type: target, shape: shape) { bytes in
      readElements { index, element in
        func store<T: BitwiseCopyable>(_ value: T) {
          bytes.storeBytes(
            of: value, toByteOffset: index * MemoryLayout<T>.stride, as: T.self)
        }
        switch target {
        case .f32: store(element.float)
        case .f16: store(halfFromFloat(element.float))
        case .bf16: store(bfloat16FromFloat(element.float))
        case .f64: store(element.double)
        case .i8: store(Int8(clamping: element.int64))
        case .i16: store(Int16(clamping: element.int64))
        case .i32: store(Int32(clamping: element.int64))
        case .i64: store(element.int64)
        case .u8: store(UInt8(clamping: element.int64))
        case .u16: store(UInt16(clamping: element.int64))
        case .u32: store(UInt32(clamping: element.int64))
        case .u64: store(element.uint64)
        case .bool: store(UInt8(element.isZero ? 0 : 1))
        }
      }
    }
  }

  /// One element, wide enough for every type.
  private enum Element {
    case float(Float)
    case double(Double)
    case signed(Int64)
    case unsigned(UInt64)

    var float: Float {
      switch self {
      case .float(let value): value
      case .double(let value): Float(value)
      case .signed(let value): Float(value)
      case .unsigned(let value): Float(value)
      }
    }

    var double: Double {
      switch self {
      case .float(let value): Double(value)
      case .double(let value): value
      case .signed(let value): Double(value)
      case .unsigned(let value): Double(value)
      }
    }

    var int64: Int64 {
      switch self {
      case .float(let value): Int64(cutting: Double(value))
      case .double(let value): Int64(cutting: value)
      case .signed(let value): value
      case .unsigned(let value): Int64(clamping: value)
      }
    }

    var uint64: UInt64 {
      switch self {
      case .unsigned(let value): value
      case .float, .double, .signed: UInt64(clamping: int64)
      }
    }

    var isZero: Bool {
      switch self {
      case .float(let value): value == 0
      case .double(let value): value == 0
      case .signed(let value): value == 0
      case .unsigned(let value): value == 0
      }
    }
  }

  private func readElements(_ body: (Int, Element) -> Void) {
    withUnsafeBytes { bytes in
      func each<T: BitwiseCopyable>(_ type: T.Type, _ element: (T) -> Element) {
        for index in 0..<shape.count {
          let value = bytes.loadUnaligned(
            fromByteOffset: index * MemoryLayout<T>.stride, as: type)
          body(index, element(value))
        }
      }
      switch type {
      case .f32: each(Float.self) { .float($0) }
      case .f16: each(UInt16.self) { .float(floatFromHalf($0)) }
      case .bf16: each(UInt16.self) { .float(floatFromBFloat16($0)) }
      case .f64: each(Double.self) { .double($0) }
      case .i8: each(Int8.self) { .signed(Int64($0)) }
      case .i16: each(Int16.self) { .signed(Int64($0)) }
      case .i32: each(Int32.self) { .signed(Int64($0)) }
      case .i64: each(Int64.self) { .signed($0) }
      case .u8: each(UInt8.self) { .unsigned(UInt64($0)) }
      case .u16: each(UInt16.self) { .unsigned(UInt64($0)) }
      case .u32: each(UInt32.self) { .unsigned(UInt64($0)) }
      case .u64: each(UInt64.self) { .unsigned($0) }
      case .bool: each(UInt8.self) { .unsigned($0 == 0 ? 0 : 1) }
      }
    }
  }
}

extension Int64 {
  /// `value` cut towards zero and clamped to the range; 0 for NaN.
  fileprivate init(cutting value: Double) {
    if value.isNaN {
      self = 0
    } else if value >= 0x1p63 {
      self = .max
    } else if value <= -0x1p63 {
      self = .min
    } else {
      self = Int64(value)
    }
  }
}
