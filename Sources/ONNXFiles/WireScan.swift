import ByteIO

/// Walks a protobuf message in a mapped file before protobuf-c sees it, and makes the copy that
/// protobuf-c unpacks: without the elements of tensors, of which only the place is noted, and
/// without fields that the schema does not have.
///
/// What protobuf-c 1.4.1 does not do is done here: nesting is bounded (it recurses without a
/// limit), text is checked (it cuts text at a NUL and takes any bytes), a single field that comes twice
/// is refused (it merges), and the count of messages is bounded (each takes a few hundred bytes,
/// and two in a file).
struct WireScan {
  static let maximumDepth = 100
  static let maximumParts = 2_000_000
  static let maximumSize = 64 << 20
  static let maximumTextSize = 1 << 16
  /// Of values of metadata, which at times hold vocabularies.
  static let maximumLongTextSize = 16 << 20

  /// The message for protobuf-c.
  private(set) var message: [UInt8] = []
  /// Of each TensorProto; its number is in the copy's raw_data, four bytes, little-endian.
  private(set) var notes: [ElementNote] = []
  private var parts = 0
  private let schema = WireSchema.shared

  /// `name`: of the message, as in the schema.
  init(_ file: MappedFile, as name: String) throws(ONNXWireFault) {
    guard let root = schema.index(of: name) else {
      preconditionFailure("the schema has no \(name)")
    }
    var reader: ByteReader
    do { reader = try ByteReader(file) } catch { throw wireFault(error) }
    try scan(root, &reader, depth: 1)
  }

  private mutating func scan(
    _ index: Int, _ reader: inout ByteReader, depth: Int
  ) throws(ONNXWireFault) {
    guard depth <= Self.maximumDepth else { throw .tooDeep(maximum: Self.maximumDepth) }
    let kind = schema.messages[index]
    var note = index == schema.tensor ? ElementNote(message: reader.offset..<reader.end) : nil
    var seen: UInt64 = 0
    while !reader.isAtEnd {
      let start = reader.offset
      let tag = try WireTag(&reader)
      guard let field = kind.field(tag.number) else {
        try tag.skip(&reader)
        continue
      }
      if index == schema.node, field.name == "metadata_props", tag.wire == .delimited {
        var ahead = reader
        guard ScopeKey.isKey(of: try tag.slice(&ahead)) else {
          reader = ahead
          continue
        }
      }
      if !field.isRepeated {
        guard seen & 1 << tag.number == 0 else {
          throw .twice(message: kind.name, field: field.name, offset: start)
        }
        seen |= 1 << tag.number
      }
      if note != nil, let element = ElementField(rawValue: tag.number) {
        try self.note(element, tag, &reader, in: &note)
        continue
      }
      if !field.kind.isNumber { try part() }
      switch (field.kind, tag.wire) {
      case (.message(let inner), .delimited):
        append(tag.number, .delimited)
        let place = message.count
        message.append(contentsOf: [0, 0, 0, 0])
        var slice = try tag.slice(&reader)
        try scan(inner, &slice, depth: depth + 1)
        patchLength(at: place)
      case (.text, .delimited):
        let text = try self.text(kind, field, tag, &reader)
        append(tag.number, .delimited)
        append(varint: UInt64(text.utf8.count))
        message.append(contentsOf: text.utf8)
      case (.bytes, .delimited):
        let bytes = try tag.bytes(&reader)
        append(tag.number, .delimited)
        append(varint: UInt64(bytes.count))
        message.append(contentsOf: bytes)
      case (.number(let element), .delimited) where field.isRepeated:
        var ahead = reader
        var slice = try tag.slice(&ahead)
        guard try packedCount(&slice, of: element) != nil else {
          throw .badPacked(message: kind.name, field: field.name, offset: start)
        }
        let bytes = try tag.bytes(&reader)
        append(tag.number, .delimited)
        append(varint: UInt64(bytes.count))
        message.append(contentsOf: bytes)
      case (.number(let element), _) where element == tag.wire:
        append(tag.number, element)
        if element == .varint {
          append(varint: try readVarint(&reader))
        } else {
          message.append(contentsOf: try tag.bytes(&reader))
        }
      default:
        throw .wrongKind(message: kind.name, field: field.name, offset: start)
      }
      guard message.count <= Self.maximumSize else { throw .tooLarge(maximum: Self.maximumSize) }
    }
    if let note {
      append(ElementField.raw.rawValue, .delimited)
      append(varint: 4)
      let number = UInt32(truncatingIfNeeded: notes.count)
      message.append(contentsOf: (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) })
      notes.append(note)
    }
  }

  private mutating func part() throws(ONNXWireFault) {
    parts += 1
    guard parts <= Self.maximumParts else { throw .tooMany(maximum: Self.maximumParts) }
  }

  private func text(
    _ kind: WireSchema.Message, _ field: WireSchema.Field, _ tag: WireTag,
    _ reader: inout ByteReader
  ) throws(ONNXWireFault) -> String {
    let maximum = field.isLong ? Self.maximumLongTextSize : Self.maximumTextSize
    let count = try readVarint(&reader)
    guard count <= UInt64(maximum) else {
      throw .tooLong(message: kind.name, field: field.name, count: count, maximum: maximum)
    }
    let start = reader.offset
    let text: String
    do { text = try reader.string(count) } catch .notUTF8 {
      throw .notText(message: kind.name, field: field.name, offset: start)
    } catch { throw wireFault(error) }
    guard !text.utf8.contains(0) else {
      throw .notText(message: kind.name, field: field.name, offset: start)
    }
    return text
  }

  /// Notes where elements lie and how many there are.
  private func note(
    _ field: ElementField, _ tag: WireTag, _ reader: inout ByteReader,
    in note: inout ElementNote?
  ) throws(ONNXWireFault) {
    let start = reader.offset
    let wrong = ONNXWireFault.wrongKind(
      message: "TensorProto", field: field.name, offset: start)
    guard let element = field.wire else {
      guard tag.wire == .delimited else { throw wrong }
      let slice = try tag.slice(&reader)
      if field == .raw {
        note?.raw = slice.offset..<slice.end
      } else {
        note?.counts[field, default: 0] += 1
      }
      return
    }
    var count = 1
    if tag.wire == .delimited {
      var slice = try tag.slice(&reader)
      let isFirst = note?.counts.isEmpty ?? true
      note?.run = isFirst ? slice.offset..<slice.end : nil
      guard let packed = try packedCount(&slice, of: element) else {
        throw .badPacked(message: "TensorProto", field: field.name, offset: start)
      }
      count = packed
    } else {
      guard tag.wire == element else { throw wrong }
      note?.run = nil
      try tag.skip(&reader)
    }
    note?.counts[field, default: 0] += count
  }

  private mutating func append(_ number: Int, _ wire: WireKind) {
    append(varint: UInt64(number) << 3 | UInt64(wire.rawValue))
  }

  private mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      message.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    message.append(UInt8(rest))
  }

  /// Writes how many bytes follow the four at `place`, as a varint of four bytes: enough for
  /// `maximumSize`, and longer than need be is allowed.
  private mutating func patchLength(at place: Int) {
    let count = message.count - place - 4
    for i in 0..<4 {
      let more: UInt8 = i < 3 ? 0x80 : 0
      message[place + i] = UInt8(truncatingIfNeeded: count >> (7 * i)) & 0x7F | more
    }
  }
}

