import CKernels
import TensorBase

/// x converted to out's type; same shape. Floats to narrower floats round to nearest even; floats
/// to integers cut towards zero, beyond the range to its end, NaN to 0; to bool: not zero.
package func cast(_ out: MutableTensorView, _ x: TensorView, threads: Int) {
  precondition(out.shape.count == x.shape.count)
  let count = x.shape.count
  if out.type == x.type {
    out.base.copyMemory(from: x.base, byteCount: count * x.type.byteCount)
    return
  }
  let to = out.base, from = x.base
  let types = (x.type, out.type)
  parallelRanges(count, minimum: 65_536, threads: threads) { range in
    let first = range.lowerBound, count = range.count
    switch types {
    case (.f16, .f32):
      plumb_half_to_float(
        from.assumingMemoryBound(to: UInt16.self) + first,
        to.assumingMemoryBound(to: Float.self) + first, count)
    case (.f32, .f16):
      plumb_float_to_half(
        from.assumingMemoryBound(to: Float.self) + first,
        to.assumingMemoryBound(to: UInt16.self) + first, count)
    case (.bf16, .f32):
      plumb_bfloat16_to_float(
        from.assumingMemoryBound(to: UInt16.self) + first,
        to.assumingMemoryBound(to: Float.self) + first, count)
    case (.f32, .bf16):
      plumb_float_to_bfloat16(
        from.assumingMemoryBound(to: Float.self) + first,
        to.assumingMemoryBound(to: UInt16.self) + first, count)
    case (.i32, .f32):
      let (p, q) = (
        from.assumingMemoryBound(to: Int32.self), to.assumingMemoryBound(to: Float.self)
      )
      for i in range { q[i] = Float(p[i]) }
    case (.i64, .f32):
      let (p, q) = (
        from.assumingMemoryBound(to: Int64.self), to.assumingMemoryBound(to: Float.self)
      )
      for i in range { q[i] = Float(p[i]) }
    case (.u8, .f32):
      let (p, q) = (
        from.assumingMemoryBound(to: UInt8.self), to.assumingMemoryBound(to: Float.self)
      )
      for i in range { q[i] = Float(p[i]) }
    case (.i8, .f32):
      let (p, q) = (from.assumingMemoryBound(to: Int8.self), to.assumingMemoryBound(to: Float.self))
      for i in range { q[i] = Float(p[i]) }
    case (.f32, .f64):
      let (p, q) = (
        from.assumingMemoryBound(to: Float.self), to.assumingMemoryBound(to: Double.self)
      )
      for i in range { q[i] = Double(p[i]) }
    case (.f64, .f32):
      let (p, q) = (
        from.assumingMemoryBound(to: Double.self), to.assumingMemoryBound(to: Float.self)
      )
      for i in range { q[i] = Float(p[i]) }
    default:
      for i in range { Elements.convert(from, types.0, to, types.1, i) }
    }
  }
}

/// x's bits as elements of out's type, which is as wide. A bool is true for any bit.
package func bitCast(_ out: MutableTensorView, _ x: TensorView) {
  let byteCount = x.shape.count * x.type.byteCount
  precondition(out.shape.count * out.type.byteCount == byteCount)
  out.base.copyMemory(from: x.base, byteCount: byteCount)
  guard out.type == .bool else { return }
  let to = out.base.assumingMemoryBound(to: UInt8.self)
  for i in 0..<byteCount where to[i] != 0 { to[i] = 1 }
}

/// `cast`, one element at a time.
package func castReference(_ out: MutableTensorView, _ x: TensorView) {
  precondition(out.shape.count == x.shape.count)
  for i in 0..<x.shape.count { Elements.convert(x.base, x.type, out.base, out.type, i) }
}

/// Elements of any type, one at a time.
enum Elements {
  static func convert(
    _ from: UnsafeRawPointer, _ fromType: ElementType, _ to: UnsafeMutableRawPointer,
    _ toType: ElementType, _ i: Int
  ) {
    switch fromType {
    case .f32, .f16, .bf16, .f64: store(load(from, i, fromType), to, i, toType)
    case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool:
      let bits = integer(from, i, fromType)
      switch toType {
      case .f32:
        to.storeBytes(
          of: fromType == .u64 ? Float(UInt64(bitPattern: bits)) : Float(bits),
          toByteOffset: 4 * i, as: Float.self)
      case .f16, .bf16, .f64:
        store(fromType == .u64 ? Double(UInt64(bitPattern: bits)) : Double(bits), to, i, toType)
      case .i8, .u8:
        to.storeBytes(of: UInt8(truncatingIfNeeded: bits), toByteOffset: i, as: UInt8.self)
      case .i16, .u16:
        to.storeBytes(of: UInt16(truncatingIfNeeded: bits), toByteOffset: 2 * i, as: UInt16.self)
      case .i32, .u32:
        to.storeBytes(of: UInt32(truncatingIfNeeded: bits), toByteOffset: 4 * i, as: UInt32.self)
      case .i64, .u64: to.storeBytes(of: bits, toByteOffset: 8 * i, as: Int64.self)
      case .bool: to.storeBytes(of: bits == 0 ? 0 : 1, toByteOffset: i, as: UInt8.self)
      }
    }
  }

