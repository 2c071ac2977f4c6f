import JSONText

private let file = "tokenizer.json"

extension TokenizerDescription {
  /// Reads tokenizer.json; every part of it that shapes the result must be one this program has.
  static func fromTokenizerJSON(
    _ bytes: [UInt8], settings: TokenizerSettings
  ) throws(TokenizerError) -> Self {
    let json = try TokenizerSettings.object(bytes, file) ?? JSONObject()
    let vocabulary = json["model"]?["vocab"]?.objectValue ?? JSONObject()
    // Old files do not name the type of their model.
    let type =
      json["model"]?["type"]?.stringValue ?? (json["model"]?["merges"] == nil ? "WordPiece" : "BPE")
    var tokens = try table(ofVocabulary: vocabulary, file: file)
    let added = try addedTokens(json, &tokens)
    let ids = ids(of: tokens)
    let model: Model
    switch type {
    case "WordPiece":
      try settings.requireClass(wordPieceClasses + ["PreTrainedTokenizer"])
      model = .wordPiece(try wordPieceRules(json, settings))
    case "BPE":
      try settings.requireClass(bytePairClasses + ["PreTrainedTokenizer"])
      model = .bytePairs(try bytePairRules(json, ids: ids))
    default:
      throw .unsupported(file: file, key: "model.type", value: JSONValue.string(type).text())
    }
    let (start, end) = try specialIDs(json["post_processor"] ?? .null)
    guard let unknownText = json["model"]?["unk_token"]?.stringValue else {
      throw .malformed(file: file, key: "model.unk_token", expected: "a token")
    }
    guard let unknown = ids[ExactString(unknownText)] else {
      throw .unknownToken(unknownText, role: "unknown")
    }
    let isWordPiece = type == "WordPiece"
    let paddingText = settings.token(
      "pad_token",
      default: json["padding"]?["pad_token"]?.stringValue
        ?? (isWordPiece ? "[PAD]" : "<|endoftext|>")
    ).text
    guard let padding = ids[ExactString(paddingText)] else {
      throw .unknownToken(paddingText, role: "padding")
    }
    for (id, role) in [(start, "start"), (end, "end")] {
      guard tokens.indices.contains(id), tokens[id] != nil else {
        throw .unknownToken("id \(id)", role: role)
      }
    }
    return Self(
      model: model, tokens: tokens, start: start, end: end, padding: padding, unknown: unknown,
      added: added.sorted { $0.id < $1.id })
  }

  private static func addedTokens(
    _ json: JSONObject, _ tokens: inout [String?]
  ) throws(TokenizerError) -> [AddedToken] {
    var added: [AddedToken] = []
    for value in json["added_tokens"]?.arrayValue ?? [] {
      guard let id = value["id"]?.intValue, let text = value["content"]?.stringValue,
        !text.isEmpty
      else {
        throw .malformed(file: file, key: "added_tokens", expected: "objects of id and content")
      }
      try place(text, id: id, in: &tokens)
      added.append(
        AddedToken(
          id: id, text: text, normalized: value["normalized"]?.boolValue ?? true,
          wholeWord: value["single_word"]?.boolValue ?? false))
    }
    return added
  }

  private static func wordPieceRules(
    _ json: JSONObject, _ settings: TokenizerSettings
  ) throws(TokenizerError) -> WordPieceRules {
    let normalizer = json["normalizer"] ?? .null
    try require(normalizer["type"], .string("BertNormalizer"), "normalizer.type")
    try require(json["pre_tokenizer"]?["type"], .string("BertPreTokenizer"), "pre_tokenizer.type")
    var rules = WordPieceRules()
    rules.cleansText = normalizer["clean_text"]?.boolValue ?? true
    rules.separatesIdeographs = normalizer["handle_chinese_chars"]?.boolValue ?? true
    rules.lowercases = normalizer["lowercase"]?.boolValue ?? true
    rules.stripsAccents = normalizer["strip_accents"]?.boolValue ?? rules.lowercases
    let model = json["model"] ?? .null
    rules.continuation = model["continuing_subword_prefix"]?.stringValue ?? "##"
    if let longest = model["max_input_chars_per_word"] {
      guard let longest = longest.intValue, longest > 0, longest <= 10_000 else {
        throw .malformed(
          file: file, key: "model.max_input_chars_per_word", expected: "1 to 10000")
      }
      rules.longestWord = longest
    }
    try rules.setFlags(settings)
    return rules
  }

