/// The type of a tensor's elements. The raw value is the name used in files and messages.
package enum ElementType: String, CaseIterable, Sendable, Hashable {
  case f32, f16, bf16, f64
  case i8, i16, i32, i64
  case u8, u16, u32, u64
  case bool

  /// Bytes an element takes.
  package var byteCount: Int {
    switch self {
    case .i8, .u8, .bool: 1
    case .f16, .bf16, .i16, .u16: 2
    case .f32, .i32, .u32: 4
    case .f64, .i64, .u64: 8
    }
  }

  package var isFloatingPoint: Bool {
    switch self {
    case .f32, .f16, .bf16, .f64: true
    case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool: false
    }
  }
}
