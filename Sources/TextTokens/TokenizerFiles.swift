/// The bytes of the files of a tokenizer folder, as far as they are there; all UTF-8.
package struct TokenizerFiles: Sendable {
  /// tokenizer.json: everything, as the tokenizers library writes it.
  package var tokenizerJSON: [UInt8]?
  /// tokenizer_config.json: flags and special tokens.
  package var tokenizerConfig: [UInt8]?
  /// special_tokens_map.json
  package var specialTokensMap: [UInt8]?
  /// added_tokens.json: further tokens with their ids.
  package var addedTokens: [UInt8]?
  /// vocab.txt: a WordPiece token a line.
  package var vocabText: [UInt8]?
  /// vocab.json: byte-pair tokens with their ids.
  package var vocabJSON: [UInt8]?
  /// merges.txt: a byte-pair merge a line, first come first.
  package var mergesText: [UInt8]?

  package init() {}

  /// The names of the files that a reader should look for.
  package static let names = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.txt", "vocab.json", "merges.txt",
  ]

  /// The bytes of the file of that name (one of `names`); other names hold nothing.
  package subscript(name: String) -> [UInt8]? {
    get {
      switch name {
      case "tokenizer.json": tokenizerJSON
      case "tokenizer_config.json": tokenizerConfig
      case "special_tokens_map.json": specialTokensMap
      case "added_tokens.json": addedTokens
      case "vocab.txt": vocabText
      case "vocab.json": vocabJSON
      case "merges.txt": mergesText
      default: nil
      }
    }
    set {
      switch name {
      case "tokenizer.json": tokenizerJSON = newValue
      case "tokenizer_config.json": tokenizerConfig = newValue
      case "special_tokens_map.json": specialTokensMap = newValue
      case "added_tokens.json": addedTokens = newValue
      case "vocab.txt": vocabText = newValue
      case "vocab.json": vocabJSON = newValue
      case "merges.txt": mergesText = newValue
      default: break
      }
    }
  }
}
