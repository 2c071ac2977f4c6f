import Grounding
import Reports

/// What of the taps a page shows: all steps at their own sizes when they fit into so many bytes,
/// else fewer steps, then smaller maps.
struct TapExcerpt: Sendable, Hashable {
  /// Every so many-th step, counted from the last, which is always there.
  let stride: Int
  /// Maps have at most this side; larger ones are means of blocks.
  let side: Int

  /// Tried in this order: (every so many-th step, how often the largest side is halved).
  private static let choices = [
    (1, 0), (2, 0), (1, 1), (2, 1), (5, 1), (5, 2), (10, 2), (10, 3),
  ]

  /// The best choice for so many bytes; nil when none fits.
  ///
  /// - Parameter records: the passes' taps.
  init?(of records: [TapRecord], byteLimit: Int) {
    let largest = records.flatMap(\.sizes).map { max($0.height, $0.width) }.max() ?? 1
    for (stride, halvings) in Self.choices {
      let choice = TapExcerpt(stride: stride, side: max(1, largest >> halvings))
      if records.reduce(0, { $0 + choice.byteCount(of: $1) }) <= byteLimit {
        self = choice
        return
      }
    }
    return nil
  }

  private init(stride: Int, side: Int) {
    self.stride = stride
    self.side = side
  }

  /// Bytes of the excerpt of a record, bounds of the maps included.
  private func byteCount(of record: TapRecord) -> Int {
    let maps = steps(of: record).count * record.tokens
    return record.sizes.reduce(0) { sum, size in
      let block = blockSide(size)
      return sum + maps
        * ((size.height + block - 1) / block * ((size.width + block - 1) / block) + 8)
    }
  }

  /// The steps that are shown, as places in the record.
  func steps(of record: TapRecord) -> [Int] {
    (0..<record.steps).filter { (record.steps - 1 - $0).isMultiple(of: stride) }
  }

  /// The side of the blocks that become one cell.
  private func blockSide(_ size: TapSize) -> Int {
    (max(size.height, size.width) + side - 1) / side
  }

  /// A layer's maps in 8 bits.
  func layer(_ index: Int, of record: TapRecord, name: String) -> GroundingPage.Layer {
    let layer = record.layers[index]
    let block = blockSide(record.sizes[index])
    let (height, width) = ((layer.height + block - 1) / block, (layer.width + block - 1) / block)
    var bytes: [UInt8] = []
    var lows: [Float] = []
    var highs: [Float] = []
    let steps = steps(of: record)
    bytes.reserveCapacity(steps.count * record.tokens * height * width)
    for step in steps {
      for token in 0..<record.tokens {
        let area = layer.height * layer.width
        let start = (step * record.tokens + token) * area
        let map = ByteMap(
          height: height, width: width,
          values: blockMeans(
            layer.values[start..<start + area], height: layer.height, width: layer.width,
            block: block))
        bytes += map.bytes
        lows.append(map.low)
        highs.append(map.high)
      }
    }
    return GroundingPage.Layer(
      name: name, height: height, width: width, bytes: bytes, lows: lows, highs: highs)
  }

  /// What is not there, for people; nil when all is.
  func remark(records: [TapRecord]) -> String? {
    var parts: [String] = []
    if stride > 1, let record = records.first {
      parts.append("of \(record.steps) steps only every \(stride). is shown")
    }
    let largest = records.flatMap(\.sizes).map { max($0.height, $0.width) }.max() ?? 1
    if side < largest {
      parts.append(
        "maps larger than \(side) × \(side) are brought to that size, as means of blocks")
    }
    guard !parts.isEmpty else { return nil }
    let text = parts.joined(separator: ", and ")
    return text.prefix(1).uppercased() + text.dropFirst()
      + ", so that this page stays small; --report-size allows more, and --save-taps keeps all."
  }
}

/// The means of blocks of `block` × `block` cells; those at the end may be smaller.
private func blockMeans(
  _ values: ArraySlice<Float>, height: Int, width: Int, block: Int
) -> [Float] {
  if block == 1 { return Array(values) }
  var means: [Float] = []
  for top in stride(from: 0, to: height, by: block) {
    for left in stride(from: 0, to: width, by: block) {
      var sum = 0.0
      let (bottom, right) = (min(top + block, height), min(left + block, width))
      for row in top..<bottom {
        for column in left..<right {
          sum += Double(values[values.startIndex + row * width + column])
        }
      }
      means.append(Float(sum / Double((bottom - top) * (right - left))))
    }
  }
  return means
}
