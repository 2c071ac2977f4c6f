/// Which words of a phrase ask where to look.
package enum WordSelection: Hashable, Sendable {
  /// Adjectives, nouns and verbs.
  case content
  case all
  /// Words that name a finding; every word when none does.
  case disease(Disease)
  /// Words by number, the first is 0.
  case indices([Int])

  /// Reads `content`, `all`, `disease:NAME` or `0,2,3`.
  package init(parsing text: String) throws(PhraseError) {
    let name = text.lowercased()
    if name == "content" {
      self = .content
    } else if name == "all" {
      self = .all
    } else if name.hasPrefix("disease:") {
      self = .disease(try Disease(named: String(text.dropFirst("disease:".count))))
    } else {
      var indices: [Int] = []
      for part in text.split(separator: ",", omittingEmptySubsequences: false) {
        guard let index = Int(part.filter { $0 != " " }), index >= 0 else {
          throw .unknownSelection(text)
        }
        if !indices.contains(index) { indices.append(index) }
        if indices.count > 10_000 { throw .unknownSelection(text) }
      }
      self = .indices(indices.sorted())
    }
  }
}

/// The words of a phrase and which of them are kept.
package struct SelectedWords: Hashable, Sendable {
  package let words: [String]
  /// One for each word.
  package let isKept: [Bool]
  /// Whether all tokens of a kept word count, not only the first.
  package let usesAllTokens: Bool
  package let warnings: [PhraseWarning]

  /// The words with one space between: what is to be tokenised. Tokenizers class a few control
  /// characters (vertical tab, next line) as no blank, and would join what was split here.
  package var text: String { words.joined(separator: " ") }
}

/// Splits a phrase at blanks.
package func words(of phrase: String) -> [String] {
  phrase.unicodeScalars.split { $0.properties.isWhitespace }.map { String($0) }
}

/// Splits a phrase at blanks and decides which words are kept.
package func selectWords(
  of phrase: String, _ selection: WordSelection
) throws(PhraseError) -> SelectedWords {
  let words = words(of: phrase)
  if words.isEmpty { throw .emptyPhrase }
  switch selection {
  case .all:
    return SelectedWords(
      words: words, isKept: words.map { _ in true }, usesAllTokens: false, warnings: [])
  case .content:
    let isKept = contentWords(words)
    guard isKept.contains(true) else { throw .nothingSelected(phrase: phrase) }
    return SelectedWords(words: words, isKept: isKept, usesAllTokens: false, warnings: [])
  case .indices(let indices):
    var isKept = words.map { _ in false }
    for index in indices {
      guard words.indices.contains(index) else {
        throw .noSuchWord(index: index, wordCount: words.count)
      }
      isKept[index] = true
    }
    guard isKept.contains(true) else { throw .nothingSelected(phrase: phrase) }
    return SelectedWords(words: words, isKept: isKept, usesAllTokens: false, warnings: [])
  case .disease(let disease):
    let isKept = words.map { word in
      let word = word.lowercased()
      return disease.terms.contains { word.contains($0) }
    }
    if isKept.contains(true) {
      return SelectedWords(words: words, isKept: isKept, usesAllTokens: true, warnings: [])
    }
    return SelectedWords(
      words: words, isKept: words.map { _ in true }, usesAllTokens: true,
      warnings: [.diseaseNotNamed(disease)])
  }
}
