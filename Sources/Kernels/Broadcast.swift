import TensorBase

/// The shape that `a` and `b` broadcast to (numpy's rule), or nil when they do not.
package func broadcastShape(_ a: Shape, _ b: Shape) -> Shape? {
  let rank = max(a.rank, b.rank)
  var dimensions = [Int](repeating: 1, count: rank)
  for axis in 0..<rank {
    let i = axis - rank + a.rank, j = axis - rank + b.rank
    let p = i >= 0 ? a[i] : 1, q = j >= 0 ? b[j] : 1
    guard p == q || p == 1 || q == 1 else { return nil }
    dimensions[axis] = p == 1 ? q : p
  }
  return Shape(dimensions)
}

/// Elements from neighbour to neighbour of a tensor of `shape` seen as `target`: 0 along repeated
/// axes. Traps when `shape` does not broadcast to `target`.
func broadcastStrides(_ shape: Shape, to target: Shape) -> [Int] {
  precondition(broadcastShape(shape, target) == target, "\(shape) does not broadcast to \(target)")
  let own = shape.strides
  return (0..<target.rank).map { axis in
    let i = axis - target.rank + shape.rank
    return i < 0 || shape[i] == 1 ? 0 : own[i]
  }
}

/// Several strided walks over one index space, with axes merged where all walks allow it.
struct Walk {
  /// Never empty; the last axis is the inner loop.
  private(set) var dimensions: [Int] = []
  /// For each operand its strides, as many as dimensions.
  private(set) var strides: [[Int]]

  init(_ dimensions: [Int], _ operands: [[Int]]) {
    strides = operands.map { _ in [] }
    for axis in dimensions.indices where dimensions[axis] != 1 {
      if let last = self.dimensions.indices.last,
        operands.indices.allSatisfy({
          strides[$0][last] == operands[$0][axis] * dimensions[axis]
        })
      {
        self.dimensions[last] *= dimensions[axis]
        for operand in operands.indices { strides[operand][last] = operands[operand][axis] }
      } else {
        self.dimensions.append(dimensions[axis])
        for operand in operands.indices { strides[operand].append(operands[operand][axis]) }
      }
    }
    if self.dimensions.isEmpty {
      self.dimensions = [1]
      strides = operands.map { _ in [1] }
    }
  }

  var innerCount: Int { dimensions[dimensions.count - 1] }
  var outerCount: Int { dimensions.dropLast().reduce(1, *) }

  /// Where operand `operand` begins its inner loop number `outer`.
  func offset(_ operand: Int, _ outer: Int) -> Int {
    var rest = outer, offset = 0
    for axis in stride(from: dimensions.count - 2, through: 0, by: -1) {
      offset += rest % dimensions[axis] * strides[operand][axis]
      rest /= dimensions[axis]
    }
    return offset
  }
}
