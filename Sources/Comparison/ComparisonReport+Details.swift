extension TensorComparison {
  /// With which tolerance the tensor would pass; nil when none is known or needed.
  package var advice: String? {
    guard failureCount > 0, let statistics else { return nil }
    guard let text = statistics.passing(self) else {
      return needsEqualNaN
        ? "it passes when NaN equals NaN (--equal-nan)"
        : "no tolerance lets it pass: values that are NaN or infinite differ"
    }
    return "it passes " + text
  }

  /// A paragraph on how the tensor differs; empty when it does not, or nothing was gathered.
  package var details: [String] {
    guard let statistics, statistics.unequalCount > 0 else { return [] }
    func number(_ value: Double?) -> String { value.map(shortNumber) ?? "-" }
    func row(_ name: String, _ values: [(String, String)]) -> String {
      "  " + name.padded(to: 10) + "  "
        + values.map { $0.0.isEmpty ? $0.1 : $0.0 + " " + $0.1 }.joined(separator: "  ")
    }
    let levels = ["50 %", "90 %", "99 %", "99.9 %"]
    var lines = [
      "",
      "\(name)  \(actualType.rawValue) \(actualShape): \(statistics.unequalCount) of "
        + "\(actualShape.count) elements differ",
      row(
        "error",
        [
          ("mean", number(statistics.meanError)), ("rms", number(statistics.rootMeanSquare)),
          ("mean of a − b", number(statistics.meanDifference)),
        ]),
    ]
    if !statistics.errorQuantiles.isEmpty {
      let values = zip(levels, statistics.errorQuantiles.map(shortNumber)).map { ($0, $1) }
      lines.append(row("quantiles", values + [("all", number(maximumAbsolute?.error))]))
    }
    if let steps = statistics.steps, steps.count > 0 {
      let values = zip(levels, steps.quantiles.map(String.init)).map { ($0, $1) }
      lines.append(
        row(
          "ULP", values + [("all", String(steps.largest) + (steps.largestIndex?.placeText ?? ""))]))
    }
    if let worst = maximumAbsolute {
      lines.append(row("worst", [line(worst)]))
    }
    if let first = firstFailure {
      lines.append(row("first off", [line(first)]))
    }
    lines.append(
      row(
        "alike",
        [
          ("cosine", cosine.map { fixed($0, digits: 8) } ?? "-"),
          ("SQNR", statistics.signalToNoise.map(decibels) ?? "-"),
          ("PSNR", statistics.peakSignalToNoise.map(decibels) ?? "-"),
        ]))
    lines.append(row("passes", [("", statistics.passing(self) ?? "with no tolerance")]))
    return lines + statistics.histogram.bars
  }

  private func values(_ difference: ElementDifference) -> String {
    "\(difference.actualText), expected \(difference.expectedText)"
  }

  private func line(_ difference: ElementDifference) -> (String, String) {
    let place = difference.index.placeText.dropFirst()
    return (place.isEmpty ? "" : "\(place):", values(difference))
  }
}

extension ErrorStatistics {
  /// The tolerances that let a tensor pass.
  fileprivate func passing(_ tensor: TensorComparison) -> String? {
    var ways: [String] = []
    let joint: String
    switch tensor.tolerance.rule {
    case .either: joint = "or"
    case .standard, .bounds, .relativeToMaximum: joint = "with"
    }
    if let smallestAbsolute {
      ways.append(
        "atol \(shortAbove(smallestAbsolute)) \(joint) rtol \(shortNumber(tensor.relativeBound))")
    }
    if let smallestRelative {
      ways.append(
        "rtol \(shortAbove(smallestRelative)) \(joint) atol \(shortNumber(tensor.absoluteBound))")
    }
    guard !ways.isEmpty else { return nil }
    if let factor = tensor.largestShare, factor.isFinite {
      ways.append("\(shortAbove(factor)) of the largest expected")
    }
    return "from " + ways.joined(separator: ", or ")
  }
}

extension TensorComparison {
  /// The largest absolute error, of the largest finite |expected|; nil when that is 0 or the shapes
  /// differ.
  package var largestShare: Double? {
    guard shapesMatch, largestExpected > 0 else { return nil }
    let share = (maximumAbsolute?.error ?? 0) / largestExpected
    return share * largestExpected >= maximumAbsolute?.error ?? 0 ? share : share.nextUp
  }
}

extension ErrorHistogram {
  /// A line with a bar for each power of ten from the smallest to the largest error.
  fileprivate var bars: [String] {
    guard let first = filled.first?.power, let last = filled.last?.power else { return [] }
    var rows: [(label: String, count: Int)] = []
    if zeroCount > 0 { rows.append(("0", zeroCount)) }
    for power in first...last {
      rows.append(("1e\(power)…1e\(power + 1)", counts[power - Self.lowest]))
    }
    let largest = rows.map(\.count).max() ?? 1
    let labelWidth = rows.map(\.label.count).max() ?? 0
    let countWidth = String(largest).count
    return rows.map { label, count in
      let text = String(count)
      return "  " + label.padded(to: max(labelWidth, 10)) + "  "
        + String(repeating: " ", count: countWidth - text.count) + text + "  "
        + bar(eighths: count == 0 ? 0 : max(1, count * 320 / largest))
    }.map { $0.trimmingEnd() }
  }

  private func bar(eighths: Int) -> String {
    let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    return String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
  }
}

/// A level with one decimal.
private func decibels(_ value: Double) -> String {
  guard value.isFinite else { return "∞ dB" }
  return "\((value * 10).rounded() / 10) dB"
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
