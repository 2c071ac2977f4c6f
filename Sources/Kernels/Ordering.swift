import TensorBase

/// Numbers in whose order the elements of any type stand: equal for equal elements (0 and −0, all
/// NaNs), larger for larger ones, NaN the largest.
struct OrderKeys: ~Copyable {
  let base: UnsafeMutablePointer<UInt64>

  init(_ view: TensorView) {
    let count = view.shape.count, type = view.type
    base = .allocate(capacity: max(count, 1))
    switch type {
    case .f32:
      let from = view.floats
      for i in 0..<count {
        let value = from[i]
        let bits = UInt64(value == 0 ? 0 : value.bitPattern)
        base[i] =
          value.isNaN ? .max : bits & 0x8000_0000 == 0 ? bits | 0x8000_0000 : ~bits & 0x7fff_ffff
      }
    case .f64, .f16, .bf16:
      for i in 0..<count {
        let value = Elements.load(view.base, i, type)
        let bits = value == 0 ? 0 : value.bitPattern
        base[i] = value.isNaN ? .max : bits >> 63 == 0 ? bits | 1 << 63 : ~bits
      }
    case .u64:
      for i in 0..<count {
        base[i] = UInt64(bitPattern: Elements.integer(view.base, i, type))
      }
    case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .bool:
      for i in 0..<count {
        base[i] = UInt64(bitPattern: Elements.integer(view.base, i, type)) ^ 1 << 63
      }
    }
  }

  deinit { base.deallocate() }
}
