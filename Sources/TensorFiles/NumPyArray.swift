import ByteIO
import TensorBase

let npyMagic: [UInt8] = [0x93] + Array("NUMPY".utf8)

/// Longest .npy header read, in bytes.
private let headerLimit = 1 << 16

/// Reads an .npy file; its one tensor is named after the file.
func readNPY(_ file: MappedFile) throws(TensorFileError) -> StoredTensor {
  let name = file.name.hasSuffix(".npy") ? String(file.name.dropLast(4)) : file.name
  let head = file.withUnsafeBytes { [UInt8]($0.prefix(headerLimit + 12)) }
  let source = ByteSource(file: file, range: 0..<file.size, packing: .plain, entry: "")
  return try stored(head, source: source, name: name, entry: nil)
}

/// Reads the arrays of an .npz, each named as its entry without `.npy`.
func readNPZ(_ file: MappedFile) throws(TensorFileError) -> [StoredTensor] {
  // numpy.savez of nothing writes an end record alone.
  let archive: ZipArchive
  do { archive = try ZipArchive(file) } catch { throw .zip(file: file.name, error) }
  var result: [StoredTensor] = []
  for entry in archive.entries {
    guard entry.name.hasSuffix(".npy") else {
      throw .numpy(file: file.name, entry: entry.name, .notAnArray)
    }
    let head: [UInt8]
    do { head = try entry.source.prefix(headerLimit + 12) } catch {
      throw .zip(file: file.name, .damaged(name: entry.name, reason: clause(error)))
    }
    let name = String(entry.name.dropLast(4))
    result.append(try stored(head, source: entry.source, name: name, entry: entry.name))
  }
  return result
}

extension ByteSource {
  /// The first unpacked bytes, unchecked: what they claim is held against the checked ones later.
  fileprivate func prefix(_ count: Int) throws(ByteIOError) -> [UInt8] {
    switch packing {
    case .plain, .stored:
      return try file.bytes(in: range.lowerBound..<range.lowerBound + min(count, range.count))
    case .deflated(_, let size):
      return try file.withBytes(in: range) { packed throws(ByteIOError) in
        try inflatePrefix(packed, count: min(count, size))
      }
    }
  }
}

private func stored(
  _ head: [UInt8], source: ByteSource, name: String, entry: String?
) throws(TensorFileError) -> StoredTensor {
  let header: NumPyHeader
  do {
    header = try NumPyHeader(head)
  } catch {
    throw .numpy(file: source.file.name, entry: entry, error)
  }
  let type: ElementType
  if let known = numPyTypes[header.type] {
    type = known
  } else if header.type.hasPrefix(">") {
    throw .numpy(file: source.file.name, entry: entry, .bigEndian(type: header.type))
  } else {
    throw .unsupportedType(file: source.file.name, tensor: name, type: header.type)
  }
  let shape: Shape
  do { shape = try Shape(checking: header.dimensions) } catch {
    throw .badShape(file: source.file.name, tensor: name, error)
  }
  let descriptor = TensorDescriptor(name: name, type: type, shape: shape)
  guard source.size - header.length == descriptor.byteCount else {
    let found = source.size - header.length
    throw .numpy(
      file: source.file.name, entry: entry,
      .wrongSize(found: found, expected: descriptor.byteCount))
  }
  // Column-major is row-major of the reversed shape; strides turn it round.
  let reversed = header.isFortranOrder && shape.rank > 1 && shape.count > 0
  return StoredTensor(
    descriptor: descriptor, source: source, byteOffset: header.length,
    strides: reversed
      ? Array(Shape(Array(header.dimensions.reversed())).strides.reversed()) : nil)
}

let numPyTypes: [String: ElementType] = [
  "<f4": .f32, "<f8": .f64, "<f2": .f16, "|b1": .bool, "|i1": .i8, "|u1": .u8,
  "<i2": .i16, "<i4": .i32, "<i8": .i64, "<u2": .u16, "<u4": .u32, "<u8": .u64,
]

