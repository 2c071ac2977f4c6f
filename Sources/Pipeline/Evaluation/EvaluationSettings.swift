import JSONText

/// What decides an evaluation's numbers, kept beside them: runs that differ in it cannot be gone on
/// with or merged.
struct EvaluationSettings: Sendable, Hashable {
  private static let format = "plumb evaluation 1"

  /// All that counts, by name, in order; numbers and texts.
  let members: JSONObject
  /// Names of files, for people.
  let names: JSONObject
  let shard: EvaluationShard?
  /// Pairs of the whole manifest.
  let pairs: Int

  init(
    members: JSONObject, names: JSONObject, shard: EvaluationShard?, pairs: Int
  ) {
    self.members = members
    self.names = names
    self.shard = shard
    self.pairs = pairs
  }

  /// The pairs of the shard.
  var numbers: [Int] { shard?.numbers(of: pairs) ?? Array(0..<pairs) }

  var json: JSONValue {
    .object([
      "format": .string(Self.format), "names": .object(names), "settings": .object(members),
      "pairs": .integer(Int64(pairs)), "shard": shard.map { .string($0.description) } ?? .null,
    ])
  }

  /// - Throws: `damagedRun`.
  init(json: JSONValue, file: String) throws {
    guard json["format"]?.stringValue == Self.format, let members = json["settings"]?.objectValue,
      let names = json["names"]?.objectValue, let pairs = json["pairs"]?.intValue, pairs >= 1,
      pairs <= 1 << 30
    else {
      throw EvaluationError.damagedRun(
        file: file, reason: "it is not what plumb eval of this version writes")
    }
    let shard = json["shard"]?.stringValue.flatMap { EvaluationShard(parsing: $0) }
    guard shard != nil || json["shard"] == .null else {
      throw EvaluationError.damagedRun(file: file, reason: "'shard' is not as expected")
    }
    self.init(members: members, names: names, shard: shard, pairs: pairs)
  }

  /// The same with all pairs.
  var whole: EvaluationSettings {
    EvaluationSettings(members: members, names: names, shard: nil, pairs: pairs)
  }

  /// What differs, a phrase each: "steps is 5 there and 50 here". Names of files do not count.
  func differences(here other: EvaluationSettings, comparesShards: Bool = true) -> [String] {
    func text(_ value: JSONValue?) -> String {
      guard let text = value?.stringValue else { return value?.text() ?? "not there" }
      return text.utf8.count == 64 ? String(text.prefix(12)) + "…" : text
    }
    var keys = members.keys
    keys += other.members.keys.filter { members[$0] == nil }
    var result = keys.filter { members[$0] != other.members[$0] }.map { key in
      "\(key) is \(text(members[key])) there and \(text(other.members[key])) here"
    }
    if pairs != other.pairs {
      result.append("there are \(pairs) pairs there and \(other.pairs) here")
    }
    if comparesShards, shard != other.shard {
      result.append(
        "the shard is \(shard?.description ?? "all") there and"
          + " \(other.shard?.description ?? "all") here")
    }
    return result
  }
}
