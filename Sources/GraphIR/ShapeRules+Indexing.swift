import TensorBase

extension IndexingOp {
  package func outputFacts(_ facts: NodeFacts) throws(Misfit) -> [Fact] {
    switch self {
    case .take(let axis):
      let (x, indices) = (try facts[0], try facts.indices(1))
      try checkAxis(axis, x.shape)
      var dimensions = x.shape.dimensions
      dimensions.replaceSubrange(axis...axis, with: indices.shape.dimensions)
      return [Fact(x.type, try checked(dimensions))]
    case .gatherElements(let axis):
      let (x, indices) = (try facts[0], try facts.indices(1))
      try checkBox(indices, x, axis)
      return [Fact(x.type, indices.shape)]
    case .gatherND(let batchAxes): return [try gatherFact(facts, batchAxes)]
    case .scatterElements(let axis, _):
      let (x, indices, updates) = (try facts[0], try facts.indices(1), try facts[2])
      try checkBox(indices, x, axis)
      try require(
        updates == Fact(x.type, indices.shape),
        "the updates \(updates) do not fit \(x) and the indices \(indices)")
      return [x]
    case .scatterND:
      let (x, indices, updates) = (try facts[0], try facts.indices(1), try facts[2])
      try require(
        indices.shape.rank > 0 && indices.shape[-1] <= x.shape.rank,
        "the indices \(indices) have more coordinates than \(x) has axes")
      let expected =
        indices.shape.dimensions.dropLast() + x.shape.dimensions[indices.shape[-1]...]
      try require(
        updates.type == x.type && updates.shape.dimensions == Array(expected),
        "the updates \(updates) do not fit \(x) and the indices \(indices)")
      return [x]
    case .scatterRows(let axis, _): return [try rowsFact(facts, axis)]
    case .crop(let crop): return [try crop.outputFact(facts)]
    case .pad(let pad): return [try pad.outputFact(facts)]
    case .tile(let repeats):
      let x = try facts[0]
      try require(
        repeats.count == x.shape.rank && repeats.allSatisfy { $0 >= 0 },
        "the repeats \(repeats) do not fit \(x)")
      return [Fact(x.type, try checked(try zip(x.shape.dimensions, repeats).map(product)))]
    case .expand(let dimensions):
      let x = try facts[0]
      let target = try checked(dimensions)
      try require(try broadcast(x.shape, target) == target, "\(x) does not broadcast to \(target)")
      return [Fact(x.type, target)]
    case .triangle:
      let x = try facts[0]
      try require(x.shape.rank >= 2, "\(x) is no matrix")
      return [x]
    case .reverseSequence(let batchAxis, let timeAxis):
      let (x, lengths) = (try facts[0], try facts.indices(1))
      try checkAxis(batchAxis, x.shape)
      try checkAxis(timeAxis, x.shape)
      try require(
        batchAxis != timeAxis && lengths.shape.dimensions == [x.shape[batchAxis]],
        "the lengths \(lengths) do not fit axis \(batchAxis) of \(x)")
      return [x]
    case .topK(let topK):
      let x = try facts[0]
      try checkAxis(topK.axis, x.shape)
      try require(
        (0...x.shape[topK.axis]).contains(topK.count),
        "\(topK.count) elements are wanted along axis \(topK.axis) of \(x)")
      var dimensions = x.shape.dimensions
      dimensions[topK.axis] = topK.count
      return [Fact(x.type, Shape(dimensions)), Fact(.i64, Shape(dimensions))]
    case .oneHot(let axis, let depth):
      let (indices, values) = (try facts[0], try facts[1])
      try require(values.shape == [2], "the values are \(values), not two")
      try require(
        (0...indices.shape.rank).contains(axis) && depth >= 0,
        "an axis \(axis) of \(depth) entries does not fit the indices \(indices)")
      var dimensions = indices.shape.dimensions
      dimensions.insert(depth, at: axis)
      return [Fact(values.type, try checked(dimensions))]
    case .range(let count):
      let (start, delta) = (try facts[0], try facts[1])
      try require(
        start.type == delta.type && start.shape.count == 1 && delta.shape.count == 1,
        "\(start) and \(delta) are not one number each, of one type")
      return [Fact(start.type, try checked([count]))]
    case .einsum(let einsum):
      let first = try facts[0]
      for index in facts.facts.indices {
        let operand = try facts[index]
        try require(operand.type == first.type, "\(first) and \(operand) differ in type")
      }
      let sizes = try einsum.sizes(facts)
      return [Fact(first.type, try checked(einsum.result.map { sizes[$0] }))]
    case .determinant:
      let x = try facts[0]
      try require(
        x.type.isFloatingPoint && x.shape.rank >= 2 && x.shape[-1] == x.shape[-2],
        "\(x) is no square matrix of a float type")
      return [Fact(x.type, Shape(Array(x.shape.dimensions.dropLast(2))))]
    case .countNGrams(let count): return [try count.outputFact(facts)]
    }
  }

  private func gatherFact(_ facts: NodeFacts, _ batchAxes: Int) throws(Misfit) -> Fact {
    let (x, indices) = (try facts[0], try facts.indices(1))
    try require(
      batchAxes >= 0 && batchAxes < min(x.shape.rank, indices.shape.rank),
      "\(batchAxes) batch axes do not fit \(x) and the indices \(indices)")
    let width = indices.shape[-1]
    try require(
      x.shape.dimensions[..<batchAxes] == indices.shape.dimensions[..<batchAxes]
        && width <= x.shape.rank - batchAxes,
      "the indices \(indices) with \(batchAxes) batch axes do not fit \(x)")
    let rest = x.shape.dimensions[(batchAxes + width)...]
    return Fact(x.type, try checked(indices.shape.dimensions.dropLast() + rest))
  }

