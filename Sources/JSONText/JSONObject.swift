/// The members of a JSON object, in the order in which they were written or added; no key twice.
///
/// Keys are told apart by their UTF-8 bytes. Equality takes the order into account.
package struct JSONObject: Sendable {
  /// Key and value of every member, in order.
  package private(set) var members: [(key: String, value: JSONValue)] = []
  /// Where each key is, kept only for objects that are too large to search.
  private var index: [ExactString: Int]?

  private static let largestSearched = 12

  package init() {}

  /// Of members with the same key the last one's value counts, in the first one's place.
  package init(_ members: KeyValuePairs<String, JSONValue>) {
    for (key, value) in members { self[key] = value }
  }

  /// The names, in order.
  package var keys: [String] { members.map(\.key) }

  package var count: Int { members.count }

  /// The member of that name. Setting replaces it or appends a new one; setting nil removes it.
  package subscript(key: String) -> JSONValue? {
    get { position(of: key).map { members[$0].value } }
    set {
      let position = position(of: key)
      if let newValue {
        if let position {
          members[position].value = newValue
        } else {
          append(key, newValue)
        }
      } else if let position {
        members.remove(at: position)
        rebuildIndex()
      }
    }
  }

  /// Appends the member unless there is one of that name already.
  ///
  /// - Returns: whether it was appended.
  mutating func appendNew(_ key: String, _ value: JSONValue) -> Bool {
    if position(of: key) != nil { return false }
    append(key, value)
    return true
  }

  private mutating func append(_ key: String, _ value: JSONValue) {
    members.append((key, value))
    if index != nil {
      index?[ExactString(key)] = members.count - 1
    } else if members.count > Self.largestSearched {
      rebuildIndex()
    }
  }

  private mutating func rebuildIndex() {
    guard members.count > Self.largestSearched else {
      index = nil
      return
    }
    var index = [ExactString: Int](minimumCapacity: 4 * members.count)
    for (position, member) in members.enumerated() { index[ExactString(member.key)] = position }
    self.index = index
  }

  private func position(of key: String) -> Int? {
    let key = ExactString(key)
    if let index { return index[key] }
    return members.firstIndex { ExactString($0.key) == key }
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// Of members with the same key the last one's value counts, in the first one's place.
  package init(dictionaryLiteral members: (String, JSONValue)...) {
    for (key, value) in members { self[key] = value }
  }
}

extension JSONObject: Hashable {
  package static func == (a: JSONObject, b: JSONObject) -> Bool {
    a.members.elementsEqual(b.members) {
      ExactString($0.key) == ExactString($1.key) && $0.value == $1.value
    }
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(members.count)
    for (key, value) in members {
      hasher.combine(ExactString(key))
      hasher.combine(value)
    }
  }
}
