/// A map held against a ground truth: its scores, its box, and how sure it is.
package struct JudgedMap: Sendable, Hashable {
  package let scores: GroundingScores
  /// Around the mask, in the truth's pixels; nil when the mask is empty.
  package let box: PixelBox?
  /// Mean of the normalised map over the mask at the map's size, 0…1.
  package let confidence: Double
  /// Whether the map points nowhere: it then scores what an empty mask does.
  package let isFlat: Bool

  /// A map that has no values or points nowhere.
  package static let flat = JudgedMap(
    scores: .empty, box: nil, confidence: 0, isFlat: true)

  private init(scores: GroundingScores, box: PixelBox?, confidence: Double, isFlat: Bool) {
    self.scores = scores
    self.box = box
    self.confidence = confidence
    self.isFlat = isFlat
  }

  /// - Parameters:
  ///   - map: of any size; it covers what the truth covers.
  ///   - mask: the map's, at the truth's size.
  ///   - truth: square.
  ///   - boxes: how many boxes make up the truth.
  /// - Throws: as `GroundingScores`, but for flat maps.
  package init(
    map: Raster<Float>, mask: GroundingMask, truth: Raster<Bool>, boxes: Int
  ) throws(GroundingError) {
    let scores: GroundingScores
    let normalised: Raster<Float>
    do throws(GroundingError) {
      normalised = try MapNormalisation.normalised(map, as: .result)
      scores = try GroundingScores(map: map, mask: mask, truth: truth, boxes: boxes)
    } catch .flatMap {
      self = .flat
      return
    }
    let inside = zip(normalised.values, mask.small.values).lazy.filter { $0.1 }
      .map { Double($0.0) }
    let count = mask.small.values.count(where: { $0 })
    self.init(
      scores: scores, box: mask.isEmpty ? nil : mask.box,
      confidence: count > 0 ? inside.reduce(0, +) / Double(count) : 0, isFlat: false)
  }

  /// Judges a map from elsewhere: it is normalised first and cut by the mixture of its own values.
  ///
  /// - Throws: as `GroundingScores`, but for flat maps.
  package init(
    foreign map: Raster<Float>, truth: Raster<Bool>, boxes: Int
  ) throws(GroundingError) {
    do throws(GroundingError) {
      let normalised = try MapNormalisation.normalised(map, as: .result)
      let mask = try GroundingMask(map: normalised, side: truth.height)
      try self.init(map: normalised, mask: mask, truth: truth, boxes: boxes)
    } catch .flatMap {
      self = .flat
    }
  }
}
