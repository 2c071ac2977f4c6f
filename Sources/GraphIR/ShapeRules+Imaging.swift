import TensorBase

extension ImagingOp {
  package func outputFacts(_ facts: NodeFacts) throws(Misfit) -> [Fact] {
    switch self {
    case .convolution(let window, let groups):
      let (x, weight) = (try facts.image(0), try facts[1])
      try window.check(image: x, weight: weight)
      try require(
        x.type == weight.type && [.f32, .f64, .i32].contains(x.type),
        "\(x) and \(weight) are not both f32, f64 or i32")
      try checkChannels(x, inputs: weight.shape[1], outputs: weight.shape[0], groups)
      try facts.checkVector(2, weight.shape[0], x.type, "bias")
      return [try result(x, weight.shape[0], window.places)]
    case .transposedConvolution(let window, _, .channelsLast):
      let (x, weight) = (try facts.floating(0), try facts.floating(1))
      try window.check()
      try require(
        x.shape.rank == 4 && weight.shape.rank == 4 && window.image.count == 2
          && x.shape.dimensions[1...2] == window.places[...]
          && weight.shape.dimensions[1...2] == window.size[...] && weight.shape[0] == x.shape[3],
        "the weight \(weight) does not fit the input \(x)")
      try facts.expect(2, [weight.shape[3]], "bias")
      return [Fact(.f32, try checked([x.shape[0]] + window.image + [weight.shape[3]]))]
    case .transposedConvolution(let window, let groups, .channelsFirst):
      let (x, weight) = (try facts.image(0), try facts[1])
      try window.check()
      try require(
        x.shape.dimensions.dropFirst(2) == window.places[...]
          && weight.shape.dimensions.dropFirst(2) == window.size[...] && weight.shape.rank >= 3,
        "the weight \(weight) does not fit the input \(x)")
      try require(
        x.type == weight.type && (x.type == .f32 || x.type == .f64),
        "\(x) and \(weight) are not both f32 or f64")
      try require(
        groups > 0 && weight.shape[0] == x.shape[1] && x.shape[1] % groups == 0,
        "the weight \(weight) in \(groups) groups does not fit the input \(x)")
      let (outputs, overflow) = weight.shape[1].multipliedReportingOverflow(by: groups)
      try require(!overflow, "\(groups) groups of \(weight) are too many channels")
      try facts.checkVector(2, outputs, x.type, "bias")
      return [try result(x, outputs, window.image)]
    case .deformableConvolution(let window, let groups, let offsetGroups):
      return [try deformableFact(facts, window, groups, offsetGroups)]
    case .columnsToImage(let window):
      let x = try facts[0]
      try window.check()
      let taps = try checked(window.size).count, places = try checked(window.places).count
      try require(
        x.shape.rank == 3 && taps > 0 && x.shape[1] % taps == 0 && x.shape[2] == places,
        "\(x) are not columns of \(taps) taps for \(places) places")
      return [Fact(x.type, try checked([x.shape[0], x.shape[1] / taps] + window.image))]
    case .pool(let pool): return try pool.outputFacts(facts)
    case .maxUnpool(let indexed, let size):
      let (x, indices) = (try facts[0], try facts[1])
      try require(
        indices == Fact(.i64, x.shape), "the indices are \(indices), not i64 \(x.shape)")
      _ = try checked(indexed)
      try require(
        indexed.count == size.count, "\(indexed) and \(size) have not the same number of axes")
      return [Fact(x.type, try checked(size))]
    case .alignRegions(let alignment):
      let (x, regions, pictures) = (try facts.image(0), try facts[1], try facts[2])
      try require(
        x.shape.rank == 4 && x.type.isFloatingPoint && regions.type.isFloatingPoint,
        "\(x) and \(regions) are not four axes of floats and regions")
      try require(
        regions.shape.rank == 2 && regions.shape[1] == 4
          && pictures.shape == [regions.shape[0]] && !pictures.type.isFloatingPoint,
        "\(regions) and \(pictures) are not four numbers and a picture's index each")
      try require(
        (0...65_535).contains(alignment.samples) && alignment.scale.isFinite,
        "\(alignment.samples) samples at scale \(alignment.scale) make no sense")
      return [try regionFact(x, regions, alignment.size)]
    case .maxRegionPool(let size, let scale):
      let (x, regions) = (try facts.image(0), try facts[1])
      try require(
        x.shape.rank == 4 && x.type.isFloatingPoint && regions.type.isFloatingPoint
          && regions.shape.rank == 2 && regions.shape[1] == 5 && scale.isFinite,
        "\(regions) are not five numbers each for the picture \(x)")
      return [try regionFact(x, regions, size)]
    case .resize(let resize): return [try resize.outputFact(facts)]
    case .gridSample:
      let (x, grid) = (try facts.image(0), try facts[1])
      try require(
        grid.type.isFloatingPoint && grid.shape.rank == x.shape.rank
          && grid.shape[-1] == x.shape.rank - 2 && grid.shape[0] == x.shape[0],
        "the grid \(grid) does not fit the image \(x)")
      let result = Fact(
        x.type,
        try checked([x.shape[0], x.shape[1]] + grid.shape.dimensions.dropFirst().dropLast()))
      try require(
        result.shape.count == 0 || x.shape.count > 0, "the image \(x) has no pixel to sample")
      return [result]
    case .affineGrid(let sizes, _):
      let theta = try facts[0]
      try require(
        theta.type.isFloatingPoint && theta.shape.rank == 3 && theta.shape[1] == sizes.count
          && theta.shape[2] == sizes.count + 1 && !sizes.isEmpty,
        "\(theta) is no affine map of \(sizes.count) axes")
      return [Fact(theta.type, try checked([theta.shape[0]] + sizes + [sizes.count]))]
    case .localResponseNorm(let norm):
      let x = try facts[0]
      try require(
        x.shape.rank >= 2 && x.type.isFloatingPoint && norm.size > 0,
        "\(norm.size) channels around each of \(x) make no sense")
      return [x]
    case .channelAffine(let affine):
      let x = try facts.floating(0, minimumRank: 2)
      let channels = x.shape[affine.layout == .channelsFirst ? 1 : -1]
      try facts.expect(1, [channels], "scale")
      try facts.expect(2, [channels], "shift")
      return [x]
    }
  }

