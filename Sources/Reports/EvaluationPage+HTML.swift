extension EvaluationPage {
  /// The whole page.
  package func html() throws -> String {
    try page(
      PageFrame(
        title: escaped("\(title) · plumb eval"), heading: escaped(title),
        subtitle: escaped(subtitle), start: "scores", startName: "scores",
        plain: "The tables of scores", program: escaped(program)),
      template: PackageResources.eval_html,
      script: [PackageResources.drawing_js, PackageResources.eval_js],
      parts: [
        "tables": tables,
        "cases": cases.isEmpty ? "" : String(decoding: PackageResources.cases_html, as: UTF8.self),
        "remarks": list(remarks),
        "meanings": table(scores.map { Fact($0.title, $0.meaning) }, caption: "Scores"),
        "run": table(run, caption: "Run") + table(settings, caption: "Settings"),
      ], data: data)
  }

  private var tables: String {
    var tables = variants.map { scoreTable($0.rows, caption: $0.title) }
    if !differences.isEmpty {
      tables.append(scoreTable(differences, caption: "With less without, pair by pair"))
    }
    return tables.joined(separator: "\n")
  }

  private func scoreTable(_ rows: [Row], caption: String) -> String {
    let head = scores.map { "<th scope=\"col\">\(escaped($0.title))</th>" }.joined()
    let body = rows.enumerated().map { place, row -> String in
      let cells = zip(scores, row.means).map { score, mean -> String in
        guard let mean else { return "<td>–</td>" }
        func number(_ value: Double) -> String { decimal(value, digits: score.digits) }
        return "<td><b>\(number(mean.mean))</b>"
          + "<small>\(number(mean.low))…\(number(mean.high))</small></td>"
      }
      return "<tr\(place == 0 ? " class=\"all\"" : "")><th scope=\"row\">\(escaped(row.title))</th>"
        + "<td>\(row.pairs)</td>\(cells.joined())</tr>"
    }
    return """
      <div class="scrolls" tabindex="0" role="region" aria-label="\(escaped(caption)), scores">
      <table class="scores"><caption>\(escaped(caption))</caption>
      <thead><tr><th scope="col">pairs of</th><th scope="col">number</th>\(head)</tr></thead>
      <tbody>\(body.joined(separator: "\n"))</tbody></table></div>
      """
  }
}
