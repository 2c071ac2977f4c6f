import JSONText
import TextTokens
import Testing

/// A folder as CLIP's: all letters and digits as tokens, and a few merges.
func bytePairFiles(
  merges: [String] = ["l o", "lo w</w>", "e r</w>", "lo w"], config: String? = nil
) -> TokenizerFiles {
  let bases = (0x21...0x7E).map { String(Unicode.Scalar(UInt8($0))) }
  var vocabulary = JSONObject()
  let joined = merges.map { String($0.filter { $0 != " " }) }
  let all = bases + bases.map { $0 + "</w>" } + joined + ["<|startoftext|>", "<|endoftext|>"]
  for (id, token) in all.enumerated() { vocabulary[token] = .integer(Int64(id)) }
  var files = TokenizerFiles()
  files.vocabJSON = JSONValue.object(vocabulary).utf8Text()
  files.mergesText = Array(("#version: 0.2\n" + merges.map { $0 + "\n" }.joined()).utf8)
  files.tokenizerConfig = config.map { Array($0.utf8) }
  return files
}

private func texts(_ text: String, config: String? = nil) throws -> [String] {
  try Tokenizer(files: bytePairFiles(config: config)).tokens(of: text).map(\.text)
}

@Test func merging() throws {
  #expect(try texts("low LOWER  slow") == ["low</w>", "low", "er</w>", "s", "low</w>"])
  #expect(try texts("o") == ["o</w>"])
  #expect(try texts("") == [])
}

@Test func splitting() throws {
  #expect(
    try texts("it's 12!?x") == [
      "i", "t</w>", "'", "s</w>", "1</w>", "2</w>", "!", "?</w>", "x</w>",
    ])
  #expect(try texts("'re''re") == ["'", "r", "e</w>", "'", "'</w>", "r", "e</w>"])
}

@Test func bytesWithoutTokenAreUnknown() throws {
  #expect(try texts("\u{E9}") == ["<|endoftext|>", "<|endoftext|>"])
}

@Test func specialTokensOfBytePairs() throws {
  #expect(try texts("x<|EndOfText|>x") == ["x</w>", "<|endoftext|>", "x</w>"])
  let tokenizer = try Tokenizer(files: bytePairFiles())
  #expect(tokenizer.encode("low", length: 5).ids == [192, 189, 193, 193, 193])
  #expect(tokenizer.encode("low", length: 5).attentionMask == [1, 1, 1, 0, 0])
  let config = #"{"pad_token": "!"}"#
  let other = try Tokenizer(files: bytePairFiles(config: config))
  #expect(other.encode("low", length: 5).ids == [192, 189, 193, 0, 0])
  #expect(try texts("x!", config: config) == ["x</w>", "!"])
}

@Test func badMerges() {
  for merge in ["l", "l o w", "l \u{E9}", "l  o", ""] {
    var files = bytePairFiles(merges: ["l o"])
    files.mergesText = Array("#version: 0.2\nl o\n\(merge)\nl o\n".utf8)
    #expect(throws: TokenizerError.badMerge(line: 2, merge)) { try Tokenizer(files: files) }
  }
}

@Test func otherByteLevelTokenizersAreRefused() {
  let files = bytePairFiles(config: #"{"tokenizer_class": "GPT2Tokenizer"}"#)
  #expect(
    throws: TokenizerError.unsupported(
      file: "tokenizer_config.json", key: "tokenizer_class", value: "\"GPT2Tokenizer\"")
  ) { try Tokenizer(files: files) }
}

/// A run of letters of any length is merged in reasonable time.
@Test(.timeLimit(.minutes(10))) func longRuns() throws {
  let tokenizer = try Tokenizer(files: bytePairFiles())
  let ids = tokenizer.ids(of: String(repeating: "lo", count: 100_000))
  #expect(ids.count == 100_001)
}
