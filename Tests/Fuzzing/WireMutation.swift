/// Changes a protobuf field by field, the lengths of what the field lies in being put right. A change
/// of bytes alone breaks these, and the reader never comes to what the field says.
///
/// Without the schema, bytes that could be a message are taken for one.
final class WireField {
  enum Content {
    case varint(UInt64)
    /// Four or eight bytes.
    case fixed([UInt8])
    case bytes([UInt8])
    case message([WireField])
  }

  /// Field number and wire type.
  var key: UInt64
  var content: Content

  init(key: UInt64, content: Content) {
    self.key = key
    self.content = content
  }

  /// The same once more, to be changed by itself.
  func copy() -> WireField {
    guard case .message(let fields) = content else { return WireField(key: key, content: content) }
    return WireField(key: key, content: .message(fields.map { $0.copy() }))
  }
}

/// The fields of a message; nil for bytes that are none.
func wireFields(_ bytes: ArraySlice<UInt8>, depth: Int = 0) -> [WireField]? {
  var rest = bytes
  var fields: [WireField] = []
  func varint() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard let byte = rest.popFirst() else { return nil }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }
  func take(_ count: UInt64) -> ArraySlice<UInt8>? {
    guard count <= UInt64(rest.count) else { return nil }
    defer { rest = rest.dropFirst(Int(count)) }
    return rest.prefix(Int(count))
  }
  while !rest.isEmpty {
    guard let key = varint(), key >> 3 > 0, key >> 3 < 1 << 12 else { return nil }
    switch key & 7 {
    case 0:
      guard let value = varint() else { return nil }
      fields.append(WireField(key: key, content: .varint(value)))
    case 1, 5:
      guard let value = take(key & 7 == 1 ? 8 : 4) else { return nil }
      fields.append(WireField(key: key, content: .fixed([UInt8](value))))
    case 2:
      guard let count = varint(), let value = take(count) else { return nil }
      let inner = value.isEmpty || depth == 12 ? nil : wireFields(value, depth: depth + 1)
      fields.append(
        WireField(key: key, content: inner.map { .message($0) } ?? .bytes([UInt8](value))))
    default: return nil
    }
  }
  return fields
}

func wireBytes(_ fields: [WireField]) -> [UInt8] {
  var bytes: [UInt8] = []
  func add(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }
  for field in fields {
    add(field.key)
    switch field.content {
    case .varint(let value): add(value)
    case .fixed(let value): bytes += value
    case .bytes(let value):
      add(UInt64(value.count))
      bytes += value
    case .message(let inner):
      let value = wireBytes(inner)
      add(UInt64(value.count))
      bytes += value
    }
  }
  return bytes
}

/// A message with one to four of its fields, at any depth, changed; nil for bytes that are none.
///
/// - Parameter bend: changes bytes without regard to what they are.
func mutatedWire(
  _ bytes: [UInt8], random: inout some RandomNumberGenerator, bend: ([UInt8]) -> [UInt8]
) -> [UInt8]? {
  guard let fields = wireFields(bytes[...]), !fields.isEmpty else { return nil }
  let root = WireField(key: 0, content: .message(fields))
  for _ in 0..<Int.random(in: 1...4, using: &random) {
    var all: [(parent: WireField, place: Int, field: WireField)] = []
    func gather(_ parent: WireField) {
      guard case .message(let fields) = parent.content else { return }
      for (place, field) in fields.enumerated() {
        all.append((parent, place, field))
        gather(field)
      }
    }
    gather(root)
    guard let (parent, place, field) = all.randomElement(using: &random),
      case .message(var siblings) = parent.content
    else { break }
    switch Int.random(in: 0..<8, using: &random) {
    case 0: siblings.remove(at: place)
    case 1: siblings.insert(field.copy(), at: Int.random(in: 0...siblings.count, using: &random))
    case 2: siblings.swapAt(place, Int.random(in: siblings.indices, using: &random))
    case 3, 4:
      // What another field of its number says: another name, another node, another type.
      let alike = all.filter { $0.field.key == field.key }
      if let other = alike.randomElement(using: &random) { siblings[place] = other.field.copy() }
    default: change(field, &random, bend)
    }
    parent.content = .message(siblings)
  }
  guard case .message(let changed) = root.content else { return nil }
  return wireBytes(changed)
}

/// Gives a field another value.
private func change(
  _ field: WireField, _ random: inout some RandomNumberGenerator, _ bend: ([UInt8]) -> [UInt8]
) {
  switch field.content {
  case .varint(let value):
    let edges: [UInt64] = [
      0, 1, 2, 3, 7, 16, 127, 65_536, 1 << 31, 1 << 40, 1 << 62, (1 << 63) - 1, 1 << 63,
      UInt64.max, UInt64.max - 1, value &+ 1, value &- 1, value &* 2, 0 &- value,
    ]
    field.content = .varint(edges.randomElement(using: &random) ?? 0)
  case .fixed(let value):
    let floats: [Float] = [0, -0.0, 1, -1, 0.5, 1e30, .nan, .infinity, -.infinity]
    let float = floats.randomElement(using: &random) ?? 0
    field.content = .fixed(
      value.count == 4 ? little(float.bitPattern) : little(Double(float).bitPattern))
  case .bytes(let value):
    field.content = .bytes(Bool.random(using: &random) ? [] : bend(value))
  case .message(let inner):
    // It may be no message after all, but elements or a text.
    field.content = .bytes(bend(wireBytes(inner)))
  }
}
