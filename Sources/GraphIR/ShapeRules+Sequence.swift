import TensorBase

extension SequenceOp {
  package func outputFacts(_ facts: NodeFacts) throws(Misfit) -> [Fact] {
    switch self {
    case .recurrent(let attributes): return try attributes.outputFacts(facts)
    case .fourier(let attributes): return [try attributes.outputFact(facts)]
    case .standardize:
      let x = try anyFloat(facts, 0)
      try require(x.shape.rank == 2, "\(x) does not have two axes")
      for input in 1...2 {
        try expect(facts, input, Fact(x.type, [x.shape[1]]), input == 1 ? "scale" : "shift")
      }
      let statistic = Fact(.f32, [x.shape[0], 1])
      return [x, statistic, statistic]
    case .scaleToNorm(let attributes):
      let x = try anyFloat(facts, 0)
      try checkAxis(attributes.axis, x.shape)
      try require(
        attributes.power == 1 || attributes.power == 2, "there is no norm \(attributes.power)")
      return [x]
    case .linearAttention(let attributes): return try attributes.outputFacts(facts)
    case .rotate(let attributes): return [try attributes.outputFact(facts)]
    case .logLikelihood(let attributes): return try attributes.outputFacts(facts)
    case .visibility(let attributes): return [try attributes.outputFact(facts)]
    case .attentionWeights:
      let scores = try anyFloat(facts, 0)
      try require(
        scores.type == .f32 || scores.type == .f64, "scores are \(scores), neither f32 nor f64")
      try require(scores.shape.rank >= 1, "scores are \(scores), without an axis of keys")
      if facts.isPresent(1) {
        let addend = try facts[1]
        let both = try broadcast(addend.shape, scores.shape)
        try require(
          addend.type == scores.type && both == scores.shape,
          "\(addend) cannot be added to scores of \(scores)")
      }
      return [scores]
    case .unpackBlocks(let attributes): return [try attributes.outputFact(facts)]
    }
  }
}

extension Recurrent {
  fileprivate func outputFacts(_ facts: NodeFacts) throws(Misfit) -> [Fact] {
    let x = try anyFloat(facts, 0)
    try require(x.shape.rank == 3, "a recurrent layer takes three axes, not \(x)")
    try require(
      hidden > 0 && hidden <= Int(Int32.max), "a hidden size of \(hidden) makes no sense")
    try require(
      activations.count == directions * cell.activations,
      "\(activations.count) activations are given, not \(directions * cell.activations)")
    let rows = cell.gates * hidden
    let (batch, steps) = isBatchFirst ? (x.shape[0], x.shape[1]) : (x.shape[1], x.shape[0])
    let state: Shape = try checked(
      isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden])
    try expect(
      facts, 1, Fact(x.type, try checked([directions, rows, x.shape[2]])), "input weight")
    try expect(facts, 2, Fact(x.type, [directions, rows, hidden]), "recurrent weight")
    try expect(facts, 3, Fact(x.type, [directions, 2 * rows]), "bias")
    try expect(facts, 4, Fact(.i32, [batch]), "length of sequences")
    try expect(facts, 5, Fact(x.type, state), "initial hidden state")
    try expect(facts, 6, Fact(x.type, state), "initial cell state")
    try expect(facts, 7, Fact(x.type, [directions, 3 * hidden]), "peephole weight")
    let all = try checked(
      isBatchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden])
    return [Fact(x.type, all), Fact(x.type, state), Fact(x.type, state)]
  }
}

extension Fourier {
  /// Entries of the output along the axis.
  package var outputLength: Int { isHalf && !isInverse ? length / 2 + 1 : length }

  fileprivate func outputFact(_ facts: NodeFacts) throws(Misfit) -> Fact {
    let x = try anyFloat(facts, 0)
    try require(
      x.shape.rank >= 2 && (x.shape[-1] == 1 || x.shape[-1] == 2),
      "a Fourier transform takes a last axis of 1 or 2, not \(x)")
    try require(
      (0..<(x.shape.rank - 1)).contains(axis), "there is no axis \(axis) of a signal in \(x)")
    try require(length > 0, "a transform of length \(length) makes no sense")
    try require(
      !isHalf || isInverse || x.shape[-1] == 1,
      "half of a transform is enough for real numbers only, and \(x) is complex")
    var dimensions = x.shape.dimensions
    dimensions[axis] = outputLength
    dimensions[x.shape.rank - 1] = isHalf && isInverse ? 1 : 2
    return Fact(x.type, try checked(dimensions))
  }
}

extension LinearAttention {
  fileprivate func outputFacts(_ facts: NodeFacts) throws(Misfit) -> [Fact] {
    let query = try facts.floating(0)
    let key = try facts.floating(1)
    let value = try facts.floating(2)
    try require(
      query.shape.rank == 3 && key.shape.rank == 3 && value.shape.rank == 3
        && query.shape.dimensions[..<2] == key.shape.dimensions[..<2]
        && query.shape.dimensions[..<2] == value.shape.dimensions[..<2],
      "queries \(query), keys \(key) and values \(value) do not fit each other")
    try require(
      heads > 0 && keyHeads > 0 && heads % keyHeads == 0 && query.shape[2] % heads == 0
        && key.shape[2] % keyHeads == 0 && value.shape[2] % keyHeads == 0
        && query.shape[2] / heads == key.shape[2] / keyHeads,
      "queries \(query), keys \(key) and values \(value) do not split into \(heads) and "
        + "\(keyHeads) heads")
    let (batch, steps) = (query.shape[0], query.shape[1])
    let (d, dv) = (query.shape[2] / heads, value.shape[2] / keyHeads)
    let state = try checked([batch, keyHeads, d, dv])
    try expect(facts, 3, Fact(.f32, state), "state")
    for (input, role, wide) in [(4, "decay", keyHeads * d), (5, "rate", 1)]
    where facts.isPresent(input) {
      let fact = try facts.floating(input)
      try require(
        fact.shape == [batch, steps, keyHeads] || fact.shape == [batch, steps, wide],
        "the \(role) is \(fact), not [\(batch), \(steps), \(keyHeads) or \(wide)]")
    }
    try require(
      !correctsRecall || facts.isPresent(5), "a correcting memory needs the rate of its updates")
    let (width, overflow) = heads.multipliedReportingOverflow(by: dv)
    try require(!overflow, "\(heads) heads of \(dv) elements are too many")
    return [Fact(.f32, try checked([batch, steps, width])), Fact(.f32, state)]
  }
}

