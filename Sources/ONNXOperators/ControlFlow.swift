import GraphIR
import TensorBase

/// Operators that run graphs of their own.
let controlFlowOperators: [ONNXOperator] = [
  ONNXOperator(
    "If", inputs: 1...1, outputs: 1...anyCount, attributes: ["then_branch", "else_branch"],
    expand: expandIf),
  ONNXOperator(
    "Loop", inputs: 2...anyCount, outputs: 1...anyCount, attributes: ["body"], expand: expandLoop),
  ONNXOperator(
    "Scan", inputs: 1...anyCount, outputs: 1...anyCount,
    attributes: [
      "body", "num_scan_inputs", "scan_input_axes", "scan_input_directions", "scan_output_axes",
      "scan_output_directions", "directions",
    ], expand: expandScan),
]

private func expandIf(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let condition = try x.value(of: 0)
  guard condition.shape.count == 1, let holds = condition.integers?.first else {
    throw .misfit("the condition is \(condition.type) \(condition.shape), not one bool")
  }
  try x.splice(try x.body(holds != 0 ? "then_branch" : "else_branch"), x.captures)
  return []
}

private func expandLoop(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let body = try x.body("body")
  let carried = x.inputs.count - 2
  let scanned = body.graph.outputs.count - 1 - carried
  guard carried >= 0, scanned >= 0,
    body.parameters.count == 2 + carried + x.captures.count
  else {
    throw .misfit(
      "its body takes \(body.parameters.count) and gives \(body.graph.outputs.count) values, which "
        + "does not fit \(x.inputs.count) inputs")
  }
  return try x.emitAll(
    .dynamic(.loop(Loop(body: body, carried: carried, scanned: scanned))), x.inputs + x.captures)
}

private func expandScan(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let body = try x.body("body")
  guard let count = try x.int("num_scan_inputs"), count > 0 else {
    throw .misfit("'num_scan_inputs' is not there")
  }
  // Version 8 has lengths in front and a batch axis everywhere.
  if x.version == 8 { return try expandScan8(&x, body, count) }
  let states = x.inputs.count - count
  let stacked = body.graph.outputs.count - states
  guard states >= 0, stacked >= 0 else {
    throw .misfit("\(x.inputs.count) inputs do not fit \(count) sequences")
  }
  func flags(_ name: String, _ count: Int) throws(ExpansionFault) -> [Bool] {
    let list = try x.ints(name) ?? [Int](repeating: 0, count: count)
    guard list.count == count else { throw .misfit("'\(name)' lists \(list.count) directions") }
    return list.map { $0 != 0 }
  }
  func axes(_ name: String, _ count: Int) throws(ExpansionFault) -> [Int] {
    let list = try x.ints(name) ?? [Int](repeating: 0, count: count)
    guard list.count == count else { throw .misfit("'\(name)' lists \(list.count) axes") }
    return list
  }
  let scan = Scan(
    body: body, states: states, inputAxes: try axes("scan_input_axes", count),
    outputAxes: try axes("scan_output_axes", stacked),
    inputsReversed: try flags("scan_input_directions", count),
    outputsReversed: try flags("scan_output_directions", stacked))
  return try x.emitAll(.dynamic(.scan(scan)), x.inputs + x.captures)
}

/// Each item of the batch runs by itself: states [batch, …], sequences [batch, length, …].
private func expandScan8(
  _ x: inout Expansion, _ body: GraphBody, _ count: Int
) throws(ExpansionFault) -> [ValueID?] {
  let states = x.inputs.count - 1 - count
  let stacked = body.graph.outputs.count - states
  guard states >= 0, stacked >= 0 else {
    throw .misfit("\(x.inputs.count) inputs do not fit \(count) sequences")
  }
  let directions = try x.ints("directions") ?? [Int](repeating: 0, count: count)
  guard directions.count == count else {
    throw .misfit("'directions' lists \(directions.count) directions")
  }
  let values = try x.inputs.dropFirst().indices.map { index throws(ExpansionFault) in
    try x.input(index)
  }
  guard let batch = values.first.map({ x[$0].shape }), batch.rank > 0,
    values.allSatisfy({ x[$0].shape.rank > 0 && x[$0].shape[0] == batch[0] }), batch[0] > 0
  else { throw .misfit("its inputs have no common batch") }
  let lengths = x.optional(0) == nil ? nil : try x.integers(of: 0)
  let scan = Scan(
    body: body, states: states, inputAxes: directions.map { _ in 0 },
    outputAxes: [Int](repeating: 0, count: stacked),
    inputsReversed: directions.map { $0 != 0 },
    outputsReversed: [Bool](repeating: false, count: stacked))
  var results = [[ValueID]](repeating: [], count: states + stacked)
  for item in 0..<batch[0] {
    var arguments: [ValueID] = []
    for (index, value) in values.enumerated() {
      var part = try x.emit(.slice(Slice(axis: 0, start: item, end: item + 1)), value)
      part = try x.reshape(part, Array(x[part].shape.dimensions.dropFirst()))
      if index >= states, let lengths, lengths.indices.contains(item) {
        part = try x.emit(.slice(Slice(axis: 0, start: 0, end: lengths[item])), part)
      }
      arguments.append(part)
    }
    let outputs = try x.emitAll(.dynamic(.scan(scan)), arguments + x.captures)
    for (index, output) in outputs.enumerated() {
      results[index].append(try x.reshape(output, [1] + x[output].shape.dimensions))
    }
  }
  return try results.map { parts throws(ExpansionFault) in
    try x.emitAll(.concat(axis: 0), parts)[0]
  }
}
