/// The outline of a mask as closed lines, the one that overlays show.
///
/// - Parameter mask: `[side, side]`, foreground where not 0.
/// - Returns: for each line its corners in mask pixels (edges at integers), none twice. Corners
///   closer than a fifth of a pixel to the line between others are left out.
package func outline(of mask: [UInt8], side: Int) -> [[(x: Double, y: Double)]] {
  let segments = contour(of: mask, side: side)
  var rest: [GridPoint: [Int]] = [:]
  for (index, segment) in segments.enumerated() {
    for end in [GridPoint(segment.x0, segment.y0), GridPoint(segment.x1, segment.y1)] {
      rest[end, default: []].append(index)
    }
  }
  var isUsed = [Bool](repeating: false, count: segments.count)
  var lines: [[(x: Double, y: Double)]] = []
  for (index, first) in segments.enumerated() where !isUsed[index] {
    isUsed[index] = true
    var line = [(x: first.x0, y: first.y0)]
    var end = (x: first.x1, y: first.y1)
    while let next = rest[GridPoint(end.x, end.y)]?.first(where: { !isUsed[$0] }) {
      isUsed[next] = true
      line.append(end)
      let segment = segments[next]
      let isForward = GridPoint(segment.x0, segment.y0) == GridPoint(end.x, end.y)
      end = isForward ? (segment.x1, segment.y1) : (segment.x0, segment.y0)
    }
    lines.append(simplified(line, within: 0.2))
  }
  return lines
}

/// A place up to rounding: two cells give the crossing of the edge between them in different ways.
private struct GridPoint: Hashable {
  let x: Int
  let y: Int

  init(_ x: Double, _ y: Double) {
    self.x = Int((x * 4096).rounded())
    self.y = Int((y * 4096).rounded())
  }
}

/// Leaves out corners of a closed line that lie within a distance of what remains (Douglas and
/// Peucker, 1973).
private func simplified(
  _ line: [(x: Double, y: Double)], within distance: Double
) -> [(x: Double, y: Double)] {
  guard line.count > 4 else { return line }
  var isKept = [Bool](repeating: false, count: line.count)
  // Two corners far apart are kept, so that each half is an open line.
  let middle = line.indices.max {
    squaredDistance(line[$0], line[0]) < squaredDistance(line[$1], line[0])
  }
  var open = [(0, middle ?? 0), (middle ?? 0, line.count)]
  isKept[0] = true
  isKept[middle ?? 0] = true
  while let (start, end) = open.popLast() {
    let (from, to) = (line[start], line[end % line.count])
    let segment = Segment(x0: from.x, y0: from.y, x1: to.x, y1: to.y)
    var farthest = (index: start, distance: distance)
    for index in start + 1..<max(end, start + 1) {
      let away = segment.distance(line[index].x, line[index].y)
      if away > farthest.distance { farthest = (index, away) }
    }
    guard farthest.index > start else { continue }
    isKept[farthest.index] = true
    open += [(start, farthest.index), (farthest.index, end)]
  }
  return line.indices.filter { isKept[$0] }.map { line[$0] }
}

private func squaredDistance(_ a: (x: Double, y: Double), _ b: (x: Double, y: Double)) -> Double {
  (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y)
}
