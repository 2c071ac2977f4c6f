import JSONText
import Testing

private func parse(_ text: String, depth: Int = 64) throws -> JSONValue {
  try JSONValue(parsing: Array(text.utf8), maximumDepth: depth)
}

/// Texts that are good JSON, and their values.
@Test(
  arguments: [
    ("null", .null), (" true\n", .bool(true)), ("\tfalse\r\n", .bool(false)),
    ("0", .integer(0)), ("-0", .integer(0)), ("42", .integer(42)), ("-7", .integer(-7)),
    ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
    ("9223372036854775808", .number(9_223_372_036_854_775_808)),
    ("-9223372036854775809", .number(-0x1p63)),
    ("123456789012345678901234567890", .number(0x1.8ee90ff6c373ep96)),
    ("1.0", .number(1)), ("1e3", .number(1000)), ("-2.5E-3", .number(-0.0025)),
    ("0.00085", .number(0.00085)), ("5e-324", .number(.leastNonzeroMagnitude)),
    ("1.7976931348623157e308", .number(.greatestFiniteMagnitude)), ("1e-999", .number(0)),
    ("\"\"", .string("")), ("\"plain\"", .string("plain")),
    ("\"é\u{1F600}\"", .string("é\u{1F600}")),
    (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{C}\n\r\t")),
    (#""\u0041\u00e9\u20AC""#, .string("A\u{E9}€")), (#""\uD83D\uDE00!""#, .string("\u{1F600}!")),
    (#""\u0000""#, .string("\0")), (#""a\u0301""#, .string("a\u{301}")),
    ("[]", .array([])), ("[ ]", .array([])), ("{ }", .object([:])),
    ("[1, [2], {}]", .array([.integer(1), .array([.integer(2)]), .object([:])])),
    (
      #"{"b": 1, "a": {"c": null}}"#,
      .object(["b": .integer(1), "a": .object(["c": .null])])
    ),
  ] as [(String, JSONValue)])
func goodText(text: String, value: JSONValue) throws {
  #expect(try parse(text) == value)
}

/// Texts that are not JSON, and the error each must give.
@Test(
  arguments: [
    ("", .unexpectedEnd(offset: 0, expected: "a value")),
    ("  ", .unexpectedEnd(offset: 2, expected: "a value")),
    ("\u{FEFF}{}", .byteOrderMark),
    ("nul", .unexpectedEnd(offset: 3, expected: "'null'")),
    ("nulL", .unexpectedByte(0x4C, offset: 3, expected: "'null'")),
    ("True", .unexpectedByte(0x54, offset: 0, expected: "a value")),
    ("NaN", .unexpectedByte(0x4E, offset: 0, expected: "a value")),
    ("-Infinity", .unexpectedByte(0x49, offset: 1, expected: "a digit")),
    ("+1", .unexpectedByte(0x2B, offset: 0, expected: "a value")),
    (".5", .unexpectedByte(0x2E, offset: 0, expected: "a value")),
    ("1.", .unexpectedEnd(offset: 2, expected: "a digit")),
    ("1.e5", .unexpectedByte(0x65, offset: 2, expected: "a digit")),
    ("1e", .unexpectedEnd(offset: 2, expected: "a digit")),
    ("1e+", .unexpectedEnd(offset: 3, expected: "a digit")),
    ("-", .unexpectedEnd(offset: 1, expected: "a digit")),
    ("01", .leadingZero(offset: 0)), ("[-00]", .leadingZero(offset: 1)),
    ("1e309", .numberOutOfRange(offset: 0)), ("[-1e999]", .numberOutOfRange(offset: 1)),
    ("1 2", .trailingBytes(offset: 2)), ("{}\0", .trailingBytes(offset: 2)),
    ("[1", .unexpectedEnd(offset: 2, expected: "',' or ']'")),
    ("[1,]", .unexpectedByte(0x5D, offset: 3, expected: "a value")),
    ("[1 2]", .unexpectedByte(0x32, offset: 3, expected: "',' or ']'")),
    ("{\"a\":1,}", .unexpectedByte(0x7D, offset: 7, expected: "a key in quotes")),
    ("{a:1}", .unexpectedByte(0x61, offset: 1, expected: "a key in quotes")),
    ("{\"a\" 1}", .unexpectedByte(0x31, offset: 5, expected: "':'")),
    ("{\"a\":1", .unexpectedEnd(offset: 6, expected: "',' or '}'")),
    ("\"a", .unexpectedEnd(offset: 2, expected: "the end of a string")),
    ("\"a\\n", .unexpectedEnd(offset: 4, expected: "the end of a string")),
    ("\"a\n\"", .controlCharacter(0x0A, offset: 2)),
    ("\"\\t\u{1F}\"", .controlCharacter(0x1F, offset: 3)),
    (#""\x""#, .invalidEscape(offset: 1)), (#""\u12G4""#, .invalidEscape(offset: 1)),
    (#""\u12"#, .unexpectedEnd(offset: 5, expected: "four hexadecimal digits")),
    (#""\uD83D""#, .loneSurrogate(offset: 1)), (#""\uDE00""#, .loneSurrogate(offset: 1)),
    (#"" \uD83D\n""#, .loneSurrogate(offset: 2)), (#""\uD83D\uD83D""#, .loneSurrogate(offset: 1)),
    (#"{"a":1,"b":2,"a":3}"#, .duplicateKey("a", offset: 13)),
    (#"{"a":1,"\u0061":3}"#, .duplicateKey("a", offset: 7)),
  ] as [(String, JSONError)])
func badText(text: String, error: JSONError) {
  #expect(throws: error) { try parse(text) }
}

@Test(
  arguments: [
    ([0x22, 0x61, 0xFF, 0x22], 2), ([0x22, 0x0A &+ 0x52, 0x6E, 0xC3, 0x22], 3),
    ([0x22, 0xED, 0xA0, 0x80, 0x22], 1), ([0x22, 0xC0, 0xAF, 0x22], 1),
  ] as [([UInt8], Int)])
func invalidUTF8(bytes: [UInt8], offset: Int) {
  #expect(throws: JSONError.invalidUTF8(offset: offset)) { try JSONValue(parsing: bytes) }
}

@Test func depthIsCapped() throws {
  func nested(_ depth: Int) -> String {
    String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
  }
  _ = try parse(nested(64))
  #expect(throws: JSONError.tooDeep(maximumDepth: 64, offset: 64)) { try parse(nested(65)) }
  #expect(throws: JSONError.tooDeep(maximumDepth: 64, offset: 64)) {
    try parse(String(repeating: "[", count: 100_000))
  }
  #expect(throws: JSONError.tooDeep(maximumDepth: 1, offset: 5)) {
    try parse(#"{"a":{}}"#, depth: 1)
  }
}

/// Keys that Swift holds equal though their bytes differ are two keys.
@Test func keysAreBytes() throws {
  let value = try parse("{\"\u{E9}\": 1, \"e\u{301}\": 2}")
  #expect(value["\u{E9}"]?.intValue == 1)
  #expect(value["e\u{301}"]?.intValue == 2)
  #expect(JSONValue.string("\u{E9}") != .string("e\u{301}"))
  var members: [String] = []
  for number in 0..<100 { members.append("\"k\(number)\": \(number)") }
  let large = try parse(
    "{" + (members + ["\"\u{E9}\": 1", "\"e\u{301}\": 2"]).joined(separator: ",") + "}")
  #expect(large["\u{E9}"]?.intValue == 1)
  #expect(large["e\u{301}"]?.intValue == 2)
  #expect(large["k57"]?.intValue == 57)
  #expect(throws: JSONError.self) {
    try parse("{" + (members + ["\"k3\": 1"]).joined(separator: ",") + "}")
  }
}

/// Every truncation of a text that uses every construct is an error, never a crash.
@Test func truncations() throws {
  let text = Array(#"{"a":[1,-2.5e+3,true,false,null,"x\u00e9\n"],"é":{"b":{}}} "#.utf8)
  _ = try JSONValue(parsing: text)
  for count in 0..<(text.count - 1) {
    #expect(throws: JSONError.self) { try JSONValue(parsing: Array(text[..<count])) }
  }
  for position in text.indices {
    for byte in [0, 0x22, 0x2C, 0x5C, 0x7B, 0x80, 0xFF] as [UInt8] {
      var changed = text
      changed[position] = byte
      if let value = try? JSONValue(parsing: changed) {
        #expect(try JSONValue(parsing: value.utf8Text()) == value)
      }
    }
  }
}

@Test func errorsAreSentences() {
  let error = JSONError.duplicateKey("a\"b", offset: 7)
  #expect(
    "\(error)"
      == #"The JSON text has the key "a\"b" twice in one object, the second time at byte 7."#)
  #expect("\(JSONError.controlCharacter(9, offset: 1))".contains("0x09"))
}
