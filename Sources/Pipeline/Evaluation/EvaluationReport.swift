import Grounding
import JSONText

/// The scores of an evaluation.
public struct EvaluationReport: Sendable {
  /// The scores of one kind of map.
  struct Table: Sendable {
    /// "bbm", "no_bbm", "map", or "bbm_less_no_bbm" for what merging changes.
    let name: String
    let all: GroupSummary
    /// In the order of the categories' numbers.
    let classes: [(category: ManifestCategory, summary: GroupSummary)]
    /// Maps that point nowhere.
    let flat: Int
  }

  let settings: EvaluationSettings
  let records: [EvaluationRecord]
  let bootstrap: Bootstrap
  let tables: [Table]
  /// Things the user should know.
  public let warnings: [String]

  init(
    settings: EvaluationSettings, records: [EvaluationRecord], resamples: Int,
    warnings: [String] = []
  ) {
    self.settings = settings
    self.records = records
    self.warnings = warnings
    let bootstrap = Bootstrap(resamples: resamples)
    self.bootstrap = bootstrap
    let judged = records.filter { !$0.variants.isEmpty }
    let names = judged.first?.variants.map(\.name) ?? []
    var tables = names.map { name in
      Self.table(name, judged, flat: judged.count { $0.variant(name)?.isFlat == true }) { records in
        GroupSummary(of: records.compactMap { $0.variant(name)?.scores }, by: bootstrap)
      }
    }
    if names == ["bbm", "no_bbm"] {
      tables.append(
        Self.table("bbm_less_no_bbm", judged, flat: 0) { records in
          GroupSummary(
            of: records.compactMap { $0.variant("bbm")?.scores },
            less: records.compactMap { $0.variant("no_bbm")?.scores }, by: bootstrap)
        })
    }
    self.tables = tables
  }

  private static func table(
    _ name: String, _ records: [EvaluationRecord], flat: Int,
    summary: ([EvaluationRecord]) -> GroupSummary
  ) -> Table {
    let categories = Set(records.map(\.category)).sorted { $0.precedes($1) }
    return Table(
      name: name, all: summary(records),
      classes: categories.map { category in
        (category, summary(records.filter { $0.category == category }))
      }, flat: flat)
  }

  /// Pairs that could not be judged.
  var leftOut: Int { records.count { $0.variants.isEmpty } }

  /// Writes scores.json and predictions.json.
  func write(to folder: String) throws {
    try writeFile(Array((jsonText + "\n").utf8), to: folder + "/scores.json")
    try writeFile(Array((predictions.text() + "\n").utf8), to: folder + "/predictions.json")
  }

  /// The content of scores.json.
  public var jsonText: String {
    var results = JSONObject()
    for table in tables {
      results[table.name] = .object([
        "flat": .integer(Int64(table.flat)), "all": table.all.json,
        "classes": .array(
          table.classes.map { category, summary in
            .object([
              "category_id": category.id.json, "category": .string(category.name),
              "scores": summary.json,
            ])
          }),
      ])
    }
    return JSONValue.object([
      "format": .string("plumb scores 1"), "run": settings.json,
      "pairs": .integer(Int64(records.count)), "left_out": .integer(Int64(leftOut)),
      "bootstrap": .object([
        "resamples": .integer(Int64(bootstrap.resamples)),
        "seed": .integer(Int64(bootstrap.seed)), "level": .number(bootstrap.level),
      ]),
      "results": .object(results),
    ]).text(indent: 2)
  }

  /// The boxes as COCO's results, of the first kind of map: [x, y, width, height] in the picture's
  /// pixels. Pairs without a box have none.
  var predictions: JSONValue {
    .array(
      records.compactMap { record in
        guard let variant = record.variants.first, let box = variant.box else { return nil }
        return .object([
          "image_id": record.imageID.json, "category_id": record.category.id.json,
          "bbox": .array(box.map { .number($0) }), "score": .number(variant.confidence),
        ])
      })
  }
}

extension EvaluationRecord {
  func variant(_ name: String) -> Variant? { variants.first { $0.name == name } }
}

extension ManifestCategory {
  /// Numbers before texts, each ascending; then by name.
  fileprivate func precedes(_ other: ManifestCategory) -> Bool {
    switch (id, other.id) {
    case (.number(let a), .number(let b)) where a != b: a < b
    case (.text(let a), .text(let b)) where a != b: a < b
    case (.number, .text): true
    case (.text, .number): false
    default: name < other.name
    }
  }
}

extension GroupSummary {
  fileprivate var json: JSONValue {
    var object: JSONObject = ["pairs": .integer(Int64(pairs))]
    for score in Score.allCases {
      object[score.rawValue] =
        scores[score].map { summary in
          .object([
            "mean": .number(summary.mean), "low": .number(summary.low),
            "high": .number(summary.high), "pairs": .integer(Int64(summary.samples)),
          ])
        } ?? .null
    }
    return .object(object)
  }
}
