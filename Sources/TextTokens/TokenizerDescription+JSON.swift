import JSONText

extension TokenizerDescription {
  private static let file = "stored form"

  /// The description as JSON, the same for the same description always.
  ///
  /// Members: `kind` ("wordpiece" or "clip"), `start`, `end`, `padding`, `unknown` (ids), `added` (objects of
  /// `id`, `text`, `normalized`, `whole_word`), the rules of the kind, `tokens` (strings by id, null
  /// for an unused id) and, for "clip", `merges` (pairs of ids in one flat list).
  package var json: JSONValue {
    var object = JSONObject()
    switch model {
    case .wordPiece(let rules):
      object["kind"] = .string("wordpiece")
      object["cleans_text"] = .bool(rules.cleansText)
      object["separates_ideographs"] = .bool(rules.separatesIdeographs)
      object["lowercases"] = .bool(rules.lowercases)
      object["strips_accents"] = .bool(rules.stripsAccents)
      object["continuation"] = .string(rules.continuation)
      object["longest_word"] = .integer(Int64(rules.longestWord))
    case .bytePairs(let rules):
      object["kind"] = .string("clip")
      object["word_end"] = .string(rules.wordEnd)
    }
    object["start"] = .integer(Int64(start))
    object["end"] = .integer(Int64(end))
    object["padding"] = .integer(Int64(padding))
    object["unknown"] = .integer(Int64(unknown))
    object["added"] = .array(
      added.map {
        .object([
          "id": .integer(Int64($0.id)), "text": .string($0.text),
          "normalized": .bool($0.normalized), "whole_word": .bool($0.wholeWord),
        ])
      })
    object["tokens"] = .array(tokens.map { $0.map(JSONValue.string) ?? .null })
    if case .bytePairs(let rules) = model {
      object["merges"] = .array(
        rules.merges.flatMap { [.integer(Int64($0.left)), .integer(Int64($0.right))] })
    }
    return .object(object)
  }

  /// Reads what `json` gives; everything is checked, nothing may be missing or too much.
  package init(json: JSONValue) throws(TokenizerError) {
    var reader = MemberReader(json, file: Self.file)
    let kind = try reader.string("kind")
    switch kind {
    case "wordpiece":
      var rules = WordPieceRules()
      rules.cleansText = try reader.bool("cleans_text")
      rules.separatesIdeographs = try reader.bool("separates_ideographs")
      rules.lowercases = try reader.bool("lowercases")
      rules.stripsAccents = try reader.bool("strips_accents")
      rules.continuation = try reader.string("continuation")
      rules.longestWord = try reader.integer("longest_word")
      model = .wordPiece(rules)
    case "clip":
      var rules = BytePairRules()
      rules.wordEnd = try reader.string("word_end")
      let ids = try reader.array("merges")
      guard ids.count.isMultiple(of: 2) else {
        throw .malformed(file: Self.file, key: "merges", expected: "pairs of ids")
      }
      for position in stride(from: 0, to: ids.count, by: 2) {
        guard let left = ids[position].intValue, let right = ids[position + 1].intValue else {
          throw .malformed(file: Self.file, key: "merges", expected: "pairs of ids")
        }
        rules.merges.append(Merge(left: left, right: right))
      }
      model = .bytePairs(rules)
    default:
      throw .unsupported(file: Self.file, key: "kind", value: JSONValue.string(kind).text())
    }
    start = try reader.integer("start")
    end = try reader.integer("end")
    padding = try reader.integer("padding")
    unknown = try reader.integer("unknown")
    added = []
    for value in try reader.array("added") {
      var member = MemberReader(value, file: Self.file)
      added.append(
        AddedToken(
          id: try member.integer("id"), text: try member.string("text"),
          normalized: try member.bool("normalized"), wholeWord: try member.bool("whole_word")))
      try member.finish()
    }
    tokens = []
    for value in try reader.array("tokens") {
      switch value {
      case .string(let token): tokens.append(token)
      case .null: tokens.append(nil)
      case .bool, .integer, .number, .array, .object:
        throw .malformed(file: Self.file, key: "tokens", expected: "strings and nulls")
      }
    }
    try reader.finish()
  }
}

/// Takes the members of an object one by one and tells which are left.
struct MemberReader {
  private var object: JSONObject?
  private let file: String

  init(_ value: JSONValue, file: String) {
    object = value.objectValue
    self.file = file
  }

  mutating func string(_ key: String) throws(TokenizerError) -> String {
    try take(key, "a string") { $0.stringValue }
  }

  mutating func bool(_ key: String) throws(TokenizerError) -> Bool {
    try take(key, "true or false") { $0.boolValue }
  }

  mutating func integer(_ key: String) throws(TokenizerError) -> Int {
    try take(key, "an integer") { $0.intValue }
  }

  mutating func array(_ key: String) throws(TokenizerError) -> [JSONValue] {
    try take(key, "a list") { $0.arrayValue }
  }

  /// Refuses members that were not taken.
  func finish() throws(TokenizerError) {
    if let (key, value) = object?.members.first {
      throw .unsupported(file: file, key: key, value: value.text())
    }
  }

  private mutating func take<Value>(
    _ key: String, _ expected: String, _ convert: (JSONValue) -> Value?
  ) throws(TokenizerError) -> Value {
    guard let value = object?[key].flatMap(convert) else {
      throw .malformed(file: file, key: key, expected: expected)
    }
    object?[key] = nil
    return value
  }
}
