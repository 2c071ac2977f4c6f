import Grounding
import Reports

/// What a page shows of a grounding beside its result, made while the taps are there.
struct ReportEvidence: Sendable {
  /// For each word of the phrase its own map; nil where it was not kept or points nowhere.
  let wordMaps: [Raster<Float>?]
  let passes: [GroundingPage.Pass]
  /// What there is of the taps, and what is not.
  let tapRemark: String

  /// Taps of one phrase in one picture.
  struct Taps {
    let image: TapRecord
    let text: TapRecord?
    /// Names of the layers.
    let layers: [String]
    /// Positions of the records' tokens in the encoded phrase.
    let tokens: [Int]
    /// Positions that make the map.
    let kept: [Int]
    let last: Int
    /// Steps of the run.
    let steps: Int
    /// The schedule's times, one for each step of the run; empty when they are not known.
    let timesteps: [Int]
    /// The side of the maps.
    let side: Int
  }

  /// - Parameter byteLimit: what the maps per step and layer may take.
  init(_ taps: Taps, words: [GroundedWord], byteLimit: Int) throws {
    let keptPlaces = taps.tokens.indices.filter { taps.kept.contains(taps.tokens[$0]) }
    wordMaps = try words.map { word in
      let places = keptPlaces.filter { word.positions.contains(taps.tokens[$0]) }
      guard word.isKept, !places.isEmpty else { return nil }
      do {
        return try activationMap(
          image: taps.image, selection: TapSelection(kept: places, last: taps.last),
          side: taps.side)
      } catch GroundingError.flatMap {
        return nil
      }
    }
    let records = [taps.image] + (taps.text.map { [$0] } ?? [])
    guard let excerpt = TapExcerpt(of: records, byteLimit: byteLimit) else {
      passes = []
      tapRemark =
        "The maps of each step and layer are left out: even a few of them would make this page too"
        + " large. --report-size allows more, and --save-taps keeps them in maps.safetensors."
      return
    }
    let names = taps.tokens.map { Self.name(of: $0, words: words) }
    passes = records.enumerated().map { index, record in
      let first = taps.steps - record.steps
      let steps = excerpt.steps(of: record).map { $0 + first }
      return GroundingPage.Pass(
        key: index == 0 ? "image" : "text",
        title: index == 0 ? "With the picture" : "Without the picture, from noise",
        steps: steps.map { $0 + 1 }, stepCount: taps.steps,
        timesteps: taps.timesteps.isEmpty ? [] : steps.map { taps.timesteps[$0] },
        tokens: names, kept: keptPlaces,
        layers: taps.layers.indices.map {
          excerpt.layer($0, of: record, name: taps.layers[$0])
        })
    }
    var remarks = ["Where each word looks, step by step and layer by layer: mean over heads."]
    if taps.text == nil {
      remarks.append("Without bias merging there is no pass without the picture.")
    }
    if taps.image.steps < taps.steps {
      remarks.append(
        "Only the last \(taps.image.steps) of \(taps.steps) steps make the map, and only they ran.")
    }
    if let remark = excerpt.remark(records: records) { remarks.append(remark) }
    tapRemark = remarks.joined(separator: " ")
  }

  /// What to call a token: its word, and which part where the vocabulary has no such word.
  private static func name(of position: Int, words: [GroundedWord]) -> String {
    if position == 0 { return "[CLS], the whole phrase" }
    for (index, word) in words.enumerated() {
      guard let place = word.positions.firstIndex(of: position) else { continue }
      let isRepeated = words[..<index].contains { $0.text == word.text }
      let name = isRepeated ? "\(word.text) (word \(index + 1))" : word.text
      guard word.tokens.count > 1, word.tokens.indices.contains(place) else { return name }
      return "\(name): \(word.tokens[place])"
    }
    return "token \(position)"
  }
}
