/// Finds added tokens in a text: leftmost first, of those the longest.
struct AddedTokenFinder: Sendable {
  /// A stretch of the text: an added token or what lies between.
  enum Piece {
    case text([Unicode.Scalar])
    case token(Int)
  }

  private struct Candidate: Sendable {
    let id: Int
    let scalars: [Unicode.Scalar]
    let wholeWord: Bool
  }

  /// By first character, the longest first.
  private var candidates: [Unicode.Scalar: [Candidate]] = [:]

  /// Looks for `tokens` as they are after `normalize`.
  init(
    _ tokens: [TokenizerDescription.AddedToken],
    normalize: ([Unicode.Scalar]) -> [Unicode.Scalar] = { $0 }
  ) {
    for token in tokens {
      let scalars = normalize(Array(token.text.unicodeScalars))
      guard let first = scalars.first else { continue }
      candidates[first, default: []].append(
        Candidate(id: token.id, scalars: scalars, wholeWord: token.wholeWord))
    }
    for (first, list) in candidates {
      candidates[first] = list.sorted { $0.scalars.count > $1.scalars.count }
    }
  }

  func split(_ text: [Unicode.Scalar]) -> [Piece] {
    if candidates.isEmpty { return [.text(text)] }
    var pieces: [Piece] = []
    var start = 0
    var position = 0
    while position < text.count {
      if let candidate = match(text, at: position) {
        if start < position { pieces.append(.text(Array(text[start..<position]))) }
        pieces.append(.token(candidate.id))
        position += candidate.scalars.count
        start = position
      } else {
        position += 1
      }
    }
    if start < text.count { pieces.append(.text(Array(text[start...]))) }
    return pieces
  }

  private func match(_ text: [Unicode.Scalar], at position: Int) -> Candidate? {
    candidates[text[position]]?.first { candidate in
      let end = position + candidate.scalars.count
      guard end <= text.count, text[position..<end].elementsEqual(candidate.scalars) else {
        return false
      }
      guard candidate.wholeWord else { return true }
      let isInsideAtStart = position > 0 && text[position - 1].isWordCharacter
      let isInsideAtEnd = end < text.count && text[end].isWordCharacter
      return !isInsideAtStart && !isInsideAtEnd
    }
  }
}
