import ByteIO
import JSONText

/// A folder of results: run.json says what runs, pairs.jsonl gets a line as each pair is done.
struct EvaluationFolder: ~Copyable {
  static let settingsName = "run.json"
  static let linesName = "pairs.jsonl"

  private let log: LineLog
  /// The pairs that are done, in order.
  private(set) var records: [EvaluationRecord]
  private let numbers: [Int]

  /// Opens the folder for a run.
  ///
  /// - Parameter resumes: goes on with what is there; without it the folder has to be without
  ///   results.
  /// - Throws: `occupied`, `otherSettings`, `damagedRun`, and what the file system refuses.
  init(_ path: String, settings: EvaluationSettings, resumes: Bool) throws {
    let settingsPath = path + "/" + Self.settingsName
    let linesPath = path + "/" + Self.linesName
    if fileExists(settingsPath) || fileExists(linesPath) {
      guard resumes else { throw EvaluationError.occupied(folder: path) }
      let there = try Self.settings(in: path)
      let differences = there.differences(here: settings)
      guard differences.isEmpty else {
        throw EvaluationError.otherSettings(folder: path, differences: differences)
      }
    } else {
      try makeFolder(path)
      try writeFile(Array((settings.json.text(indent: 2) + "\n").utf8), to: settingsPath)
    }
    let log = try LineLog(path: linesPath)
    records = try Self.records(log.lines, numbers: settings.numbers, file: linesPath)
    numbers = settings.numbers
    self.log = log
  }

  /// The pairs that are still to do, in order.
  var remaining: ArraySlice<Int> { numbers[records.count...] }

  mutating func add(_ record: EvaluationRecord) throws {
    let next = remaining.first
    precondition(record.number == next)
    try log.append(record.line)
    records.append(record)
  }

  /// The settings that a folder's run has.
  static func settings(in folder: String) throws -> EvaluationSettings {
    let path = folder + "/" + settingsName
    guard fileExists(path) else { throw EvaluationError.noRun(folder: folder) }
    let json: JSONValue
    do {
      json = try JSONValue(parsing: try readSmallFile(path, maximum: 1 << 24))
    } catch let error as JSONError {
      throw EvaluationError.damagedRun(file: path, reason: error.description)
    }
    return try EvaluationSettings(json: json, file: path)
  }

  /// The pairs that a folder's run has done. Takes no part in the run: a line that is being
  /// written is not there yet.
  static func records(in folder: String, numbers: [Int]) throws -> [EvaluationRecord] {
    let path = folder + "/" + linesName
    guard fileExists(path) else { return [] }
    let bytes = try readSmallFile(path, maximum: 1 << 30)
    let text = String(decoding: bytes, as: UTF8.self)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    return try records(lines.map(String.init), numbers: numbers, file: path)
  }

  /// Reads lines that are those of the first of `numbers`.
  private static func records(
    _ lines: [String], numbers: [Int], file: String
  ) throws -> [EvaluationRecord] {
    guard lines.count <= numbers.count else {
      throw EvaluationError.damagedRun(
        file: file, reason: "\(lines.count) lines where there are \(numbers.count) pairs")
    }
    return try zip(lines, numbers).enumerated().map { index, entry in
      let (line, number) = entry
      guard let record = EvaluationRecord(line: line), record.number == number else {
        throw EvaluationError.damagedRun(
          file: file, reason: "line \(index + 1) is not that of pair \(number); it was changed")
      }
      return record
    }
  }
}
