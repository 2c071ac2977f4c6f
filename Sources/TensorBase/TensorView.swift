/// A typed, shaped, read-only window on memory; what kernels read. Keeps the memory alive.
///
/// The elements lie row-major from `base` on. Views are made for sound ranges only, so a kernel
/// that stays within `shape` stays within memory.
@safe
package struct TensorView {
  package let type: ElementType
  package let shape: Shape
  package let base: UnsafeRawPointer
  private let storage: TensorStorage

  /// A view of `shape.count` elements from `byteOffset` of `storage` on.
  package init(type: ElementType, shape: Shape, storage: TensorStorage, byteOffset: Int = 0) {
    checkRange(type, shape, storage, byteOffset)
    self.type = type
    self.shape = shape
    self.storage = storage
    base = UnsafeRawPointer(baseAddress(of: storage) + byteOffset)
  }

  /// The same elements under another shape of the same count.
  package func reshaped(_ shape: Shape) -> TensorView {
    precondition(shape.count == self.shape.count, "\(self.shape) does not reshape to \(shape)")
    return TensorView(
      type: type, shape: shape, storage: storage,
      byteOffset: base - UnsafeRawPointer(baseAddress(of: storage)))
  }

  /// A tensor with a copy of the elements.
  package func copied() -> Tensor {
    let byteCount = shape.count * type.byteCount
    return Tensor(type: type, shape: shape) { target in
      if byteCount > 0, let start = target.baseAddress {
        start.copyMemory(from: base, byteCount: byteCount)
      }
    }
  }

  /// The elements as float32. Traps when the type is another.
  package var floats: UnsafePointer<Float> {
    precondition(type == .f32, "a kernel for f32 was given \(type)")
    return base.assumingMemoryBound(to: Float.self)
  }

  /// The elements as int64. Traps when the type is another.
  package var int64s: UnsafePointer<Int64> {
    precondition(type == .i64, "a kernel for i64 was given \(type)")
    return base.assumingMemoryBound(to: Int64.self)
  }
}

/// A typed, shaped, writable window on memory; what kernels write. Keeps the memory alive.
@safe
package struct MutableTensorView {
  package let type: ElementType
  package let shape: Shape
  package let base: UnsafeMutableRawPointer
  let storage: TensorStorage

  /// A view of `shape.count` elements from `byteOffset` of `storage` on.
  package init(type: ElementType, shape: Shape, storage: TensorStorage, byteOffset: Int = 0) {
    checkRange(type, shape, storage, byteOffset)
    self.type = type
    self.shape = shape
    self.storage = storage
    base = baseAddress(of: storage) + byteOffset
  }

  /// The same elements under another shape of the same count.
  package func reshaped(_ shape: Shape) -> MutableTensorView {
    precondition(shape.count == self.shape.count, "\(self.shape) does not reshape to \(shape)")
    return MutableTensorView(
      type: type, shape: shape, storage: storage, byteOffset: base - baseAddress(of: storage))
  }

  package var readOnly: TensorView {
    TensorView(
      type: type, shape: shape, storage: storage, byteOffset: base - baseAddress(of: storage))
  }

  /// The elements as float32. Traps when the type is another.
  package var floats: UnsafeMutablePointer<Float> {
    precondition(type == .f32, "a kernel for f32 was given \(type)")
    return base.assumingMemoryBound(to: Float.self)
  }

  /// The elements as int64. Traps when the type is another.
  package var int64s: UnsafeMutablePointer<Int64> {
    precondition(type == .i64, "a kernel for i64 was given \(type)")
    return base.assumingMemoryBound(to: Int64.self)
  }
}

private func checkRange(
  _ type: ElementType, _ shape: Shape, _ storage: TensorStorage, _ byteOffset: Int
) {
  precondition(
    byteOffset >= 0 && byteOffset + shape.count * type.byteCount <= storage.byteCount,
    "a view of \(type) \(shape) at byte \(byteOffset) leaves its \(storage.byteCount) bytes")
}

/// Where a storage begins. A storage is never empty: `AlignedBytes` has at least a byte; a mapped
/// one of no bytes has no address, and none of its bytes is ever read.
private func baseAddress(of storage: TensorStorage) -> UnsafeMutableRawPointer {
  storage.bytes.baseAddress
    ?? UnsafeMutableRawPointer(bitPattern: AlignedBytes.alignment)
    .unsafelyUnwrapped
}
