/// Comma-separated values (RFC 4180): fields in quotes may hold commas, line ends and doubled quotes.
struct CSVText {
  /// Rows of fields with the line each starts on, from 1. Empty lines are left out.
  let rows: [(line: Int, fields: [String])]

  /// - Parameter refused: makes the error for a line and a reason.
  init(_ text: String, refused: (_ line: Int, _ reason: String) -> EvaluationError) throws {
    var rows: [(line: Int, fields: [String])] = []
    var fields: [String] = []
    var field = ""
    var line = 1
    var start = 1
    var isQuoted = false
    /// A closing quote has been read: a comma or the line's end has to follow.
    var isClosed = false
    var wasQuote = false

    func endRow() {
      fields.append(field)
      if fields != [""] { rows.append((start, fields)) }
      fields = []
      field = ""
      isClosed = false
    }
    for character in text {
      if isQuoted {
        if wasQuote {
          wasQuote = false
          if character == "\"" {
            field.append("\"")
            continue
          }
          isQuoted = false
          isClosed = true
        } else if character == "\"" {
          wasQuote = true
          continue
        } else {
          if character.isNewline { line += 1 }
          field.append(character)
          continue
        }
      }
      if character == "," {
        fields.append(field)
        field = ""
        isClosed = false
      } else if character.isNewline {
        endRow()
        line += 1
        start = line
      } else if isClosed {
        throw refused(line, "a comma is expected behind a closing quote")
      } else if character == "\"" {
        guard field.isEmpty else {
          throw refused(line, "a quote inside of a field; put the field in quotes and double it")
        }
        isQuoted = true
      } else {
        field.append(character)
      }
    }
    guard !isQuoted || wasQuote else { throw refused(start, "a quote is opened and not closed") }
    if !fields.isEmpty || !field.isEmpty || isQuoted { endRow() }
    self.rows = rows
  }
}
