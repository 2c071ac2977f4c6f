/// The outline of a mask as line segments in mask pixels (edges at integers), by marching squares
/// over a smoothed mask. The smoothing takes the stairs out of slanted edges but leaves every pixel
/// on its side of the line, so that single pixels keep an outline too. Outside of the mask counts as
/// background: every outline closes.
///
/// - Parameter mask: `[side, side]`, foreground where not 0.
func contour(of mask: [UInt8], side: Int) -> [Segment] {
  precondition(mask.count == side * side)
  let heights = smoothed(mask, side: side)
  let wide = side + 2
  var segments: [Segment] = []
  for y in 0..<wide - 1 {
    for x in 0..<wide - 1 {
      let upper = y * wide + x
      let lower = upper + wide
      let inside = (heights[upper] > 0, heights[upper + 1] > 0, heights[lower] > 0)
      if inside == (true, true, true) && heights[lower + 1] > 0
        || inside == (false, false, false) && heights[lower + 1] <= 0
      {
        continue
      }
      segments += cellSegments(
        [heights[upper], heights[upper + 1], heights[lower + 1], heights[lower]],
        x: Double(x) - 0.5, y: Double(y) - 0.5)
    }
  }
  return segments
}

/// A mask with one pixel of background on every side as `[side + 2, side + 2]` heights: above 0 in
/// the foreground, below in the background, steeper the farther the mean of the 5 × 5 neighbours
/// lies on that side.
private func smoothed(_ mask: [UInt8], side: Int) -> [Double] {
  let (wide, reach) = (side + 2, 2)
  // Column sums, then their row sums, over a window that is clipped at the mask's edges.
  var columns = [Int](repeating: 0, count: side * wide)
  for y in 0..<wide {
    for row in max(y - 1 - reach, 0)...min(max(y - 1 + reach, 0), side - 1) {
      for x in 0..<side where mask[row * side + x] != 0 { columns[y * side + x] += 1 }
    }
  }
  var heights = [Double](repeating: 0, count: wide * wide)
  for y in 0..<wide {
    for x in 0..<wide {
      var sum = 0
      for column in max(x - 1 - reach, 0)...min(max(x - 1 + reach, 0), side - 1) {
        sum += columns[y * side + column]
      }
      let mean = Double(sum) / Double((2 * reach + 1) * (2 * reach + 1)) - 0.5
      let isInside =
        x > 0 && y > 0 && x <= side && y <= side && mask[(y - 1) * side + x - 1] != 0
      heights[y * wide + x] = isInside ? max(mean, 0.02) : min(mean, -0.02)
    }
  }
  return heights
}

/// The segments of one cell at height 0; corners clockwise from the upper left, which is at (x, y).
private func cellSegments(_ corners: [Double], x: Double, y: Double) -> [Segment] {
  let places: [(Double, Double)] = [(0, 0), (1, 0), (1, 1), (0, 1)]
  var crossings: [(x: Double, y: Double)] = []
  for edge in 0..<4 {
    let next = (edge + 1) % 4
    if (corners[edge] > 0) == (corners[next] > 0) { continue }
    // Kept off the pixels' centres, or the outline of a single pixel would shrink to nothing.
    let share = min(max(corners[edge] / (corners[edge] - corners[next]), 0.25), 0.75)
    let (from, to) = (places[edge], places[next])
    crossings.append(
      (x + from.0 + (to.0 - from.0) * share, y + from.1 + (to.1 - from.1) * share))
  }
  let segment = { (first: Int, second: Int) in
    Segment(
      x0: crossings[first].x, y0: crossings[first].y, x1: crossings[second].x,
      y1: crossings[second].y)
  }
  if crossings.count == 2 { return [segment(0, 1)] }
  // A saddle: the mean of the corners says whether the inside corners are joined.
  let isJoined = corners.reduce(0, +) > 0
  return isJoined == (corners[0] > 0)
    ? [segment(0, 1), segment(2, 3)] : [segment(3, 0), segment(1, 2)]
}
