/// A word of the phrase below an overlay.
package struct OverlayWord: Equatable, Sendable {
  package var text: String
  /// Whether the map was made from this word; it is set in bold.
  package var isKept: Bool

  package init(_ text: String, isKept: Bool) {
    self.text = text
    self.isKept = isKept
  }
}

/// Words placed on lines.
struct Caption {
  struct Piece {
    var text: String
    var isKept: Bool
    var x: Double
  }

  private(set) var lines: [[Piece]] = []

  /// A phrase is at most 77 tokens; more lines than this are not for reading.
  private static let maximumLines = 10

  /// Fills lines of `width` pixels from the left. Words wider than a line are broken. Without
  /// fonts there is no line.
  init(_ words: [OverlayWord], width: Double, size: Double, fonts: borrowing Fonts) {
    if fonts.isEmpty { return }
    let space = fonts.width(" ", size: size)
    var line: [Piece] = []
    var pen = 0.0
    var isFull = false

    func place(_ text: String, _ isKept: Bool, _ textWidth: Double) {
      if isFull { return }
      if pen > 0 && pen + textWidth > width {
        lines.append(line)
        line = []
        pen = 0
        if lines.count == Self.maximumLines {
          isFull = true
          return
        }
      }
      line.append(Piece(text: text, isKept: isKept, x: pen))
      pen += textWidth + space
    }

    for word in words where !isFull && !word.text.isEmpty {
      let wordWidth = fonts.width(word.text, size: size, bold: word.isKept)
      if wordWidth <= width {
        place(word.text, word.isKept, wordWidth)
        continue
      }
      var part = ""
      var partWidth = 0.0
      for character in word.text {
        let characterWidth = fonts.width(String(character), size: size, bold: word.isKept)
        if !part.isEmpty && partWidth + characterWidth > width {
          place(part, word.isKept, partWidth)
          if isFull { break }
          (part, partWidth) = ("", 0)
        }
        part.append(character)
        partWidth += characterWidth
      }
      place(part, word.isKept, partWidth)
    }
    if !line.isEmpty { lines.append(line) }
    if isFull {
      // The last line gives way to the sign that there is more.
      let ellipsis = fonts.width("…", size: size)
      var last = lines[lines.count - 1]
      while let piece = last.last,
        piece.x + fonts.width(piece.text, size: size, bold: piece.isKept) + ellipsis > width
      {
        last.removeLast()
      }
      let end = last.last.map {
        $0.x + fonts.width($0.text, size: size, bold: $0.isKept)
      }
      last.append(Piece(text: "…", isKept: false, x: end ?? 0))
      lines[lines.count - 1] = last
    }
  }
}
