import JSONText

extension EvaluationPage {
  /// What the page's script works on.
  var data: JSONValue {
    .object([
      "scores": .array(
        scores.map { score in
          .object([
            "title": .string(score.title), "meaning": .string(score.meaning),
            "digits": .integer(Int64(score.digits)), "isShare": .bool(score.isShare),
          ])
        }),
      "variants": .array(
        variants.map { variant in
          .object([
            "title": .string(variant.title), "rows": .array(variant.rows.map(\.data)),
          ])
        }),
      "pairs": .array(pairs.map(\.data)), "cases": .array(cases.map(\.data)),
    ])
  }
}

extension EvaluationPage.Row {
  fileprivate var data: JSONValue {
    .object([
      "title": .string(title), "pairs": .integer(Int64(pairs)),
      "means": .array(
        means.map { mean in mean.map { numbers([$0.mean, $0.low, $0.high]) } ?? .null }),
    ])
  }
}

extension EvaluationPage.Pair {
  fileprivate var data: JSONValue {
    .object([
      "number": .integer(Int64(number)), "phrase": .string(phrase),
      "category": .string(category), "image": .string(image),
      "scores": .array(
        scores.map { scores in
          // Five digits are more than a page shows.
          .array(scores.map { $0.map { .number(($0 * 1e5).rounded() / 1e5) } ?? .null })
        }),
    ])
  }
}

extension EvaluationPage.Case {
  fileprivate var data: JSONValue {
    .object([
      "number": .integer(Int64(number)), "groups": .array(groups.map { .string($0) }),
      "picture": .object(picture.data), "truth": .array(truth.map { numbers($0) }),
      "maps": .array(
        maps.map { map in
          .object([
            "values": map.values.map { .object($0.json) } ?? .null,
            "outline": .array(map.outline.map { numbers($0) }),
            "box": map.box.map { numbers($0) } ?? .null,
          ])
        }),
    ])
  }
}
