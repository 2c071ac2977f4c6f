import Comparison
import TensorBase

extension LayerwiseVerification {
  /// A table per case, for a terminal.
  public var text: String {
    var lines: [String] = []
    for item in cases {
      lines += item.lines + (replay?.caseName == item.name ? replay?.lines ?? [] : []) + [""]
    }
    if replay == nil, cases.contains(where: { $0.firstOwn != nil || $0.firstDrift != nil }) {
      lines += [
        "--replay FOLDER keeps the first wrong nodes with their inputs, to be run again.", "",
      ]
    }
    for name in skipped { lines.append("\(name): a whole run of the method, which has no layers") }
    return lines.joined(separator: "\n")
  }
}

extension LayerwiseVerification.Case {
  fileprivate var lines: [String] {
    ["\(passed ? "ok" : "FAIL")  \(name) (graph \(graph))"] + table + [
      "\(layers.count) values; own: from golden values, drift: from computed ones; errors are of "
        + "each value's largest magnitude."
    ] + findings + notes
  }

  private var table: [String] {
    var rows = [["", "value", "computed by", "shape", "own", "drift"]]
    for layer in layers {
      rows.append([
        layer.passed ? "ok" : layer.own.passed ? "drift" : "FAIL", layer.name, layer.origin,
        layer.own.actualShape.description, share(layer.own), layer.drift.map(share) ?? "-",
      ])
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      for (cell, width) in zip(row, widths) {
        line += cell + String(repeating: " ", count: width - cell.count + 2)
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }

  private func share(_ comparison: TensorComparison) -> String {
    guard comparison.shapesMatch else { return "shape" }
    guard comparison.typesMatch || comparison.tolerance.typesMayDiffer else { return "type" }
    if comparison.firstFailure?.error.isNaN == true { return "nan" }
    return shortNumber(comparison.largestShare ?? comparison.maximumAbsolute?.error ?? 0)
  }

  /// What is wrong first.
  private var findings: [String] {
    var lines: [String] = []
    if let first = firstHeld {
      let count = layers.count { $0.role != .computed && !$0.own.passed }
      lines.append(
        "\(count) of what the file holds \(count == 1 ? "is" : "are") not as recorded; first the "
          + "\(first.role.rawValue) " + first.own.sentence)
    }
    if let first = firstOwn {
      lines.append("first wrong by itself: " + first.own.sentence)
      lines += first.account
    }
    if let first = firstDrift, first.name != firstOwn?.name {
      let text =
        first.drift.map(\.sentence)
        ?? "\(first.name): what it is computed from has another shape."
      lines.append(
        (firstOwn == nil ? "no node is wrong by itself; " : "") + "first out of tolerance with "
          + "what was computed before: " + text)
      if firstOwn == nil { lines += first.account }
    }
    return lines
  }

  private var notes: [String] {
    var lines = assumed.map(assumedText) + stray.map(strayText)
    if !unknown.isEmpty {
      lines.append(
        "not compared, since the graph has no such value: \(unknown.count) golden values, "
          + "\(shortList(unknown)).")
    }
    return lines
  }
}

extension LayerwiseVerification.Layer {
  /// The ops, or how many there are; what it is when nothing computes it.
  fileprivate var origin: String {
    guard role == .computed else { return role.rawValue }
    return nodes.count <= 2 ? nodes.map(\.op).joined(separator: ", ") : "\(nodes.count) nodes"
  }

  /// The nodes with their attributes, what they take and what they give: a line each.
  var account: [String] {
    let limit = 8
    func some(_ label: String, _ items: [String]) -> [String] {
      let rest = items.count > limit ? ["… and \(items.count - limit) more"] : []
      return (items.prefix(limit) + rest).map { "  \(label)  \($0)" }
    }
    return some("node ", nodes.map(\.text))
      + some(
        "takes",
        takes.map { item in
          let role = item.role == .computed ? "golden value" : item.role.rawValue
          return "\(item.name)  \(item.fact)  \(role)"
        })
      + ["  gives  \(name)  \(own.actualType.rawValue) \(own.actualShape)"]
  }
}

extension LayerwiseVerification.Replay {
  fileprivate var lines: [String] {
    let exact = isExact ? " --exact" : ""
    let types = typesMatch ? "" : " --any-type"
    let place = shellWord(folder)
    return [
      "\(folder) has the nodes of \(value) with "
        + (isOwn ? "their golden inputs" : "the inputs that were computed") + ":",
      "  plumb run \(place)/node.plumb -i \(place)/inputs.safetensors -o "
        + "\(place)/out.safetensors\(exact)",
      "  plumb diff \(place)/out.safetensors \(place)/expected.safetensors --tolerances "
        + "\(place)/tolerances.json\(types)",
    ]
  }
}

/// A word as a POSIX shell takes it.
private func shellWord(_ text: String) -> String {
  let isPlain = text.utf8.allSatisfy { byte in
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "-_./,+:@".utf8.contains(byte)
    }
  }
  return isPlain
    ? text
    : "'"
      + text.split(separator: "'", omittingEmptySubsequences: false)
      .joined(separator: "'\\''") + "'"
}
