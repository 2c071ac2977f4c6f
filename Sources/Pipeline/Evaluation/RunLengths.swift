/// A mask as COCO's uncompressed run lengths: column by column, the first run outside.
struct RunLengths: Sendable, Hashable {
  let height: Int
  let width: Int
  let counts: [Int]

  /// - Returns: nil when a count is negative or they do not add up to the pixels.
  init?(height: Int, width: Int, counts: [Int]) {
    guard (1...1 << 20).contains(height), (1...1 << 20).contains(width) else { return nil }
    var sum = 0
    for count in counts {
      let (next, overflow) = sum.addingReportingOverflow(count)
      guard count >= 0, !overflow else { return nil }
      sum = next
    }
    guard sum == height * width else { return nil }
    self.height = height
    self.width = width
    self.counts = counts
  }

  /// Sets the mask's pixels to 1.
  ///
  /// - Parameter pixels: row-major [height, width].
  func fill(_ pixels: inout [Float]) {
    precondition(pixels.count == height * width)
    var start = 0
    for (index, count) in counts.enumerated() {
      if index % 2 == 1 {
        for place in start..<start + count { pixels[place % height * width + place / height] = 1 }
      }
      start += count
    }
  }
}
