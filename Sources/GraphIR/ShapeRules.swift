import TensorBase

extension Op {
  /// The facts of the outputs, from those of the inputs. The one place that says which shapes and
  /// types an op takes; kernels rely on it.
  ///
  /// - Parameter inputs: as many as `inputCounts` allows, nil where absent; `requiredInputs` are
  ///   present.
  /// - Throws: `Misfit` with what does not fit.
  package func outputFacts(_ inputs: [Fact?]) throws(Misfit) -> [Fact] {
    let facts = NodeFacts(inputs)
    switch self {
    case .unary, .clamp:
      return [try facts.floating(0)]
    case .binary:
      let (a, b) = (try facts[0], try facts[1])
      try require(a.type == b.type, "\(a) and \(b) differ in type")
      try require(a.type == .f32 || a.type == .i64, "\(a) is neither f32 nor i64")
      return [Fact(a.type, try broadcast(a.shape, b.shape))]
    case .select:
      let (condition, a, b) = (try facts[0], try facts[1], try facts[2])
      try require(condition.type == .bool, "the condition is \(condition), not bool")
      try require(a.type == b.type, "\(a) and \(b) differ in type")
      return [Fact(a.type, try broadcast(condition.shape, try broadcast(a.shape, b.shape)))]
    case .convolution(let attributes): return [try attributes.outputFact(facts)]
    case .linear(_, let packed): return [try linearFact(facts, packed)]
    case .packWeight:
      let weight = try facts.packable(0)
      try require(
        weight.shape.rank == 2 || weight.shape.rank == 4,
        "\(weight) is no weight of two or four axes")
      try require(weight.type != .i8, "\(weight) needs scales")
      return [try PackedWeight(unpacked: weight.shape).fact(weight.shape[1], weight.type)]
    case .packScaledWeight:
      let weight = try facts[0]
      try require(
        weight.type == .i8 && (weight.shape.rank == 2 || weight.shape.rank == 4),
        "\(weight) is no weight of two or four axes in i8")
      try facts.expect(1, [weight.shape[0]], "scales")
      return [try PackedWeight(unpacked: weight.shape).fact(weight.shape[1], .i8)]
    case .matMul: return [try matMulFact(facts)]
    case .attention(let attributes): return try attributes.outputFacts(facts)
    case .groupNorm(let attributes):
      let x = try facts.floating(0, minimumRank: 2)
      let channels = x.shape[attributes.layout == .channelsFirst ? 1 : -1]
      try require(
        attributes.groups > 0 && channels % attributes.groups == 0,
        "\(channels) channels do not split into \(attributes.groups) groups")
      try facts.expect(1, [channels], "scale")
      try facts.expect(2, [channels], "shift")
      return [x]
    case .layerNorm:
      let x = try facts.floating(0, minimumRank: 1)
      try facts.expect(1, [x.shape[-1]], "scale")
      try facts.expect(2, [x.shape[-1]], "shift")
      return [x]
    case .softmax(let axis):
      let x = try facts.floating(0)
      try checkAxis(axis, x.shape)
      return [x]
    case .gated:
      let x = try facts.floating(0, minimumRank: 1)
      try require(x.shape[-1] % 2 == 0, "the last axis of \(x) does not split in halves")
      return [Fact(x.type, Shape(x.shape.dimensions.dropLast() + [x.shape[-1] / 2]))]
    case .gatedLinear(_, let packed):
      return try Op.gated(.sigmoid).outputFacts([try linearFact(facts, packed)])
    case .upsampleNearest(let attributes): return [try attributes.outputFact(facts)]
    case .gather(let axis):
      let (x, indices) = (try facts[0], try facts[1])
      try checkAxis(axis, x.shape)
      try require(
        indices.type == .i64 || indices.type == .i32, "the indices are \(indices), not i64 or i32")
      var dimensions = x.shape.dimensions
      dimensions.replaceSubrange(axis...axis, with: indices.shape.dimensions)
      return [Fact(x.type, try checked(dimensions))]
    case .reshape(let target): return [try reshapeFact(facts, target)]
    case .transpose(let permutation):
      let x = try facts[0]
      try require(
        permutation.sorted() == Array(0..<x.shape.rank), "\(permutation) does not permute \(x)")
      return [Fact(x.type, Shape(permutation.map { x.shape[$0] }))]
    case .concat(let axis): return [try concatFact(facts, axis)]
    case .slice(let slice):
      let x = try facts[0]
      try checkAxis(slice.axis, x.shape)
      var dimensions = x.shape.dimensions
      dimensions[slice.axis] = try slice.count(of: dimensions[slice.axis])
      return [Fact(x.type, Shape(dimensions))]
    case .prefix(let axis, let likeAxis):
      let (x, like) = (try facts[0], try facts[1])
      try checkAxis(axis, x.shape)
      try checkAxis(likeAxis, like.shape)
      try require(
        like.shape[likeAxis] <= x.shape[axis],
        "\(like.shape[likeAxis]) entries are wanted of \(x), which has \(x.shape[axis])")
      var dimensions = x.shape.dimensions
      dimensions[axis] = like.shape[likeAxis]
      return [Fact(x.type, Shape(dimensions))]
    case .pad(let pad):
      let x = try facts.floating(0)
      try require(
        pad.before.count == x.shape.rank && pad.after.count == x.shape.rank
          && (pad.before + pad.after).allSatisfy(isPadding),
        "the padding \(pad.before), \(pad.after) does not fit \(x)")
      return [
        Fact(
          x.type,
          try checked(
            x.shape.dimensions.indices.map { x.shape[$0] + pad.before[$0] + pad.after[$0] }))
      ]
    case .cast(let type): return [Fact(type, try facts[0].shape)]
    case .identity: return [try facts[0]]
    case .arithmetic(let op): return try op.outputFacts(facts)
    case .indexing(let op): return try op.outputFacts(facts)
    case .imaging(let op): return try op.outputFacts(facts)
    case .sequence(let op): return try op.outputFacts(facts)
    case .dynamic(let op):
      throw Misfit("what \(op.name) puts out is known only after it has run")
    case .call(let call):
      throw Misfit("\(call.qualifiedName) has no shape before it is expanded")
    case .reduce(let reduction):
      let x = try facts.floating(0)
      for axis in reduction.axes { try checkAxis(axis, x.shape) }
      let reduced = Set(reduction.axes)
      let dimensions = x.shape.dimensions.indices.compactMap { axis in
        reduced.contains(axis) ? (reduction.keepsAxes ? 1 : nil) : x.shape[axis]
      }
      return [Fact(x.type, Shape(dimensions))]
    }
  }

