import Grounding
import Testing

/// The draws are those of `numpy.random.RandomState(seed).random_sample(n) * n`, cut to integers;
/// the ends those of `numpy.quantile` on the means.
@Suite struct BootstrapTests {
  private func expect(
    _ values: [Double?], _ bootstrap: Bootstrap, _ low: Double, _ high: Double,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let interval = try #require(bootstrap.interval(of: values), sourceLocation: sourceLocation)
    #expect(abs(interval.low - low) < 1e-12, "\(interval)", sourceLocation: sourceLocation)
    #expect(abs(interval.high - high) < 1e-12, "\(interval)", sourceLocation: sourceLocation)
  }

  /// Uniforms of seed 1: 0.417, 0.720 | 0.0001, 0.302 | 0.147, 0.092: of two samples the places
  /// 0, 1 | 0, 0 | 0, 0, so that the means are 0.5, 0, 0.
  @Test func byHand() throws {
    try expect([0, 1], Bootstrap(resamples: 1), 0.5, 0.5)
    try expect([0, 1], Bootstrap(resamples: 2), 0.0125, 0.4875)
    try expect([0, 1], Bootstrap(resamples: 3), 0, 0.475)
    try expect([0, 1], Bootstrap(resamples: 3, level: 0.5), 0, 0.25)
  }

  @Test func asNumPyHasThem() throws {
    let values = [0.2, 0.9, 0.4, 0.4, 0.7, 0.1, 1.0]
    try expect(values, Bootstrap(resamples: 500), 0.32857142857142857, 0.7571428571428571)
    try expect(
      (0..<10).map { Double($0) }, Bootstrap(resamples: 2000, seed: 7, level: 0.8), 3.3, 5.6)
  }

  @Test func missingValues() throws {
    try expect(
      [0.2, nil, 0.4, 0.4, nil, 0.1, 1.0], Bootstrap(resamples: 500), 0.18158333333333337, 0.72)
    // Draws of the missing one alone do not count.
    try expect([nil, 2], Bootstrap(resamples: 8), 2, 2)
    #expect(Bootstrap(resamples: 8).interval(of: []) == nil)
    #expect(Bootstrap(resamples: 8).interval(of: [nil, nil]) == nil)
  }

  @Test func oneSampleAndEqualOnes() throws {
    try expect([0.25], Bootstrap(resamples: 10), 0.25, 0.25)
    try expect([0.5, 0.5, 0.5], Bootstrap(resamples: 10), 0.5, 0.5)
  }
}

@Suite struct ScoreSummaryTests {
  private func scores(_ value: Double, cnr: Double?) throws -> GroundingScores {
    try #require(
      GroundingScores { score in
        score == .contrastToNoise ? cnr : score == .centreDistance ? nil : value
      })
  }

  @Test func scoresByName() throws {
    let scores = try #require(
      GroundingScores { Double(Score.allCases.firstIndex(of: $0) ?? 0) })
    for (index, score) in Score.allCases.enumerated() {
      #expect(scores[score] == Double(index), "\(score)")
    }
    #expect(scores.meanIoU == 0 && scores.iou == 1 && scores.boxMeanIoU == 2)
    #expect(scores.boxIoU == 3 && scores.contrastToNoise == 4 && scores.aucROC == 5)
    #expect(scores.pointing == 6 && scores.centreDistance == 7)
    for missing in Score.allCases {
      let made = GroundingScores { $0 == missing ? nil : 1 }
      #expect((made != nil) == missing.isOptional, "\(missing)")
    }
  }

  @Test func groups() throws {
    let pairs = [try scores(0, cnr: nil), try scores(1, cnr: 4), try scores(0.5, cnr: 2)]
    let summary = GroupSummary(of: pairs, by: Bootstrap(resamples: 100))
    #expect(summary.pairs == 3)
    let iou = try #require(summary.scores[.iou])
    #expect(iou.mean == 0.5 && iou.samples == 3 && iou.low <= 0.5 && iou.high >= 0.5)
    let cnr = try #require(summary.scores[.contrastToNoise])
    #expect(cnr.mean == 3 && cnr.samples == 2 && cnr.low >= 2 && cnr.high <= 4)
    #expect(summary.scores[.centreDistance] == nil)
    #expect(GroupSummary(of: [], by: Bootstrap()).scores.isEmpty)
  }

  @Test func differencesArePaired() throws {
    let first = [try scores(0.1, cnr: 1), try scores(0.9, cnr: 5)]
    let second = [try scores(0, cnr: nil), try scores(0.8, cnr: 3)]
    let summary = GroupSummary(of: first, less: second, by: Bootstrap(resamples: 50))
    let iou = try #require(summary.scores[.iou])
    // Every pair gains 0.1: so does every resample.
    for value in [iou.mean, iou.low, iou.high] { #expect(abs(value - 0.1) < 1e-12) }
    #expect(summary.scores[.contrastToNoise]?.mean == 2)
    #expect(summary.scores[.contrastToNoise]?.samples == 1)
  }
}
