import JSONText
import TextTokens
import Testing

private func error(_ files: TokenizerFiles) -> TokenizerError? {
  do {
    _ = try Tokenizer(files: files)
    return nil
  } catch {
    return error
  }
}

@Test func missingFiles() {
  #expect(error(TokenizerFiles()) == .noVocabulary)
  var files = TokenizerFiles()
  files.vocabJSON = Array("{}".utf8)
  #expect(error(files) == .missingFile("merges.txt", neededBy: "vocab.json"))
  files.vocabJSON = nil
  files.mergesText = []
  #expect(error(files) == .missingFile("vocab.json", neededBy: "merges.txt"))
}

@Test func vocabularyWithoutSpecialTokens() {
  var files = TokenizerFiles()
  files.vocabText = Array("a\nb\n".utf8)
  #expect(error(files) == .unknownToken("[CLS]", role: "start"))
  files.vocabText = [0x61, 0xFF]
  #expect(error(files) == .notUTF8(file: "vocab.txt"))
}

@Test(arguments: [
  (#"{"tokenizer_class": "T5Tokenizer"}"#, "tokenizer_class"),
  (#"{"padding_side": "left"}"#, "padding_side"),
  (#"{"do_basic_tokenize": false}"#, "do_basic_tokenize"),
  (#"{"never_split": ["x"]}"#, "never_split"),
])
func unsupportedConfigurations(config: String, key: String) {
  guard case .unsupported(_, let found, _) = error(wordPieceFiles(["a"], config: config)) else {
    Issue.record("\(config) was not refused")
    return
  }
  #expect(found == key)
}

@Test func damagedConfigurations() {
  let files = wordPieceFiles(["a"], config: #"{"do_lower_case": 1}"#)
  #expect(
    error(files)
      == .malformed(
        file: "tokenizer_config.json", key: "do_lower_case", expected: "true or false"))
  guard case .unreadable("tokenizer_config.json", _) = error(wordPieceFiles(["a"], config: "{"))
  else {
    Issue.record("a truncated file was not refused")
    return
  }
  let config = #"{"added_tokens_decoder": {"9000000000": {"content": "x"}}}"#
  #expect(error(wordPieceFiles(["a"], config: config)) == .idOutOfRange(9_000_000_000, token: "x"))
  let clash = #"{"added_tokens_decoder": {"5": {"content": "x"}}}"#
  #expect(error(wordPieceFiles(["a"], config: clash)) == .duplicateID(5, "a", "x"))
}

/// A tokenizer.json for BERT with parts replaced.
private func tokenizerJSON(
  normalizer: String = #"{"type": "BertNormalizer", "lowercase": true}"#,
  preTokenizer: String = #"{"type": "BertPreTokenizer"}"#,
  model: String =
    #"{"type": "WordPiece", "unk_token": "u", "vocab": {"u": 0, "c": 1, "[PAD]": 2}}"#,
  postProcessor: String = #"{"type": "BertProcessing", "cls": ["c", 1], "sep": ["c", 1]}"#
) -> TokenizerFiles {
  var files = TokenizerFiles()
  files.tokenizerJSON = Array(
    ("{\"normalizer\": \(normalizer), \"pre_tokenizer\": \(preTokenizer), \"model\": \(model), "
      + "\"post_processor\": \(postProcessor)}").utf8)
  return files
}

@Test func tokenizerJSONParts() {
  #expect(error(tokenizerJSON()) == nil)
  let cases: [(TokenizerFiles, String)] = [
    (tokenizerJSON(normalizer: #"{"type": "NFKC"}"#), "normalizer.type"),
    (tokenizerJSON(normalizer: "null"), "normalizer.type"),
    (tokenizerJSON(preTokenizer: #"{"type": "Metaspace"}"#), "pre_tokenizer.type"),
    (tokenizerJSON(model: #"{"type": "Unigram", "vocab": []}"#), "model.type"),
    (tokenizerJSON(postProcessor: "null"), "post_processor"),
    (
      tokenizerJSON(model: #"{"type": "BPE", "vocab": {}, "merges": [], "unk_token": "u"}"#),
      "normalizer"
    ),
  ]
  for (files, key) in cases {
    guard case .unsupported("tokenizer.json", let found, _) = error(files) else {
      Issue.record("\(key) was not refused but \(String(describing: error(files)))")
      continue
    }
    #expect(found == key)
  }
  let twice = #"{"type": "WordPiece", "unk_token": "u", "vocab": {"u": 0, "c": 0}}"#
  #expect(error(tokenizerJSON(model: twice)) == .duplicateID(0, "u", "c"))
  let negative = #"{"type": "WordPiece", "unk_token": "u", "vocab": {"u": -1}}"#
  #expect(error(tokenizerJSON(model: negative)) == .idOutOfRange(-1, token: "u"))
}

/// Every single change of a stored form is refused or harmless, never a crash.
@Test func storedFormIsNotTrusted() throws {
  let json = try Tokenizer(files: bytePairFiles()).description.json
  let hostile: [JSONValue] = [
    .null, .bool(false), .integer(-1), .integer(.max), .string(""), .array([.integer(7)]),
    .array([.integer(-1), .integer(1 << 40)]), .object([:]),
  ]
  for key in json.objectValue?.keys ?? [] {
    for value in hostile {
      var object = try #require(json.objectValue)
      object[key] = value
      guard let changed = try? Tokenizer(TokenizerDescription(json: .object(object))) else {
        continue
      }
      _ = changed.encode("low 12 lower", length: 5)
    }
    var object = try #require(json.objectValue)
    object[key] = nil
    #expect(throws: TokenizerError.self) { try TokenizerDescription(json: .object(object)) }
  }
  var object = try #require(json.objectValue)
  object["more"] = .null
  #expect(throws: TokenizerError.unsupported(file: "stored form", key: "more", value: "null")) {
    try TokenizerDescription(json: .object(object))
  }
}
