extension JSONValue {
  /// Reads a JSON text, strictly by RFC 8259, in UTF-8 without a byte order mark.
  ///
  /// Integers within 64 bits stay integers; other numbers become doubles, the nearest one.
  /// - Parameter maximumDepth: how many arrays and objects may enclose each other.
  /// - Throws: `JSONError`, with the offset of the byte where reading failed.
  package init(parsing text: [UInt8], maximumDepth: Int = 64) throws(JSONError) {
    if text.starts(with: [0xEF, 0xBB, 0xBF]) { throw .byteOrderMark }
    var parser = Parser(text: text, maximumDepth: maximumDepth)
    self = try parser.value(depth: 0)
    parser.skipBlanks()
    if parser.offset < text.count { throw .trailingBytes(offset: parser.offset) }
  }
}

private struct Parser {
  let text: [UInt8]
  let maximumDepth: Int
  var offset = 0

  init(text: [UInt8], maximumDepth: Int) {
    self.text = text
    self.maximumDepth = maximumDepth
  }

  mutating func skipBlanks() {
    while offset < text.count {
      switch text[offset] {
      case 0x20, 0x09, 0x0A, 0x0D: offset += 1
      default: return
      }
    }
  }

  /// The error of meeting what is at `offset` instead of what was expected.
  func unexpected(_ expected: String) -> JSONError {
    offset < text.count
      ? .unexpectedByte(text[offset], offset: offset, expected: expected)
      : .unexpectedEnd(offset: offset, expected: expected)
  }

  var next: UInt8? { offset < text.count ? text[offset] : nil }

  mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    skipBlanks()
    switch next {
    case UInt8(ascii: "{"):
      if depth >= maximumDepth { throw .tooDeep(maximumDepth: maximumDepth, offset: offset) }
      return try object(depth: depth)
    case UInt8(ascii: "["):
      if depth >= maximumDepth { throw .tooDeep(maximumDepth: maximumDepth, offset: offset) }
      return try array(depth: depth)
    case UInt8(ascii: "\""):
      return .string(try string())
    case UInt8(ascii: "t"):
      return try word("true", .bool(true))
    case UInt8(ascii: "f"):
      return try word("false", .bool(false))
    case UInt8(ascii: "n"):
      return try word("null", .null)
    case let byte? where byte == UInt8(ascii: "-") || isDigit(byte):
      return try number()
    default:
      throw unexpected("a value")
    }
  }

  mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
    let name = word.description
    for byte in name.utf8 {
      if next != byte { throw unexpected("'\(name)'") }
      offset += 1
    }
    return value
  }

  mutating func array(depth: Int) throws(JSONError) -> JSONValue {
    offset += 1
    var elements: [JSONValue] = []
    skipBlanks()
    if next == UInt8(ascii: "]") {
      offset += 1
      return .array(elements)
    }
    while true {
      elements.append(try value(depth: depth + 1))
      skipBlanks()
      switch next {
      case UInt8(ascii: ","): offset += 1
      case UInt8(ascii: "]"):
        offset += 1
        return .array(elements)
      default: throw unexpected("',' or ']'")
      }
    }
  }

  mutating func object(depth: Int) throws(JSONError) -> JSONValue {
    offset += 1
    var object = JSONObject()
    skipBlanks()
    if next == UInt8(ascii: "}") {
      offset += 1
      return .object(object)
    }
    while true {
      skipBlanks()
      let start = offset
      if next != UInt8(ascii: "\"") { throw unexpected("a key in quotes") }
      let key = try string()
      skipBlanks()
      if next != UInt8(ascii: ":") { throw unexpected("':'") }
      offset += 1
      let member = try value(depth: depth + 1)
      if !object.appendNew(key, member) { throw .duplicateKey(key, offset: start) }
      skipBlanks()
      switch next {
      case UInt8(ascii: ","): offset += 1
      case UInt8(ascii: "}"):
        offset += 1
        return .object(object)
      default: throw unexpected("',' or '}'")
      }
    }
  }
}

