import Grounding
import ImageFiles
import Reports

/// Keeps what is shown of the pairs that a report shows with their pictures, while they are judged:
/// small maps of a few pairs. What was not judged in this run is judged again at its end.
struct EvaluationCases {
  private var selection = CaseSelection()
  private var kept: [Int: ShownCase] = [:]

  /// - Parameter records: the pairs that are done already.
  init(records: [EvaluationRecord]) {
    for record in records { selection.add(record) }
  }

  /// Takes note of a pair that has just been judged.
  mutating func add(_ record: EvaluationRecord, _ shown: @autoclosure () throws -> ShownCase)
    rethrows
  {
    selection.add(record)
    guard selection.contains(record.number) else { return }
    kept[record.number] = try shown()
    for number in kept.keys where !selection.contains(number) { kept[number] = nil }
  }

  /// All cases.
  ///
  /// - Parameter missing: judges a pair again.
  func all(
    missing: (_ number: Int) throws -> ShownCase
  ) throws -> [(number: Int, groups: [String], shown: ShownCase)] {
    try selection.cases.map { number, groups in
      (number, groups.map(\.rawValue), try kept[number] ?? missing(number))
    }
  }
}

/// What a page shows of one pair: no pixels of the picture yet.
struct ShownCase: Sendable {
  let imagePath: String
  let crop: CropGeometry
  let truth: [[Double]]
  let maps: [EvaluationPage.CaseMap]
}

extension PairJudgement {
  /// The maps in 8 bits, the masks and the truth as outlines.
  ///
  /// - Throws: `PipelineError.notFound` is not among it; what making a mask refuses is.
  func shown(of pair: EvaluationPair) throws -> ShownCase {
    let maps = try zip(self.maps, record.variants).map { map, variant in
      guard let values = map.values, !variant.isFlat else {
        return EvaluationPage.CaseMap(values: nil, outline: [], box: nil)
      }
      let mask = try map.mask ?? GroundingMask(map: values, side: crop.side)
      return EvaluationPage.CaseMap(
        values: ByteMap(values), outline: crop.originalOutline(of: mask.large),
        box: variant.box.map { [$0[0], $0[1], $0[0] + $0[2], $0[1] + $0[3]] })
    }
    return ShownCase(
      imagePath: pair.imagePath, crop: crop, truth: crop.originalOutline(of: truth), maps: maps)
  }
}

extension CropGeometry {
  /// Closed lines around a mask of the crop, x, y, x, y, … in the original's pixels.
  func originalOutline(of mask: Raster<Bool>) -> [[Double]] {
    outline(of: mask.values.map { $0 ? 1 : 0 }, side: side).map { line in
      line.flatMap { point in
        let original = originalPoint(fromCrop: point)
        return [original.x, original.y].map { ($0 * 100).rounded() / 100 }
      }
    }
  }
}
