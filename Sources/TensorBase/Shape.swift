/// The dimensions of a tensor, outermost first; row-major.
///
/// A shape that exists is sound: no dimension is negative and the element count fits `Int`.
package struct Shape: Hashable, Sendable {
  package let dimensions: [Int]

  /// The product of the dimensions; 1 for a scalar.
  package let count: Int

  /// Traps on a negative dimension or an overflowing count: for shapes the program itself made.
  package init(_ dimensions: [Int]) {
    var count = 1
    for dimension in dimensions {
      precondition(dimension >= 0, "negative dimension in \(dimensions)")
      count *= dimension
    }
    self.dimensions = dimensions
    self.count = count
  }

  /// For shapes that come from outside.
  ///
  /// - Throws: `TensorError.negativeDimension`, `TensorError.tooManyElements`. A shape with more
  ///   than `Int.max / 8` elements is refused, so that the byte count of any type fits as well.
  package init(checking dimensions: [Int]) throws(TensorError) {
    var count = 1
    var hasZero = false
    for dimension in dimensions {
      guard dimension >= 0 else { throw .negativeDimension(dimensions) }
      if dimension == 0 {
        hasZero = true
        continue
      }
      let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
      guard !overflow, product <= Int.max / 8 else { throw .tooManyElements(dimensions) }
      count = product
    }
    self.dimensions = dimensions
    self.count = hasZero ? 0 : count
  }

  package var rank: Int { dimensions.count }

  /// The dimension at `axis`; a negative axis counts from the end.
  package subscript(axis: Int) -> Int {
    dimensions[axis < 0 ? dimensions.count + axis : axis]
  }

  /// Elements between neighbours along each axis, row-major.
  package var strides: [Int] {
    var strides = [Int](repeating: 1, count: rank)
    for axis in stride(from: rank - 2, through: 0, by: -1) {
      strides[axis] = strides[axis + 1] * dimensions[axis + 1]
    }
    return strides
  }
}

extension Shape: ExpressibleByArrayLiteral {
  package init(arrayLiteral elements: Int...) { self.init(elements) }
}

extension Shape: CustomStringConvertible {
  package var description: String {
    "[" + dimensions.map(String.init).joined(separator: ", ") + "]"
  }
}

/// What can be wrong with a tensor described from outside.
package enum TensorError: Error, Equatable, CustomStringConvertible {
  case negativeDimension([Int])
  case tooManyElements([Int])

  package var description: String {
    switch self {
    case .negativeDimension(let dimensions):
      "the shape \(dimensions) has a negative dimension"
    case .tooManyElements(let dimensions):
      "the shape \(dimensions) has more elements than memory can address"
    }
  }
}