extension Parser {
  /// Reads a string whose opening quote is at `offset`.
  mutating func string() throws(JSONError) -> String {
    offset += 1
    let start = offset
    while offset < text.count {
      let byte = text[offset]
      if byte == UInt8(ascii: "\"") {
        guard let string = String(validating: text[start..<offset], as: UTF8.self) else {
          throw invalidUTF8(in: start..<offset)
        }
        offset += 1
        return string
      }
      if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
      if byte < 0x20 { throw .controlCharacter(byte, offset: offset) }
      offset += 1
    }
    throw unexpected("the end of a string")
  }

  /// Goes on with a string that starts at `start` and has its first escape at `offset`.
  private mutating func escapedString(from start: Int) throws(JSONError) -> String {
    var bytes = Array(text[start..<offset])
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: bytes, as: UTF8.self) else {
          throw invalidUTF8(in: start..<offset)
        }
        offset += 1
        return string
      case UInt8(ascii: "\\"):
        bytes.append(contentsOf: String(try escape()).utf8)
      case 0..<0x20:
        throw .controlCharacter(byte, offset: offset)
      default:
        bytes.append(byte)
        offset += 1
      }
    }
    throw unexpected("the end of a string")
  }

  private func invalidUTF8(in range: Range<Int>) -> JSONError {
    do {
      _ = try UTF8Span(validating: text.span.extracting(range))
      return .invalidUTF8(offset: range.lowerBound)
    } catch {
      return .invalidUTF8(offset: range.lowerBound + error.byteOffsets.lowerBound)
    }
  }

  /// Reads an escape whose backslash is at `offset`.
  private mutating func escape() throws(JSONError) -> Unicode.Scalar {
    let start = offset
    offset += 1
    guard let letter = next else { throw unexpected("an escape") }
    offset += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): break
    default: throw .invalidEscape(offset: start)
    }
    let unit = try fourDigits(escapeAt: start)
    if let scalar = Unicode.Scalar(unit) { return scalar }
    guard unit < 0xDC00, next == UInt8(ascii: "\\"), offset + 1 < text.count,
      text[offset + 1] == UInt8(ascii: "u")
    else { throw .loneSurrogate(offset: start) }
    offset += 2
    let second = try fourDigits(escapeAt: offset - 2)
    guard (0xDC00...0xDFFF).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (second - 0xDC00))
    else { throw .loneSurrogate(offset: start) }
    return scalar
  }

  private mutating func fourDigits(escapeAt start: Int) throws(JSONError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next else { throw unexpected("four hexadecimal digits") }
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw .invalidEscape(offset: start)
      }
      value = value << 4 | UInt32(digit)
      offset += 1
    }
    return value
  }
}

extension Parser {
  /// Reads a number whose minus sign or first digit is at `offset`.
  mutating func number() throws(JSONError) -> JSONValue {
    let start = offset
    let negative = next == UInt8(ascii: "-")
    if negative { offset += 1 }
    let first = offset
    // Kept negative, so that the smallest integer fits; nil once it does not.
    var integer: Int64? = 0
    while let digit = digit() {
      if offset - first == 1, text[first] == UInt8(ascii: "0") {
        throw .leadingZero(offset: start)
      }
      let (ten, overTen) = (integer ?? 0).multipliedReportingOverflow(by: 10)
      let (sum, overSum) = ten.subtractingReportingOverflow(Int64(digit))
      integer = integer == nil || overTen || overSum ? nil : sum
      offset += 1
    }
    if offset == first { throw unexpected("a digit") }
    var isWhole = true
    if next == UInt8(ascii: ".") {
      isWhole = false
      offset += 1
      try skipDigits()
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      isWhole = false
      offset += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { offset += 1 }
      try skipDigits()
    }
    if isWhole, let integer, negative || integer != .min {
      return .integer(negative ? integer : -integer)
    }
    let digits = String(decoding: text[start..<offset], as: UTF8.self)
    guard let value = Double(digits), value.isFinite else {
      throw .numberOutOfRange(offset: start)
    }
    return .number(value)
  }

  private func digit() -> UInt8? {
    guard let byte = next, isDigit(byte) else { return nil }
    return byte - UInt8(ascii: "0")
  }

  private func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }

  private mutating func skipDigits() throws(JSONError) {
    if digit() == nil { throw unexpected("a digit") }
    while digit() != nil { offset += 1 }
  }
}
