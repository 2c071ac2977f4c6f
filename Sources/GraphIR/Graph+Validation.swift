extension Graph {
  /// Checks everything that does not need shapes: names unique, references sound, every value
  /// computed once and before its first use, input and output counts as the ops want them.
  package func validate() throws(GraphError) {
    var names = Set<String>()
    for value in values where !names.insert(value.name).inserted {
      throw .duplicateName(graph: name, name: value.name)
    }
    var isKnown = values.map { value in
      switch value.origin {
      case .weight, .constant: true
      case .input, .node: false
      }
    }
    for input in inputs {
      guard values.indices.contains(input.value.index) else {
        throw .badReference(graph: name, node: "(inputs)", index: input.value.index)
      }
      guard self[input.value].origin == .input, !isKnown[input.value.index] else {
        throw .computedTwice(graph: name, node: "(inputs)", value: self[input.value].name)
      }
      isKnown[input.value.index] = true
    }
    for node in nodes { try validate(node, isKnown: &isKnown) }
    for output in outputs {
      guard values.indices.contains(output.index) else {
        throw .badReference(graph: name, node: "(outputs)", index: output.index)
      }
    }
    for (index, isKnown) in isKnown.enumerated() where !isKnown {
      throw .notComputed(graph: name, value: values[index].name)
    }
  }

  private func validate(_ node: Node, isKnown: inout [Bool]) throws(GraphError) {
    let op = node.op
    guard op.inputCounts.contains(node.inputs.count),
      node.inputs.prefix(op.requiredInputs).allSatisfy({ $0 != nil })
    else {
      throw .wrongInputCount(
        graph: name, node: node.name, op: op.name, count: node.inputs.count,
        expected: "\(op.requiredInputs) to \(op.inputCounts.upperBound)")
    }
    if let expected = op.outputCount, node.outputs.count != expected {
      throw .misfit(
        graph: name, node: node.name, op: op.name,
        reason: "\(node.outputs.count) outputs; expected \(expected)")
    }
    for case let input? in node.inputs {
      guard values.indices.contains(input.index) else {
        throw .badReference(graph: name, node: node.name, index: input.index)
      }
      guard isKnown[input.index] else {
        throw .usedBeforeComputed(graph: name, node: node.name, value: self[input].name)
      }
    }
    for case let output? in node.outputs {
      guard values.indices.contains(output.index) else {
        throw .badReference(graph: name, node: node.name, index: output.index)
      }
      guard self[output].origin == .node, !isKnown[output.index] else {
        throw .computedTwice(graph: name, node: node.name, value: self[output].name)
      }
      isKnown[output.index] = true
    }
  }
}
