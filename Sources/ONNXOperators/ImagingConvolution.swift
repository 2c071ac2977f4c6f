import GraphIR
import TensorBase

let convolutionOperators: [ONNXOperator] = [
  ONNXOperator(
    "Conv", inputs: 2...3, attributes: SpatialWindow.attributes.union(["group"]),
    expand: expandConvolution),
  ONNXOperator(
    "ConvTranspose", inputs: 2...3,
    attributes: SpatialWindow.attributes.union(["group", "output_padding", "output_shape"]),
    expand: expandTransposed),
  ONNXOperator(
    "DeformConv", inputs: 3...5,
    attributes: SpatialWindow.attributes.union(["group", "offset_group"]),
    expand: expandDeformable),
  ONNXOperator(
    "Col2Im", inputs: 3...3, attributes: ["strides", "pads", "dilations"], expand: expandColumns),
  ONNXOperator(
    "CausalConvWithState", inputs: 2...4, outputs: 1...2, attributes: ["activation"],
    expand: expandCausal),
]

private func expandConvolution(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let (input, weight) = (try x.input(0), try x.input(1))
  let window = try SpatialWindow(
    x, image: try x.spatialSizes(of: input), size: try x.spatialSizes(of: weight))
  let result = try x.convolution(
    try x.widened(input), try x.widened(weight), bias: try x.widened(optional: x.optional(2)),
    window, groups: try x.int("group", default: 1))
  return [try x.cast(result, to: x[input].type)]
}

extension Expansion {
  /// A convolution of any rank: what can goes by the one of two axes in f32, which is the fastest.
  mutating func convolution(
    _ input: ValueID, _ weight: ValueID, bias: ValueID?, _ window: SpatialWindow, groups: Int
  ) throws(ExpansionFault) -> ValueID {
    guard self[input].type == .f32, self[weight].type == .f32, window.image.count <= 2,
      window.before.allSatisfy({ $0 >= 0 }), window.places.allSatisfy({ $0 > 0 })
    else {
      return try emit(.imaging(.convolution(window.window, groups: groups)), input, weight, bias)
    }
    if window.image.count == 2 {
      return try emit(
        .convolution(
          Convolution(
            strides: window.strides, padding: window.before + window.after.map { max(0, $0) },
            dilations: window.dilations, groups: groups)), input, weight, bias)
    }
    // One axis is the second of a picture of one row.
    func raised(_ shape: Shape) -> [Int] { [shape[0], shape[1], 1, shape[2]] }
    let picture = try reshape(input, raised(self[input].shape))
    let filter = try reshape(weight, raised(self[weight].shape))
    let result = try emit(
      .convolution(
        Convolution(
          strides: [1] + window.strides,
          padding: [0, window.before[0], 0, max(0, window.after[0])],
          dilations: [1] + window.dilations,
          groups: groups)), picture, filter, bias)
    let shape = self[result].shape
    return try reshape(result, [shape[0], shape[1], shape[3]])
  }
}

