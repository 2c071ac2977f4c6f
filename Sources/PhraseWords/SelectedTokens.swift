/// Where the kept words are among the tokens that a model sees.
package struct SelectedTokens: Hashable, Sendable {
  /// Positions of the kept tokens in ascending order; position 0 is the start token's and never here.
  package let positions: [Int]
  /// The positions that each word's tokens have; empty for one that is beyond the end.
  package let wordPositions: [Range<Int>]
  package let warnings: [PhraseWarning]

  /// Position 0 (the start token, [CLS]) and the kept positions after it.
  package var positionsWithStart: [Int] { [0] + positions }
}

/// Finds the tokens of the kept words.
///
/// Word i starts at 1 + the number of tokens of all words before it. Of a kept word the first token
/// counts, or all when `selected.usesAllTokens`. The last of the `length` positions is the end
/// token's; what is beyond is left out, with a warning.
/// - Parameters:
///   - subwordCounts: how many tokens each word becomes, tokenised alone.
///   - length: how many positions the model sees, start and end token included.
package func selectTokens(
  of selected: SelectedWords, subwordCounts: [Int], length: Int
) throws(PhraseError) -> SelectedTokens {
  guard subwordCounts.count == selected.words.count else {
    throw .countMismatch(words: selected.words.count, counts: subwordCounts.count)
  }
  precondition(subwordCounts.allSatisfy { $0 >= 0 }, "a negative number of tokens")
  let end = max(1, length - 1)
  var next = 1
  var positions: [Int] = []
  var wordPositions: [Range<Int>] = []
  var cutWords: [String] = []
  var tokenless: [String] = []
  for (index, count) in subwordCounts.enumerated() {
    let visible = min(next, end)..<min(next + count, end)
    wordPositions.append(visible)
    if next + count > end && count > 0 { cutWords.append(selected.words[index]) }
    if selected.isKept[index] {
      if count == 0 { tokenless.append(selected.words[index]) }
      positions += selected.usesAllTokens ? Array(visible) : Array(visible.prefix(1))
    }
    next += count
  }
  if positions.isEmpty { throw .nothingSeen(length: length) }
  var warnings = selected.warnings
  if !cutWords.isEmpty { warnings.append(.truncated(words: cutWords, tokensLost: next - end)) }
  if !tokenless.isEmpty { warnings.append(.wordsWithoutTokens(tokenless)) }
  return SelectedTokens(positions: positions, wordPositions: wordPositions, warnings: warnings)
}
