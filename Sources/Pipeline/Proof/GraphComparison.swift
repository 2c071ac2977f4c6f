import GraphIR
import JSONText
import NativeFormat
import TensorBase

/// One graph against another.
struct GraphComparison {
  private let actual: Graph
  private let expected: Graph
  private(set) var changes: [ModelDifference.Change] = []

  init(_ actual: Graph, _ expected: Graph) {
    (self.actual, self.expected) = (actual, expected)
    guard actual != expected else { return }
    compareInputs()
    compareNodes()
    compareValues()
    let (a, b) = (actual.outputs, expected.outputs)
    if actual.names(a) != expected.names(b) {
      add(.changed, "outputs", "", ["\(expected.names(b)) → \(actual.names(a))"])
    }
  }

  private mutating func add(
    _ kind: ModelDifference.Kind, _ what: String, _ name: String, _ details: [String]
  ) {
    changes.append(.init(kind: kind, what: what, name: name, details: details))
  }

  /// Calls back for each key with the item on either side, the expected ones first in their order.
  private func match<Item>(
    _ actual: [(key: String, item: Item)], _ expected: [(key: String, item: Item)],
    _ body: (String, _ actual: Item?, _ expected: Item?) -> Void
  ) {
    let found = Dictionary(actual.map { ($0.key, $0.item) }) { first, _ in first }
    let wanted = Set(expected.map(\.key))
    for (key, item) in expected { body(key, found[key], item) }
    for (key, item) in actual where !wanted.contains(key) { body(key, item, nil) }
  }

  private mutating func compareInputs() {
    func inputs(_ graph: Graph) -> [(key: String, item: String)] {
      graph.inputs.map { input in
        let dimensions = input.dimensions.map {
          "[" + $0.map(\.description).joined(separator: ", ") + "]"
        }
        return (graph[input.value].name, "\(input.type.rawValue) \(dimensions ?? "of any rank")")
      }
    }
    var found: [ModelDifference.Change] = []
    match(inputs(actual), inputs(expected)) { name, a, b in
      if let change = change("input", name, a, b) { found.append(change) }
    }
    changes += found
  }

  private func change(
    _ what: String, _ name: String, _ actual: String?, _ expected: String?
  ) -> ModelDifference.Change? {
    switch (actual, expected) {
    case (let a?, let b?):
      a == b ? nil : .init(kind: .changed, what: what, name: name, details: ["\(b) → \(a)"])
    case (let a?, nil): .init(kind: .added, what: what, name: name, details: [a])
    case (nil, let b?): .init(kind: .removed, what: what, name: name, details: [b])
    case (nil, nil): nil
    }
  }

  private mutating func compareNodes() {
    func nodes(_ graph: Graph) -> [(key: String, item: Node)] {
      graph.nodes.map { node in
        (node.outputs.lazy.compactMap { $0 }.first.map { graph[$0].name } ?? node.name, node)
      }
    }
    var found: [ModelDifference.Change] = []
    match(nodes(actual), nodes(expected)) { name, a, b in
      switch (a, b) {
      case (let a?, let b?):
        let details = differences(a, b)
        if !details.isEmpty {
          found.append(
            .init(
              kind: .changed, what: "node", name: "\(name) (\(b.op.name))", details: details))
        }
      case (let a?, nil):
        found.append(.init(kind: .added, what: "node", name: name, details: [a.op.name]))
      case (nil, let b?):
        found.append(.init(kind: .removed, what: "node", name: name, details: [b.op.name]))
      case (nil, nil): break
      }
    }
    changes += found
  }

  private func differences(_ a: Node, _ b: Node) -> [String] {
    var details: [String] = []
    if a.op != b.op {
      let (actual, expected) = (a.op.stored, b.op.stored)
      if actual.name == expected.name {
        details += jsonChanges(.object(actual.attributes), .object(expected.attributes)).map {
          "\($0.path) \($0.text)"
        }
      } else {
        details.append("op \(b.op.name) → \(a.op.name)")
      }
    }
    for (what, x, y) in [("input", a.inputs, b.inputs), ("output", a.outputs, b.outputs)] {
      for place in 0..<max(x.count, y.count) {
        func name(_ graph: Graph, _ list: [ValueID?]) -> String {
          guard place < list.count, let id = list[place] else { return "none" }
          return graph[id].name
        }
        let (from, to) = (name(expected, y), name(actual, x))
        if from != to { details.append("\(what) \(place) \(from) → \(to)") }
      }
    }
    return details
  }

  /// Weights and constants; what nodes compute has been compared with the nodes.
  private mutating func compareValues() {
    func values(_ graph: Graph, _ what: String) -> [(key: String, item: Value)] {
      graph.values.compactMap { value in
        switch value.origin {
        case .weight: what == "weight" ? (value.name, value) : nil
        case .constant: what == "constant" ? (value.name, value) : nil
        case .input, .node: nil
        }
      }
    }
    var found: [ModelDifference.Change] = []
    for what in ["weight", "constant"] {
      match(values(actual, what), values(expected, what)) { name, a, b in
        guard a?.origin != b?.origin else { return }
        if let a, let b, a.summary == b.summary {
          found.append(
            .init(
              kind: .changed, what: what, name: name, details: ["other values, \(b.summary)"]))
        } else if let change = change(what, name, a?.summary, b?.summary) {
          found.append(change)
        }
      }
    }
    changes += found
  }
}

extension Graph {
  fileprivate func names(_ ids: [ValueID]) -> String {
    ids.map { self[$0].name }.joined(separator: ", ")
  }
}

extension Value {
  /// What a weight or constant is, in a few words.
  fileprivate var summary: String {
    switch origin {
    case .weight(let tensor, let fact): tensor == name ? "\(fact)" : "\(fact) of \(tensor)"
    case .constant(let tensor):
      if tensor.shape.count <= 8 {
        "\(tensor.type.rawValue) \(tensor.shape) ["
          + tensor.doubles.map { number in
            Int64(exactly: number).map(String.init) ?? "\(number)"
          }.joined(separator: ", ") + "]"
      } else {
        "\(tensor.type.rawValue) \(tensor.shape)"
      }
    case .input: "input"
    case .node: "computed"
    }
  }
}