  private static func bytePairRules(
    _ json: JSONObject, ids: [ExactString: Int]
  ) throws(TokenizerError) -> BytePairRules {
    let pattern = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"
    let steps = json["normalizer"]?["normalizers"]?.arrayValue ?? []
    guard json["normalizer"]?["type"]?.stringValue == "Sequence", steps.count == 3,
      steps[0] == .object(["type": .string("NFC")]), steps[1]["type"]?.stringValue == "Replace",
      steps[1]["pattern"]?["Regex"]?.stringValue == "\\s+",
      steps[1]["content"]?.stringValue == " ", steps[2] == .object(["type": .string("Lowercase")])
    else {
      throw .unsupported(
        file: file, key: "normalizer", value: (json["normalizer"] ?? .null).text())
    }
    let splits = json["pre_tokenizer"]?["pretokenizers"]?.arrayValue ?? []
    guard json["pre_tokenizer"]?["type"]?.stringValue == "Sequence", splits.count == 2,
      splits[0]["type"]?.stringValue == "Split",
      splits[0]["pattern"]?["Regex"]?.stringValue == pattern,
      splits[0]["behavior"]?.stringValue == "Removed", splits[0]["invert"]?.boolValue == true,
      splits[1]["type"]?.stringValue == "ByteLevel",
      splits[1]["add_prefix_space"]?.boolValue == false
    else {
      throw .unsupported(
        file: file, key: "pre_tokenizer", value: (json["pre_tokenizer"] ?? .null).text())
    }
    let model = json["model"] ?? .null
    for (key, only) in [
      ("dropout", .null), ("continuing_subword_prefix", .string("")), ("fuse_unk", .bool(false)),
      ("byte_fallback", .bool(false)), ("ignore_merges", .bool(false)),
    ] as [(String, JSONValue)] {
      if let value = model[key], value != .null { try require(value, only, "model." + key) }
    }
    var rules = BytePairRules()
    guard let wordEnd = model["end_of_word_suffix"]?.stringValue else {
      throw .unsupported(file: file, key: "model.end_of_word_suffix", value: "nothing")
    }
    rules.wordEnd = wordEnd
    for (number, value) in (model["merges"]?.arrayValue ?? []).enumerated() {
      if let text = value.stringValue {
        rules.merges.append(try merge(text, number: number + 1, ids: ids))
      } else if let pair = value.arrayValue, pair.count == 2, let left = pair[0].stringValue,
        let right = pair[1].stringValue
      {
        rules.merges.append(try merge(left, right, number: number + 1, ids: ids))
      } else {
        throw .badMerge(line: number + 1, value.text())
      }
    }
    return rules
  }

  /// The ids that stand before and after a text.
  private static func specialIDs(
    _ processor: JSONValue
  ) throws(TokenizerError) -> (start: Int, end: Int) {
    switch processor["type"]?.stringValue {
    case "BertProcessing", "RobertaProcessing":
      if let start = processor["cls"]?.arrayValue?.last?.intValue,
        let end = processor["sep"]?.arrayValue?.last?.intValue
      {
        return (start, end)
      }
    case "TemplateProcessing":
      let parts = processor["single"]?.arrayValue ?? []
      let special = processor["special_tokens"] ?? .null
      if parts.count == 3, parts[1]["Sequence"] != nil,
        let first = parts[0]["SpecialToken"]?["id"]?.stringValue,
        let last = parts[2]["SpecialToken"]?["id"]?.stringValue,
        let starts = special[first]?["ids"]?.arrayValue, starts.count == 1,
        let ends = special[last]?["ids"]?.arrayValue, ends.count == 1,
        let start = starts[0].intValue, let end = ends[0].intValue
      {
        return (start, end)
      }
    default: break
    }
    throw .unsupported(file: file, key: "post_processor", value: processor.text())
  }

  private static func require(
    _ value: JSONValue?, _ only: JSONValue, _ key: String
  ) throws(TokenizerError) {
    if value != only {
      throw .unsupported(file: file, key: key, value: (value ?? .null).text())
    }
  }
}
