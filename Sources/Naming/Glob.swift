/// A pattern of names: `*` stands for any run of characters, `?` for one, `{3..12}` for a whole number
/// from 3 to 12, written with or without leading zeros.
package struct Glob: Hashable, Sendable {
  private enum Token: Hashable {
    case byte(UInt8)
    case one
    case run
    case number(ClosedRange<Int>)
  }

  package let pattern: String
  private let tokens: [Token]

  package init(_ pattern: String) {
    self.pattern = pattern
    let bytes = Array(pattern.utf8)
    var tokens: [Token] = []
    var place = 0
    while place < bytes.count {
      if let (range, end) = numberRange(bytes, at: place) {
        tokens.append(.number(range))
        place = end
        continue
      }
      switch bytes[place] {
      case UInt8(ascii: "*"): tokens.append(.run)
      case UInt8(ascii: "?"): tokens.append(.one)
      default: tokens.append(.byte(bytes[place]))
      }
      place += 1
    }
    self.tokens = tokens
  }

  /// Whether the pattern has a wildcard, or is a plain name.
  package var hasWildcard: Bool {
    tokens.contains { token in
      if case .byte = token { false } else { true }
    }
  }

  package func matches(_ name: String) -> Bool {
    let text = Array(name.utf8)
    var (place, position) = (0, 0)
    // Where to go on when a match behind the last star fails.
    var retry: (place: Int, position: Int)?
    while position < text.count {
      if place < tokens.count, tokens[place] == .run {
        retry = (place + 1, position)
        place += 1
      } else if place < tokens.count, let end = end(of: tokens[place], in: text, at: position) {
        place += 1
        position = end
      } else if let last = retry {
        retry = (last.place, last.position + 1)
        (place, position) = (last.place, last.position + 1)
      } else {
        return false
      }
    }
    return tokens[place...].allSatisfy { $0 == .run }
  }

  /// Where what a token stands for ends when it begins at `position`; nil when it does not. A number
  /// is never a part of a longer one, so there is one way only.
  private func end(of token: Token, in text: [UInt8], at position: Int) -> Int? {
    switch token {
    case .byte(let byte): return text[position] == byte ? position + 1 : nil
    case .one: return position + 1
    case .run: return nil
    case .number(let range):
      guard position == 0 || !isDigit(text[position - 1]) else { return nil }
      guard let (number, end) = wholeNumber(text, at: position), range.contains(number) else {
        return nil
      }
      return end
    }
  }
}

/// `{3..12}` at a place of a pattern, and where it ends; nil when there is something else, also a range
/// that is empty.
private func numberRange(_ bytes: [UInt8], at place: Int) -> (ClosedRange<Int>, end: Int)? {
  guard bytes[place] == UInt8(ascii: "{"), let (low, middle) = wholeNumber(bytes, at: place + 1),
    middle + 2 < bytes.count, bytes[middle] == UInt8(ascii: "."),
    bytes[middle + 1] == UInt8(ascii: "."), let (high, end) = wholeNumber(bytes, at: middle + 2),
    end < bytes.count, bytes[end] == UInt8(ascii: "}"), low <= high
  else { return nil }
  return (low...high, end + 1)
}

/// All digits from a place on as a number, and where they end; nil when there is none, or it is larger
/// than an `Int`.
private func wholeNumber(_ text: [UInt8], at place: Int) -> (number: Int, end: Int)? {
  var end = place
  while end < text.count, isDigit(text[end]) { end += 1 }
  guard end > place, let number = Int(String(decoding: text[place..<end], as: UTF8.self)) else {
    return nil
  }
  return (number, end)
}

private func isDigit(_ byte: UInt8) -> Bool {
  (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
}
