extension JSONValue {
  /// The value as a JSON text, the same for the same value always.
  ///
  /// Doubles are written with the fewest digits that give the same double back, and always so that
  /// they are read as doubles again; NaN and the infinities, which JSON lacks, become `null`.
  /// Characters beyond ASCII are written as they are.
  /// - Parameter indent: blanks per level; nil for a single line without blanks.
  package func text(indent: Int? = nil) -> String {
    String(decoding: utf8Text(indent: indent), as: UTF8.self)
  }

  /// The same text as `text(indent:)`, as UTF-8 bytes.
  package func utf8Text(indent: Int? = nil) -> [UInt8] {
    var writer = Writer(indent: indent)
    writer.write(self, depth: 0)
    return writer.bytes
  }
}

private struct Writer {
  let indent: Int?
  var bytes: [UInt8] = []

  init(indent: Int?) {
    self.indent = indent
  }

  mutating func write(_ value: JSONValue, depth: Int) {
    switch value {
    case .null: write("null")
    case .bool(let value): write(value ? "true" : "false")
    case .integer(let value): write(String(value))
    case .number(let value): write(value.isFinite ? value.description : "null")
    case .string(let value): writeString(value)
    case .array(let elements):
      write(elements, "[", "]", depth: depth) { writer, element in
        writer.write(element, depth: depth + 1)
      }
    case .object(let object):
      write(object.members, "{", "}", depth: depth) { writer, member in
        writer.writeString(member.key)
        writer.write(writer.indent == nil ? ":" : ": ")
        writer.write(member.value, depth: depth + 1)
      }
    }
  }

  private mutating func write(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  private mutating func write<Element>(
    _ elements: [Element], _ opening: String, _ closing: String, depth: Int,
    _ writeElement: (inout Writer, Element) -> Void
  ) {
    write(opening)
    for (position, element) in elements.enumerated() {
      if position > 0 { write(",") }
      breakLine(depth: depth + 1)
      writeElement(&self, element)
    }
    if !elements.isEmpty { breakLine(depth: depth) }
    write(closing)
  }

  private mutating func breakLine(depth: Int) {
    guard let indent else { return }
    bytes.append(UInt8(ascii: "\n"))
    bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent * depth))
  }

  private mutating func writeString(_ string: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""): write("\\\"")
      case UInt8(ascii: "\\"): write("\\\\")
      case 0x08: write("\\b")
      case 0x09: write("\\t")
      case 0x0A: write("\\n")
      case 0x0C: write("\\f")
      case 0x0D: write("\\r")
      case 0..<0x20:
        write(byte < 0x10 ? "\\u000" : "\\u00")
        write(String(byte, radix: 16))
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