/// Where a TensorProto and its elements lie in the file.
struct ElementNote {
  let message: Range<Int>
  var raw: Range<Int>?
  /// The elements when they are one packed list.
  var run: Range<Int>?
  /// Entries in each field of numbers or strings.
  var counts: [ElementField: Int] = [:]

  init(message: Range<Int>) { self.message = message }
}

/// The fields of a TensorProto that hold elements, by their numbers.
enum ElementField: Int {
  case float = 4
  case int32 = 5
  case string = 6
  case int64 = 7
  case raw = 9
  case double = 10
  case uint64 = 11

  var name: String { self == .raw ? "raw_data" : "\(String(describing: self))_data" }

  /// How one element is written; nil where elements are not numbers.
  var wire: WireKind? {
    switch self {
    case .float: .fixed32
    case .double: .fixed64
    case .int32, .int64, .uint64: .varint
    case .string, .raw: nil
    }
  }
}

/// How a field's value is written; the raw value is protobuf's own number.
enum WireKind: UInt8 {
  case varint = 0
  case fixed64 = 1
  case delimited = 2
  case fixed32 = 5
}

/// The start of a field.
struct WireTag {
  let number: Int
  let wire: WireKind

  init(_ reader: inout ByteReader) throws(ONNXWireFault) {
    let start = reader.offset
    let tag = try readVarint(&reader)
    guard tag <= UInt64(UInt32.max), tag >> 3 > 0,
      let wire = WireKind(rawValue: UInt8(tag & 7))
    else { throw .badTag(offset: start) }
    number = Int(tag >> 3)
    self.wire = wire
  }

  /// A reader of the value's bytes. Precondition: it is not a varint.
  func slice(_ reader: inout ByteReader) throws(ONNXWireFault) -> ByteReader {
    let count: UInt64
    switch wire {
    case .fixed32: count = 4
    case .fixed64: count = 8
    case .delimited: count = try readVarint(&reader)
    case .varint: preconditionFailure("a varint has no length")
    }
    do { return try reader.slice(count) } catch { throw wireFault(error) }
  }

  /// A copy of the value's bytes. Precondition: it is not a varint.
  func bytes(_ reader: inout ByteReader) throws(ONNXWireFault) -> [UInt8] {
    var slice = try slice(&reader)
    do { return try slice.bytes(UInt64(slice.remaining)) } catch { throw wireFault(error) }
  }

  /// Passes over the value.
  func skip(_ reader: inout ByteReader) throws(ONNXWireFault) {
    if wire == .varint {
      _ = try readVarint(&reader)
    } else {
      _ = try slice(&reader)
    }
  }
}

func readVarint(_ reader: inout ByteReader) throws(ONNXWireFault) -> UInt64 {
  let start = reader.offset
  var value: UInt64 = 0
  for i in 0..<10 {
    let byte: UInt8
    do { byte = try reader.u8() } catch { throw wireFault(error) }
    value |= UInt64(byte & 0x7F) << UInt64(7 * i)
    if byte < 0x80 { return value }
  }
  throw .badVarint(offset: start)
}

/// How many elements a packed list has; nil when it ends inside one.
private func packedCount(
  _ slice: inout ByteReader, of element: WireKind
) throws(ONNXWireFault) -> Int? {
  do {
    return try slice.withBytes(UInt64(slice.remaining)) { packedCount($0, of: element) }
  } catch { throw wireFault(error) }
}

private func packedCount(_ bytes: RawSpan, of element: WireKind) -> Int? {
  switch element {
  case .fixed32: bytes.byteCount % 4 == 0 ? bytes.byteCount / 4 : nil
  case .fixed64: bytes.byteCount % 8 == 0 ? bytes.byteCount / 8 : nil
  case .varint: varintCount(bytes)
  case .delimited: nil
  }
}

private func wireFault(_ error: ByteIOError) -> ONNXWireFault {
  guard case .truncated(_, let offset, let needed, let available) = error else {
    preconditionFailure("a reader of bytes in memory only runs out of them: \(error)")
  }
  return .truncated(offset: offset, needed: needed, available: available)
}