  private func result(_ x: Fact, _ channels: Int, _ sizes: [Int]) throws(Misfit) -> Fact {
    Fact(x.type, try checked([x.shape[0], channels] + sizes))
  }

  private func regionFact(_ x: Fact, _ regions: Fact, _ size: [Int]) throws(Misfit) -> Fact {
    try require(
      size.count == 2 && size.allSatisfy { (1...65_535).contains($0) },
      "results of \(size) pixels make no sense")
    return Fact(x.type, try checked([regions.shape[0], x.shape[1]] + size))
  }

  private func checkChannels(
    _ x: Fact, inputs: Int, outputs: Int, _ groups: Int
  ) throws(Misfit) {
    try require(
      groups > 0 && inputs.multipliedReportingOverflow(by: groups) == (x.shape[1], false)
        && outputs % groups == 0,
      "\(outputs) outputs of \(inputs) channels in \(groups) groups do not fit the input \(x)")
  }

  private func deformableFact(
    _ facts: NodeFacts, _ window: ImageWindow, _ groups: Int, _ offsetGroups: Int
  ) throws(Misfit) -> Fact {
    let (x, weight, offsets) = (try facts.image(0), try facts[1], try facts[2])
    try window.check(image: x, weight: weight)
    try require(
      x.type == weight.type && x.type == offsets.type && (x.type == .f32 || x.type == .f64),
      "\(x), \(weight) and \(offsets) are not all f32 or f64")
    try checkChannels(x, inputs: weight.shape[1], outputs: weight.shape[0], groups)
    try require(
      window.image.count <= 8 && offsetGroups > 0 && x.shape[1] % offsetGroups == 0,
      "\(x.shape[1]) channels do not split into \(offsetGroups) groups of offsets")
    let taps = try checked([offsetGroups] + window.size).count
    let shifts = try checked([taps, window.image.count]).count
    try require(
      offsets.shape.dimensions == [x.shape[0], shifts] + window.places,
      "the offsets are \(offsets), not \([x.shape[0], shifts] + window.places)")
    try facts.checkVector(3, weight.shape[0], x.type, "bias")
    if facts.isPresent(4) {
      let mask = try facts[4]
      try require(
        mask.type == x.type && mask.shape.dimensions == [x.shape[0], taps] + window.places,
        "the mask is \(mask), not \([x.shape[0], taps] + window.places)")
    }
    return try result(x, weight.shape[0], window.places)
  }
}

extension NodeFacts {
  /// An input with a batch, channels and at least one spatial axis.
  fileprivate func image(_ index: Int) throws(Misfit) -> Fact {
    let fact = try self[index]
    try require(fact.shape.rank >= 3, "\(fact) is no image of three axes or more")
    return fact
  }

  fileprivate func checkVector(
    _ index: Int, _ count: Int, _ type: ElementType, _ role: String
  ) throws(Misfit) {
    guard isPresent(index) else { return }
    let fact = try self[index]
    try require(fact == Fact(type, [count]), "the \(role) is \(fact), not \(Fact(type, [count]))")
  }
}

