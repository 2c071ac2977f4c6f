import JSONText
import Testing

@Test func writing() {
  let value = JSONValue.object([
    "z": .integer(-3), "a": .array([.number(1), .number(0.1), .number(.nan), .bool(true)]),
    "s": .string("q\" \\ / \u{1}\u{1F}\n\u{7F}é"), "e": .array([]), "o": .object([:]),
    "n": .array([.number(.infinity), .null]),
  ])
  #expect(
    value.text()
      == #"{"z":-3,"a":[1.0,0.1,null,true],"s":"q\" \\ / \u0001\u001f\n"# + "\u{7F}é"
      + #"","e":[],"o":{},"n":[null,null]}"#)
  let small = JSONValue.object(["a": .array([.integer(1), .object([:])]), "b": .null])
  #expect(
    small.text(indent: 2) == "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": null\n}")
}

@Test(
  arguments: [
    0, -0.0, 1, 0.1, 1.0 / 3, 1e16, 1e22, 123_456_789.125, -.leastNonzeroMagnitude,
    .greatestFiniteMagnitude, 9_223_372_036_854_775_808, 2.2250738585072014e-308,
  ] as [Double])
func doublesRoundTrip(value: Double) throws {
  let back = try JSONValue(parsing: JSONValue.number(value).utf8Text())
  guard case .number(let read) = back else {
    Issue.record("\(value) came back as \(back)")
    return
  }
  #expect(read.bitPattern == value.bitPattern)
}

@Test func randomDoublesRoundTrip() throws {
  var state: UInt64 = 88_172_645_463_325_252
  for _ in 0..<20_000 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    let value = Double(bitPattern: state)
    if !value.isFinite { continue }
    let back = try JSONValue(parsing: JSONValue.number(value).utf8Text())
    #expect(back.doubleValue?.bitPattern == state)
  }
}

@Test func accessors() {
  let value = JSONValue.object(["i": .integer(3), "d": .number(2), "s": .string("x")])
  #expect(value["i"]?.intValue == 3)
  #expect(value["i"]?.doubleValue == 3)
  #expect(value["d"]?.intValue == nil)
  #expect(value["s"]?.stringValue == "x")
  #expect(value["none"] == nil)
  #expect(JSONValue.null["i"] == nil)
  #expect(JSONValue.bool(true).boolValue == true)
  #expect(JSONValue.array([.null]).arrayValue == [.null])
  #expect(value.objectValue?.keys == ["i", "d", "s"])
}

@Test func objectsKeepOrder() {
  var object = JSONObject()
  for number in 0..<40 { object["k\(number)"] = .integer(Int64(number)) }
  object["k20"] = .null
  object["k3"] = nil
  object["absent"] = nil
  #expect(object.count == 39)
  #expect(object.keys[2...4] == ["k2", "k4", "k5"])
  #expect(object["k20"] == .null)
  #expect(object["k3"] == nil)
  #expect(object["k39"]?.intValue == 39)
  for number in 0..<35 { object["k\(number)"] = nil }
  #expect(object.keys == ["k35", "k36", "k37", "k38", "k39"])
  #expect(object["k36"]?.intValue == 36)
}

@Test func equalValuesHashAlike() throws {
  let text = Array(#"{"a": [1, 1.5, "x"], "b": {"c": null}}"#.utf8)
  let a = try JSONValue(parsing: text)
  let b = try JSONValue(parsing: a.utf8Text(indent: 4))
  #expect(a == b)
  #expect(Set([a, b]).count == 1)
  #expect(a != .object(["b": .object(["c": .null]), "a": .null]))
}

/// A vocabulary of the size that CLIP has is read in a fraction of a second.
@Test(.timeLimit(.minutes(10))) func largeObject() throws {
  var object = JSONObject()
  for number in 0..<50_000 { object["token\(number)</w>"] = .integer(Int64(number)) }
  let text = JSONValue.object(["model": .object(["vocab": .object(object)])]).utf8Text(indent: 2)
  let value = try JSONValue(parsing: text)
  #expect(value["model"]?["vocab"]?["token49999</w>"]?.intValue == 49_999)
  #expect(value["model"]?["vocab"] == .object(object))
}
