import JSONText
import TensorBase

/// What is wrong with an index; the loader adds the file.
package struct IndexFault: Error, Equatable {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}

/// A JSON object of the index with access that explains itself.
struct IndexObject {
  let object: JSONObject
  let what: String

  init(_ json: JSONValue?, _ what: String) throws(IndexFault) {
    guard let object = json?.objectValue else { throw IndexFault("\(what) is not an object") }
    self.object = object
    self.what = what
  }

  /// Refuses members but those named, unless a newer minor version, which may have more, wrote
  /// the file.
  func expect(_ keys: [String], newer: Bool) throws(IndexFault) {
    guard !newer else { return }
    for key in object.keys where !keys.contains(key) {
      throw IndexFault("\(what) has a member '\(key)', which this version does not have")
    }
  }

  func integer(_ key: String) throws(IndexFault) -> Int {
    guard let value = object[key]?.intValue else { throw fault(key, "a whole number") }
    return value
  }

  /// A number, or the name of one that JSON lacks.
  func number(_ key: String) throws(IndexFault) -> Double {
    if let value = object[key]?.doubleValue { return value }
    switch object[key]?.stringValue {
    case "inf": return .infinity
    case "-inf": return -.infinity
    case "nan": return .nan
    default: throw fault(key, "a number")
    }
  }

  /// A number that float32 holds exactly.
  func float(_ key: String) throws(IndexFault) -> Float {
    let value = try number(key)
    guard value.isNaN || Double(Float(value)) == value else { throw fault(key, "a float32") }
    return Float(value)
  }

  func string(_ key: String) throws(IndexFault) -> String {
    guard let value = object[key]?.stringValue else { throw fault(key, "a string") }
    return value
  }

  func flag(_ key: String) throws(IndexFault) -> Bool {
    guard let value = object[key]?.boolValue else { throw fault(key, "true or false") }
    return value
  }

  func array(_ key: String) throws(IndexFault) -> [JSONValue] {
    guard let value = object[key]?.arrayValue else { throw fault(key, "a list") }
    return value
  }

  func integers(_ key: String) throws(IndexFault) -> [Int] {
    let items = try array(key)
    let numbers = items.compactMap(\.intValue)
    guard numbers.count == items.count else { throw fault(key, "a list of whole numbers") }
    return numbers
  }

  /// A member of a closed set, by its name.
  func name<Member: RawRepresentable & CaseIterable>(
    _ key: String
  ) throws(IndexFault) -> Member where Member.RawValue == String {
    let text = try string(key)
    guard let member = Member(rawValue: text) else {
      throw IndexFault("'\(key)' of \(what) is '\(text)', which this program does not know")
    }
    return member
  }

  /// Dimensions within the limits of formats/plumb.md §3.
  func shape(_ key: String) throws(IndexFault) -> Shape {
    let dimensions = try integers(key)
    let shape: Shape
    do throws(TensorError) {
      shape = try Shape(checking: dimensions)
    } catch { throw IndexFault("'\(key)' of \(what): \(error)") }
    guard isStorable(shape) else {
      throw IndexFault("'\(key)' of \(what): \(shape) is beyond what the format holds")
    }
    return shape
  }

  /// Bytes written as pairs of lower-case hexadecimal digits.
  func bytes(_ key: String, count: Int) throws(IndexFault) -> [UInt8] {
    let text = try string(key)
    guard text.utf8.count == 2 * count else {
      throw IndexFault(
        "'\(key)' of \(what) has \(text.utf8.count) digits; \(2 * count) are expected")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    var high: UInt8?
    for digit in text.utf8 {
      let value: UInt8
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
      default: throw fault(key, "hexadecimal")
      }
      if let upper = high {
        bytes.append(upper << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return bytes
  }

  func has(_ key: String) -> Bool { object[key].map { $0 != .null } ?? false }

  func fault(_ key: String, _ expected: String) -> IndexFault {
    IndexFault("'\(key)' of \(what) is not \(expected)")
  }
}

/// Whether the format holds tensors of this shape: at most 32 dimensions, and at most 2⁴⁰ elements
/// when a dimension of 0 is taken for 1.
func isStorable(_ shape: Shape) -> Bool {
  var count = 1
  for dimension in shape.dimensions where dimension > 0 {
    let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
    guard !overflow, product <= 1 << 40 else { return false }
    count = product
  }
  return shape.rank <= 32
}

/// A number as the index writes it.
func json(_ number: Double) -> JSONValue {
  if number.isFinite { return .number(number) }
  return .string(number.isNaN ? "nan" : number > 0 ? "inf" : "-inf")
}

func json(_ shape: Shape) -> JSONValue { .array(shape.dimensions.map { .integer(Int64($0)) }) }
