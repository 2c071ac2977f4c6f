import JSONText

/// Reads a configuration key by key, each within bounds, and knows which keys nobody read.
struct ConfigReader {
  let file: String
  private let members: JSONObject
  /// Stands before keys in messages.
  private let path: String
  private var known: Set<String> = []

  init(_ members: JSONObject, file: String, path: String = "") {
    self.members = members
    self.file = file
    self.path = path
  }

  /// The value of a key, which may be null; nil when the key is absent.
  mutating func value(_ key: String) -> JSONValue? {
    known.insert(key)
    return members[key]
  }

  /// The value of a key; nil when it is absent or null.
  mutating func optional(_ key: String) -> JSONValue? {
    let value = value(key)
    return value == .null ? nil : value
  }

  /// An integer; `fallback` when the key is absent, as for all readers below.
  mutating func integer(
    _ key: String, or fallback: Int, in range: ClosedRange<Int>
  ) throws(ArchitectureError) -> Int {
    guard let value = value(key) else { return fallback }
    return try integer(value, key, range)
  }

  /// An integer for each of `count` places: a list of that length or one number for all.
  mutating func integers(
    _ key: String, or fallback: Int, count: Int, in range: ClosedRange<Int>
  ) throws(ArchitectureError) -> [Int] {
    guard let value = value(key) else { return Array(repeating: fallback, count: count) }
    guard let list = value.arrayValue else {
      return Array(repeating: try integer(value, key, range), count: count)
    }
    guard list.count == count else { throw bad(key, value, "one number or a list of \(count)") }
    return try list.map { element throws(ArchitectureError) in try integer(element, key, range) }
  }

  /// A list of integers, as long as `lengths` allows.
  mutating func list(
    _ key: String, or fallback: [Int], lengths: ClosedRange<Int>, in range: ClosedRange<Int>
  ) throws(ArchitectureError) -> [Int] {
    guard let value = value(key) else { return fallback }
    guard let list = value.arrayValue, lengths.contains(list.count) else {
      throw bad(key, value, "a list of \(lengths.lowerBound) to \(lengths.upperBound) numbers")
    }
    return try list.map { element throws(ArchitectureError) in try integer(element, key, range) }
  }

  mutating func number(
    _ key: String, or fallback: Double, in range: ClosedRange<Double>
  ) throws(ArchitectureError) -> Double {
    guard let value = value(key) else { return fallback }
    guard let number = value.doubleValue, range.contains(number) else {
      throw bad(key, value, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  mutating func bool(_ key: String, or fallback: Bool) throws(ArchitectureError) -> Bool {
    guard let value = value(key) else { return fallback }
    guard let bool = value.boolValue else { throw bad(key, value, "true or false") }
    return bool
  }

  /// A truth value for each of `count` places: a list of that length or one for all.
  mutating func bools(
    _ key: String, or fallback: Bool, count: Int
  ) throws(ArchitectureError) -> [Bool] {
    guard let value = value(key) else { return Array(repeating: fallback, count: count) }
    if let bool = value.boolValue { return Array(repeating: bool, count: count) }
    let list = value.arrayValue?.compactMap(\.boolValue) ?? []
    guard list.count == count, value.arrayValue?.count == count else {
      throw bad(key, value, "true, false or a list of \(count) of them")
    }
    return list
  }

  /// One of the choices, by the name the configuration has for it.
  mutating func choice<Choice>(
    _ key: String, or fallback: Choice, of choices: [String: Choice]
  ) throws(ArchitectureError) -> Choice {
    guard let value = value(key) else { return fallback }
    guard let name = value.stringValue else {
      throw bad(key, value, "one of \(choices.keys.sorted().joined(separator: ", "))")
    }
    guard let choice = choices[name] else { throw unsupported(key, value) }
    return choice
  }

  /// A choice for each of `count` places.
  mutating func choices<Choice>(
    _ key: String, or fallback: [Choice], count: Int, of choices: [String: Choice]
  ) throws(ArchitectureError) -> [Choice] {
    guard let value = value(key) else { return fallback }
    guard let list = value.arrayValue, list.count == count else {
      throw bad(key, value, "a list of \(count) names, one for each of block_out_channels")
    }
    return try list.map { element throws(ArchitectureError) in
      guard let name = element.stringValue, let choice = choices[name] else {
        throw unsupported(key, value)
      }
      return choice
    }
  }

  /// The side of a square: a number, or a list of two equal ones; nil when absent or null.
  mutating func side(_ key: String) throws(ArchitectureError) -> Int? {
    guard let value = optional(key) else { return nil }
    guard let list = value.arrayValue else { return try integer(value, key, 1...65_536) }
    guard list.count == 2, list[0] == list[1] else {
      throw bad(key, value, "a number or two equal numbers")
    }
    return try integer(list[0], key, 1...65_536)
  }

  /// Refuses the key unless it is absent, null, or one of the values that ask for nothing.
  mutating func refuse(_ key: String, unless off: JSONValue...) throws(ArchitectureError) {
    guard let value = optional(key) else { return }
    let isOff = off.contains { off in
      if let number = off.doubleValue { value.doubleValue == number } else { value == off }
    }
    if !isOff { throw unsupported(key, value) }
  }

  /// Keys whose value changes nothing of what is computed.
  mutating func ignore(_ keys: String...) { known.formUnion(keys) }

  /// Refuses a key that was neither read nor ignored, unless it starts with an underscore.
  func refuseUnknownKeys() throws(ArchitectureError) {
    for (key, value) in members.members where !known.contains(key) && !key.hasPrefix("_") {
      throw .unknownKey(file: file, key: path + key, value: value)
    }
  }

  /// Refuses a width that does not split evenly.
  func requireDivision(
    of whole: Int, _ wholeKey: String, by parts: Int, _ partsKey: String
  ) throws(ArchitectureError) {
    guard whole.isMultiple(of: parts) else {
      throw bad(
        wholeKey, .integer(Int64(whole)), "a multiple of \(parts), as \(partsKey) asks for")
    }
  }

  func bad(_ key: String, _ value: JSONValue, _ expected: String) -> ArchitectureError {
    .badValue(file: file, key: path + key, value: value, expected: expected)
  }

  func unsupported(_ key: String, _ value: JSONValue) -> ArchitectureError {
    .unsupported(file: file, key: path + key, value: value)
  }

  /// The value itself as an integer; 2.0 is one.
  func integer(
    _ value: JSONValue, _ key: String, _ range: ClosedRange<Int>
  ) throws(ArchitectureError) -> Int {
    let number = value.intValue ?? value.doubleValue.flatMap { Int(exactly: $0) }
    guard let number, range.contains(number) else {
      throw bad(key, value, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
}

/// Bounds beyond which a configuration is not believed; with them no shape overflows.
enum Bounds {
  static let channels = 1...65_536
  static let heads = 1...1024
  static let layers = 1...512
  static let vocabulary = 1...(1 << 24)
  static let positions = 1...(1 << 20)
  static let epsilon = 0.0...1.0
}
