import ByteIO
import JSONText
import TensorBase
import TestSupport
import TextTokens
import Testing

/// The tokenizer of a golden case: the folder's files, or, when the case has settings of its own,
/// the folder's vocab.txt with these.
private func tokenizer(_ golden: GoldenCase) throws -> Tokenizer {
  let name = try #require(golden.config["tokenizer"]?.stringValue)
  let folder = try goldenFolderPath(name)
  var files = TokenizerFiles()
  for file in TokenizerFiles.names where fileExists(folder + "/" + file) {
    files[file] = try readSmallFile(folder + "/" + file, maximum: 16 << 20)
  }
  if let settings = golden.config["settings"] {
    files.tokenizerJSON = nil
    files.tokenizerConfig = settings.utf8Text()
  }
  return try Tokenizer(files: files)
}

/// Which of transformers' two implementations a tokenizer follows where they differ: the Python one
/// for BERT, since CXR-BERT's class derives from it; the tokenizers library for CLIP.
private func isFollowed(_ name: String) -> Bool {
  name == "BertTokenizer" || name == "CLIPTokenizerFast"
}

@Test func goldenTokens() throws {
  var followed = 0
  for golden in try goldenCases("tokens") {
    let tokenizer = try tokenizer(golden)
    let stored = try Tokenizer(
      TokenizerDescription(json: JSONValue(parsing: tokenizer.description.json.utf8Text())))
    let ids = try golden.tensor("output.input_ids")
    let masks = try golden.tensor("output.attention_mask")
    let count = golden.strings.count
    #expect(count >= 200)
    try #require(ids.shape.dimensions == [count, 77] && masks.shape == ids.shape)
    let (allIDs, allMasks) = (ids.int64s.map { Int($0) }, masks.int64s.map { Int($0) })
    let isFollowed = isFollowed(try #require(golden.config["class"]?.stringValue))
    followed += isFollowed ? 1 : 0
    let differ = golden.config["differ"]?.arrayValue?.compactMap(\.intValue) ?? []
    for (row, text) in golden.strings.enumerated() where isFollowed || !differ.contains(row) {
      let encoding = tokenizer.encode(text, length: 77)
      let range = (77 * row)..<(77 * row + 77)
      #expect(encoding.ids == Array(allIDs[range]), "\(golden.name): \(text.debugDescription)")
      #expect(
        encoding.attentionMask == Array(allMasks[range]), "\(golden.name): \(text.debugDescription)"
      )
      #expect(stored.encode(text, length: 77) == encoding)
      #expect(encoding.usedCount == encoding.attentionMask.reduce(0, +))
    }
  }
  #expect(followed >= 2)
}

/// Words tokenised alone give the tokens of the words joined by spaces, which is what keeps words
/// and token positions aligned.
@Test func wordsAloneAndTogether() throws {
  for golden in try goldenCases("tokens") {
    let tokenizer = try tokenizer(golden)
    for text in golden.strings {
      let words = text.unicodeScalars.split { $0.properties.isWhitespace }.map { String($0) }
      let joined = words.joined(separator: " ")
      #expect(words.flatMap(tokenizer.ids) == tokenizer.ids(of: joined), "\(joined)")
    }
  }
}
