/// Why bytes are not a JSON text. Offsets count bytes from the start of the text.
package enum JSONError: Error, Equatable, CustomStringConvertible {
  case unexpectedEnd(offset: Int, expected: String)
  case unexpectedByte(UInt8, offset: Int, expected: String)
  case byteOrderMark
  case trailingBytes(offset: Int)
  case invalidUTF8(offset: Int)
  case loneSurrogate(offset: Int)
  case controlCharacter(UInt8, offset: Int)
  case invalidEscape(offset: Int)
  case leadingZero(offset: Int)
  case numberOutOfRange(offset: Int)
  case tooDeep(maximumDepth: Int, offset: Int)
  case duplicateKey(String, offset: Int)

  package var description: String {
    switch self {
    case .unexpectedEnd(let offset, let expected):
      "The JSON text ends at byte \(offset) where \(expected) was expected; it may be truncated."
    case .unexpectedByte(let byte, let offset, let expected):
      "The JSON text has \(Self.name(byte)) at byte \(offset) where \(expected) was expected."
    case .byteOrderMark:
      "The JSON text starts with a byte order mark; save it as UTF-8 without one."
    case .trailingBytes(let offset):
      "The JSON text goes on at byte \(offset) after its value has ended."
    case .invalidUTF8(let offset):
      "The JSON text is not valid UTF-8 at byte \(offset)."
    case .loneSurrogate(let offset):
      "The JSON text escapes half of a surrogate pair at byte \(offset)."
    case .controlCharacter(let byte, let offset):
      "The JSON text has the control character \(Self.name(byte)) inside a string at byte "
        + "\(offset); it must be escaped."
    case .invalidEscape(let offset):
      "The JSON text has an unknown or incomplete escape at byte \(offset)."
    case .leadingZero(let offset):
      "The JSON text has a number with a leading zero at byte \(offset)."
    case .numberOutOfRange(let offset):
      "The JSON text has a number at byte \(offset) that is too large for 64 bits."
    case .tooDeep(let maximumDepth, let offset):
      "The JSON text nests deeper than \(maximumDepth) levels at byte \(offset)."
    case .duplicateKey(let key, let offset):
      "The JSON text has the key \(JSONValue.string(key).text()) twice in one object, the second "
        + "time at byte \(offset)."
    }
  }

  private static func name(_ byte: UInt8) -> String {
    if byte > 0x20 && byte < 0x7F { return "'\(Character(Unicode.Scalar(byte)))'" }
    let digits = String(byte, radix: 16, uppercase: true)
    return "0x" + (digits.count < 2 ? "0" : "") + digits
  }
}
