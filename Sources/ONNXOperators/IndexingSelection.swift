import GraphIR
import TensorBase

/// Operators that pick elements by what they are; what most of them put out has a size that only
/// the elements tell.
let selectionOperators: [ONNXOperator] = [
  ONNXOperator(
    "TopK", inputs: 1...2, outputs: 2...2, attributes: ["axis", "k", "largest", "sorted"],
    expand: expandTopK),
  ONNXOperator("NonZero", inputs: 1...1) { x throws(ExpansionFault) in
    [try x.emit(.dynamic(.selection(.nonZero)), try x.input(0))]
  },
  ONNXOperator("Compress", inputs: 2...2, attributes: ["axis"]) { x throws(ExpansionFault) in
    let (data, condition) = (try x.input(0), try x.input(1))
    let axis = try optionalAxis(x, data)
    return [try x.emit(.dynamic(.selection(.compress(axis: axis))), data, condition)]
  },
  ONNXOperator(
    "Unique", inputs: 1...1, outputs: 1...4, attributes: ["axis", "sorted"]
  ) { x throws(ExpansionFault) in
    let data = try x.input(0)
    let unique = SelectionOp.unique(
      axis: try optionalAxis(x, data), isSorted: try x.flag("sorted", default: true))
    return try x.emitAll(.dynamic(.selection(unique)), [data])
  },
  ONNXOperator(
    "NonMaxSuppression", inputs: 2...5, attributes: ["center_point_box"]
  ) { x throws(ExpansionFault) in
    let isCentred = try x.flag("center_point_box", default: false)
    return try x.emitAll(
      .dynamic(.selection(.nonMaxSuppression(isCentred: isCentred))), x.inputs)
  },
]

private func optionalAxis(
  _ x: borrowing Expansion, _ data: ValueID
) throws(ExpansionFault) -> Int? {
  guard let listed = try x.int("axis") else { return nil }
  return try x.axis(listed, of: x[data].shape)
}

private func expandTopK(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let data = try x.input(0), shape = x[data].shape
  let axis = try x.axis(try x.int("axis", default: -1), of: shape)
  guard let count = try x.optional(1) == nil ? x.int("k") : x.integers(of: 1).first else {
    throw .misfit("it does not say how many elements are wanted")
  }
  let isLargest = try x.flag("largest", default: true)
  return try x.emitAll(
    .indexing(.topK(TopK(axis: axis, count: count, isLargest: isLargest))), [data])
}
