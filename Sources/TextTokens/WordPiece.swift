import JSONText

/// BERT's tokenizer: text is cleaned and split at blanks and punctuation, then each word is covered
/// from the left by the longest tokens of the vocabulary. Where transformers' Python and its
/// tokenizers library part (unassigned characters, composed accents), this goes with the Python.
///
/// Source: Wu et al., arXiv 1609.08144 (WordPiece); Devlin et al., arXiv 1810.04805 (its use here).
package struct WordPiece: Sendable {
  let description: TokenizerDescription
  private let rules: TokenizerDescription.WordPieceRules
  private let ids: [ExactString: Int]
  private let rawTokens: AddedTokenFinder
  private let normalizedTokens: AddedTokenFinder

  init(_ description: TokenizerDescription, _ rules: TokenizerDescription.WordPieceRules) {
    self.description = description
    self.rules = rules
    ids = TokenizerDescription.ids(of: description.tokens)
    rawTokens = AddedTokenFinder(description.added.filter { !$0.normalized })
    normalizedTokens = AddedTokenFinder(
      description.added.filter(\.normalized), normalize: { Self.normalized($0, rules) })
  }

  func ids(of text: String) -> [Int] {
    var result: [Int] = []
    for piece in rawTokens.split(Array(text.unicodeScalars)) {
      switch piece {
      case .token(let id): result.append(id)
      case .text(let text):
        for piece in normalizedTokens.split(Self.normalized(text, rules)) {
          switch piece {
          case .token(let id): result.append(id)
          case .text(let text): for word in Self.words(text) { append(word, to: &result) }
          }
        }
      }
    }
    return result
  }

  private static func normalized(
    _ text: [Unicode.Scalar], _ rules: TokenizerDescription.WordPieceRules
  ) -> [Unicode.Scalar] {
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(text.count)
    for scalar in text {
      if rules.cleansText {
        if scalar.isDroppedByBERT { continue }
        if scalar.isBlank {
          result.append(" ")
          continue
        }
      }
      if rules.separatesIdeographs && scalar.isIdeographOfBERT {
        result.append(contentsOf: [" ", scalar, " "])
      } else {
        result.append(scalar)
      }
    }
    if rules.lowercases { result = lowercased(result) }
    if rules.stripsAccents {
      result = Normalization.decomposed(result)
      result.removeAll { $0.value >= 0x300 && $0.properties.generalCategory == .nonspacingMark }
    } else {
      result = Normalization.composed(result)
    }
    return result
  }

  /// Splits at blanks, and makes every punctuation character a word.
  private static func words(_ text: [Unicode.Scalar]) -> [ArraySlice<Unicode.Scalar>] {
    var words: [ArraySlice<Unicode.Scalar>] = []
    var start = 0
    for (position, scalar) in text.enumerated() {
      let isBlank = scalar.isBlank
      if isBlank || scalar.isPunctuation {
        if start < position { words.append(text[start..<position]) }
        if !isBlank { words.append(text[position...position]) }
        start = position + 1
      }
    }
    if start < text.count { words.append(text[start...]) }
    return words
  }

  private func append(_ word: ArraySlice<Unicode.Scalar>, to result: inout [Int]) {
    guard word.count <= rules.longestWord else {
      result.append(description.unknown)
      return
    }
    let before = result.count
    var start = word.startIndex
    while start < word.endIndex {
      let prefix = start == word.startIndex ? "" : rules.continuation
      var end = word.endIndex
      var found: Int?
      while found == nil && end > start {
        var candidate = prefix.unicodeScalars
        candidate.append(contentsOf: word[start..<end])
        found = ids[ExactString(String(candidate))]
        if found == nil { end -= 1 }
      }
      guard let found else {
        result.removeSubrange(before...)
        result.append(description.unknown)
        return
      }
      result.append(found)
      start = end
    }
  }
}
