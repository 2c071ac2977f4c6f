import TensorBase

/// The element types of ONNX; the raw value is the format's own number.
package enum ONNXElementType: Int, CaseIterable, Hashable, Sendable {
  case float = 1
  case uint8, int8, uint16, int16, int32, int64, string, bool, float16, double, uint32, uint64
  case complex64, complex128, bfloat16
  case float8e4m3fn, float8e4m3fnuz, float8e5m2, float8e5m2fnuz
  case uint4, int4, float4e2m1, float8e8m0, uint2, int2, float6e2m3, float6e3m2

  /// What such elements are once loaded: a type that holds every value exactly. Nil for strings and
  /// complex numbers, which are not computed with.
  package var elementType: ElementType? {
    switch self {
    case .float: .f32
    case .double: .f64
    case .float16: .f16
    case .bfloat16: .bf16
    case .int8, .int4, .int2: .i8
    case .int16: .i16
    case .int32: .i32
    case .int64: .i64
    case .uint8, .uint4, .uint2: .u8
    case .uint16: .u16
    case .uint32: .u32
    case .uint64: .u64
    case .bool: .bool
    case .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz: .f16
    case .float4e2m1, .float6e2m3, .float6e3m2: .f16
    case .float8e8m0: .f32
    case .string, .complex64, .complex128: nil
    }
  }

  /// Whether elements are loaded into a wider type than the file's own: as storage, not to compute
  /// with.
  package var isWidened: Bool {
    guard let elementType, let bitCount else { return false }
    return bitCount != 8 * elementType.byteCount
  }

  /// The format's name for it, in small letters.
  package var name: String { String(describing: self) }

  /// Bits that an element takes where elements lie packed; nil for strings.
  var bitCount: Int? {
    switch self {
    case .uint2, .int2: 2
    case .uint4, .int4, .float4e2m1: 4
    case .float6e2m3, .float6e3m2: 6
    case .int8, .uint8, .bool: 8
    case .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0: 8
    case .int16, .uint16, .float16, .bfloat16: 16
    case .float, .int32, .uint32: 32
    case .double, .int64, .uint64, .complex64: 64
    case .complex128: 128
    case .string: nil
    }
  }
}
