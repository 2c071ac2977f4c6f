import JSONText
import TensorBase

extension Inspection {
  /// The file in words and tables.
  ///
  /// - Parameters:
  ///   - listsTensors: adds a line per tensor.
  ///   - listsTaps: adds a line per attention node.
  public func text(listsTensors: Bool = false, listsTaps: Bool = false) -> String {
    var lines = ["\(file): \(format)" + (byteCount.map { ", \(bytesText($0))" } ?? "")]
    if let identity { lines.append("identity  \(identity)") }
    for graph in graphs { lines += graph.lines(listsTaps: listsTaps) }
    lines.append("")
    lines += storageLines
    if hasTokenizer || hasScheduler {
      lines.append(
        "also      "
          + [hasTokenizer ? "tokenizer" : nil, hasScheduler ? "noise schedule" : nil]
          .compactMap { $0 }.joined(separator: ", "))
    }
    for (key, value) in components.members {
      lines.append("\(key)  \(value.text())")
    }
    for key in metadata.keys.sorted() { lines.append("\(key): \(metadata[key] ?? "")") }
    if provenance.count > 0 {
      lines += ["", "provenance"]
      lines += provenanceLines
    }
    if listsTensors {
      lines.append("")
      let rows = tensors.map { tensor in
        [
          tensor.name, tensor.type.rawValue,
          tensor.storedType == tensor.type ? "" : "as \(tensor.storedType.rawValue)",
          tensor.shape.description, bytesText(tensor.storedByteCount),
        ]
      }
      lines += aligned(rows)
    }
    return lines.joined(separator: "\n")
  }

  /// Bytes stored and raw, per type.
  private var storageLines: [String] {
    let rows = storage.map { row in
      [
        row.type.rawValue, "\(row.count) tensors", "\(grouped(row.elements)) elements",
        "raw \(bytesText(row.raw))", "stored \(bytesText(row.stored))",
        row.raw > 0 ? percent(Double(row.stored) / Double(row.raw)) : "",
      ]
    }
    return aligned(rows)
  }

  struct StorageRow {
    let type: ElementType
    var count = 0
    var elements = 0
    var raw = 0
    var stored = 0
  }

  var storage: [StorageRow] {
    ElementType.allCases.compactMap { type in
      var row = StorageRow(type: type)
      for tensor in tensors where tensor.type == type {
        row.count += 1
        row.elements += tensor.shape.count
        row.raw += tensor.byteCount
        row.stored += tensor.storedByteCount
      }
      return row.count > 0 ? row : nil
    }
  }

  private var provenanceLines: [String] {
    provenance.members.flatMap { key, value -> [String] in
      guard let sources = value.arrayValue else {
        return ["  \(key)  \(value.stringValue ?? value.text())"]
      }
      return sources.map { source in
        "  \(source["sha256"]?.stringValue ?? "")  \(source["component"]?.stringValue ?? "")  "
          + (source["file"]?.stringValue ?? "")
      }
    }
  }
}

extension GraphInspection {
  func lines(listsTaps: Bool) -> [String] {
    var lines = ["", "graph \(name)"]
    lines += aligned(
      inputs.map { input in
        [
          "  in", input.name, input.type.rawValue,
          input.dimensions.map {
            "[" + $0.map(\.description).joined(separator: ", ") + "]"
          } ?? "any shape",
        ]
      })
    lines += aligned(
      outputs.map { ["  out", $0.name, $0.shape.map { "e.g. \($0)" } ?? ""] })
    lines.append("  parameters  \(grouped(parameterCount))")
    lines.append(
      "  nodes  \(nodeCount): "
        + ops.map { "\($0.count) \($0.name)" }.joined(separator: ", "))
    let cross = taps.count { $0.kind == .cross }
    lines.append("  attention  \(cross) cross, \(taps.count - cross) self")
    if listsTaps {
      lines += aligned(
        taps.map { tap in
          [
            "  tap", tap.name, tap.kind.rawValue, tap.heads == 1 ? "1 head" : "\(tap.heads) heads",
            "\(tap.queries.map(String.init) ?? "?") × \(tap.keys.map(String.init) ?? "?")",
          ]
        })
    }
    return lines
  }
}

/// Rows as lines with columns under each other.
func aligned(_ rows: [[String]]) -> [String] {
  var widths: [Int] = []
  for row in rows {
    for (column, cell) in row.enumerated() {
      if column == widths.count { widths.append(0) }
      widths[column] = max(widths[column], cell.count)
    }
  }
  return rows.map { row in
    var line = ""
    for (column, cell) in row.enumerated() {
      line += cell
      if column < row.count - 1 {
        line += String(repeating: " ", count: widths[column] - cell.count + 2)
      }
    }
    return line
  }
}

/// A byte count for people, in powers of 1000.
func bytesText(_ count: Int) -> String {
  let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)]
  for (unit, size) in units where count >= size {
    let tenths = (count * 10 + size / 2) / size
    return "\(tenths / 10).\(tenths % 10) \(unit)"
  }
  return "\(count) B"
}

/// A share as a percentage with one digit.
func percent(_ share: Double) -> String {
  let tenths = Int((share * 1000).rounded())
  return "\(tenths / 10).\(tenths % 10) %"
}

/// A number with a comma before every third digit.
func grouped(_ number: Int) -> String {
  var digits = ""
  for (place, digit) in String(number).reversed().enumerated() {
    if place > 0, place % 3 == 0 { digits.append(",") }
    digits.append(digit)
  }
  return String(digits.reversed())
}
