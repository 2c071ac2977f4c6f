import Comparison
import JSONText
import TensorBase

extension LayerwiseVerification {
  /// A table per case, for a terminal.
  public var text: String {
    var lines: [String] = []
    for item in cases { lines += item.lines(replay: replay) + [""] }
    for name in skipped { lines.append("\(name): a whole run of the method, which has no layers") }
    return lines.joined(separator: "\n")
  }

  /// The same for programs: one JSON object.
  public var jsonText: String {
    JSONValue.object([
      "passed": .bool(passed), "cases": .array(cases.map(\.json)),
      "skipped": .array(skipped.map { .string($0) }),
      "replay": replay.map { .string($0) } ?? .null,
    ]).text(indent: 2)
  }
}

extension LayerwiseVerification.Case {
  fileprivate func lines(replay: String?) -> [String] {
    var rows = [["", "value", "computed by", "shape", "own", "drift"]]
    for layer in layers {
      let isGood = layer.own.passed && layer.drift?.passed ?? false
      rows.append([
        isGood ? "ok" : layer.own.passed ? "drift" : "FAIL", layer.name, layer.opsText,
        layer.own.actualShape.description, share(layer.own), layer.drift.map(share) ?? "-",
      ])
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var lines = ["\(passed ? "ok" : "FAIL")  \(name) (graph \(graph))"]
    for row in rows {
      var line = ""
      for (cell, width) in zip(row, widths) {
        line += cell + String(repeating: " ", count: width - cell.count + 2)
      }
      while line.last == " " { line.removeLast() }
      lines.append(line)
    }
    lines.append(
      "\(layers.count) values; own: from golden values, drift: from computed ones; errors are of "
        + "each value's largest magnitude.")
    if let first = firstOwn {
      lines.append("first wrong by itself: " + first.sentence(first.own))
      for input in first.inputs { lines.append("  takes \(input.name)  \(input.shape)") }
      if let replay {
        lines += [
          "  replay:  plumb run \(replay)/node.plumb -i \(replay)/inputs.safetensors -o "
            + "\(replay)/out.safetensors",
          "           plumb diff \(replay)/out.safetensors \(replay)/expected.safetensors",
        ]
      } else {
        lines.append("  --replay FOLDER keeps these nodes and their inputs")
      }
    }
    if let first = firstDrift, first.name != firstOwn?.name {
      let text =
        first.drift.map { first.sentence($0) }
        ?? "\(first.name): what it is computed from has another shape"
      lines.append(
        (firstOwn == nil ? "no node is wrong by itself; " : "") + "first out of tolerance with "
          + "what was computed before: " + text)
    }
    if !unknown.isEmpty {
      lines.append(
        "\(unknown.count) golden values are not in the graph: \(shortList(unknown))")
    }
    return lines
  }

  private func share(_ comparison: TensorComparison) -> String {
    guard comparison.shapesMatch else { return "shape" }
    if comparison.firstFailure?.error.isNaN == true { return "nan" }
    return shortNumber(comparison.largestShare ?? comparison.maximumAbsolute?.error ?? 0)
  }

  fileprivate var json: JSONValue {
    .object([
      "case": .string(name), "graph": .string(graph), "passed": .bool(passed),
      "first_own": firstOwn.map { .string($0.name) } ?? .null,
      "first_drift": firstDrift.map { .string($0.name) } ?? .null,
      "unknown": .array(unknown.map { .string($0) }),
      "layers": .array(
        layers.map { layer in
          .object([
            "name": .string(layer.name), "ops": .array(layer.ops.map { .string($0) }),
            "inputs": .array(
              layer.inputs.map { input in
                .object([
                  "name": .string(input.name),
                  "shape": .array(input.shape.dimensions.map { .integer(Int64($0)) }),
                ])
              }),
            "own": layer.own.json, "drift": layer.drift?.json ?? .null,
          ])
        }),
    ])
  }
}

extension LayerwiseVerification.Layer {
  /// The ops, or how many there are.
  fileprivate var opsText: String {
    ops.count <= 2 ? ops.joined(separator: ", ") : "\(ops.count) nodes"
  }

  fileprivate func sentence(_ comparison: TensorComparison) -> String {
    var kinds: [String] = []
    for op in ops where !kinds.contains(op) { kinds.append(op) }
    return comparison.sentence + " Computed by \(ops.count == 1 ? "" : "\(ops.count) nodes: ")"
      + shortList(kinds) + "."
  }
}
