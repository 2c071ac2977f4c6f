import JSONText

/// CLIP's tokenizer: text in NFC, lower case and with single spaces is cut into letter runs, single
/// digits and runs of other characters; the bytes of each are merged pair by pair, in the order in
/// which the merges were learnt.
///
/// Source: Sennrich et al., arXiv 1508.07909 (byte-pair encoding); Radford et al., arXiv 2103.00020.
package struct BytePairEncoding: Sendable {
  let description: TokenizerDescription
  /// Ids of the bytes' tokens inside a word and at its end.
  private let inner: [Int]
  private let last: [Int]
  private let merges: [TokenizerDescription.Merge: Result]
  private let rawTokens: AddedTokenFinder
  private let normalizedTokens: AddedTokenFinder

  private struct Result {
    let rank: Int
    let id: Int
  }

  init(_ description: TokenizerDescription, _ rules: TokenizerDescription.BytePairRules) {
    self.description = description
    let ids = TokenizerDescription.ids(of: description.tokens)
    let symbols = Self.byteSymbols
    inner = symbols.map { ids[ExactString(String($0))] ?? description.unknown }
    last = symbols.map { ids[ExactString(String($0) + rules.wordEnd)] ?? description.unknown }
    var merges = [TokenizerDescription.Merge: Result](minimumCapacity: rules.merges.count)
    for (rank, merge) in rules.merges.enumerated() {
      let left = description.tokens[merge.left] ?? ""
      let right = description.tokens[merge.right] ?? ""
      if let id = ids[ExactString(left + right)] { merges[merge] = Result(rank: rank, id: id) }
    }
    self.merges = merges
    rawTokens = AddedTokenFinder(description.added.filter { !$0.normalized })
    normalizedTokens = AddedTokenFinder(
      description.added.filter(\.normalized), normalize: Self.normalized)
  }

  func ids(of text: String) -> [Int] {
    var result: [Int] = []
    for piece in rawTokens.split(Array(text.unicodeScalars)) {
      switch piece {
      case .token(let id): result.append(id)
      case .text(let text):
        for piece in normalizedTokens.split(Self.normalized(text)) {
          switch piece {
          case .token(let id): result.append(id)
          case .text(let text):
            for word in Self.words(text) { result.append(contentsOf: ids(ofWord: word)) }
          }
        }
      }
    }
    return result
  }

  private static func normalized(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    var spaced: [Unicode.Scalar] = []
    for scalar in Normalization.composed(text) {
      if !scalar.isBlank {
        spaced.append(scalar)
      } else if spaced.last != " " {
        spaced.append(" ")
      }
    }
    return lowercased(spaced)
  }

  /// Cuts a text as 's|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+ matches it.
  private static func words(_ text: [Unicode.Scalar]) -> [ArraySlice<Unicode.Scalar>] {
    var words: [ArraySlice<Unicode.Scalar>] = []
    var position = 0
    while position < text.count {
      let start = position
      let scalar = text[position]
      if scalar.isBlank {
        position += 1
        continue
      }
      if let count = contractionLength(text, at: position) {
        position += count
      } else if scalar.isLetter {
        while position < text.count, text[position].isLetter { position += 1 }
      } else if scalar.isNumeral {
        position += 1
      } else {
        while position < text.count, !text[position].isBlank, !text[position].isLetter,
          !text[position].isNumeral
        {
          position += 1
        }
      }
      words.append(text[start..<position])
    }
    return words
  }

  private static let contractions: [[Unicode.Scalar]] = [
    ["'", "s"], ["'", "t"], ["'", "r", "e"], ["'", "v", "e"], ["'", "m"], ["'", "l", "l"],
    ["'", "d"],
  ]

  private static func contractionLength(_ text: [Unicode.Scalar], at position: Int) -> Int? {
    guard text[position] == "'" else { return nil }
    return contractions.first { text[position...].starts(with: $0) }?.count
  }

  /// The character that stands for each byte: itself where it is visible, else one from U+0100 on.
  private static let byteSymbols: [Character] = {
    var symbols: [Character] = []
    var next: UInt32 = 0x100
    for byte in 0..<256 as Range<UInt32> {
      var code = byte
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: break
      default:
        code = next
        next += 1
      }
      symbols.append(Character(Unicode.Scalar(code) ?? "?"))
    }
    return symbols
  }()
}

extension BytePairEncoding {
  /// Merges a word's bytes, always the pair learnt first, of equals the leftmost.
  ///
  /// Symbols form a linked list; pairs wait in a heap and are skipped when they are outdated.
  private func ids(ofWord word: ArraySlice<Unicode.Scalar>) -> [Int] {
    var symbols: [Symbol] = []
    for scalar in word {
      for byte in Unicode.UTF8.encode(scalar) ?? Unicode.UTF8.encodedReplacementCharacter {
        let position = symbols.count
        symbols.append(
          Symbol(id: inner[Int(byte)], byte: byte, previous: position - 1, next: position + 1))
      }
    }
    guard let lastByte = symbols.last?.byte else { return [] }
    symbols[symbols.count - 1].id = last[Int(lastByte)]
    symbols[symbols.count - 1].next = -1
    var waiting = Heap()
    for position in symbols.indices { push(position, symbols, &waiting) }
    while let pair = waiting.pop() {
      let right = symbols[pair.position].next
      guard symbols[pair.position].id == pair.left, right >= 0, symbols[right].id == pair.right
      else { continue }
      symbols[pair.position].id = pair.id
      symbols[pair.position].next = symbols[right].next
      if symbols[right].next >= 0 { symbols[symbols[right].next].previous = pair.position }
      symbols[right].id = -1
      push(symbols[pair.position].previous, symbols, &waiting)
      push(pair.position, symbols, &waiting)
    }
    return symbols.filter { $0.id >= 0 }.map(\.id)
  }

  private struct Symbol {
    /// −1 once it has become part of the symbol before it.
    var id: Int
    let byte: UInt8
    var previous: Int
    var next: Int
  }

  private func push(_ position: Int, _ symbols: [Symbol], _ waiting: inout Heap) {
    guard position >= 0, symbols[position].next >= 0 else { return }
    let left = symbols[position].id
    let right = symbols[symbols[position].next].id
    guard let result = merges[.init(left: left, right: right)] else { return }
    waiting.push(
      .init(rank: result.rank, position: position, left: left, right: right, id: result.id))
  }

  /// A binary heap of pairs; the lowest rank comes out first, of equals the leftmost.
  private struct Heap {
    struct Pair {
      let rank: Int
      let position: Int
      let left: Int
      let right: Int
      let id: Int

      func comes(before other: Pair) -> Bool { (rank, position) < (other.rank, other.position) }
    }

    private var pairs: [Pair] = []

    mutating func push(_ pair: Pair) {
      var child = pairs.count
      pairs.append(pair)
      while child > 0, pairs[child].comes(before: pairs[(child - 1) / 2]) {
        pairs.swapAt(child, (child - 1) / 2)
        child = (child - 1) / 2
      }
    }

    mutating func pop() -> Pair? {
      guard let first = pairs.first, let last = pairs.popLast() else { return nil }
      if pairs.isEmpty { return first }
      pairs[0] = last
      var parent = 0
      while true {
        var least = parent
        for child in [2 * parent + 1, 2 * parent + 2]
        where child < pairs.count && pairs[child].comes(before: pairs[least]) {
          least = child
        }
        if least == parent { return first }
        pairs.swapAt(parent, least)
        parent = least
      }
    }
  }
}
