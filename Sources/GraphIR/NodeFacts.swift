import TensorBase

/// Why an op does not fit its inputs; the caller adds which node it is.
package struct Misfit: Error, Equatable {
  package let reason: String

  package init(_ reason: String) { self.reason = reason }
}

/// The facts of a node's inputs with access that explains itself.
package struct NodeFacts {
  package let facts: [Fact?]

  package init(_ facts: [Fact?]) { self.facts = facts }

  package subscript(index: Int) -> Fact {
    get throws(Misfit) {
      guard facts.indices.contains(index), let fact = facts[index] else {
        throw Misfit("input \(index) is missing")
      }
      return fact
    }
  }

  package func isPresent(_ index: Int) -> Bool {
    facts.indices.contains(index) && facts[index] != nil
  }

  /// An input that must be f32, of `minimumRank` axes or more.
  package func floating(_ index: Int, minimumRank: Int = 0) throws(Misfit) -> Fact {
    let fact = try self[index]
    try require(fact.type == .f32, "input \(index) is \(fact), not f32")
    try require(
      fact.shape.rank >= minimumRank, "input \(index), \(fact), has fewer than \(minimumRank) axes")
    return fact
  }

  /// A weight to pack or packed: f32, or f16, bf16 or (with scales) i8, which count as the f32 they
  /// stand for.
  package func packable(_ index: Int) throws(Misfit) -> Fact {
    let fact = try self[index]
    try require(
      fact.type == .f32 || fact.type.isHalf || fact.type == .i8,
      "input \(index) is \(fact), not f32, f16, bf16 or i8")
    return fact
  }

  /// Refuses an input of another shape than `shape`; an absent one is fine.
  package func expect(_ index: Int, _ shape: Shape, _ role: String) throws(Misfit) {
    guard isPresent(index) else { return }
    let fact = try floating(index)
    try require(fact.shape == shape, "the \(role) is \(fact.shape), not \(shape)")
  }
}

package func require(
  _ condition: Bool, _ reason: @autoclosure () -> String
) throws(Misfit) {
  if !condition { throw Misfit(reason()) }
}

package func checkAxis(_ axis: Int, _ shape: Shape) throws(Misfit) {
  try require((0..<shape.rank).contains(axis), "there is no axis \(axis) in \(shape)")
}

/// A shape of sizes that come from outside.
package func checked(_ dimensions: [Int]) throws(Misfit) -> Shape {
  do { return try Shape(checking: dimensions) } catch { throw Misfit(error.description) }
}

/// NumPy's rule: align at the last axis; sizes agree or one of them is 1.
package func broadcast(_ a: Shape, _ b: Shape) throws(Misfit) -> Shape {
  var dimensions: [Int] = []
  for axis in 1...max(a.rank, b.rank, 1) {
    let x = axis <= a.rank ? a[-axis] : 1
    let y = axis <= b.rank ? b[-axis] : 1
    guard x == y || x == 1 || y == 1 else { throw Misfit("\(a) and \(b) do not broadcast") }
    dimensions.append(x == 1 ? y : x)
  }
  dimensions.reverse()
  return try checked(Array(dimensions.suffix(max(a.rank, b.rank))))
}
