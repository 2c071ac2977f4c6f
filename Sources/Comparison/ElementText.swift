import TensorBase

extension Tensor {
  /// An element as its own type writes it: the shortest digits that give it back, whole numbers
  /// without a fraction, truth values in words. `index` is its place in the row-major order.
  func elementText(at index: Int) -> String {
    func read<T: BitwiseCopyable>(_: T.Type, _ text: (T) -> String) -> String {
      withSpan(of: T.self) { text($0[index]) }
    }
    return switch type {
    case .f32: read(Float.self) { $0.description }
    case .f64: read(Double.self) { $0.description }
    case .f16: read(UInt16.self) { floatFromHalf($0).description }
    case .bf16: read(UInt16.self) { floatFromBFloat16($0).description }
    case .i8: read(Int8.self) { $0.description }
    case .i16: read(Int16.self) { $0.description }
    case .i32: read(Int32.self) { $0.description }
    case .i64: read(Int64.self) { $0.description }
    case .u8: read(UInt8.self) { $0.description }
    case .u16: read(UInt16.self) { $0.description }
    case .u32: read(UInt32.self) { $0.description }
    case .u64: read(UInt64.self) { $0.description }
    case .bool: read(UInt8.self) { $0 == 0 ? "false" : "true" }
    }
  }
}

extension [Int] {
  /// " at [1, 2]"; nothing for a scalar, which has one place only.
  var placeText: String { isEmpty ? "" : " at \(self)" }
}
