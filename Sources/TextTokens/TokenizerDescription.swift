import JSONText

/// All that defines a tokenizer, checked; what a tokenizer is built from and stored as.
package struct TokenizerDescription: Hashable, Sendable {
  /// How text becomes tokens.
  package enum Model: Hashable, Sendable {
    case wordPiece(WordPieceRules)
    case bytePairs(BytePairRules)
  }

  /// BERT's rules.
  package struct WordPieceRules: Hashable, Sendable {
    /// Drop control characters and make every blank a space.
    package var cleansText = true
    /// Treat each CJK ideograph as a word.
    package var separatesIdeographs = true
    package var lowercases = true
    package var stripsAccents = true
    /// What marks a token that goes on inside a word.
    package var continuation = "##"
    /// Longer words, in Unicode scalars, become the unknown token.
    package var longestWord = 100

    package init() {}
  }

  /// CLIP's rules: NFC, one space for each run of blanks, lower case, byte-level pairs.
  package struct BytePairRules: Hashable, Sendable {
    /// What marks the last token of a word.
    package var wordEnd = "</w>"
    /// Pairs of tokens by id, those to be merged first first.
    package var merges: [Merge] = []

    package init() {}
  }

  /// Two tokens that become one.
  package struct Merge: Hashable, Sendable {
    package var left: Int
    package var right: Int

    package init(left: Int, right: Int) {
      self.left = left
      self.right = right
    }
  }

  /// A token that is found in the text before anything else.
  package struct AddedToken: Hashable, Sendable {
    package var id: Int
    package var text: String
    /// Looked for in the normalised text instead of the text as given.
    package var normalized: Bool
    /// Not found inside a longer word.
    package var wholeWord: Bool

    package init(id: Int, text: String, normalized: Bool, wholeWord: Bool) {
      self.id = id
      self.text = text
      self.normalized = normalized
      self.wholeWord = wholeWord
    }
  }

  package var model: Model
  /// The tokens by id; nil where an id is not used.
  package var tokens: [String?]
  /// Ids of the special tokens.
  package var start: Int
  package var end: Int
  package var padding: Int
  package var unknown: Int
  /// In ascending order of ids.
  package var added: [AddedToken]
}

extension TokenizerDescription {
  /// The most ids a vocabulary may have: far above any known, far below what exhausts memory.
  static let largestVocabulary = 4_000_000

  /// Makes a table from id to token, refusing ids that two tokens share.
  static func table(
    _ entries: some Sequence<(token: String, id: Int)>
  ) throws(TokenizerError) -> [String?] {
    var tokens: [String?] = []
    for (token, id) in entries { try place(token, id: id, in: &tokens) }
    return tokens
  }

  /// Puts a token where its id says, which must be free or hold the same token.
  static func place(
    _ token: String, id: Int, in tokens: inout [String?]
  ) throws(TokenizerError) {
    guard id >= 0, id < largestVocabulary else { throw .idOutOfRange(id, token: token) }
    if id >= tokens.count {
      tokens.append(contentsOf: repeatElement(nil, count: id + 1 - tokens.count))
    }
    if let other = tokens[id], ExactString(other) != ExactString(token) {
      throw .duplicateID(id, other, token)
    }
    tokens[id] = token
  }

  /// The ids of tokens by their text; of tokens with the same text the last one counts.
  static func ids(of tokens: [String?]) -> [ExactString: Int] {
    var ids = [ExactString: Int](minimumCapacity: tokens.count)
    for (id, token) in tokens.enumerated() {
      if let token { ids[ExactString(token)] = id }
    }
    return ids
  }
}
