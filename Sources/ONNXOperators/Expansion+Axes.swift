import GraphIR
import TensorBase

extension Expansion {
  /// An axis counted from the front, of one that may be counted from the end.
  package func axis(_ axis: Int, of shape: Shape) throws(ExpansionFault) -> Int {
    try self.axis(axis, rank: shape.rank)
  }

  package func axis(_ axis: Int, rank: Int) throws(ExpansionFault) -> Int {
    guard axis >= -rank, axis < rank else {
      throw .misfit("there is no axis \(axis) among \(rank)")
    }
    return axis < 0 ? axis + rank : axis
  }

  /// Axes counted from the front; each may come once.
  package func axes(_ axes: [Int], rank: Int) throws(ExpansionFault) -> [Int] {
    let result = try axes.map { axis throws(ExpansionFault) in try self.axis(axis, rank: rank) }
    guard Set(result).count == result.count else {
      throw .misfit("an axis comes twice in \(axes)")
    }
    return result
  }

  /// A list that older versions have as an attribute and newer ones as an input; nil without.
  package func ints(
    _ attribute: String, orInput index: Int
  ) throws(ExpansionFault) -> [Int]? {
    if optional(index) != nil { return try integers(of: index) }
    return try ints(attribute)
  }

  /// A value repeated to a shape by NumPy's rule.
  package mutating func broadcast(
    _ id: ValueID, to dimensions: [Int]
  ) throws(ExpansionFault) -> ValueID {
    if self[id].shape.dimensions == dimensions { return id }
    return try emit(.indexing(.expand(dimensions)), id)
  }

  /// The entries `start` to `end` along an axis.
  package mutating func slice(
    _ id: ValueID, axis: Int, from start: Int, to end: Int
  ) throws(ExpansionFault) -> ValueID {
    if start == 0 && end == self[id].shape[axis] { return id }
    return try emit(.slice(Slice(axis: axis, start: start, end: end)), id)
  }
}

extension Expansion {
  /// The shape of a constant that is made element by element.
  ///
  /// - Throws: `misfit` for more than 2²⁶ elements. Sizes come from files: a short one can ask for any
  ///   amount of memory before anything is known of what it is for.
  package func writable(_ dimensions: [Int]) throws(ExpansionFault) -> Shape {
    let shape = try checked(dimensions)
    guard shape.count <= 1 << 26 else { throw .misfit("\(shape) is too large to be written out") }
    return shape
  }

  /// A shape of sizes that come from outside.
  package func checked(_ dimensions: [Int]) throws(ExpansionFault) -> Shape {
    do { return try Shape(checking: dimensions) } catch { throw .misfit(error.description) }
  }
}