  private func linearFact(_ facts: NodeFacts, _ packed: PackedWeight?) throws(Misfit) -> Fact {
    let x = try facts.floating(0, minimumRank: 1)
    let weight = try packed == nil ? facts.floating(1) : facts.packable(1)
    let outputs: Int
    if let packed {
      outputs = packed.outputs
      let expected = try packed.fact(x.shape[-1], weight.type)
      try require(
        packed.window == [1, 1] && weight == expected,
        "the packed weight \(weight) of \(outputs) outputs does not fit the input \(x)")
    } else {
      try require(
        weight.shape.rank == 2 && weight.shape[1] == x.shape[-1],
        "the weight \(weight) does not fit the input \(x)")
      outputs = weight.shape[0]
    }
    let output = try checked(x.shape.dimensions.dropLast() + [outputs])
    try facts.expect(2, [outputs], "bias")
    try facts.expect(3, output, "residual")
    return Fact(x.type, output)
  }

  private func matMulFact(_ facts: NodeFacts) throws(Misfit) -> Fact {
    let a = try facts.floating(0, minimumRank: 2)
    let b = try facts.floating(1, minimumRank: 2)
    try require(a.shape[-1] == b.shape[-2], "\(a) and \(b) do not multiply")
    let leading = try broadcast(
      Shape(Array(a.shape.dimensions.dropLast(2))), Shape(Array(b.shape.dimensions.dropLast(2))))
    return Fact(a.type, try checked(leading.dimensions + [a.shape[-2], b.shape[-1]]))
  }

  private func reshapeFact(
    _ facts: NodeFacts, _ target: [ReshapeDimension]
  ) throws(Misfit) -> Fact {
    let x = try facts[0]
    var dimensions: [Int] = []
    var rest: Int?
    for dimension in target {
      switch dimension {
      case .size(let size): dimensions.append(size)
      case .like(let input, let axis):
        let like = try facts[input]
        try checkAxis(axis, like.shape)
        dimensions.append(like.shape[axis])
      case .rest:
        try require(rest == nil, "more than one dimension is left open")
        rest = dimensions.count
        dimensions.append(1)
      }
    }
    let known = try checked(dimensions).count
    if let rest {
      try require(
        known > 0 && x.shape.count % known == 0, "\(x) does not reshape to \(dimensions)")
      dimensions[rest] = x.shape.count / known
    }
    let shape = try checked(dimensions)
    try require(shape.count == x.shape.count, "\(x) does not reshape to \(shape)")
    return Fact(x.type, shape)
  }

