import TensorBase

/// Where a graph's weights come from: elements under the names of tensors, perhaps in a narrower
/// type than the graph's.
package struct WeightSource: Sendable {
  /// The type in which a tensor is stored, when it is not the graph's.
  let storedType: @Sendable (_ name: String) -> ElementType?
  /// A whole tensor, read on so many threads at most.
  let tensor: @Sendable (_ name: String, _ threads: Int) throws -> Tensor
  /// Some rows of a tensor, along its first axis; nil where there are whole tensors only.
  let rows: (@Sendable (_ name: String, _ rows: Range<Int>, _ threads: Int) throws -> Tensor)?

  package init(
    storedType: @escaping @Sendable (_ name: String) -> ElementType? = { _ in nil },
    tensor: @escaping @Sendable (_ name: String, _ threads: Int) throws -> Tensor,
    rows: (@Sendable (_ name: String, _ rows: Range<Int>, _ threads: Int) throws -> Tensor)? = nil
  ) {
    self.storedType = storedType
    self.tensor = tensor
    self.rows = rows
  }
}

/// How much memory weights may take.
package enum WeightMemory: Sendable {
  /// Each stays, ready to use, once it is loaded.
  case all
  /// Each is loaded just before it is used, while the one before it is in use, and dropped after.
  case least
  /// As many stay as fit in what the process may use; the others are loaded when they are used.
  case limited(Limit)

  /// What a process may use in all.
  package struct Limit: Sendable {
    let byteCount: Int
    /// Bytes that the process has resident.
    let used: @Sendable () -> Int

    package init(byteCount: Int, used: @escaping @Sendable () -> Int) {
      self.byteCount = byteCount
      self.used = used
    }
  }
}