  private func rowsFact(_ facts: NodeFacts, _ axis: Int) throws(Misfit) -> Fact {
    let (x, update) = (try facts[0], try facts[1])
    try checkAxis(axis, x.shape)
    try require(axis > 0, "axis 0 is the batch, which nothing is written along")
    var dimensions = update.shape.dimensions
    try require(
      update.type == x.type && dimensions.count == x.shape.rank
        && dimensions[axis] <= x.shape[axis],
      "the update \(update) does not fit \(x)")
    dimensions[axis] = x.shape[axis]
    try require(dimensions == x.shape.dimensions, "the update \(update) does not fit \(x)")
    if facts.isPresent(2) {
      let starts = try facts.indices(2)
      try require(
        starts.shape.dimensions == [x.shape[0]], "the starts \(starts) do not fit \(x)")
    }
    return x
  }

  /// The box that indexed elements stand in must not be longer than x but along `axis`.
  private func checkBox(_ indices: Fact, _ x: Fact, _ axis: Int) throws(Misfit) {
    try checkAxis(axis, x.shape)
    try require(
      indices.shape.rank == x.shape.rank
        && x.shape.dimensions.indices.allSatisfy {
          $0 == axis || indices.shape[$0] <= x.shape[$0]
        },
      "the indices \(indices) do not fit \(x) along axis \(axis)")
  }
}

extension Crop {
  fileprivate func outputFact(_ facts: NodeFacts) throws(Misfit) -> Fact {
    let x = try facts[0]
    try require(
      [starts.count, steps.count, counts.count].allSatisfy { $0 == x.shape.rank },
      "starts \(starts), steps \(steps) and counts \(counts) do not fit \(x)")
    for axis in counts.indices where counts[axis] != 0 {
      let (way, overflow) = steps[axis].multipliedReportingOverflow(by: counts[axis] - 1)
      let (end, overflow2) = starts[axis].addingReportingOverflow(way)
      let inside = 0..<x.shape[axis]
      try require(
        !overflow && !overflow2 && counts[axis] > 0 && steps[axis] != 0
          && inside.contains(starts[axis]) && inside.contains(end),
        "\(counts[axis]) entries from \(starts[axis]) in steps of \(steps[axis]) leave axis \(axis) of \(x)"
      )
    }
    return Fact(x.type, try checked(counts))
  }
}

extension BorderPad {
  fileprivate func outputFact(_ facts: NodeFacts) throws(Misfit) -> Fact {
    let x = try facts[0]
    try require(
      before.count == x.shape.rank && after.count == x.shape.rank,
      "the padding \(before), \(after) does not fit \(x)")
    if facts.isPresent(1) {
      let value = try facts[1]
      try require(
        value.type == x.type && value.shape.count == 1,
        "the value \(value) is not one element for \(x)")
    }
    var dimensions: [Int] = []
    for axis in before.indices {
      let size = x.shape[axis]
      // What is left of x, and then what is put around it.
      let (left, overflow) = size.addingReportingOverflow(min(before[axis], 0))
      let (kept, overflow2) = left.addingReportingOverflow(min(after[axis], 0))
      let (more, overflow3) = max(before[axis], 0).addingReportingOverflow(max(after[axis], 0))
      let (sum, overflow4) = kept.addingReportingOverflow(more)
      try require(
        !overflow && !overflow2 && !overflow3 && !overflow4 && sum >= 0,
        "the padding \(before[axis]), \(after[axis]) does not fit axis \(axis) of \(x)")
      try require(
        kept > 0 || mode == .constant || kept == 0 && more == 0,
        "nothing is left of axis \(axis) of \(x) to be padded with")
      dimensions.append(sum)
    }
    return Fact(x.type, try checked(dimensions))
  }
}

extension Einsum {
  /// The size of each label.
  package func sizes(_ facts: NodeFacts) throws(Misfit) -> [Int] {
    let count = (terms.joined().max() ?? -1) + 1
    var sizes = [Int](repeating: 1, count: count)
    for (index, term) in terms.enumerated() {
      let operand = try facts[index]
      try require(
        term.count == operand.shape.rank, "\(term.count) labels do not fit \(operand)")
      for (label, size) in zip(term, operand.shape.dimensions) where size != 1 {
        try require(
          sizes[label] == 1 || sizes[label] == size,
          "one label stands for the sizes \(sizes[label]) and \(size)")
        sizes[label] = size
      }
    }
    try require(
      result.allSatisfy { (0..<count).contains($0) } && Set(result).count == result.count,
      "the labels of the result, \(result), are not some of the operands'")
    // As many products are added up.
    _ = try checked(sizes)
    return sizes
  }
}

extension NGramCount {
  fileprivate func outputFact(_ facts: NodeFacts) throws(Misfit) -> Fact {
    let x = try facts.indices(0)
    try require(x.shape.rank <= 2, "\(x) has more than two axes")
    try require(
      lengths.lowerBound > 0 && longestSkip >= 0
        && entries.allSatisfy { (0..<columns).contains($0.column) },
      "the sequences do not fit their \(columns) columns")
    return Fact(.f32, try checked(x.shape.dimensions.dropLast() + [columns]))
  }
}

extension NodeFacts {
  fileprivate func indices(_ index: Int) throws(Misfit) -> Fact {
    let fact = try self[index]
    try require(
      fact.type == .i64 || fact.type == .i32, "the indices are \(fact), not i64 or i32")
    return fact
  }
}

private func product(_ a: Int, _ b: Int) throws(Misfit) -> Int {
  let (product, overflow) = a.multipliedReportingOverflow(by: b)
  try require(!overflow, "\(a) times \(b) entries are too many")
  return product
}
