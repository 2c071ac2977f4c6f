import ByteIO
import Grounding
import JSONText

/// Grounds every phrase–picture pair of a manifest, or takes maps from elsewhere, and scores them
/// (method.md §10). The folder gets run.json, pairs.jsonl, scores.json and predictions.json.
///
/// A run that is killed goes on where it was with `resumes`; the files are the same, byte for byte,
/// as those of a run in one go.
///
/// - Parameter progress: told how many pairs of how many are done.
/// - Throws: when manifest, model, maps or pictures are unusable, or the folder has another run.
public func evaluate(
  _ request: EvaluationRequest, progress: Progress = { _, _, _ in }
) throws -> EvaluationReport {
  let manifest = try EvaluationManifest(
    path: request.manifestPath, pictures: request.picturesFolder)
  try checkBeforeWork(request, manifest)
  var judge = try PairJudge(request, manifest: manifest)
  let settings = EvaluationSettings(
    members: judge.settings, names: judge.names, shard: request.shard, pairs: manifest.pairs.count)
  var folder = try EvaluationFolder(request.folder, settings: settings, resumes: request.resumes)
  let total = settings.numbers.count
  var cases = request.reportByteLimit.map { _ in EvaluationCases(records: folder.records) }
  for number in folder.remaining {
    progress("pairs", folder.records.count, total)
    let pair = manifest.pairs[number]
    let judgement = try judge.judgement(of: pair)
    try folder.add(judgement.record)
    try cases?.add(judgement.record, judgement.shown(of: pair))
  }
  progress("pairs", total, total)
  let report = EvaluationReport(
    settings: settings, records: folder.records, resamples: request.resamples,
    warnings: judge.warnings)
  try report.write(to: request.folder)
  if let byteLimit = request.reportByteLimit, let cases {
    let shown = try cases.all { number in
      let pair = manifest.pairs[number]
      return try judge.judgement(of: pair).shown(of: pair)
    }
    try EvaluationReportPage.write(
      report, cases: shown, remark: nil, to: request.folder, byteLimit: byteLimit)
  }
  return report
}

/// Writes the page of a folder's evaluation, finished or not, without judging anything: it has no
/// pictures.
///
/// - Throws: when the folder holds no evaluation.
public func writeReport(
  ofEvaluation folder: String, resamples: Int = 2000, byteLimit: Int
) throws -> EvaluationReport {
  let settings = try EvaluationFolder.settings(in: folder)
  let records = try EvaluationFolder.records(in: folder, numbers: settings.numbers)
  let report = EvaluationReport(settings: settings, records: records, resamples: resamples)
  try EvaluationReportPage.write(
    report, cases: [],
    remark: "Pictures of cases need the model and the manifest: plumb eval FILE MANIFEST -o"
      + " \(lastComponent(of: folder)) --resume --report, with the options of the run.",
    to: folder, byteLimit: byteLimit)
  return report
}

/// Puts the folders of all shards of one evaluation together. The result is, byte for byte, that of
/// a run without shards.
///
/// - Throws: when shards are missing, there twice, not complete, or of different evaluations.
public func mergeEvaluations(
  _ folders: [String], into target: String, resamples: Int = 2000
) throws -> EvaluationReport {
  let shards = try folders.map { ($0, try EvaluationFolder.settings(in: $0)) }
  guard let (first, settings) = shards.first else {
    throw EvaluationError.shards(reason: "there are no folders to merge")
  }
  var folderOfShard: [Int: String] = [:]
  for (folder, other) in shards {
    let differences = other.differences(here: settings, comparesShards: false)
    guard differences.isEmpty else {
      throw EvaluationError.shards(
        reason: "\(folder) is of another evaluation than \(first): "
          + differences.joined(separator: "; "))
    }
    guard let shard = other.shard, let count = settings.shard?.count else {
      let whole = other.shard == nil ? folder : first
      throw EvaluationError.shards(reason: "\(whole) is no shard: it has all pairs")
    }
    guard shard.count == count else {
      throw EvaluationError.shards(
        reason: "\(folder) is shard \(shard), but \(first) is one of \(count)")
    }
    if let same = folderOfShard.updateValue(folder, forKey: shard.index) {
      throw EvaluationError.shards(reason: "\(same) and \(folder) are both shard \(shard)")
    }
  }
  let count = settings.shard?.count ?? 0
  let missing = (1...max(count, 1)).filter { folderOfShard[$0] == nil }
  guard missing.isEmpty else {
    throw EvaluationError.shards(
      reason: "the shards " + shortList(missing.map { "\($0)/\(count)" }) + " are missing")
  }
  var records: [EvaluationRecord] = []
  for (folder, other) in shards {
    let numbers = other.numbers
    let done = try EvaluationFolder.records(in: folder, numbers: numbers)
    guard done.count == numbers.count else {
      throw EvaluationError.shards(
        reason: "\(folder) has \(done.count) of its \(numbers.count) pairs; finish it with --resume"
      )
    }
    records += done
  }
  records.sort { $0.number < $1.number }
  let whole = settings.whole
  for name in [EvaluationFolder.settingsName, EvaluationFolder.linesName]
  where fileExists(target + "/" + name) {
    throw EvaluationError.occupied(folder: target)
  }
  let report = EvaluationReport(settings: whole, records: records, resamples: resamples)
  try makeFolder(target)
  try writeFile(
    Array((whole.json.text(indent: 2) + "\n").utf8),
    to: target + "/" + EvaluationFolder.settingsName)
  try writeFile(
    Array(records.map { $0.line + "\n" }.joined().utf8),
    to: target + "/" + EvaluationFolder.linesName)
  try report.write(to: target)
  return report
}

/// What can be known to be wrong before hours of work are.
private func checkBeforeWork(
  _ request: EvaluationRequest, _ manifest: EvaluationManifest
) throws {
  guard (1...1_000_000).contains(request.resamples) else {
    throw PipelineError.badOption(
      name: "--resamples", reason: "\(request.resamples) is not from 1 to 1000000")
  }
  guard (16...4096).contains(request.side) else {
    throw PipelineError.badOption(name: "--side", reason: "\(request.side) is not from 16 to 4096")
  }
  if let shard = request.shard, shard.numbers(of: manifest.pairs.count).isEmpty {
    throw PipelineError.badOption(
      name: "--shard", reason: "\(shard) has no pair: there are \(manifest.pairs.count)")
  }
  for pair in manifest.pairs {
    guard regularFileExists(pair.imagePath) else {
      throw EvaluationError.manifest(
        file: manifest.file, place: "pair \(pair.id.text)",
        reason: "there is no picture \(pair.imagePath)")
    }
    for case .unreadable(let form) in pair.regions.map(\.mask) where request.usesMasks {
      throw EvaluationError.manifest(
        file: manifest.file, place: "pair \(pair.id.text)",
        reason: "its mask is given as \(form), which are not read; give counts as a list of"
          + " numbers, or take the boxes with --truth box")
    }
  }
}
