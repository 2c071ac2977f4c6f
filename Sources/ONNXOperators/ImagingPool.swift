import GraphIR
import TensorBase

let poolOperators: [ONNXOperator] = [
  ONNXOperator(
    "MaxPool", inputs: 1...1, outputs: 1...2,
    attributes: SpatialWindow.attributes.union(["ceil_mode", "storage_order"]),
    expand: expandMaxPool),
  ONNXOperator(
    "AveragePool", inputs: 1...1,
    attributes: SpatialWindow.attributes.union(["ceil_mode", "count_include_pad"]),
    expand: expandAveragePool),
  ONNXOperator(
    "LpPool", inputs: 1...1, attributes: SpatialWindow.attributes.union(["ceil_mode", "p"]),
    expand: expandNormPool),
  ONNXOperator("GlobalMaxPool", inputs: 1...1) { x throws(ExpansionFault) in
    try expandGlobal(&x, .maximum)
  },
  ONNXOperator("GlobalAveragePool", inputs: 1...1) { x throws(ExpansionFault) in
    try expandGlobal(&x, .average(countsPadding: false))
  },
  ONNXOperator("GlobalLpPool", inputs: 1...1, attributes: ["p"]) { x throws(ExpansionFault) in
    try expandGlobal(&x, .norm(p: try x.int("p", default: 2)))
  },
  ONNXOperator(
    "MaxUnpool", inputs: 2...3, attributes: ["kernel_shape", "pads", "strides"],
    expand: expandUnpool),
]

private func expandMaxPool(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let input = try x.input(0)
  let window = try SpatialWindow(x, image: try x.spatialSizes(of: input), size: nil)
  let pool = Pool(
    .maximum, window.window, after: window.after.map { max(0, $0) },
    isColumnMajor: try x.flag("storage_order", default: false))
  if !x.isWanted(output: 1) { return [try x.pool(pool, input)] }
  let results = try x.emitAll(.imaging(.pool(pool)), [input])
  return [results[0], results[1]]
}

extension Expansion {
  /// A pool without indices; over one axis it is one of pictures of one row, which has a fast kernel.
  fileprivate mutating func pool(
    _ pool: Pool, _ input: ValueID
  ) throws(ExpansionFault) -> ValueID {
    let shape = self[input].shape
    guard shape.rank == 3, self[input].type == .f32 else {
      return try emitAll(.imaging(.pool(pool)), [input])[0]
    }
    var raised = pool
    raised.window.image.insert(1, at: 0)
    raised.window.places.insert(1, at: 0)
    raised.window.size.insert(1, at: 0)
    raised.window.strides.insert(1, at: 0)
    raised.window.dilations.insert(1, at: 0)
    raised.window.before.insert(0, at: 0)
    raised.after.insert(0, at: 0)
    let picture = try reshape(input, [shape[0], shape[1], 1, shape[2]])
    let result = try emitAll(.imaging(.pool(raised)), [picture])[0]
    return try reshape(result, [shape[0], shape[1], self[result].shape[3]])
  }
}

private func expandAveragePool(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let countsPadding = try x.flag("count_include_pad", default: false)
  return try expandPool(&x, .average(countsPadding: countsPadding))
}

private func expandNormPool(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  try expandPool(&x, .norm(p: try x.int("p", default: 2)))
}

private func expandPool(
  _ x: inout Expansion, _ function: Pool.Function
) throws(ExpansionFault) -> [ValueID?] {
  let input = try x.input(0)
  let window = try SpatialWindow(x, image: try x.spatialSizes(of: input), size: nil)
  let pool = Pool(function, window.window, after: window.after.map { max(0, $0) })
  return [try x.pool(pool, input)]
}

private func expandGlobal(
  _ x: inout Expansion, _ function: Pool.Function
) throws(ExpansionFault) -> [ValueID?] {
  let input = try x.input(0)
  let image = try x.spatialSizes(of: input)
  let ones = image.map { _ in 1 }, zeros = image.map { _ in 0 }
  let window = ImageWindow(
    image: image, places: ones, size: image, strides: ones, dilations: ones, before: zeros)
  return [try x.pool(Pool(function, window, after: zeros), input)]
}

private func expandUnpool(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let (input, indices) = (try x.input(0), try x.input(1))
  let image = try x.spatialSizes(of: input), rank = image.count
  guard let size = try x.ints("kernel_shape") else {
    throw .misfit("'kernel_shape' is not there")
  }
  let strides = try x.ints("strides") ?? image.map { _ in 1 }
  let pads = try x.ints("pads") ?? [Int](repeating: 0, count: 2 * rank)
  let bound = 1 << 30
  guard size.count == rank, strides.count == rank, pads.count == 2 * rank,
    (size + strides + image).allSatisfy({ (1...bound).contains($0) }),
    pads.allSatisfy({ (0...bound).contains($0) })
  else {
    throw .misfit("a window of \(size), strides \(strides), padding \(pads) does not fit \(image)")
  }
  let outer = Array(x[input].shape.dimensions.prefix(2))
  let indexed =
    outer
    + (0..<rank).map { axis in
      (image[axis] - 1) * strides[axis] - pads[axis] - pads[rank + axis] + size[axis]
    }
  let result = x.optional(2) == nil ? indexed : try x.integers(of: 2)
  return [try x.emit(.imaging(.maxUnpool(indexed: indexed, result: result)), input, indices)]
}