private func expandTransposed(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let (input, weight) = (try x.input(0), try x.input(1))
  let places = try x.spatialSizes(of: input), size = try x.spatialSizes(of: weight)
  let rank = places.count
  let zeros = [Int](repeating: 0, count: rank), ones = [Int](repeating: 1, count: rank)
  if let kernel = try x.ints("kernel_shape"), kernel != size {
    throw .misfit("'kernel_shape' is \(kernel), and the weight has \(size)")
  }
  let strides = try x.ints("strides") ?? ones
  let dilations = try x.ints("dilations") ?? ones
  let pads = try x.ints("pads") ?? zeros + zeros
  let extra = try x.ints("output_padding") ?? zeros
  let automatic = try x.string("auto_pad", default: "NOTSET")
  // Some models list batch and channels as well.
  var wanted = try x.ints("output_shape").map { Array($0.suffix(rank)) }
  let bound = 1 << 30
  guard size.count == rank, strides.count == rank, dilations.count == rank,
    pads.count == 2 * rank, extra.count == rank, wanted?.count ?? rank == rank,
    (strides + dilations + size).allSatisfy({ (1...bound).contains($0) }),
    (pads + extra + (wanted ?? [])).allSatisfy({ (0...bound).contains($0) }),
    places.allSatisfy({ (1...bound).contains($0) })
  else {
    throw .misfit(
      "a window of \(size), strides \(strides), dilations \(dilations), padding \(pads), "
        + "\(extra) does not fit \(x[input])")
  }
  guard ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"].contains(automatic) else {
    throw .unsupported("there is no padding '\(automatic)'")
  }
  if wanted == nil && automatic.hasPrefix("SAME") { wanted = zip(places, strides).map { $0 * $1 } }
  var before: [Int] = [], result: [Int] = []
  for axis in 0..<rank {
    let whole =
      strides[axis] * (places[axis] - 1) + extra[axis] + (size[axis] - 1) * dilations[axis] + 1
    if let wanted {
      let total = max(0, whole - wanted[axis])
      before.append(automatic == "SAME_UPPER" ? total / 2 : total - total / 2)
      result.append(wanted[axis])
    } else {
      let isPadded = automatic == "NOTSET"
      before.append(isPadded ? pads[axis] : 0)
      result.append(whole - (isPadded ? pads[axis] + pads[rank + axis] : 0))
    }
  }
  guard result.allSatisfy({ $0 >= 0 }) else {
    throw .misfit("a padding of \(pads) leaves nothing of the result")
  }
  let isRow = rank == 1 && x[input].type != .f64
  func raised(_ list: [Int], _ first: Int) -> [Int] { isRow ? [first] + list : list }
  let window = ImageWindow(
    image: raised(result, 1), places: raised(places, 1), size: raised(size, 1),
    strides: raised(strides, 1), dilations: raised(dilations, 1), before: raised(before, 0))
  var (value, filter) = (try x.widened(input), try x.widened(weight))
  if isRow {
    // One axis is the second of a picture of one row.
    let (shape, taps) = (x[value].shape, x[filter].shape)
    value = try x.reshape(value, [shape[0], shape[1], 1, shape[2]])
    filter = try x.reshape(filter, [taps[0], taps[1], 1, taps[2]])
  }
  var output = try x.emit(
    .imaging(.transposedConvolution(window, groups: try x.int("group", default: 1))), value, filter,
    try x.widened(optional: x.optional(2)))
  if isRow {
    let shape = x[output].shape
    output = try x.reshape(output, [shape[0], shape[1], shape[3]])
  }
  return [try x.cast(output, to: x[input].type)]
}

private func expandDeformable(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let (input, weight) = (try x.input(0), try x.input(1))
  let window = try SpatialWindow(
    x, image: try x.spatialSizes(of: input), size: try x.spatialSizes(of: weight))
  let op = ImagingOp.deformableConvolution(
    window.window, groups: try x.int("group", default: 1),
    offsetGroups: try x.int("offset_group", default: 1))
  let result = try x.emit(
    .imaging(op), try x.widened(input), try x.widened(weight), try x.widened(try x.input(2)),
    try x.widened(optional: x.optional(3)), try x.widened(optional: x.optional(4)))
  return [try x.cast(result, to: x[input].type)]
}

private func expandColumns(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let image = try x.integers(of: 1), block = try x.integers(of: 2)
  guard image.allSatisfy({ $0 > 0 }), image.count == block.count else {
    throw .misfit("blocks of \(block) do not fit an image of \(image)")
  }
  let window = try SpatialWindow(x, image: image, size: block)
  return [try x.emit(.imaging(.columnsToImage(window.window)), try x.input(0))]
}

/// Each channel is summed over its last values, those of the call before in front.
private func expandCausal(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let (input, weight) = (try x.input(0), try x.input(1))
  let fact = x[input], taps = x[weight].shape
  guard fact.shape.rank == 3, taps.rank == 3, taps[0] == fact.shape[1], taps[1] == 1, taps[2] > 0
  else { throw .misfit("the weight \(x[weight]) does not fit the input \(fact)") }
  let channels = fact.shape[1], behind = taps[2] - 1
  var sequence = try x.widened(input)
  if let past = x.optional(3) {
    guard x[past].shape.dimensions == [fact.shape[0], channels, behind] else {
      throw .misfit("the state \(x[past]) does not fit the input \(fact)")
    }
    sequence = try x.emit(.concat(axis: 2), try x.widened(past), sequence)
  } else if behind > 0 {
    sequence = try x.emit(.pad(Pad(before: [0, 0, behind], after: [0, 0, 0])), sequence)
  }
  let length = x[sequence].shape[2]
  let window = try SpatialWindow(x, image: [length], size: [taps[2]])
  var result = try x.convolution(
    sequence, try x.widened(weight), bias: try x.widened(optional: x.optional(2)), window,
    groups: channels)
  switch try x.string("activation", default: "none") {
  case "none": break
  case "silu", "swish": result = try x.unary(.silu, result)
  case let other: throw .unsupported("there is no activation '\(other)'")
  }
  var state: ValueID?
  if x.isWanted(output: 1) {
    let last = try x.emit(
      .slice(Slice(axis: 2, start: length - behind, end: length)), sequence)
    state = try x.cast(last, to: fact.type)
  }
  return [try x.cast(result, to: fact.type), state]
}
