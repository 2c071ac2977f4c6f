import TensorBase

/// A tensor's elements as doubles: for kernels that take any type and need no speed. Integers
/// beyond 2⁵³ lose their last bits.
struct Doubles: ~Copyable {
  let base: UnsafeMutablePointer<Double>
  let count: Int

  /// Zeros.
  init(count: Int) {
    self.count = count
    base = .allocate(capacity: max(count, 1))
    base.initialize(repeating: 0, count: max(count, 1))
  }

  init(_ view: TensorView) {
    count = view.shape.count
    base = .allocate(capacity: max(count, 1))
    switch view.type {
    case .f32:
      let from = view.floats
      for i in 0..<count { base[i] = Double(from[i]) }
    case .f64:
      base.initialize(
        from: view.base.assumingMemoryBound(to: Double.self), count: count)
    case .f16, .bf16, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool:
      for i in 0..<count { base[i] = Elements.load(view.base, i, view.type) }
    }
  }

  deinit { base.deallocate() }

  /// Writes the elements in out's type: floats round to nearest even, integers cut towards zero
  /// and stop at the ends of their range.
  func store(to out: MutableTensorView) {
    precondition(out.shape.count == count)
    switch out.type {
    case .f32:
      let to = out.floats
      for i in 0..<count { to[i] = Float(base[i]) }
    case .f64, .f16, .bf16, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool:
      for i in 0..<count { Elements.store(base[i], out.base, i, out.type) }
    }
  }
}

/// A tensor's elements as 64-bit integers, u64 as its bit pattern: for kernels that take any
/// integer type and need no speed.
struct Integers: ~Copyable {
  let base: UnsafeMutablePointer<Int64>
  let count: Int

  /// Zeros.
  init(count: Int) {
    self.count = count
    base = .allocate(capacity: max(count, 1))
    base.initialize(repeating: 0, count: max(count, 1))
  }

  init(_ view: TensorView) {
    count = view.shape.count
    base = .allocate(capacity: max(count, 1))
    for i in 0..<count { base[i] = Elements.integer(view.base, i, view.type) }
  }

  deinit { base.deallocate() }

  /// Writes the elements in out's integer type, keeping the low bits.
  func store(to out: MutableTensorView) {
    precondition(out.shape.count == count && !out.type.isFloatingPoint)
    for i in 0..<count { Elements.convert(base, .i64, out.base, out.type, i) }
  }
}
