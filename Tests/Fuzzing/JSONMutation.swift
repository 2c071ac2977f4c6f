import JSONText

/// An input whose JSON has one to four of its values, at any depth, changed, and is JSON still: a
/// change of bytes alone mostly ends at the reader of JSON. The JSON reaches to the first byte that
/// is none, 0 or 255; what follows stays.
///
/// - Parameter bend: changes bytes without regard to what they are.
/// - Returns: nil for an input that does not begin so.
func mutatedJSON(
  _ input: [UInt8], random: inout some RandomNumberGenerator, bend: ([UInt8]) -> [UInt8]
) -> [UInt8]? {
  let end = input.firstIndex { $0 == 0 || $0 == 0xFF } ?? input.count
  guard var value = try? JSONValue(parsing: [UInt8](input[..<end])) else { return nil }
  for _ in 0..<Int.random(in: 1...4, using: &random) {
    var all: [JSONValue] = []
    gather(value, &all)
    var place = Int.random(in: 0..<all.count, using: &random)
    value =
      changed(value, &place) { old in
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return nil
        // What stands elsewhere: another name, another number, another node.
        case 1, 2: return all.randomElement(using: &random)
        default: return another(old, all, &random, bend)
        }
      } ?? .null
  }
  return value.utf8Text() + input[end...]
}

/// All values in a value, itself first.
private func gather(_ value: JSONValue, _ all: inout [JSONValue]) {
  all.append(value)
  for item in value.arrayValue ?? [] { gather(item, &all) }
  for member in value.objectValue?.members ?? [] { gather(member.value, &all) }
}

/// The value with the one at a place of `gather`'s order changed; nil when that is to go.
private func changed(
  _ value: JSONValue, _ place: inout Int, _ change: (JSONValue) -> JSONValue?
) -> JSONValue? {
  place -= 1
  if place < 0 { return place == -1 ? change(value) : value }
  if let items = value.arrayValue {
    return .array(items.compactMap { changed($0, &place, change) })
  }
  if let members = value.objectValue?.members {
    var object = JSONObject()
    for (key, item) in members { object[key] = changed(item, &place, change) }
    return .object(object)
  }
  return value
}

private func another(
  _ value: JSONValue, _ all: [JSONValue], _ random: inout some RandomNumberGenerator,
  _ bend: ([UInt8]) -> [UInt8]
) -> JSONValue {
  switch value {
  case .integer(let number):
    let edges: [Int64] = [
      0, 1, 2, 3, 4, 7, 16, 65, 1 << 16, 1 << 31, 1 << 40, 1 << 60, 1 << 62, .max, .max - 1, -1, -2,
      .min, number &+ 1, number &- 1, number &* 2, 0 &- number,
    ]
    return .integer(edges.randomElement(using: &random) ?? 0)
  case .number:
    return .number([0, -0.0, 1, -1, 0.5, 1e-300, 1e300].randomElement(using: &random) ?? 0)
  case .bool(let flag): return .bool(!flag)
  case .string(let text):
    return .string(String(decoding: bend([UInt8](text.utf8)), as: UTF8.self))
  case .array(let items):
    let item = (Bool.random(using: &random) ? items : all).randomElement(using: &random) ?? .null
    var items = items
    items.insert(item, at: Int.random(in: 0...items.count, using: &random))
    return .array(items)
  case .object(var object):
    let other = all.compactMap(\.objectValue).randomElement(using: &random)
    if let member = other?.members.randomElement(using: &random) {
      object[member.key] = member.value
    }
    return .object(object)
  case .null: return all.randomElement(using: &random) ?? .null
  }
}
