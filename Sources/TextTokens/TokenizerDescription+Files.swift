import JSONText

extension TokenizerDescription {
  /// Reads a tokenizer as transformers does: from tokenizer.json if there is one, else from
  /// vocab.txt, else from vocab.json with merges.txt; with the flags of tokenizer_config.json.
  package init(files: TokenizerFiles) throws(TokenizerError) {
    let settings = try TokenizerSettings(files: files)
    if let text = files.tokenizerJSON {
      self = try Self.fromTokenizerJSON(text, settings: settings)
    } else if let text = files.vocabText {
      self = try Self.fromWordPieceVocabulary(text, settings: settings)
    } else if let text = files.vocabJSON {
      guard let merges = files.mergesText else {
        throw .missingFile("merges.txt", neededBy: "vocab.json")
      }
      self = try Self.fromBytePairs(text, merges, settings: settings)
    } else if files.mergesText != nil {
      throw .missingFile("vocab.json", neededBy: "merges.txt")
    } else {
      throw .noVocabulary
    }
  }

  /// The tokenizer classes whose rules are BERT's, and those whose rules are CLIP's.
  static let wordPieceClasses = [
    "BertTokenizer", "CXRBertTokenizer", "DistilBertTokenizer", "ElectraTokenizer",
  ]
  static let bytePairClasses = ["CLIPTokenizer"]

  private static func fromWordPieceVocabulary(
    _ bytes: [UInt8], settings: TokenizerSettings
  ) throws(TokenizerError) -> Self {
    try settings.requireClass(wordPieceClasses)
    let lines = try lines(of: bytes, file: "vocab.txt")
    if lines.count > largestVocabulary {
      throw .idOutOfRange(lines.count - 1, token: lines.last ?? "")
    }
    var rules = WordPieceRules()
    try rules.setFlags(settings)
    return try make(
      model: .wordPiece(rules), tokens: lines.map(Optional.init), settings: settings,
      start: settings.token("cls_token", default: "[CLS]"),
      end: settings.token("sep_token", default: "[SEP]"),
      padding: settings.token("pad_token", default: "[PAD]"),
      unknown: settings.token("unk_token", default: "[UNK]"),
      others: [settings.token("mask_token", default: "[MASK]")])
  }

  private static func fromBytePairs(
    _ vocabulary: [UInt8], _ merges: [UInt8], settings: TokenizerSettings
  ) throws(TokenizerError) -> Self {
    try settings.requireClass(bytePairClasses)
    let tokens = try table(
      ofVocabulary: try TokenizerSettings.object(vocabulary, "vocab.json") ?? JSONObject(),
      file: "vocab.json")
    let ids = ids(of: tokens)
    var rules = BytePairRules()
    var lines = try lines(of: merges, file: "merges.txt")
    if lines.first?.hasPrefix("#version") == true { lines.removeFirst() }
    while lines.last?.isEmpty == true { lines.removeLast() }
    rules.merges = try lines.enumerated().map { (number, line) throws(TokenizerError) in
      try merge(line, number: number + 1, ids: ids)
    }
    let endOfText = "<|endoftext|>"
    return try make(
      model: .bytePairs(rules), tokens: tokens, settings: settings,
      start: settings.token("bos_token", default: "<|startoftext|>", normalized: true),
      end: settings.token("eos_token", default: endOfText, normalized: true),
      padding: settings.token("pad_token", default: endOfText, normalized: true),
      unknown: settings.token("unk_token", default: endOfText, normalized: true), others: [])
  }

  /// Puts special and added tokens where the vocabulary has them.
  private static func make(
    model: Model, tokens: [String?], settings: TokenizerSettings, start: TokenizerSettings.Token,
    end: TokenizerSettings.Token, padding: TokenizerSettings.Token,
    unknown: TokenizerSettings.Token, others: [TokenizerSettings.Token]
  ) throws(TokenizerError) -> Self {
    var tokens = tokens
    var ids = ids(of: tokens)
    var added: [ExactString: AddedToken] = [:]
    let named = [start, end, padding, unknown] + others + settings.special.map(\.token)
    for (id, token) in settings.further + named.map({ (nil, $0) }) {
      let text = ExactString(token.text)
      guard added[text] == nil, let id = id ?? ids[text] else { continue }
      try place(token.text, id: id, in: &tokens)
      ids[text] = id
      added[text] = AddedToken(
        id: id, text: token.text, normalized: token.normalized, wholeWord: token.wholeWord)
    }
    func id(_ token: TokenizerSettings.Token, _ role: String) throws(TokenizerError) -> Int {
      guard let id = ids[ExactString(token.text)] else {
        throw .unknownToken(token.text, role: role)
      }
      return id
    }
    return Self(
      model: model, tokens: tokens, start: try id(start, "start"), end: try id(end, "end"),
      padding: try id(padding, "padding"), unknown: try id(unknown, "unknown"),
      added: added.values.sorted { $0.id < $1.id })
  }
}

extension TokenizerDescription {
  /// Makes a table of tokens from an object that gives each its id.
  static func table(
    ofVocabulary object: JSONObject, file: String
  ) throws(TokenizerError) -> [String?] {
    var entries: [(token: String, id: Int)] = []
    entries.reserveCapacity(object.count)
    for (token, value) in object.members {
      guard let id = value.intValue else {
        throw .malformed(file: file, key: "vocab", expected: "an id for '\(token)'")
      }
      entries.append((token, id))
    }
    return try table(entries)
  }

  /// Reads "left right".
  static func merge(
    _ text: String, number: Int, ids: [ExactString: Int]
  ) throws(TokenizerError) -> Merge {
    let parts = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard parts.count == 2, let left = String(parts[0]), let right = String(parts[1]) else {
      throw .badMerge(line: number, text)
    }
    return try merge(left, right, number: number, ids: ids)
  }

  static func merge(
    _ left: String, _ right: String, number: Int, ids: [ExactString: Int]
  ) throws(TokenizerError) -> Merge {
    guard let leftID = ids[ExactString(left)], let rightID = ids[ExactString(right)],
      ids[ExactString(left + right)] != nil
    else { throw .badMerge(line: number, left + " " + right) }
    return Merge(left: leftID, right: rightID)
  }

  /// The lines of a text file, whatever ends them; what follows the last end counts if not empty.
  static func lines(of bytes: [UInt8], file: String) throws(TokenizerError) -> [String] {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .notUTF8(file: file) }
    var lines: [String] = []
    var line = String.UnicodeScalarView()
    var wasReturn = false
    for scalar in text.unicodeScalars {
      if scalar == "\n" && wasReturn {
        wasReturn = false
        continue
      }
      wasReturn = scalar == "\r"
      if wasReturn || scalar == "\n" {
        lines.append(String(line))
        line = String.UnicodeScalarView()
      } else {
        line.append(scalar)
      }
    }
    if !line.isEmpty { lines.append(String(line)) }
    return lines
  }
}

extension TokenizerDescription.WordPieceRules {
  /// Takes over what tokenizer_config.json says of the rules, which outweighs tokenizer.json.
  mutating func setFlags(_ settings: TokenizerSettings) throws(TokenizerError) {
    if let lowercases = try settings.flag("do_lower_case") {
      if settings.config["strip_accents"] == nil || settings.config["strip_accents"] == .null {
        stripsAccents = lowercases
      }
      self.lowercases = lowercases
    }
    if let stripsAccents = try settings.flag("strip_accents") { self.stripsAccents = stripsAccents }
    if let separates = try settings.flag("tokenize_chinese_chars") {
      separatesIdeographs = separates
    }
  }
}
