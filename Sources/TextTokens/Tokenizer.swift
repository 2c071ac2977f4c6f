/// A tokenizer: text in, ids out. A pure value; needs no file once it is made.
package enum Tokenizer: Sendable {
  case wordPiece(WordPiece)
  case bytePairs(BytePairEncoding)

  /// Makes the tokenizer of a folder's files.
  package init(files: TokenizerFiles) throws(TokenizerError) {
    try self.init(TokenizerDescription(files: files))
  }

  /// Makes the tokenizer that a description defines.
  package init(_ description: TokenizerDescription) throws(TokenizerError) {
    try description.validate()
    switch description.model {
    case .wordPiece(let rules): self = .wordPiece(WordPiece(description, rules))
    case .bytePairs(let rules): self = .bytePairs(BytePairEncoding(description, rules))
    }
  }

  /// What the tokenizer was made from, for storing it.
  package var description: TokenizerDescription {
    switch self {
    case .wordPiece(let model): model.description
    case .bytePairs(let model): model.description
    }
  }
}

extension Tokenizer {
  /// A token of a text.
  package struct Token: Hashable, Sendable {
    package let id: Int
    /// As the vocabulary writes it: "##thorax", "lung</w>".
    package let text: String
  }

  /// A text as a model takes it.
  package struct Encoding: Hashable, Sendable {
    /// Start, tokens, end, padding.
    package let ids: [Int]
    /// 1 up to and including the end token, 0 for padding.
    package let attentionMask: [Int]
    /// How many of `ids` are not padding.
    package let usedCount: Int
    /// How many tokens of the text found no room.
    package let lostCount: Int

    package var isTruncated: Bool { lostCount > 0 }
  }

  /// Encodes a text to exactly `length` ids: cut from the right when too long, padded when short.
  ///
  /// - Precondition: `length` ≥ 2, the start and end tokens' room.
  package func encode(_ text: String, length: Int) -> Encoding {
    precondition(length >= 2, "no room for the start and end tokens")
    let description = description
    let ids = ids(of: text)
    let kept = min(ids.count, length - 2)
    let used = [description.start] + ids[..<kept] + [description.end]
    let missing = length - used.count
    return Encoding(
      ids: used + [Int](repeating: description.padding, count: missing),
      attentionMask: [Int](repeating: 1, count: used.count) + [Int](repeating: 0, count: missing),
      usedCount: used.count, lostCount: ids.count - kept)
  }

  /// The tokens of a text alone, without start, end and padding.
  package func tokens(of text: String) -> [Token] {
    let tokens = description.tokens
    return ids(of: text).map { Token(id: $0, text: tokens[$0] ?? "") }
  }

  /// How many tokens a word becomes.
  package func subwordCount(_ word: String) -> Int {
    ids(of: word).count
  }

  /// The ids of a text alone, without start, end and padding.
  package func ids(of text: String) -> [Int] {
    switch self {
    case .wordPiece(let model): model.ids(of: text)
    case .bytePairs(let model): model.ids(of: text)
    }
  }
}

extension TokenizerDescription {
  /// Checks what the models rely on: every id is in the vocabulary, every merge has a result.
  func validate() throws(TokenizerError) {
    if tokens.isEmpty { throw .noVocabulary }
    for (id, role) in [
      (start, "start"), (end, "end"), (padding, "padding"), (unknown, "unknown"),
    ] {
      if !tokens.indices.contains(id) || tokens[id] == nil {
        throw .unknownToken("id \(id)", role: role)
      }
    }
    for token in added {
      if !tokens.indices.contains(token.id) || token.text.isEmpty {
        throw .idOutOfRange(token.id, token: token.text)
      }
    }
    switch model {
    case .wordPiece(let rules):
      guard rules.longestWord > 0, rules.longestWord <= 10_000 else {
        throw .malformed(file: "rules", key: "longest_word", expected: "1 to 10000")
      }
    case .bytePairs(let rules):
      let ids = Self.ids(of: tokens)
      for (number, merge) in rules.merges.enumerated() {
        guard tokens.indices.contains(merge.left), tokens.indices.contains(merge.right),
          let left = tokens[merge.left], let right = tokens[merge.right],
          ids[.init(left + right)] != nil
        else { throw .badMerge(line: number + 1, "\(merge.left) \(merge.right)") }
      }
    }
  }
}
