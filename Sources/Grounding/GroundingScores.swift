/// How well a map and its mask find a ground truth (method.md §10).
package struct GroundingScores: Sendable, Hashable {
  /// Intersection over union of mask and truth; 0 when the union is empty.
  package var iou: Double
  /// Mean of the foreground's and the background's IoU.
  package var meanIoU: Double
  /// The same two for the box around the mask, filled.
  package var boxIoU: Double
  package var boxMeanIoU: Double
  /// (mean p inside − mean p outside)/√(variance inside + variance outside), sample variances;
  /// nil when a variance is undefined (one pixel) or both are 0.
  package var contrastToNoise: Double?
  /// Area under the receiver operating characteristic of p.
  package var aucROC: Double
  /// 1 when the first maximum of p lies in the truth, else 0.
  package var pointing: Double
  /// Between the centres of the mask's and the truth's boxes, in pixels; nil when the truth has
  /// several boxes.
  package var centreDistance: Double?

  /// What an empty mask scores. All are 0, the distance too, as the method's released code has it.
  static let empty = GroundingScores(
    iou: 0, meanIoU: 0, boxIoU: 0, boxMeanIoU: 0, contrastToNoise: 0, aucROC: 0, pointing: 0,
    centreDistance: 0)
}

extension GroundingScores {
  /// - Parameters:
  ///   - map: the grounding map; it is normalised (in float16) and brought to the truth's size.
  ///   - mask: made of that map at the truth's size.
  ///   - truth: true inside the ground truth.
  ///   - boxes: how many boxes make up the truth.
  /// - Throws: `sizeMismatch`, `degenerateGroundTruth`, `flatMap`, `notFinite`.
  package init(
    map: Raster<Float>, mask: GroundingMask, truth: Raster<Bool>, boxes: Int
  ) throws(GroundingError) {
    guard mask.large.height == truth.height, mask.large.width == truth.width else {
      throw .sizeMismatch(
        what: "The ground truth", found: "\(truth.height)×\(truth.width)",
        expected: "the mask's \(mask.large.height)×\(mask.large.width)")
    }
    let inside = truth.values.count(where: { $0 })
    guard inside > 0, inside < truth.count, let truthBox = PixelBox(around: truth) else {
      throw .degenerateGroundTruth(foreground: inside, pixels: truth.count)
    }
    guard !mask.isEmpty, let box = mask.box else {
      self = .empty
      return
    }
    let p = try MapNormalisation.normalised(map, as: .result)
      .resized(height: truth.height, width: truth.width).values

    (iou, meanIoU) = overlap(mask.large.values, truth.values)
    (boxIoU, boxMeanIoU) = overlap(
      box.filled(height: truth.height, width: truth.width).values, truth.values)
    contrastToNoise = Grounding.contrastToNoise(p, truth.values)
    aucROC = areaUnderROC(scores: p, positive: truth.values)
    var highest = 0
    for i in p.indices where p[i] > p[highest] { highest = i }
    pointing = truth.values[highest] ? 1 : 0
    if boxes == 1 {
      let x = box.centre.x - truthBox.centre.x
      let y = box.centre.y - truthBox.centre.y
      centreDistance = (x * x + y * y).squareRoot()
    } else {
      centreDistance = nil
    }
  }

  /// The plain mean of each score over samples, leaving out those that are nil; nil without
  /// samples.
  package static func mean(_ scores: [GroundingScores]) -> GroundingScores? {
    func mean(_ values: [Double]) -> Double? {
      values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
    guard let iou = mean(scores.map(\.iou)), let meanIoU = mean(scores.map(\.meanIoU)),
      let boxIoU = mean(scores.map(\.boxIoU)), let boxMeanIoU = mean(scores.map(\.boxMeanIoU)),
      let aucROC = mean(scores.map(\.aucROC)), let pointing = mean(scores.map(\.pointing))
    else { return nil }
    return GroundingScores(
      iou: iou, meanIoU: meanIoU, boxIoU: boxIoU, boxMeanIoU: boxMeanIoU,
      contrastToNoise: mean(scores.compactMap(\.contrastToNoise)), aucROC: aucROC,
      pointing: pointing, centreDistance: mean(scores.compactMap(\.centreDistance)))
  }
}

/// Intersection over union of the foregrounds, and the mean of that and the backgrounds'.
private func overlap(_ a: [Bool], _ b: [Bool]) -> (iou: Double, mean: Double) {
  var both = 0
  var either = 0
  for (x, y) in zip(a, b) {
    if x && y { both += 1 }
    if x || y { either += 1 }
  }
  func ratio(_ intersection: Int, _ union: Int) -> Double {
    union == 0 ? 0 : Double(intersection) / Double(union)
  }
  let foreground = ratio(both, either)
  let background = ratio(a.count - either, a.count - both)
  return (foreground, (foreground + background) / 2)
}

private func contrastToNoise(_ p: [Float], _ truth: [Bool]) -> Double? {
  func moments(_ wanted: Bool) -> (mean: Double, variance: Double)? {
    let values = zip(p, truth).lazy.filter { $0.1 == wanted }.map { Double($0.0) }
    var count = 0.0
    var sum = 0.0
    for value in values {
      count += 1
      sum += value
    }
    guard count > 1 else { return nil }
    let mean = sum / count
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (mean, squares / (count - 1))
  }
  guard let inside = moments(true), let outside = moments(false) else { return nil }
  let noise = (inside.variance + outside.variance).squareRoot()
  return noise > 0 ? (inside.mean - outside.mean) / noise : nil
}

/// The share of (positive, negative) pairs that the scores order rightly; a tie counts half (Mann
/// and Whitney). Needs at least one of each.
func areaUnderROC(scores: [Float], positive: [Bool]) -> Double {
  let order = scores.indices.sorted { scores[$0] < scores[$1] }
  var negativesBelow = 0.0
  var rightly = 0.0
  var positives = 0.0
  var start = 0
  while start < order.count {
    var end = start
    var tiedPositives = 0.0
    var tiedNegatives = 0.0
    while end < order.count, scores[order[end]] == scores[order[start]] {
      if positive[order[end]] { tiedPositives += 1 } else { tiedNegatives += 1 }
      end += 1
    }
    rightly += tiedPositives * (negativesBelow + tiedNegatives / 2)
    negativesBelow += tiedNegatives
    positives += tiedPositives
    start = end
  }
  return rightly / (positives * negativesBelow)
}
