import GraphIR
import TensorBase

let gatheringOperators: [ONNXOperator] = [
  ONNXOperator("Gather", inputs: 2...2, attributes: ["axis"], expand: expandGather),
  ONNXOperator("GatherElements", inputs: 2...2, attributes: ["axis"]) {
    x throws(ExpansionFault) in
    let (data, indices) = (try x.input(0), try x.input(1))
    let axis = try x.axis(try x.int("axis", default: 0), of: x[data].shape)
    return [try x.emit(.indexing(.gatherElements(axis: axis)), data, indices)]
  },
  ONNXOperator("GatherND", inputs: 2...2, attributes: ["batch_dims"]) {
    x throws(ExpansionFault) in
    let batchAxes = try x.int("batch_dims", default: 0)
    return [
      try x.emit(.indexing(.gatherND(batchAxes: batchAxes)), try x.input(0), try x.input(1))
    ]
  },
  ONNXOperator("Scatter", inputs: 3...3, attributes: ["axis"], expand: expandScatterElements),
  ONNXOperator(
    "ScatterElements", inputs: 3...3, attributes: ["axis", "reduction"],
    expand: expandScatterElements),
  ONNXOperator("ScatterND", inputs: 3...3, attributes: ["reduction"]) {
    x throws(ExpansionFault) in
    let function = try reduction(x)
    return [
      try x.emit(
        .indexing(.scatterND(function)), try x.input(0), try x.input(1), try x.input(2))
    ]
  },
  ONNXOperator(
    "TensorScatter", inputs: 2...3, attributes: ["axis", "mode"], expand: expandTensorScatter),
  ONNXOperator(
    "ReverseSequence", inputs: 2...2, attributes: ["batch_axis", "time_axis"]
  ) { x throws(ExpansionFault) in
    let (data, lengths) = (try x.input(0), try x.input(1))
    let batchAxis = try x.axis(try x.int("batch_axis", default: 1), of: x[data].shape)
    let timeAxis = try x.axis(try x.int("time_axis", default: 0), of: x[data].shape)
    return [
      try x.emit(
        .indexing(.reverseSequence(batchAxis: batchAxis, timeAxis: timeAxis)), data, lengths)
    ]
  },
]

private func expandGather(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let (data, indices) = (try x.input(0), try x.input(1))
  let shape = x[data].shape
  let axis = try x.axis(try x.int("axis", default: 0), of: shape)
  // One known index needs no more than a slice.
  if x[indices].shape.count == 1, let index = x.knownElements(indices)?.integers?.first {
    guard index >= -shape[axis], index < shape[axis] else {
      throw .misfit(
        "index \(index) is outside axis \(axis) of \(x[data]); expected -\(shape[axis]) to "
          + "\(shape[axis] - 1)")
    }
    let start = index < 0 ? index + shape[axis] : index
    let entry = try x.slice(data, axis: axis, from: start, to: start + 1)
    var dimensions = shape.dimensions
    dimensions.replaceSubrange(axis...axis, with: x[indices].shape.dimensions)
    return [try x.reshape(entry, dimensions)]
  }
  return [try x.emit(.indexing(.take(axis: axis)), data, indices)]
}

private func expandScatterElements(
  _ x: inout Expansion
) throws(ExpansionFault) -> [ValueID?] {
  let (data, indices, updates) = (try x.input(0), try x.input(1), try x.input(2))
  let axis = try x.axis(try x.int("axis", default: 0), of: x[data].shape)
  let function = try reduction(x)
  return [
    try x.emit(.indexing(.scatterElements(axis: axis, function)), data, indices, updates)
  ]
}

/// What the attribute says becomes of an element that an update meets.
private func reduction(_ x: borrowing Expansion) throws(ExpansionFault) -> Scatter {
  switch try x.string("reduction", default: "none") {
  case "none": .replace
  case "add": .add
  case "mul": .multiply
  case "min": .minimum
  case "max": .maximum
  case let other:
    throw .misfit("the reduction '\(other)' is none of none, add, mul, min and max")
  }
}

private func expandTensorScatter(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let (cache, update) = (try x.input(0), try x.input(1))
  let axis = try x.axis(try x.int("axis", default: -2), of: x[cache].shape)
  let mode = try x.string("mode", default: "linear")
  guard mode == "linear" || mode == "circular" else {
    throw .misfit("the mode '\(mode)' is neither linear nor circular")
  }
  return [
    try x.emit(
      .indexing(.scatterRows(axis: axis, isCircular: mode == "circular")), cache, update,
      x.optional(2))
  ]
}