  /// An integer's value; u64 as its bit pattern.
  static func integer(_ base: UnsafeRawPointer, _ i: Int, _ type: ElementType) -> Int64 {
    switch type {
    case .i8: Int64(base.loadUnaligned(fromByteOffset: i, as: Int8.self))
    case .i16: Int64(base.loadUnaligned(fromByteOffset: 2 * i, as: Int16.self))
    case .i32: Int64(base.loadUnaligned(fromByteOffset: 4 * i, as: Int32.self))
    case .i64, .u64: base.loadUnaligned(fromByteOffset: 8 * i, as: Int64.self)
    case .u8: Int64(base.loadUnaligned(fromByteOffset: i, as: UInt8.self))
    case .u16: Int64(base.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self))
    case .u32: Int64(base.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self))
    case .bool: base.loadUnaligned(fromByteOffset: i, as: UInt8.self) == 0 ? 0 : 1
    case .f32, .f16, .bf16, .f64: saturated(load(base, i, type), Int64.self)
    }
  }

  static func load(_ base: UnsafeRawPointer, _ i: Int, _ type: ElementType) -> Double {
    switch type {
    case .f32: Double(base.loadUnaligned(fromByteOffset: 4 * i, as: Float.self))
    case .f64: base.loadUnaligned(fromByteOffset: 8 * i, as: Double.self)
    case .f16: Double(floatFromHalf(base.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)))
    case .bf16:
      Double(floatFromBFloat16(base.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)))
    case .u64: Double(UInt64(bitPattern: integer(base, i, type)))
    case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .bool: Double(integer(base, i, type))
    }
  }

  static func store(
    _ value: Double, _ base: UnsafeMutableRawPointer, _ i: Int, _ type: ElementType
  ) {
    switch type {
    case .f32: base.storeBytes(of: Float(value), toByteOffset: 4 * i, as: Float.self)
    case .f64: base.storeBytes(of: value, toByteOffset: 8 * i, as: Double.self)
    case .f16:
      base.storeBytes(of: halfFromFloat(oddly(value)), toByteOffset: 2 * i, as: UInt16.self)
    case .bf16:
      base.storeBytes(of: bfloat16FromFloat(oddly(value)), toByteOffset: 2 * i, as: UInt16.self)
    case .i8: base.storeBytes(of: saturated(value, Int8.self), toByteOffset: i, as: Int8.self)
    case .i16:
      base.storeBytes(of: saturated(value, Int16.self), toByteOffset: 2 * i, as: Int16.self)
    case .i32:
      base.storeBytes(of: saturated(value, Int32.self), toByteOffset: 4 * i, as: Int32.self)
    case .i64:
      base.storeBytes(of: saturated(value, Int64.self), toByteOffset: 8 * i, as: Int64.self)
    case .u8: base.storeBytes(of: saturated(value, UInt8.self), toByteOffset: i, as: UInt8.self)
    case .u16:
      base.storeBytes(of: saturated(value, UInt16.self), toByteOffset: 2 * i, as: UInt16.self)
    case .u32:
      base.storeBytes(of: saturated(value, UInt32.self), toByteOffset: 4 * i, as: UInt32.self)
    case .u64:
      base.storeBytes(of: saturated(value, UInt64.self), toByteOffset: 8 * i, as: UInt64.self)
    case .bool: base.storeBytes(of: value == 0 ? 0 : 1, toByteOffset: i, as: UInt8.self)
    }
  }

  /// `value` as float32, cut towards zero with the last bit set where that loses something, so that
  /// rounding once more to fewer bits gives what rounding at once would.
  private static func oddly(_ value: Double) -> Float {
    let nearest = Float(value)
    if Double(nearest) == value || !value.isFinite { return nearest }
    let cut =
      Double(nearest.magnitude) > value.magnitude ? nearest.magnitude.nextDown : nearest.magnitude
    let odd = Float(bitPattern: cut.bitPattern | 1)
    return value < 0 ? -odd : odd
  }

  private static func saturated<Whole: FixedWidthInteger>(_ value: Double, _ type: Whole.Type)
    -> Whole
  {
    if value.isNaN { return 0 }
    return Whole(exactly: value.rounded(.towardZero)) ?? (value < 0 ? Whole.min : Whole.max)
  }
}
