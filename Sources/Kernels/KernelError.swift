/// What the world can do wrong to a kernel; wrong shapes are our bugs and trap.
package enum KernelError: Error, Equatable, CustomStringConvertible {
  /// An index read from a tensor lies outside the axis that it selects from.
  case indexOutOfRange(index: Int64, position: Int, size: Int)
  /// The library for matrix products is missing; the text says what to install.
  case productsUnavailable(String)

  package var description: String {
    switch self {
    case .indexOutOfRange(let index, let position, let size):
      "index \(index) at position \(position) is outside the \(size) rows it selects from; "
        + "expected 0 to \(size - 1)"
    case .productsUnavailable(let reason): reason
    }
  }
}
