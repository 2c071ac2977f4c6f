extension Graph {
  /// What computes one value from the graph's inputs and from values that are given: these become
  /// inputs of the part, with the types and shapes they are given in.
  ///
  /// - Parameters:
  ///   - given: values that nodes compute. `wanted` among them is computed all the same.
  ///   - wanted: the part's only output.
  package func cut(at given: [ValueID: Fact], to wanted: ValueID) -> Graph {
    var part = self
    func isGiven(_ id: ValueID) -> Bool { id != wanted && given[id] != nil }
    part.nodes.removeAll { node in
      node.outputs.allSatisfy { id in id.map(isGiven) ?? true }
    }
    var taken: Set<String>?
    for (n, node) in part.nodes.enumerated() {
      for (place, output) in node.outputs.enumerated() {
        guard let id = output, isGiven(id) else { continue }
        // Another output of the node is computed: this one goes nowhere.
        var names = taken ?? Set(values.map(\.name))
        part.nodes[n].outputs[place] = part.addValue(named: self[id].name, taken: &names)
        taken = names
      }
    }
    for id in given.keys.sorted(by: { $0.index < $1.index }) where isGiven(id) {
      guard let fact = given[id] else { continue }
      part.values[id.index].origin = .input
      part.inputs.append(
        GraphInput(
          value: id, type: fact.type, dimensions: fact.shape.dimensions.map { .size($0) }))
    }
    return part.pruned(to: [wanted])
  }

  /// For each of some values, which nodes compute: those of the others that it is computed from
  /// without a further one in between.
  package func nearestSources(among values: Set<ValueID>) -> [ValueID: Set<ValueID>] {
    var behind = [Set<ValueID>](repeating: [], count: self.values.count)
    var result: [ValueID: Set<ValueID>] = [:]
    for node in nodes {
      var sources: Set<ValueID> = []
      for case let input? in node.inputs { sources.formUnion(behind[input.index]) }
      for case let output? in node.outputs {
        if values.contains(output) {
          result[output] = sources
          behind[output.index] = [output]
        } else {
          behind[output.index] = sources
        }
      }
    }
    return result
  }
}