/// The header of an .npy: magic, version, length, and a Python dictionary of exactly `descr`,
/// `fortran_order` and `shape`.
struct NumPyHeader {
  /// As NumPy spells it, for example `<f4`.
  private(set) var type = ""
  private(set) var isFortranOrder = false
  private(set) var dimensions: [Int] = []
  /// Of everything in front of the elements, in bytes.
  let length: Int

  private var text: ArraySlice<UInt8>

  init(_ head: [UInt8]) throws(NumPyFault) {
    guard head.starts(with: npyMagic) else { throw .noMagic }
    guard head.count >= 10 else { throw .truncated }
    let (major, minor) = (head[6], head[7])
    guard (1...3).contains(major), minor == 0 else {
      throw .version(major: major, minor: minor)
    }
    var claimed = Int(head[8]) | Int(head[9]) << 8
    var start = 10
    if major > 1 {
      guard head.count >= 12 else { throw .truncated }
      claimed |= Int(head[10]) << 16 | Int(head[11]) << 24
      start = 12
    }
    guard claimed <= headerLimit else {
      throw .headerTooLong(length: claimed, maximum: headerLimit)
    }
    guard head.count >= start + claimed else { throw .truncated }
    length = start + claimed
    text = head[start..<start + claimed]
    try parse()
  }

  private mutating func parse() throws(NumPyFault) {
    var seen: Set<String> = []
    try expect("{", "a dictionary")
    while !accept("}") {
      let key = try quotedText()
      guard seen.insert(key).inserted else {
        throw .badHeader(offset: text.startIndex, expected: "each key once")
      }
      try expect(":", "a colon")
      switch key {
      case "descr": type = try quotedText()
      case "fortran_order": isFortranOrder = try flag()
      case "shape": dimensions = try tuple()
      default:
        throw .badHeader(
          offset: text.startIndex, expected: "only descr, fortran_order and shape")
      }
      if !accept(",") {
        try expect("}", "a comma or the end of the dictionary")
        break
      }
    }
    guard seen.count == 3 else {
      throw .badHeader(offset: text.startIndex, expected: "descr, fortran_order and shape")
    }
    skipBlanks()
    guard text.isEmpty else {
      throw .badHeader(offset: text.startIndex, expected: "nothing behind the dictionary")
    }
  }

  private mutating func skipBlanks() {
    text = text.drop { $0 == 0x20 || $0 == 0x0A || $0 == 0x09 || $0 == 0x0D }
  }

  private mutating func accept(_ word: String) -> Bool {
    skipBlanks()
    guard text.starts(with: word.utf8) else { return false }
    text = text.dropFirst(word.utf8.count)
    return true
  }

  private mutating func expect(_ word: String, _ what: String) throws(NumPyFault) {
    guard accept(word) else { throw .badHeader(offset: text.startIndex, expected: what) }
  }

  private mutating func quotedText() throws(NumPyFault) -> String {
    skipBlanks()
    guard let quote = text.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\""),
      let end = text.dropFirst().firstIndex(of: quote),
      let result = String(validating: text[(text.startIndex + 1)..<end], as: UTF8.self),
      !result.utf8.contains(UInt8(ascii: "\\"))
    else {
      throw .badHeader(offset: text.startIndex, expected: "plain text in quotes")
    }
    text = text[(end + 1)...]
    return result
  }

  private mutating func flag() throws(NumPyFault) -> Bool {
    if accept("True") { return true }
    if accept("False") { return false }
    throw .badHeader(offset: text.startIndex, expected: "True or False")
  }

  private mutating func tuple() throws(NumPyFault) -> [Int] {
    try expect("(", "a tuple")
    var result: [Int] = []
    while !accept(")") {
      skipBlanks()
      let digits = text.prefix { (0x30...0x39).contains($0) }
      guard let number = Int(String(decoding: digits, as: UTF8.self)), result.count < 64 else {
        throw .badHeader(offset: text.startIndex, expected: "whole numbers from 0 on")
      }
      text = text.dropFirst(digits.count)
      result.append(number)
      if !accept(",") {
        guard result.count > 1 else {
          throw .badHeader(offset: text.startIndex, expected: "a comma in a tuple of one")
        }
        try expect(")", "a comma or the end of the tuple")
        break
      }
    }
    return result
  }
}
