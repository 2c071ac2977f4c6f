import JSONText
import TextTokens
import Testing

/// A folder with a vocab.txt of these tokens, and a tokenizer_config.json.
func wordPieceFiles(_ tokens: [String], config: String? = nil) -> TokenizerFiles {
  var files = TokenizerFiles()
  let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
  files.vocabText = (special + tokens).flatMap { Array($0.utf8) + [0x0A] }
  files.tokenizerConfig = config.map { Array($0.utf8) }
  return files
}

private let words = [
  "pneumo", "##thorax", "##tho", "left", "e", "##ffusion", "effusion", ",", "-", "\u{4E2D}", "cafe",
  "caf\u{E9}", "Left", "##\u{E9}", "a", "##a",
]

private func texts(_ text: String, config: String? = nil) throws -> [String] {
  try Tokenizer(files: wordPieceFiles(words, config: config)).tokens(of: text).map(\.text)
}

@Test func longestTokensFirst() throws {
  #expect(try texts("pneumothorax left effusion") == ["pneumo", "##thorax", "left", "effusion"])
  #expect(try texts("pneumothora") == ["[UNK]"])
  #expect(try texts("LEFT,left-left") == ["left", ",", "left", "-", "left"])
  #expect(try texts("") == [])
  #expect(try texts(" \t\n ") == [])
}

@Test func flags() throws {
  #expect(try texts("Caf\u{E9} cafe\u{301}") == ["cafe", "cafe"])
  #expect(try texts("Left", config: #"{"do_lower_case": false}"#) == ["Left"])
  #expect(
    try texts("Caf\u{E9} cafe\u{301}", config: #"{"strip_accents": false}"#)
      == ["caf\u{E9}", "caf\u{E9}"])
  #expect(try texts("left\u{4E2D}left") == ["left", "\u{4E2D}", "left"])
  #expect(try texts("left\u{4E2D}", config: #"{"tokenize_chinese_chars": false}"#) == ["[UNK]"])
}

@Test func charactersThatAreDropped() throws {
  #expect(try texts("le\u{0}f\u{200B}t\u{FFFD}") == ["left"])
  #expect(try texts("left\u{A0}left\u{3000}left\u{85}") == ["left", "left", "left"])
}

@Test func longWordsAreUnknown() throws {
  #expect(try texts(String(repeating: "a", count: 100)).count == 100)
  #expect(try texts(String(repeating: "a", count: 101)) == ["[UNK]"])
}

@Test func specialTokensInText() throws {
  #expect(try texts("left[SEP]left [sep]") == ["left", "[SEP]", "left", "[UNK]", "[UNK]", "[UNK]"])
  #expect(try texts("[MASK]") == ["[MASK]"])
}

@Test func paddingAndTruncation() throws {
  let tokenizer = try Tokenizer(files: wordPieceFiles(words))
  let short = tokenizer.encode("left effusion", length: 6)
  #expect(short.ids == [2, 8, 11, 3, 0, 0])
  #expect(short.attentionMask == [1, 1, 1, 1, 0, 0])
  #expect(short.usedCount == 4)
  #expect(!short.isTruncated)
  let long = tokenizer.encode("left effusion left left pneumothorax", length: 4)
  #expect(long.ids == [2, 8, 11, 3])
  #expect(long.lostCount == 4)
  #expect(long.isTruncated)
  let full = tokenizer.encode("left left", length: 4)
  #expect(full.ids == [2, 8, 8, 3] && !full.isTruncated)
  #expect(tokenizer.encode("", length: 3).ids == [2, 3, 0])
  #expect(tokenizer.subwordCount("Pneumothorax") == 2)
}

@Test func carriageReturnsEndLines() throws {
  var files = TokenizerFiles()
  files.vocabText = Array("[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\nlung".utf8)
  #expect(try Tokenizer(files: files).ids(of: "lung") == [4])
}

/// What is stored gives the same tokenizer back, and the same bytes.
@Test func storedForm() throws {
  let tokenizer = try Tokenizer(files: wordPieceFiles(words))
  let bytes = tokenizer.description.json.utf8Text()
  let again = try Tokenizer(TokenizerDescription(json: JSONValue(parsing: bytes)))
  #expect(again.description == tokenizer.description)
  #expect(again.description.json.utf8Text() == bytes)
  #expect(again.ids(of: "pneumothorax") == tokenizer.ids(of: "pneumothorax"))
}
