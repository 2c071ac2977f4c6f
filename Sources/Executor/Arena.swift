import TensorBase

/// The memory in which a graph's values live while it runs, as its plan laid them out.
package struct Arena {
  private var storage: TensorStorage?

  package init() {}

  package var byteCount: Int { storage?.byteCount ?? 0 }

  /// Makes room for `byteCount` bytes; what the arena held is lost when it grows.
  package mutating func reserve(_ byteCount: Int) {
    guard self.byteCount < byteCount else { return }
    // The old block goes before the new one comes.
    storage = nil
    storage = TensorStorage(AlignedBytes(uninitializedCount: byteCount))
  }

  func view(_ type: ElementType, _ shape: Shape, at offset: Int) -> TensorView {
    TensorView(type: type, shape: shape, storage: reserved, byteOffset: offset)
  }

  func mutableView(_ type: ElementType, _ shape: Shape, at offset: Int) -> MutableTensorView {
    MutableTensorView(type: type, shape: shape, storage: reserved, byteOffset: offset)
  }

  private var reserved: TensorStorage {
    guard let storage else { preconditionFailure("the arena is used before it is reserved") }
    return storage
  }
}
