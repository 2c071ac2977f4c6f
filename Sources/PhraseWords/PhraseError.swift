/// Why no words or tokens of a phrase can be chosen.
package enum PhraseError: Error, Equatable, CustomStringConvertible {
  case emptyPhrase
  case unknownSelection(String)
  case unknownDisease(String, nearest: String?)
  case noSuchWord(index: Int, wordCount: Int)
  /// The selection keeps no word of the phrase.
  case nothingSelected(phrase: String)
  /// No kept word has a token among those that the model sees.
  case nothingSeen(length: Int)
  case countMismatch(words: Int, counts: Int)

  package var description: String {
    switch self {
    case .emptyPhrase:
      return "The phrase is empty; give the words to look for."
    case .unknownSelection(let text):
      return "'\(text)' is no selection of words; expected content, all, disease:NAME or word "
        + "numbers from 0 on such as 0,2,3."
    case .unknownDisease(let name, let nearest):
      let names = Disease.allCases.map(\.rawValue).joined(separator: ", ")
      let hint = nearest.map { "did you mean '\($0)'? These " } ?? "these "
      return "'\(name)' is no known disease; \(hint)are known: \(names)."
    case .noSuchWord(let index, let count):
      return "There is no word \(index) in the phrase; "
        + (count == 1
          ? "its only word is number 0." : "its \(count) words are numbered 0 to \(count - 1).")
    case .nothingSelected(let phrase):
      return "No adjective, noun or verb was found in '\(phrase)'; choose words by number or all."
    case .nothingSeen(let length):
      return "None of the chosen words has a token among the \(length) that the model sees; "
        + "shorten the phrase or choose other words."
    case .countMismatch(let words, let counts):
      return "The phrase has \(words) words but \(counts) token counts were given."
    }
  }
}

/// What a user should know though the choice could be made.
package enum PhraseWarning: Hashable, Sendable, CustomStringConvertible {
  /// Words, wholly or in part, beyond the last token that the model sees.
  case truncated(words: [String], tokensLost: Int)
  /// No word names the disease, so every token counts.
  case diseaseNotNamed(Disease)
  /// Kept words that became no token at all.
  case wordsWithoutTokens([String])

  package var description: String {
    switch self {
    case .truncated(let words, let tokensLost):
      "The phrase is too long: \(tokensLost) tokens were cut off, with the words '"
        + words.joined(separator: " ") + "'."
    case .diseaseNotNamed(let disease):
      "No word of the phrase names \(disease.rawValue); all its tokens are used."
    case .wordsWithoutTokens(let words):
      "Without tokens, and therefore left out: '" + words.joined(separator: " ") + "'."
    }
  }
}
