import ByteIO

/// What exporters note about a node to tell the module it comes from. Keys of metadata, the best
/// first.
enum ScopeKey: String, CaseIterable {
  /// A Python list of module paths, each within the one before, and the node's own name at the
  /// end: `['', 'down', 'down.attn', 'softmax']`.
  case scopes = "pkg.torch.onnx.name_scopes"
  /// The same with classes: `: Model/down: Block/down.attn: Attention/softmax: aten.softmax`.
  case namespace = "namespace"

  /// Longer is no path of modules.
  static let maximumSize = 1 << 14

  /// The path of the innermost module; nil when there is none.
  func scope(in value: String) -> String? {
    guard value.utf8.count <= Self.maximumSize else { return nil }
    let entries: [Substring]
    switch self {
    case .scopes:
      entries = value.split(separator: ",").map { entry in
        let start = entry.drop { " ['\"".contains($0) }
        let end = start.lastIndex { !" ]'\"".contains($0) }
        return end.map { start[...$0] } ?? ""
      }
    case .namespace:
      entries = value.split(separator: "/").map { $0.prefix { $0 != ":" } }
    }
    let isPath = { (entry: Substring) in
      entry.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
          UInt8(ascii: "-"):
          true
        default: false
        }
      }
    }
    let longest = entries.dropLast().filter(isPath).max { $0.utf8.count < $1.utf8.count }
    return longest.flatMap { $0.isEmpty ? nil : String($0) }
  }

  /// Whether a StringStringEntryProto has one of these keys: the others, traces of whole stacks
  /// among them, are passed over unread.
  static func isKey(of entry: ByteReader) -> Bool {
    var reader = entry
    while !reader.isAtEnd {
      guard let tag = try? WireTag(&reader) else { return false }
      if tag.number == 1, tag.wire == .delimited {
        guard let bytes = try? tag.bytes(&reader) else { return false }
        return allCases.contains { $0.rawValue.utf8.elementsEqual(bytes) }
      }
      guard (try? tag.skip(&reader)) != nil else { return false }
    }
    return false
  }
}

/// The path of the module that a node comes from.
func scope(in metadata: [WirePair]) -> String? {
  for key in ScopeKey.allCases {
    for pair in metadata where pair.key == key.rawValue {
      if let scope = key.scope(in: pair.value) { return scope }
    }
  }
  return nil
}