  private func concatFact(_ facts: NodeFacts, _ axis: Int) throws(Misfit) -> Fact {
    let first = try facts[0]
    try checkAxis(axis, first.shape)
    var dimensions = first.shape.dimensions
    for index in 1..<max(facts.facts.count, 1) {
      let next = try facts[index]
      var other = next.shape.dimensions
      try require(
        next.type == first.type && other.count == dimensions.count,
        "\(first) and \(next) do not concatenate")
      let length = other[axis]
      other[axis] = dimensions[axis]
      try require(other == dimensions, "\(first) and \(next) do not concatenate along axis \(axis)")
      let (sum, overflow) = dimensions[axis].addingReportingOverflow(length)
      try require(!overflow, "\(first) and \(next) are too large to concatenate")
      dimensions[axis] = sum
    }
    return Fact(first.type, try checked(dimensions))
  }
}

/// Whether so many elements may be put beside a tensor: sums of a dimension and two of these, and
/// places counted from them, never overflow.
func isPadding(_ count: Int) -> Bool { (0...ImageWindow.largest).contains(count) }

extension Convolution {
  fileprivate func outputFact(_ facts: NodeFacts) throws(Misfit) -> Fact {
    let x = try facts.floating(0)
    let weight = try packed == nil ? facts.floating(1) : facts.packable(1)
    try require(
      x.shape.rank == 4 && weight.shape.rank == (packed == nil ? 4 : 3),
      "a convolution takes four axes, not \(x) and \(weight)")
    try require(
      strides.count == 2 && padding.count == 4 && dilations.count == 2
        && (strides + dilations + [groups]).allSatisfy { $0 > 0 }
        && padding.allSatisfy(isPadding),
      "strides \(strides), padding \(padding), dilations \(dilations), groups \(groups) make no sense"
    )
    let isFirst = layout == .channelsFirst
    let (channels, height, width) =
      isFirst
      ? (x.shape[1], x.shape[2], x.shape[3]) : (x.shape[3], x.shape[1], x.shape[2])
    let (outputs, inputs, kernelHeight, kernelWidth): (Int, Int, Int, Int)
    if let packed {
      let expected = try packed.fact(channels, weight.type)
      try require(
        !isFirst && groups == 1 && weight == expected,
        "the packed weight \(weight) of \(packed.outputs) outputs does not fit the input \(x)")
      (outputs, inputs, kernelHeight, kernelWidth) =
        (packed.outputs, channels, packed.window[0], packed.window[1])
    } else {
      (outputs, inputs, kernelHeight, kernelWidth) =
        isFirst
        ? (weight.shape[0], weight.shape[1], weight.shape[2], weight.shape[3])
        : (weight.shape[3], weight.shape[2], weight.shape[0], weight.shape[1])
    }
    try require(
      inputs.multipliedReportingOverflow(by: groups) == (channels, false) && outputs % groups == 0,
      "the weight \(weight) in \(groups) groups does not fit the input \(x)")
    let rows = try outputSize(
      height, kernelHeight, strides[0], padding[0], padding[2], dilations[0])
    let columns = try outputSize(
      width, kernelWidth, strides[1], padding[1], padding[3], dilations[1])
    let shape = try checked(
      isFirst
        ? [x.shape[0], outputs, rows, columns] : [x.shape[0], rows, columns, outputs])
    try facts.expect(2, [outputs], "bias")
    if facts.isPresent(3) {
      let vector = try facts[3]
      try require(
        vector.shape.rank == 2 && vector.shape[1] == outputs
          && (vector.shape[0] == 1 || vector.shape[0] == x.shape[0]),
        "the vector \(vector) does not fit \(outputs) channels of \(x.shape[0]) images")
    }
    try facts.expect(4, shape, "residual")
    return Fact(x.type, shape)
  }

  private func outputSize(
    _ size: Int, _ kernel: Int, _ stride: Int, _ before: Int, _ after: Int, _ dilation: Int
  ) throws(Misfit) -> Int {
    let (span, overflow) = max(kernel - 1, 0).multipliedReportingOverflow(by: dilation)
    let padded = size + before + after
    try require(
      !overflow && kernel > 0 && padded > span,
      "the kernel, \(kernel) wide at dilation \(dilation), is larger than the padded input, \(padded)"
    )
    return (padded - span - 1) / stride + 1
  }
}