extension ImageWindow {
  /// Sizes beyond this are refused, so that places and offsets never overflow.
  package static let largest = 1 << 40

  /// Refuses numbers that make no window.
  fileprivate func check() throws(Misfit) {
    let rank = image.count
    try require(
      rank > 0
        && [places, size, strides, dilations, before].allSatisfy { $0.count == rank },
      "the window \(size) with strides \(strides), dilations \(dilations) and padding \(before) "
        + "does not fit an image of \(rank) axes")
    for axis in 0..<rank {
      let span = (size[axis] &- 1).multipliedReportingOverflow(by: dilations[axis])
      let way = (places[axis] &- 1).multipliedReportingOverflow(by: strides[axis])
      try require(
        size[axis] > 0 && strides[axis] > 0 && dilations[axis] > 0 && image[axis] >= 0
          && places[axis] >= 0 && abs(clamping: before[axis]) <= Self.largest
          && image[axis] <= Self.largest && !span.overflow && span.partialValue <= Self.largest
          && !way.overflow && way.partialValue <= 2 * Self.largest,
        "a window of \(size[axis]) at stride \(strides[axis]), dilation \(dilations[axis]) and "
          + "padding \(before[axis]) makes no sense on \(image[axis]) pixels")
    }
    try require(
      try checked(size).count <= 1 << 32, "a window of \(size) is larger than any picture")
  }

  fileprivate func check(image x: Fact, weight: Fact) throws(Misfit) {
    try check()
    try require(
      x.shape.dimensions.dropFirst(2) == image[...] && weight.shape.rank >= 3
        && weight.shape.dimensions.dropFirst(2) == size[...],
      "the weight \(weight) does not fit the input \(x)")
  }

  fileprivate func checkImage(_ sizes: ArraySlice<Int>, _ x: Fact) throws(Misfit) {
    try check()
    try require(sizes == image[...], "a window over \(image) does not fit \(x)")
  }
}

private func abs(clamping value: Int) -> Int { value == .min ? .max : Swift.abs(value) }

extension Pool {
  fileprivate func outputFacts(_ facts: NodeFacts) throws(Misfit) -> [Fact] {
    let x = try facts[0]
    try require(x.shape.rank >= 3, "\(x) is no image of three axes or more")
    let isFirst = layout == .channelsFirst
    try window.checkImage(
      isFirst ? x.shape.dimensions[2...] : x.shape.dimensions[1..<(x.shape.rank - 1)], x)
    try require(
      after.count == window.image.count && after.allSatisfy(isPadding),
      "a padding of \(after) makes no sense on \(x)")
    try require(isFirst || (x.shape.rank == 4 && x.type == .f32), "\(x) is no picture of f32")
    switch function {
    case .maximum: try require(x.type != .bool, "the maximum of \(x) makes no sense")
    case .average: try require(x.type.isFloatingPoint, "\(x) are no floats to average")
    case .norm(let p):
      try require(x.type.isFloatingPoint && p > 0, "a norm with p = \(p) of \(x) makes no sense")
    }
    let shape = try checked(
      isFirst
        ? [x.shape[0], x.shape[1]] + window.places : [x.shape[0]] + window.places + [x.shape[-1]])
    if case .maximum = function { return [Fact(x.type, shape), Fact(.i64, shape)] }
    return [Fact(x.type, shape)]
  }
}

extension Resize {
  fileprivate func outputFact(_ facts: NodeFacts) throws(Misfit) -> Fact {
    let x = try facts[0]
    try require(axes.count == x.shape.rank, "\(axes.count) sizes do not fit \(x)")
    let result = Fact(x.type, try checked(axes.map(\.size)))
    for (size, axis) in zip(x.shape.dimensions, axes) where result.shape.count > 0 {
      // Places stay near the image, and filters near its size.
      let isSane =
        axis.scale > 0 && axis.scale.isFinite && Double(axis.size) / axis.scale < 1e12
        && (!isAntialiased || 1 / axis.scale <= 4 * Double(size) + 64)
        && Swift.abs(axis.start) < 1e6 && Swift.abs(axis.end) < 1e6
      try require(
        isSane && size > 0, "\(size) pixels do not resize to \(axis.size) at scale \(axis.scale)")
    }
    if case .cubic(let a) = mode { try require(a.isFinite, "a cubic of \(a) makes no sense") }
    if case .nearest = mode { return result }
    try require(x.type != .bool || axes.map(\.size) == x.shape.dimensions, "\(x) has no between")
    return result
  }
}
