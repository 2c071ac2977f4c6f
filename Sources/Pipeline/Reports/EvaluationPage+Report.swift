import ByteIO
import Grounding
import ImageFiles
import JSONText
import Reports

/// The page of an evaluation, beside its scores.
enum EvaluationReportPage {
  static let name = "report.html"
  /// More pairs than these are not listed one by one.
  static let listedPairs = 5000

  /// Writes the page, whole or not at all.
  ///
  /// - Parameters:
  ///   - cases: the pairs to show with their pictures.
  ///   - remark: why there are no cases; nil where there are.
  ///   - byteLimit: how large the page may become; pictures are made smaller for it.
  static func write(
    _ report: EvaluationReport,
    cases: [(number: Int, groups: [String], shown: ShownCase)], remark: String?,
    to folder: String, byteLimit: Int
  ) throws {
    var remarks = remark.map { [$0] } ?? []
    let expected = report.settings.numbers.count
    if report.records.count < expected {
      remarks.append("\(report.records.count) of \(expected) pairs are done.")
    }
    if report.leftOut > 0 {
      remarks.append("\(report.leftOut) pairs could not be judged; pairs.jsonl says why.")
    }
    let share = byteLimit / 2 * 3 / 4 / max(cases.count, 1)
    let shown = try cases.map { number, groups, shown in
      EvaluationPage.Case(
        number: number, groups: groups,
        picture: try picture(of: shown, byteLimit: share), truth: shown.truth, maps: shown.maps)
    }
    var page = EvaluationPage(report)
    let listed = page.listed(byteLimit: byteLimit / 4, beside: Set(cases.map(\.number)))
    if listed.count < page.pairs.count {
      remarks.append(
        "Of \(page.pairs.count) pairs \(listed.count) are here, every so many-th; the charts are of"
          + " these, the tables of all.")
      page.pairs = listed
    }
    page.cases = shown
    page.remarks = remarks + report.warnings
    try writeFile(Array(try page.html().utf8), to: folder + "/" + name)
  }

  private static func picture(of shown: ShownCase, byteLimit: Int) throws -> PagePicture {
    let image = try decodeImage(
      bytes: try readSmallFile(shown.imagePath, maximum: SourceImage.maximumByteCount),
      name: lastComponent(of: shown.imagePath))
    var remarks: [String] = []
    return try PagePicture(
      image, crop: shown.crop, name: lastComponent(of: shown.imagePath), largest: 800,
      byteLimit: byteLimit, remarks: &remarks)
  }
}

extension EvaluationPage {
  /// All but the cases.
  fileprivate init(_ report: EvaluationReport) {
    let settings = report.settings
    let tables = report.tables.filter { $0.name != "bbm_less_no_bbm" }
    let difference = report.tables.first { $0.name == "bbm_less_no_bbm" }
    func name(_ key: String) -> String? { settings.names[key]?.stringValue }
    let judged = name("model") ?? name("maps") ?? settings.members["maps"]?.stringValue ?? ""
    let shard = settings.shard.map { ", shard \($0)" } ?? ""
    self.init(
      title: "\(judged) on \(name("manifest") ?? "")",
      subtitle: "\(report.records.count) pairs of picture and phrase\(shard)",
      scores: Score.allCases.map(\.column),
      variants: tables.map { table in
        Variant(
          title: EvaluationReport.titles[table.name].map {
            $0.prefix(1).uppercased() + $0.dropFirst()
          }
            ?? table.name, rows: table.rows)
      },
      differences: difference?.rows ?? [],
      pairs: report.records.map { record in
        Pair(
          number: record.number, phrase: record.json["phrase"]?.stringValue ?? "",
          category: record.category.name, image: record.json["image"]?.stringValue ?? "",
          scores: record.variants.map { variant in Score.allCases.map { variant.scores[$0] } })
      }, cases: [], remarks: [],
      run: settings.names.members.map { Fact($0.key, $0.value.stringValue ?? "") } + [
        Fact("pairs", "\(settings.pairs)"), Fact("shard", settings.shard?.description ?? "all"),
        Fact("bootstrap samples", "\(report.bootstrap.resamples)"),
      ],
      settings: settings.members.members.map { key, value in
        Fact(key.replacing("_", with: " "), value.stringValue ?? value.text())
      }, program: "plumb \(plumbVersion)")
  }

  /// The pairs to list: all when they are not too many, else every so many-th and the cases.
  fileprivate func listed(byteLimit: Int, beside cases: Set<Int>) -> [Pair] {
    // What a line of the data takes at most, about: names, and eight scores a map.
    let bytes = pairs.reduce(0) { sum, pair in
      sum + pair.phrase.utf8.count + pair.image.utf8.count + pair.category.utf8.count + 60
        + 80 * pair.scores.count
    }
    let most = min(
      EvaluationReportPage.listedPairs, pairs.count * byteLimit / max(bytes, 1))
    guard pairs.count > most else { return pairs }
    let stride = (pairs.count + most - 1) / max(most, 1)
    return pairs.enumerated().filter { place, pair in
      place.isMultiple(of: stride) || cases.contains(pair.number)
    }.map(\.element)
  }
}

extension EvaluationReport.Table {
  fileprivate var rows: [EvaluationPage.Row] {
    let groups = [("all", all)] + classes.map { ($0.category.name, $0.summary) }
    return groups.map { title, summary in
      EvaluationPage.Row(
        title: title, pairs: summary.pairs,
        means: Score.allCases.map { score in
          summary.scores[score].map {
            EvaluationPage.Mean(mean: $0.mean, low: $0.low, high: $0.high)
          }
        })
    }
  }
}

extension Score {
  fileprivate var column: EvaluationPage.ScoreColumn {
    let title = EvaluationReport.columns.first { $0.score == self }?.title ?? rawValue
    let meaning =
      switch self {
      case .meanIoU: "mean of the foreground’s and the background’s IoU; cases are ranked by it"
      case .iou: "intersection over union of mask and truth"
      case .boxMeanIoU: "as mIoU, for the box around the mask"
      case .boxIoU: "as IoU, for the box around the mask"
      case .contrastToNoise: "contrast to noise between the truth’s inside and outside"
      case .aucROC: "area under the receiver operating characteristic of the map"
      case .pointing: "1 when the map’s highest point lies in the truth, else 0"
      case .centreDistance: "between the centres of the boxes, in pixels of the crop; low is good"
      }
    return EvaluationPage.ScoreColumn(
      title: title, meaning: meaning, digits: self == .centreDistance ? 1 : 3,
      isShare: self != .contrastToNoise && self != .centreDistance)
  }
}
