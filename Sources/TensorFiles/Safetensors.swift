import ByteIO
import JSONText
import TensorBase

/// Reads the header of a safetensors file; the rules are those of formats/safetensors.md.
func readSafetensors(
  _ file: MappedFile
) throws(TensorFileError) -> (tensors: [StoredTensor], metadata: [String: String]) {
  let header: JSONObject
  let dataStart: Int
  do {
    (header, dataStart) = try safetensorsHeader(file)
  } catch {
    throw .safetensors(file: file.name, error)
  }
  var metadata: [String: String] = [:]
  var entries: [SafetensorsEntry] = []
  for (name, value) in header.members {
    do {
      if name == "__metadata__" {
        metadata = try safetensorsMetadata(value)
      } else {
        entries.append(try SafetensorsEntry(name, value))
      }
    } catch {
      throw .safetensors(file: file.name, error)
    }
  }
  let available = file.size - dataStart
  var tensors: [StoredTensor] = []
  tensors.reserveCapacity(entries.count)
  for entry in entries {
    guard let type = safetensorsTypes[entry.type] else {
      throw .unsupportedType(file: file.name, tensor: entry.name, type: entry.type)
    }
    let shape: Shape
    do { shape = try Shape(checking: entry.dimensions) } catch {
      throw .badShape(file: file.name, tensor: entry.name, error)
    }
    let descriptor = TensorDescriptor(name: entry.name, type: type, shape: shape)
    do { try entry.check(descriptor, available: available) } catch {
      throw .safetensors(file: file.name, error)
    }
    let range = dataStart + entry.begin..<dataStart + entry.end
    let source = ByteSource(file: file, range: range, packing: .plain, entry: "")
    tensors.append(
      StoredTensor(descriptor: descriptor, source: source, byteOffset: 0, strides: nil))
  }
  do { try checkCoverage(entries, available: available) } catch {
    throw .safetensors(file: file.name, error)
  }
  return (tensors, metadata)
}

let safetensorsTypes: [String: ElementType] = [
  "F64": .f64, "F32": .f32, "F16": .f16, "BF16": .bf16,
  "I64": .i64, "I32": .i32, "I16": .i16, "I8": .i8,
  "U64": .u64, "U32": .u32, "U16": .u16, "U8": .u8, "BOOL": .bool,
]

/// The longest header allowed, in bytes; the limit of the reference implementation.
let safetensorsHeaderLimit = 100_000_000

private func safetensorsHeader(
  _ file: MappedFile
) throws(SafetensorsFault) -> (JSONObject, dataStart: Int) {
  guard file.size >= 8 else { throw .tooShort(size: file.size) }
  let length = file.withUnsafeBytes {
    UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
  }
  guard length <= UInt64(safetensorsHeaderLimit) else {
    throw .headerTooLong(length: length, maximum: safetensorsHeaderLimit)
  }
  let end = 8 + Int(length)
  guard end <= file.size else {
    throw .headerBeyondEnd(length: length, available: file.size - 8)
  }
  let text = file.withUnsafeBytes { [UInt8]($0[8..<end]) }
  guard text.first == UInt8(ascii: "{") else { throw .headerStart(byte: text.first ?? 0) }
  let value: JSONValue
  do { value = try JSONValue(parsing: text, maximumDepth: 8) } catch {
    throw .notJSON(reason: clause(error))
  }
  guard let header = value.objectValue else { throw .notJSON(reason: "it is not an object") }
  return (header, end)
}

private func safetensorsMetadata(
  _ value: JSONValue
) throws(SafetensorsFault) -> [String: String] {
  guard let object = value.objectValue else { throw .metadataNotStrings }
  var result: [String: String] = [:]
  for (key, value) in object.members {
    guard let text = value.stringValue else { throw .metadataNotStrings }
    result[key] = text
  }
  return result
}

private struct SafetensorsEntry {
  let name: String
  let type: String
  let dimensions: [Int]
  let begin: Int
  let end: Int

  init(_ name: String, _ value: JSONValue) throws(SafetensorsFault) {
    guard let object = value.objectValue else { throw .entryNotObject(tensor: name) }
    for key in object.keys where !["dtype", "shape", "data_offsets"].contains(key) {
      throw .unknownKey(tensor: name, key: key)
    }
    guard let type = object["dtype"]?.stringValue else {
      throw .missingKey(tensor: name, key: "dtype")
    }
    guard let shape = object["shape"]?.arrayValue else {
      throw .missingKey(tensor: name, key: "shape")
    }
    guard let offsets = object["data_offsets"]?.arrayValue else {
      throw .missingKey(tensor: name, key: "data_offsets")
    }
    let dimensions = shape.compactMap(wholeNumber)
    guard dimensions.count == shape.count else { throw .badDimension(tensor: name) }
    let ends = offsets.compactMap(wholeNumber)
    guard ends.count == 2, offsets.count == 2 else { throw .badOffsets(tensor: name) }
    self.name = name
    self.type = type
    self.dimensions = dimensions
    (begin, end) = (ends[0], ends[1])
  }

  /// `available`: bytes behind the header.
  func check(
    _ descriptor: TensorDescriptor, available: Int
  ) throws(SafetensorsFault) {
    guard begin <= end else { throw .offsetsReversed(tensor: name, begin: begin, end: end) }
    guard end <= available else {
      throw .offsetsBeyondEnd(tensor: name, end: end, available: available)
    }
    guard end - begin == descriptor.byteCount else {
      throw .wrongSize(tensor: name, found: end - begin, expected: descriptor.byteCount)
    }
  }
}

private func wholeNumber(_ value: JSONValue) -> Int? {
  guard case .integer(let number) = value, number >= 0 else { return nil }
  return Int(number)
}

/// The tensors must tile the data: no hole, no overlap, nothing behind the last.
private func checkCoverage(
  _ entries: [SafetensorsEntry], available: Int
) throws(SafetensorsFault) {
  var reached = 0
  for entry in entries.sorted(by: { ($0.begin, $0.end) < ($1.begin, $1.end) }) {
    if entry.begin > reached {
      throw .hole(tensor: entry.name, begin: entry.begin, expected: reached)
    }
    if entry.begin < reached {
      throw .overlap(tensor: entry.name, begin: entry.begin, expected: reached)
    }
    reached = entry.end
  }
  if reached < available { throw .trailingBytes(count: available - reached) }
}
