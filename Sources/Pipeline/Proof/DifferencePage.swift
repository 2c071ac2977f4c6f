import Comparison
import ImageFiles
import Reports

/// The page of `plumb diff --html`: one file that needs nothing else.
func differencePage(_ difference: FileDifference) throws -> String {
  let report = difference.report
  var body = [
    "<h1>\(difference.passed ? "Same" : "Different"), within tolerance</h1>",
    "<p><b>\(escaped(difference.actualPath))</b> against "
      + "<b>\(escaped(difference.expectedPath))</b>: \(report.tensors.count) tensors compared, "
      + "\(report.failed.count) out of tolerance, \(report.missing.count) missing, "
      + "\(report.extra.count) extra.</p>",
  ]
  if !difference.passed { body[0] = "<h1>Different</h1>" }
  if let graphs = difference.graphs {
    body.append("<h2>Graphs</h2><pre>\(escaped(graphs.text))</pre>")
  }
  for (title, names) in [("Missing", report.missing), ("Not expected", report.extra)]
  where !names.isEmpty {
    let items = names.map { "<li>\(escaped($0))</li>" }.joined()
    body.append("<h2>\(title)</h2><ul>\(items)</ul>")
  }
  body.append(table(report))
  for (place, tensor) in report.tensors.enumerated() {
    let map = difference.maps[tensor.name]
    guard !tensor.passed || map != nil || !tensor.details.isEmpty else { continue }
    body.append(
      "<section id=\"t\(place)\"><h2>\(escaped(tensor.name))</h2>"
        + "<p class=\"\(tensor.passed ? "ok" : "off")\">\(escaped(tensor.sentence)) "
        + "\(escaped(tensor.advice.map { $0 + "." } ?? ""))</p>")
    if let map { body.append(try figure(map)) }
    if !tensor.details.isEmpty {
      let text = tensor.details.drop { $0.isEmpty }.joined(separator: "\n")
      body.append("<pre>\(escaped(text))</pre>")
    }
    body.append("</section>")
  }
  return """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>plumb diff</title>
    <style>
    body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 76em; padding: 0 1em;
      color: #1b1b1f; background: #fff }
    table { border-collapse: collapse; font-size: 13px }
    th, td { text-align: left; padding: .2em .8em .2em 0; border-bottom: 1px solid #ddd;
      vertical-align: top }
    td.n { font-variant-numeric: tabular-nums; white-space: nowrap }
    .off { color: #a40000 } .ok { color: #1a6b1a }
    pre { background: #f5f5f7; padding: .8em; overflow-x: auto; font-size: 12px; line-height: 1.35 }
    figure { margin: 1em 0 } img { image-rendering: pixelated; border: 1px solid #999 }
    figcaption { font-size: 13px; color: #555; max-width: 60em }
    </style></head><body>
    \(body.joined(separator: "\n"))
    </body></html>

    """
}

private func table(_ report: ComparisonReport) -> String {
  let titles = [
    "", "tensor", "type", "shape", "largest error", "relative", "99 %", "ULP", "cosine", "off",
  ]
  let head = titles.map { "<th>\($0)</th>" }.joined()
  let rows = report.tensors.enumerated().map { place, tensor in
    let quantiles = tensor.statistics?.errorQuantiles ?? []
    var cells = [tensor.actualShape.description]
    cells.append(shortNumber(tensor.maximumAbsolute?.error ?? 0))
    cells.append(shortNumber(tensor.maximumRelative?.error ?? 0))
    cells.append(quantiles.count > 2 ? shortNumber(quantiles[2]) : "")
    cells.append(tensor.statistics?.steps.map { String($0.largest) } ?? "")
    cells.append(tensor.cosine.map { String(($0 * 1e8).rounded() / 1e8) } ?? "")
    cells.append(String(tensor.failureCount))
    let numbers = cells.map { "<td class=\"n\">\($0)</td>" }.joined()
    let mark = tensor.passed ? "<td class=\"ok\">ok" : "<td class=\"off\">off"
    return "<tr>\(mark)</td><td><a href=\"#t\(place)\">\(escaped(tensor.name))</a></td>"
      + "<td>\(tensor.actualType.rawValue)</td>\(numbers)</tr>"
  }
  return "<table><tr>\(head)</tr>\(rows.joined())</table>"
}

/// A picture of the errors with a caption.
private func figure(_ map: ErrorMap) throws -> String {
  let largest = map.errors.reduce(0) { $1 > $0 && $1 < .infinity ? $1 : $0 }
  var pixels: [UInt8] = []
  pixels.reserveCapacity(3 * map.errors.count)
  for error in map.errors {
    pixels += error.isFinite ? heat(largest > 0 ? error / largest : 0) : [0, 160, 255]
  }
  let image = RGBImage(
    width: map.picture.columns, height: map.picture.rows, pixels: pixels)
  let scale = max(1, 384 / max(map.picture.columns, map.picture.rows))
  let isWhole = map.picture == map.size
  var caption = "|a − b| of \(map.size.rows) × \(map.size.columns) elements"
  if !map.leading.isEmpty && map.leading.contains(where: { $0 != 0 }) {
    caption += " at \(map.leading), where the largest error is"
  }
  caption += ", from 0 (black) to \(shortNumber(largest)) (yellow)"
  if !isWhole { caption += "; each dot is the largest of several" }
  if map.errors.contains(where: { !$0.isFinite }) { caption += "; blue is NaN or infinite" }
  return "<figure><img alt=\"\(escaped(caption))\" width=\"\(map.picture.columns * scale)\" "
    + "height=\"\(map.picture.rows * scale)\" src=\"data:image/png;base64,"
    + "\(base64(try encodePNG(image)))\"><figcaption>\(escaped(caption)).</figcaption></figure>"
}

/// Black over violet, red and orange to light yellow.
private func heat(_ share: Double) -> [UInt8] {
  let path: [(Double, Double, Double)] = [
    (0, 0, 0), (70, 10, 105), (170, 40, 90), (240, 120, 30), (255, 245, 160),
  ]
  let place = min(max(share, 0), 1) * Double(path.count - 1)
  let step = min(Int(place), path.count - 2)
  let rest = place - Double(step)
  let (from, to) = (path[step], path[step + 1])
  func mix(_ a: Double, _ b: Double) -> UInt8 { UInt8((a + (b - a) * rest).rounded()) }
  return [mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2)]
}