extension Rotation {
  fileprivate func outputFact(_ facts: NodeFacts) throws(Misfit) -> Fact {
    let x = try facts.floating(0)
    let (cosines, sines) = (try facts.floating(1), try facts.floating(2))
    try require(x.shape.rank == 3 || x.shape.rank == 4, "\(x) has neither three nor four axes")
    let (batch, steps, size): (Int, Int, Int)
    if x.shape.rank == 3 {
      try require(
        heads > 0 && x.shape[2] % heads == 0, "\(x) does not split into \(heads) heads")
      (batch, steps, size) = (x.shape[0], x.shape[1], x.shape[2] / heads)
    } else {
      try require(x.shape[1] == heads, "\(x) does not have \(heads) heads")
      (batch, steps, size) = (x.shape[0], x.shape[2], x.shape[3])
    }
    try require(
      width >= 0 && width <= size && width % 2 == 0, "\(width) of \(size) elements cannot be turned"
    )
    try require(
      sines.shape == cosines.shape, "cosines \(cosines) and sines \(sines) differ in shape")
    if facts.isPresent(3) {
      try expect(facts, 3, Fact(.i64, [batch, steps]), "table of positions")
      try require(
        cosines.shape.rank == 2 && cosines.shape[1] == width / 2,
        "the cosines are \(cosines), not [positions, \(width / 2)]")
    } else {
      try require(
        cosines.shape == [batch, steps, width / 2],
        "the cosines are \(cosines), not [\(batch), \(steps), \(width / 2)]")
    }
    return x
  }
}

extension LogLikelihood {
  fileprivate func outputFacts(_ facts: NodeFacts) throws(Misfit) -> [Fact] {
    let x = try anyFloat(facts, 0)
    let labels = try facts[1]
    try require(x.shape.rank >= 2, "\(x) has no axis of classes")
    try require(
      labels.type == .i32 || labels.type == .i64, "the labels are \(labels), not i32 or i64")
    var dimensions = x.shape.dimensions
    dimensions.remove(at: 1)
    try require(
      labels.shape.dimensions == dimensions, "the labels \(labels) do not fit the scores \(x)")
    try expect(facts, 2, Fact(x.type, [x.shape[1]]), "weight of classes")
    return [Fact(x.type, reduction == .none ? labels.shape : []), x]
  }
}

extension Visibility {
  fileprivate func outputFact(_ facts: NodeFacts) throws(Misfit) -> Fact {
    try require(queries >= 0 && keys >= 0, "\(queries) queries of \(keys) keys make no sense")
    var batch = 1
    if facts.isPresent(0) {
      let lengths = try facts[0]
      try require(
        lengths.type == .i64 && lengths.shape.rank == 1, "the lengths are \(lengths), not i64 [n]")
      batch = lengths.shape[0]
    } else {
      try require(offset != .fromLengths, "the lengths are missing")
    }
    return Fact(.f32, try checked([batch, 1, queries, keys]))
  }
}

extension BlockWeight {
  fileprivate func outputFact(_ facts: NodeFacts) throws(Misfit) -> Fact {
    let limit = 1 << 30
    try require(
      [2, 4, 8].contains(bits) && (1...limit).contains(block) && block % (8 / bits) == 0
        && (1...limit).contains(outputs) && (1...limit).contains(inputs),
      "a weight of \(outputs) by \(inputs), \(bits) bits in blocks of \(block)")
    let blocks = (inputs + block - 1) / block
    let packed = try facts[0]
    try require(
      packed.type == .u8 && packed.shape.count == outputs * blocks * (block * bits / 8)
        && packed.shape.rank >= 1 && packed.shape[0] == outputs,
      "the packed weight is \(packed), not u8 [\(outputs), \(blocks), \(block * bits / 8)]")
    let scales = try facts.floating(1)
    try require(
      scales.shape.count == outputs * blocks, "the scales are \(scales), \(blocks) an output")
    if facts.isPresent(2) {
      let zeros = try facts[2]
      let count = zeros.type == .u8 ? (blocks * bits + 7) / 8 : blocks
      try require(
        (zeros.type == .u8 || zeros.type == .f32) && zeros.shape.count == outputs * count,
        "the zero points are \(zeros), not \(count) an output")
    }
    return Fact(.f32, try checked([outputs, inputs]))
  }
}

private func anyFloat(_ facts: NodeFacts, _ index: Int) throws(Misfit) -> Fact {
  let fact = try facts[index]
  try require(fact.type.isFloatingPoint, "input \(index) is \(fact), not of a float type")
  return fact
}

/// Refuses an input of another type or shape than `expected`; an absent one is fine.
private func expect(
  _ facts: NodeFacts, _ index: Int, _ expected: Fact, _ role: String
) throws(Misfit) {
  guard facts.isPresent(index) else { return }
  let fact = try facts[index]
  try require(fact == expected, "the \(role) is \(fact), not \(expected)")
}
