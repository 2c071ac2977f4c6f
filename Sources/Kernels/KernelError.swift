/// What the world can do wrong to a kernel; wrong shapes are our bugs and trap.
package enum KernelError: Error, Equatable, CustomStringConvertible {
  /// An index read from a tensor lies outside the axis that it selects from.
  case indexOutOfRange(index: Int64, position: Int, size: Int)
  /// The same where a negative index counts from the end.
  case relativeIndexOutOfRange(index: Int64, position: Int, size: Int)
  /// A number read from a tensor makes no sense there.
  case badValue(String)
  /// The library for matrix products is missing; the text says what to install.
  case productsUnavailable(String)

  package var description: String {
    switch self {
    case .indexOutOfRange(let index, let position, let size):
      "index \(index) at position \(position) is outside the \(size) rows it selects from; "
        + "expected 0 to \(size - 1)"
    case .relativeIndexOutOfRange(let index, let position, let size):
      "index \(index) at position \(position) is outside the \(size) entries it selects from; "
        + (size == 0 ? "none may be selected" : "expected -\(size) to \(size - 1)")
    case .badValue(let reason): reason
    case .productsUnavailable(let reason): reason
    }
  }
}