extension PackedWeight {
  /// What packing a weight [O, I] or [O, I, kh, kw] leaves to be said.
  package init(unpacked shape: Shape) {
    self.init(
      outputs: shape[0], window: shape.rank == 2 ? [1, 1] : Array(shape.dimensions.suffix(2)))
  }

  /// The packed weight for so many inputs; the layout is that of `Kernels.packedShape`.
  fileprivate func fact(_ inputs: Int, _ type: ElementType) throws(Misfit) -> Fact {
    try require(
      outputs >= 0 && window.count == 2, "a packed weight of \(outputs) outputs, \(window)")
    let rows = try checked(window + [inputs]).count
    let head = type == .i8 ? Self.scaleRows : 0
    let panels = outputs / Self.panel + (outputs % Self.panel).signum()
    return Fact(type, try checked([panels, head &+ rows, Self.panel]))
  }
}

extension Attention {
  fileprivate func outputFacts(_ facts: NodeFacts) throws(Misfit) -> [Fact] {
    let query = try facts.floating(0)
    let key = try facts.floating(1)
    let value = try facts.floating(2)
    try require(
      query.shape.rank == 3 && key.shape.rank == 3 && value.shape.rank == 3,
      "attention takes [batch, tokens, width], not \(query), \(key), \(value)")
    try require(
      heads > 0 && query.shape[2] % heads == 0 && value.shape[2] % heads == 0
        && key.shape[2] == query.shape[2] && query.shape[2] > 0 && value.shape[2] > 0,
      "queries \(query), keys \(key) and values \(value) do not split into \(heads) heads")
    try require(
      key.shape[0] == value.shape[0] && key.shape[1] == value.shape[1]
        && (key.shape[0] == query.shape[0] || key.shape[0] == 1),
      "queries \(query), keys \(key) and values \(value) do not fit each other")
    let scores = [query.shape[0], heads, query.shape[1], key.shape[1]]
    if facts.isPresent(3) {
      let mask = try facts.floating(3)
      try require(
        mask.shape.rank == 4
          && zip(mask.shape.dimensions, scores).allSatisfy { $0 == 1 || $0 == $1 },
        "the mask \(mask) does not broadcast to \(scores)")
    }
    for token in tokens ?? [] {
      try require(
        (0..<key.shape[1]).contains(token), "key \(token) is wanted of \(key.shape[1])")
    }
    return [
      Fact(.f32, try checked([query.shape[0], query.shape[1], value.shape[2]])),
      Fact(
        .f32, try checked([query.shape[0], tokens?.count ?? key.shape[1], query.shape[1]])),
    ]
  }
}

extension UpsampleNearest {
  fileprivate func outputFact(_ facts: NodeFacts) throws(Misfit) -> Fact {
    let x = try facts.floating(0)
    try require(x.shape.rank == 4, "upsampling takes four axes, not \(x)")
    let axes = layout == .channelsFirst ? [2, 3] : [1, 2]
    var dimensions = x.shape.dimensions
    if facts.isPresent(1) {
      let like = try facts[1]
      try require(like.shape.rank == 4, "upsampling takes four axes, not \(like)")
      for axis in axes { dimensions[axis] = like.shape[axis] }
    } else {
      try require((1...64).contains(scale), "a scale of \(scale) is outside 1 to 64")
      for axis in axes {
        let (size, overflow) = dimensions[axis].multipliedReportingOverflow(by: scale)
        try require(!overflow, "\(x) is too large to be scaled by \(scale)")
        dimensions[axis] = size
      }
    }
    return Fact(x.type, try checked(dimensions))
  }
}

extension Slice {
  /// The indices the slice takes of an axis of `count` entries, in order.
  package func range(count: Int) throws(Misfit) -> StrideTo<Int> {
    try require(step > 0, "a step of \(step) is not positive")
    let bounds = bounds(count: count)
    return stride(from: bounds.lowerBound, to: bounds.upperBound, by: step)
  }

  /// How many entries the slice takes of an axis of `count` entries.
  package func count(of count: Int) throws(Misfit) -> Int {
    try require(step > 0, "a step of \(step) is not positive")
    let bounds = bounds(count: count)
    return bounds.isEmpty ? 0 : (bounds.count - 1) / step + 1
  }

  /// `start` and `end` counted from the front and clamped to an axis of `count` entries.
  func bounds(count: Int) -> Range<Int> {
    let first = min(max(start < 0 ? start &+ count : start, 0), count)
    let last = min(max(end < 0 ? end &+ count : end, first), count)
    return first..<last
  }
}
