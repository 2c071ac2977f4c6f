import Grounding

extension EvaluationReport {
  static let columns: [(score: Score, title: String)] = [
    (.meanIoU, "mIoU"), (.iou, "IoU"), (.boxMeanIoU, "box mIoU"), (.boxIoU, "box IoU"),
    (.contrastToNoise, "CNR"), (.aucROC, "AUC"), (.pointing, "pointing"),
    (.centreDistance, "distance"),
  ]
  static let titles = [
    "bbm": "with bias merging", "no_bbm": "without bias merging", "map": "the maps",
    "bbm_less_no_bbm": "with less without",
  ]

  /// A table for each kind of map.
  public var text: String {
    var lines: [String] = []
    for table in tables {
      if !lines.isEmpty { lines.append("") }
      lines += self.lines(of: table)
    }
    if leftOut > 0 {
      lines.append("\(leftOut) of \(records.count) pairs are left out: see left_out in pairs.jsonl")
    }
    lines.append(
      "95 % intervals from \(bootstrap.resamples) bootstrap samples of the pairs; distance in pixels"
        + " of the crop")
    return lines.joined(separator: "\n")
  }

  private func lines(of table: Table) -> [String] {
    let isDifference = table.name == "bbm_less_no_bbm"
    let labels = table.classes.map { "  \($0.category.name) (\($0.summary.pairs))" }
    let title = Self.titles[table.name] ?? table.name
    let width = min(max((labels + [title]).map(\.count).max() ?? 0, 12), 28)
    func row(_ label: String, _ values: (Score) -> Double?) -> String {
      let cells = Self.columns.map { score, _ in
        padded(
          values(score).map { number($0, digits: score == .centreDistance ? 1 : 3) } ?? "–",
          to: 9, onTheLeft: true)
      }
      return padded(String(label.prefix(width)), to: width) + cells.joined()
    }
    var lines = [
      padded(title, to: width)
        + Self.columns.map { padded($0.title, to: 9, onTheLeft: true) }.joined(),
      row("all (\(table.all.pairs))") { table.all.scores[$0]?.mean },
      row("  95 % from") { table.all.scores[$0]?.low },
      row("  to") { table.all.scores[$0]?.high },
    ]
    if !isDifference {
      for (label, entry) in zip(labels, table.classes) {
        lines.append(row(label) { entry.summary.scores[$0]?.mean })
      }
      if table.flat > 0 {
        lines.append("\(table.flat) maps are flat, point nowhere and score 0")
      }
    }
    return lines
  }
}

private func padded(_ text: String, to width: Int, onTheLeft: Bool = false) -> String {
  let blanks = String(repeating: " ", count: max(0, width - text.count))
  return onTheLeft ? blanks + text : text + blanks
}

/// A number with so many digits behind the point.
private func number(_ value: Double, digits: Int) -> String {
  var scale = 1
  for _ in 0..<digits { scale *= 10 }
  let scaled = (abs(value) * Double(scale)).rounded()
  guard scaled < 1e15 else { return "\(value)" }
  let (whole, rest) = Int(scaled).quotientAndRemainder(dividingBy: scale)
  let fraction = String(rest)
  return (value < 0 && scaled > 0 ? "-" : "") + "\(whole)."
    + String(repeating: "0", count: digits - fraction.count) + fraction
}
