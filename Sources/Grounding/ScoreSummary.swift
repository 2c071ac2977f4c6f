/// The scores of method.md §10 by name; the raw value is the name in files.
package enum Score: String, CaseIterable, Sendable {
  case meanIoU = "miou"
  case iou
  case boxMeanIoU = "box_miou"
  case boxIoU = "box_iou"
  case contrastToNoise = "cnr"
  case aucROC = "auc_roc"
  case pointing
  case centreDistance = "centre_distance"

  /// Whether a pair can be without it.
  package var isOptional: Bool { self == .contrastToNoise || self == .centreDistance }
}

extension GroundingScores {
  package subscript(score: Score) -> Double? {
    switch score {
    case .meanIoU: meanIoU
    case .iou: iou
    case .boxMeanIoU: boxMeanIoU
    case .boxIoU: boxIoU
    case .contrastToNoise: contrastToNoise
    case .aucROC: aucROC
    case .pointing: pointing
    case .centreDistance: centreDistance
    }
  }

  /// Scores from their values; nil when one is missing that every pair has.
  package init?(_ value: (Score) -> Double?) {
    guard let meanIoU = value(.meanIoU), let iou = value(.iou),
      let boxMeanIoU = value(.boxMeanIoU), let boxIoU = value(.boxIoU),
      let aucROC = value(.aucROC), let pointing = value(.pointing)
    else { return nil }
    self.init(
      iou: iou, meanIoU: meanIoU, boxIoU: boxIoU, boxMeanIoU: boxMeanIoU,
      contrastToNoise: value(.contrastToNoise), aucROC: aucROC, pointing: pointing,
      centreDistance: value(.centreDistance))
  }
}

/// The mean of one score over pairs and its interval.
package struct ScoreSummary: Sendable, Hashable {
  /// Pairs that have the score.
  package let samples: Int
  package let mean: Double
  /// Ends of the bootstrap interval.
  package let low: Double
  package let high: Double

  /// - Parameter values: nil for pairs without the score.
  /// - Returns: nil when no pair has it.
  package init?(of values: [Double?], by bootstrap: Bootstrap) {
    let present = values.compactMap { $0 }
    guard !present.isEmpty, let (low, high) = bootstrap.interval(of: values) else { return nil }
    samples = present.count
    mean = present.reduce(0, +) / Double(present.count)
    self.low = low
    self.high = high
  }
}

/// All scores over a group of pairs.
package struct GroupSummary: Sendable, Hashable {
  package let pairs: Int
  /// Without the scores that no pair has.
  package let scores: [Score: ScoreSummary]

  package init(of pairs: [GroundingScores], by bootstrap: Bootstrap) {
    self.init(pairs: pairs.count, by: bootstrap) { score in pairs.map { $0[score] } }
  }

  /// The differences first − second, pair by pair.
  ///
  /// - Precondition: both list the same pairs.
  package init(
    of first: [GroundingScores], less second: [GroundingScores], by bootstrap: Bootstrap
  ) {
    precondition(first.count == second.count)
    self.init(pairs: first.count, by: bootstrap) { score in
      zip(first, second).map { first, second in
        guard let a = first[score], let b = second[score] else { return nil }
        return a - b
      }
    }
  }

  private init(pairs: Int, by bootstrap: Bootstrap, values: (Score) -> [Double?]) {
    self.pairs = pairs
    var scores: [Score: ScoreSummary] = [:]
    for score in Score.allCases {
      scores[score] = ScoreSummary(of: values(score), by: bootstrap)
    }
    self.scores = scores
  }
}
