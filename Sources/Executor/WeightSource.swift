import GraphIR
import TensorBase

/// Where a graph's weights come from: elements under the names of tensors, perhaps in a narrower
/// type than the graph's.
package struct WeightSource: Sendable {
  /// What is wanted of a tensor.
  package struct Piece: Sendable {
    package let name: String
    /// The type that is going to be used. What comes may have another in which the numbers are
    /// the same; bytes with scales are numbers when another type is wanted, else bytes.
    package let type: ElementType
    /// Along the first axis; nil for all.
    package let rows: Range<Int>?
    /// How many may read it.
    package let threads: Int
  }

  /// What a tensor is stored as, when it is not the graph's type.
  let stored: @Sendable (_ name: String) -> StoredWeight?
  /// A tensor or some rows of it.
  let tensor: @Sendable (Piece) throws -> Tensor
  /// Whether rows can be asked for.
  let hasRows: Bool

  package init(
    stored: @escaping @Sendable (_ name: String) -> StoredWeight? = { _ in nil },
    hasRows: Bool = false, tensor: @escaping @Sendable (Piece) throws -> Tensor
  ) {
    self.stored = stored
    self.tensor = tensor
    self.hasRows = hasRows
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
