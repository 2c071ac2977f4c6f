import GraphIR
import JSONText

/// What a model's file says beside its weights.
struct ModelContent {
  let graphs: [Graph]
  /// Facts about the parts, tokenizer, scheduler; nil for files that have no such thing.
  let settings: JSONObject?
}

/// How the graphs and settings of one model differ from those of another. Provenance does not count.
struct ModelDifference: Sendable {
  enum Kind: String, Sendable {
    case added, removed, changed
  }

  struct Change: Sendable {
    let kind: Kind
    /// `graph`, `input`, `outputs`, `node`, `weight`, `constant` or `setting`.
    let what: String
    let name: String
    /// What it is, or each thing that changed.
    let details: [String]
  }

  /// The graphs that are in one of the files, and what differs in each; settings at the end.
  let parts: [(name: String, changes: [Change])]

  var isEmpty: Bool { parts.allSatisfy(\.changes.isEmpty) }

  /// Of one model against the expected one. Graphs are told apart by name, nodes by the name of
  /// their first output, which is the module path or the file's own name for it.
  init(_ actual: ModelContent, _ expected: ModelContent) {
    var parts: [(name: String, changes: [Change])] = []
    // Two files with a graph each are meant to be the same model, whatever these are called.
    let isSingle = actual.graphs.count == 1 && expected.graphs.count == 1
    for graph in expected.graphs {
      let other = isSingle ? actual.graphs[0] : actual.graphs.first { $0.name == graph.name }
      if let other {
        parts.append((graph.name, GraphComparison(other, graph).changes))
      } else {
        parts.append((graph.name, [graph.change(.removed)]))
      }
    }
    if !isSingle {
      for graph in actual.graphs where !expected.graphs.contains(where: { $0.name == graph.name }) {
        parts.append((graph.name, [graph.change(.added)]))
      }
    }
    if let a = actual.settings, let b = expected.settings {
      let changes = jsonChanges(.object(a), .object(b)).map { change in
        Change(kind: change.kind, what: "setting", name: change.path, details: [change.text])
      }
      if !changes.isEmpty { parts.append(("settings", changes)) }
    }
    self.parts = parts
  }

  /// A line per change, or that there is none.
  var text: String {
    guard !isEmpty else {
      return "graphs are the same: \(parts.map(\.name).joined(separator: ", "))\n"
    }
    var lines: [String] = []
    for part in parts {
      lines.append("\(part.changes.isEmpty ? "ok  " : "FAIL")  graph \(part.name)")
      lines += part.changes.map { "  " + $0.line }
    }
    let total = parts.reduce(0) { $0 + $1.changes.count }
    return lines.joined(separator: "\n") + "\n\(total) differences between the graphs.\n"
  }

  var json: JSONValue {
    .array(
      parts.map { part in
        .object([
          "graph": .string(part.name), "same": .bool(part.changes.isEmpty),
          "changes": .array(
            part.changes.map { change in
              .object([
                "kind": .string(change.kind.rawValue), "what": .string(change.what),
                "name": .string(change.name),
                "details": .array(change.details.map { .string($0) }),
              ])
            }),
        ])
      })
  }

  var junitSuite: JUnitSuite {
    JUnitSuite(
      name: "graphs",
      cases: parts.map { part in
        JUnitSuite.Case(
          name: part.name,
          failure: part.changes.isEmpty
            ? nil
            : .init(
              kind: "graph", message: "\(part.changes.count) differences",
              text: part.changes.map(\.line).joined(separator: "\n")))
      })
  }
}

extension ModelDifference.Change {
  var line: String {
    let label = kind.rawValue + String(repeating: " ", count: 9 - kind.rawValue.count)
    return label + what + " " + name
      + (details.isEmpty ? "" : ": " + details.joined(separator: "; "))
  }
}

extension Graph {
  fileprivate func change(_ kind: ModelDifference.Kind) -> ModelDifference.Change {
    .init(kind: kind, what: "graph", name: name, details: ["\(nodes.count) nodes"])
  }
}

/// A place where two JSON values differ.
struct JSONChange {
  let kind: ModelDifference.Kind
  /// Keys from the top, with dots.
  let path: String
  let text: String
}

func jsonChanges(
  _ actual: JSONValue, _ expected: JSONValue, path: String = ""
) -> [JSONChange] {
  if actual == expected { return [] }
  guard let a = actual.objectValue, let b = expected.objectValue else {
    return [
      JSONChange(
        kind: .changed, path: path, text: "\(brief(expected)) → \(brief(actual))")
    ]
  }
  var changes: [JSONChange] = []
  func below(_ key: String) -> String { path.isEmpty ? key : path + "." + key }
  for (key, value) in b.members {
    if let other = a[key] {
      changes += jsonChanges(other, value, path: below(key))
    } else {
      changes.append(JSONChange(kind: .removed, path: below(key), text: brief(value)))
    }
  }
  for (key, value) in a.members where b[key] == nil {
    changes.append(JSONChange(kind: .added, path: below(key), text: brief(value)))
  }
  return changes
}

/// A value on one line, cut after 60 characters.
func brief(_ value: JSONValue) -> String {
  let text = value.text()
  return text.count > 60 ? text.prefix(59) + "…" : text
}
