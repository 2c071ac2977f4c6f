/// A pattern of names: `*` stands for any run of characters, `?` for one.
package struct Glob: Hashable, Sendable {
  package let pattern: String
  private let characters: [UInt8]

  package init(_ pattern: String) {
    self.pattern = pattern
    characters = Array(pattern.utf8)
  }

  /// Whether the pattern has a wildcard, or is a plain name.
  package var hasWildcard: Bool { characters.contains { $0 == star || $0 == mark } }

  package func matches(_ name: String) -> Bool {
    let text = Array(name.utf8)
    var (place, position) = (0, 0)
    // Where to go on when a match behind the last star fails.
    var retry: (place: Int, position: Int)?
    while position < text.count {
      if place < characters.count, characters[place] == star {
        retry = (place + 1, position)
        place += 1
      } else if place < characters.count,
        characters[place] == mark || characters[place] == text[position]
      {
        place += 1
        position += 1
      } else if let last = retry {
        retry = (last.place, last.position + 1)
        (place, position) = (last.place, last.position + 1)
      } else {
        return false
      }
    }
    return characters[place...].allSatisfy { $0 == star }
  }
}

private let star = UInt8(ascii: "*")
private let mark = UInt8(ascii: "?")
