import JSONText

/// A config.json that is read key by key. Keys nobody asked for are refused at the end: a model
/// that quietly ignores what it was told computes something else.
struct Configuration {
  let model: String
  private let object: JSONObject
  private var asked: Set<String> = []

  /// Larger sizes than this are refused before anything is multiplied with them.
  static let largestSize = 1 << 20

  init(model: String, object: JSONObject) {
    self.model = model
    self.object = object
  }

  /// The value under a key, nil when it is absent or null; the key counts as read.
  mutating func value(_ key: String) -> JSONValue? {
    asked.insert(key)
    let value = object[key]
    return value == .null ? nil : value
  }

  /// Whether the key is there and its value null, where that differs from no key at all.
  func isNull(_ key: String) -> Bool { object[key] == .null }

  func refusal(_ key: String, _ expected: String) -> ArchitectureError {
    .unsupportedValue(
      model: model, key: key, value: shown(object[key] ?? .null), expected: expected)
  }

  mutating func int(
    _ key: String, default standard: Int, in range: ClosedRange<Int> = 1...largestSize
  ) throws(ArchitectureError) -> Int {
    guard let value = value(key) else { return standard }
    guard let number = whole(value), range.contains(number) else {
      throw refusal(key, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// One number for all, or a list of `count` numbers; nil when the key is absent or null.
  mutating func ints(
    _ key: String, count: Int, in range: ClosedRange<Int> = 1...largestSize
  ) throws(ArchitectureError) -> [Int]? {
    guard let value = value(key) else { return nil }
    if let number = whole(value), range.contains(number) {
      return [Int](repeating: number, count: count)
    }
    let numbers = (value.arrayValue ?? []).compactMap(whole).filter(range.contains)
    guard numbers.count == count, value.arrayValue?.count == count else {
      throw refusal(
        key,
        "a whole number from \(range.lowerBound) to \(range.upperBound), or a list of \(count)")
    }
    return numbers
  }

  mutating func number(
    _ key: String, default standard: Double
  ) throws(ArchitectureError) -> Double {
    guard let value = value(key) else { return standard }
    guard let number = value.doubleValue, number.isFinite else { throw refusal(key, "a number") }
    return number
  }

  /// A small positive number that keeps a division from zero.
  mutating func epsilon(_ key: String, default standard: Double) throws(ArchitectureError) -> Double
  {
    let number = try number(key, default: standard)
    guard number > 0, number < 1 else { throw refusal(key, "a number between 0 and 1") }
    return number
  }

  mutating func bool(_ key: String, default standard: Bool) throws(ArchitectureError) -> Bool {
    guard let value = value(key) else { return standard }
    guard let flag = value.boolValue else { throw refusal(key, "true or false") }
    return flag
  }

  /// One truth value for all, or a list of `count`.
  mutating func bools(
    _ key: String, default standard: Bool, count: Int
  ) throws(ArchitectureError) -> [Bool] {
    guard let value = value(key) else { return [Bool](repeating: standard, count: count) }
    if let flag = value.boolValue { return [Bool](repeating: flag, count: count) }
    let flags = (value.arrayValue ?? []).compactMap(\.boolValue)
    guard flags.count == count, value.arrayValue?.count == count else {
      throw refusal(key, "true or false, or a list of \(count)")
    }
    return flags
  }

  /// A list of strings, each of which is the name of a case.
  mutating func names<Name: RawRepresentable & CaseIterable>(
    _ key: String, of _: Name.Type, default standard: [Name]
  ) throws(ArchitectureError) -> [Name] where Name.RawValue == String {
    guard let value = value(key) else { return standard }
    let names = (value.arrayValue ?? []).compactMap { $0.stringValue.flatMap(Name.init) }
    guard let count = value.arrayValue?.count, names.count == count, (1...16).contains(count)
    else {
      throw refusal(
        key,
        "a list of at most 16 out of " + Name.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return names
  }

  /// Height and width, from one number or two; nil when it is not said.
  mutating func size(_ key: String) throws(ArchitectureError) -> [Int]? {
    try ints(key, count: 2)
  }

  /// The key may be absent, null or one of these; nothing else is implemented.
  mutating func expect(_ key: String, _ allowed: JSONValue...) throws(ArchitectureError) {
    guard let value = value(key) else { return }
    let isAllowed = allowed.contains { other in
      if let a = value.doubleValue, let b = other.doubleValue { return a == b }
      return value == other
    }
    if !isAllowed {
      let known = allowed.isEmpty ? "null" : allowed.map { $0.text() }.joined(separator: " or ")
      throw refusal(key, known)
    }
  }

  /// Keys that change nothing in what a forward pass computes.
  mutating func ignore(_ keys: String...) { asked.formUnion(keys) }

  mutating func ignore(_ keys: [String]) { asked.formUnion(keys) }

  /// Refuses the first key that nobody asked for; those beginning with an underscore are notes.
  func finish() throws(ArchitectureError) {
    for (key, value) in object.members where !asked.contains(key) && !key.hasPrefix("_") {
      throw .unknownKey(model: model, key: key, value: shown(value))
    }
  }

  /// Writers of JSON differ in whether a whole number has a fraction.
  private func whole(_ value: JSONValue) -> Int? {
    value.intValue ?? value.doubleValue.flatMap { Int(exactly: $0) }
  }
}
