import JSONText

/// What the small files of a tokenizer folder say about special tokens and flags.
struct TokenizerSettings {
  /// tokenizer_config.json, or an empty object.
  let config: JSONObject
  /// Special tokens by role ("cls_token", …) as far as they are given.
  private(set) var special: [(role: String, token: Token)] = []
  /// Tokens that are not special, or are so without a role; with their ids where they are given.
  private(set) var further: [(id: Int?, token: Token)] = []

  struct Token {
    var text: String
    var normalized = false
    var wholeWord = false
  }

  static let configName = "tokenizer_config.json"
  private static let mapName = "special_tokens_map.json"
  private static let addedName = "added_tokens.json"
  private static let roles = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  init(files: TokenizerFiles) throws(TokenizerError) {
    config = try Self.object(files.tokenizerConfig, Self.configName) ?? JSONObject()
    let map = try Self.object(files.specialTokensMap, Self.mapName) ?? JSONObject()
    let decoder = config["added_tokens_decoder"]?.objectValue
    // With `added_tokens_decoder` the configuration is complete; before there was one, the map
    // came first.
    let sources =
      decoder == nil
      ? [(map, Self.mapName), (config, Self.configName)] : [(config, Self.configName)]
    for role in Self.roles {
      for (source, name) in sources {
        guard let value = source[role], value != .null else { continue }
        special.append((role, try Self.token(value, role, file: name)))
        break
      }
    }
    for (source, name) in sources {
      guard let list = source["additional_special_tokens"]?.arrayValue else { continue }
      for value in list {
        further.append((nil, try Self.token(value, "additional_special_tokens", file: name)))
      }
      break
    }
    for (key, value) in decoder?.members ?? [] {
      guard let id = Int(key) else {
        throw .malformed(
          file: Self.configName, key: "added_tokens_decoder", expected: "ids as keys")
      }
      further.append((id, try Self.token(value, "added_tokens_decoder", file: Self.configName)))
    }
    for (text, value) in try Self.object(files.addedTokens, Self.addedName)?.members ?? [] {
      guard let id = value.intValue else {
        throw .malformed(file: Self.addedName, key: text, expected: "an id")
      }
      let isKnown = special.contains { $0.token.text == text } || decoder != nil
      further.append((id, Token(text: text, normalized: !isKnown)))
    }
    try refuseUnsupported()
  }

  /// The special token of that role, or the kind's own name for it.
  func token(_ role: String, default text: String, normalized: Bool = false) -> Token {
    special.first { $0.role == role }?.token ?? Token(text: text, normalized: normalized)
  }

  /// The flag of that name in tokenizer_config.json; nil when it is absent or null.
  func flag(_ key: String) throws(TokenizerError) -> Bool? {
    guard let value = config[key], value != .null else { return nil }
    guard let flag = value.boolValue else {
      throw .malformed(file: Self.configName, key: key, expected: "true or false")
    }
    return flag
  }

  /// Reads a JSON object from a file; nil without the file.
  static func object(_ bytes: [UInt8]?, _ file: String) throws(TokenizerError) -> JSONObject? {
    guard let bytes else { return nil }
    let value: JSONValue
    do {
      value = try JSONValue(parsing: bytes)
    } catch {
      throw .unreadable(file: file, error)
    }
    guard let object = value.objectValue else {
      throw .malformed(file: file, key: "value", expected: "an object")
    }
    return object
  }

  private static func token(
    _ value: JSONValue, _ key: String, file: String
  ) throws(TokenizerError) -> Token {
    if let text = value.stringValue { return Token(text: text) }
    guard let text = value["content"]?.stringValue, !text.isEmpty else {
      throw .malformed(file: file, key: key, expected: "a token or an object with its content")
    }
    return Token(
      text: text, normalized: value["normalized"]?.boolValue ?? false,
      wholeWord: value["single_word"]?.boolValue ?? false)
  }

  private func refuseUnsupported() throws(TokenizerError) {
    let fixed: [(String, JSONValue)] = [
      ("padding_side", .string("right")), ("truncation_side", .string("right")),
      ("do_basic_tokenize", .bool(true)), ("split_special_tokens", .bool(false)),
      ("add_prefix_space", .bool(false)),
    ]
    for (key, only) in fixed {
      if let value = config[key], value != .null, value != only {
        throw .unsupported(file: Self.configName, key: key, value: value.text())
      }
    }
    if let value = config["never_split"], value != .null, value != .array([]) {
      throw .unsupported(file: Self.configName, key: "never_split", value: value.text())
    }
  }

  /// Refuses a `tokenizer_class` that is none of `names` or of these with "Fast" at the end.
  func requireClass(_ names: [String]) throws(TokenizerError) {
    guard let value = config["tokenizer_class"], value != .null else { return }
    guard let name = value.stringValue,
      names.contains(name.hasSuffix("Fast") ? String(name.dropLast(4)) : name)
    else {
      throw .unsupported(file: Self.configName, key: "tokenizer_class", value: value.text())
    }
  }
}
