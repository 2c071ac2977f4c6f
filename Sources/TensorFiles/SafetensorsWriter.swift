import ByteIO
import JSONText
import TensorBase

/// Writes a safetensors file in one atomic step. Order and padding are those of the reference
/// implementation: wide types first, then by name; the header padded with blanks to a multiple of
/// eight, so that every tensor is aligned. The same tensors and metadata give the same bytes.
///
/// Errors: two tensors of one name, or one named `__metadata__`; the file cannot be written.
package func writeSafetensors(
  _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:],
  to path: String
) throws(TensorFileError) {
  let file = lastComponent(of: path)
  var seen: Set<String> = ["__metadata__"]
  for (name, _) in tensors {
    guard seen.insert(name).inserted else { throw .duplicateTensor(file: file, name: name) }
  }
  let sorted = tensors.sorted { a, b in
    let (x, y) = (safetensorsRank(a.tensor.type), safetensorsRank(b.tensor.type))
    return x != y ? x < y : a.name.utf8.lexicographicallyPrecedes(b.name.utf8)
  }
  var header = JSONObject()
  if !metadata.isEmpty {
    var object = JSONObject()
    let keys = metadata.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    for key in keys { object[key] = metadata[key].map(JSONValue.string) }
    header["__metadata__"] = .object(object)
  }
  var offset = 0
  for (name, tensor) in sorted {
    let end = offset + tensor.byteCount
    header[name] = .object([
      "dtype": .string(safetensorsName(tensor.type)),
      "shape": .array(tensor.shape.dimensions.map { .integer(Int64($0)) }),
      "data_offsets": .array([.integer(Int64(offset)), .integer(Int64(end))]),
    ])
    offset = end
  }
  var text = Array(JSONValue.object(header).text().utf8)
  text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
  guard text.count <= safetensorsHeaderLimit else {
    throw .safetensors(
      file: file,
      .headerTooLong(length: UInt64(text.count), maximum: safetensorsHeaderLimit))
  }
  try bytesErrors { () throws(ByteIOError) in
    var writer = try AtomicFileWriter(path: path)
    try writer.append(littleEndian: UInt64(text.count))
    try writer.append(text)
    for (_, tensor) in sorted {
      try tensor.withUnsafeBytes { bytes throws(ByteIOError) in try writer.append(bytes.bytes) }
    }
    try writer.commit()
  }
}

private func safetensorsName(_ type: ElementType) -> String { type.rawValue.uppercased() }

/// Place in the order of writing: no type comes before a wider one.
private func safetensorsRank(_ type: ElementType) -> Int {
  switch type {
  case .u64: 0
  case .i64: 1
  case .f64: 2
  case .f32: 3
  case .u32: 4
  case .i32: 5
  case .bf16: 6
  case .f16: 7
  case .u16: 8
  case .i16: 9
  case .i8: 10
  case .u8: 11
  case .bool: 12
  }
}
