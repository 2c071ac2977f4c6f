import Grounding
import ImageFiles
import JSONText

/// What an evaluation says of one pair: a line of pairs.jsonl.
struct EvaluationRecord: Sendable, Hashable {
  /// The pair's number in the manifest.
  let number: Int
  let category: ManifestCategory
  let imageID: ManifestIdentifier
  /// By the map's name, in order; empty when the pair cannot be judged.
  let variants: [Variant]
  /// The whole line.
  let json: JSONValue

  struct Variant: Sendable, Hashable {
    /// "bbm", "no_bbm", or "map" for maps that are not the model's.
    let name: String
    let scores: GroundingScores
    /// [x, y, width, height] in the original's pixels.
    let box: [Double]?
    let confidence: Double
    let isFlat: Bool
  }

  var line: String { json.text() }
}

extension EvaluationRecord {
  /// - Parameters:
  ///   - image: the picture.
  ///   - details: of the grounding: words, similarity.
  ///   - leftOut: why the pair cannot be judged.
  init(
    pair: EvaluationPair, image: SourceImage, truthPixels: Int, details: JSONObject,
    maps: [(name: String, map: JudgedMap)], leftOut: String?
  ) {
    var object: JSONObject = [
      "pair": .integer(Int64(pair.number)), "id": pair.id.json, "image_id": pair.image.id.json,
      "image": .string(pair.image.path), "image_sha256": .string(image.digest),
      "category_id": pair.category.id.json, "category": .string(pair.category.name),
      "phrase": .string(pair.phrase), "boxes": .integer(Int64(pair.regions.count)),
      "truth_pixels": .integer(Int64(truthPixels)),
    ]
    for (key, value) in details.members { object[key] = value }
    var results = JSONObject()
    for (name, map) in maps { results[name] = map.json(crop: image.prepared.crop) }
    object["results"] = .object(results)
    object["left_out"] = leftOut.map { .string($0) }
    let variants = maps.map { name, map in
      Variant(
        name: name, scores: map.scores, box: map.box?.originalBox(image.prepared.crop),
        confidence: map.confidence, isFlat: map.isFlat)
    }
    self.init(
      number: pair.number, category: pair.category, imageID: pair.image.id, variants: variants,
      json: .object(object))
  }

  /// Reads a line.
  ///
  /// - Returns: nil when it is not one that an evaluation writes.
  init?(line: String) {
    guard let json = try? JSONValue(parsing: Array(line.utf8)),
      let number = json["pair"]?.intValue,
      let imageID = ManifestIdentifier(json: json["image_id"]),
      let categoryID = ManifestIdentifier(json: json["category_id"]),
      let category = json["category"]?.stringValue, let results = json["results"]?.objectValue
    else { return nil }
    var variants: [Variant] = []
    for (name, result) in results.members {
      guard let scores = GroundingScores({ result["scores"]?[$0.rawValue]?.doubleValue }),
        let confidence = result["confidence"]?.doubleValue
      else { return nil }
      let box = result["box"]?.arrayValue?.compactMap(\.doubleValue)
      guard box.map({ $0.count == 4 }) ?? true else { return nil }
      variants.append(
        Variant(
          name: name, scores: scores, box: box, confidence: confidence,
          isFlat: result["flat"]?.boolValue ?? false))
    }
    self.init(
      number: number, category: ManifestCategory(id: categoryID, name: category),
      imageID: imageID, variants: variants, json: json)
  }
}

extension JudgedMap {
  fileprivate func json(crop: CropGeometry) -> JSONValue {
    var numbers = JSONObject()
    for score in Score.allCases {
      numbers[score.rawValue] = scores[score].map { .number($0) } ?? .null
    }
    var object: JSONObject = [
      "scores": .object(numbers),
      "box": box.map { .array($0.originalBox(crop).map { .number($0) }) } ?? .null,
      "confidence": .number(confidence),
    ]
    if isFlat { object["flat"] = .bool(true) }
    return .object(object)
  }
}

extension PixelBox {
  /// [x, y, width, height] in the original's pixels, last row and column inside.
  fileprivate func originalBox(_ crop: CropGeometry) -> [Double] {
    let box = crop.originalBox(
      fromCrop: ImageBox(
        x0: Double(firstColumn), y0: Double(firstRow), x1: Double(lastColumn + 1),
        y1: Double(lastRow + 1)))
    return [box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0]
  }
}
