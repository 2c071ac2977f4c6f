import TensorBase

/// Dynamic ops that pick elements by what they are.
package enum SelectionOp: Hashable, Sendable {
  /// x of any type → i64 [rank, how many]: the coordinates of the elements that are not zero.
  case nonZero
  /// x of any type, condition bool [≤ size of the axis] → the entries of x along the axis (of the
  /// flattened x without one) where the condition holds.
  case compress(axis: Int?)
  /// x of any type → the different entries along the axis (of the flattened x without one), where
  /// each comes first, for each entry which of them it is, how often each occurs; ascending or as
  /// they come.
  case unique(axis: Int?, isSorted: Bool)
  /// boxes [batch, n, 4], scores [batch, classes, n], [limit i64], [overlap f32], [score f32] →
  /// i64 [how many, 3]: batch entry, class, box of the best boxes that do not overlap more.
  ///
  /// Boxes are centre x, centre y, width, height when centred, else opposite corners y, x, y, x.
  case nonMaxSuppression(isCentred: Bool)

  package var name: String {
    switch self {
    case .nonZero: "nonZero"
    case .compress: "compress"
    case .unique: "unique"
    case .nonMaxSuppression: "nonMaxSuppression"
    }
  }

  package var inputCounts: ClosedRange<Int> {
    switch self {
    case .nonZero, .unique: 1...1
    case .compress: 2...2
    case .nonMaxSuppression: 2...5
    }
  }

  package var requiredInputs: Int { inputCounts.lowerBound }

  package var outputCount: Int {
    switch self {
    case .nonZero, .compress, .nonMaxSuppression: 1
    case .unique: 4
    }
  }

  /// Refuses inputs that the op does not take; what it puts out depends on their elements.
  package func check(_ facts: NodeFacts) throws(Misfit) {
    let x = try facts[0]
    switch self {
    case .nonZero: break
    case .unique(let axis, _): if let axis { try checkAxis(axis, x.shape) }
    case .compress(let axis):
      let condition = try facts[1]
      if let axis { try checkAxis(axis, x.shape) }
      try require(
        condition.type == .bool && condition.shape.rank == 1,
        "the condition is \(condition), not a list of bool")
    case .nonMaxSuppression:
      let scores = try facts[1]
      try require(
        x.type == .f32 && scores.type == .f32 && x.shape.rank == 3 && scores.shape.rank == 3
          && x.shape.dimensions == [scores.shape[0], scores.shape[2], 4],
        "the boxes \(x) do not fit the scores \(scores)")
      for index in 2..<5 where facts.isPresent(index) {
        let limit = try facts[index]
        try require(
          limit.type == (index == 2 ? .i64 : .f32) && limit.shape.count <= 1,
          "input \(index) is \(limit), not one number")
      }
    }
  }
}
