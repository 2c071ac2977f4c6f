import ByteIO
import TensorBase

/// Writes one array as an .npy of version 1.0, row-major, in one atomic step. Errors: NumPy has no
/// such element type (bf16); the file cannot be written.
package func writeNPY(_ tensor: Tensor, to path: String) throws(TensorFileError) {
  let header: [UInt8]
  do { header = try npyHeader(tensor) } catch {
    throw .numpy(file: lastComponent(of: path), entry: nil, error)
  }
  try bytesErrors { () throws(ByteIOError) in
    var writer = try AtomicFileWriter(path: path)
    try writer.append(header)
    try tensor.withUnsafeBytes { bytes throws(ByteIOError) in try writer.append(bytes.bytes) }
    try writer.commit()
  }
}

/// Writes arrays as an .npz, stored, in the order given, in one atomic step. Entries bear a fixed
/// date, so that the same arrays give the same bytes. Errors: as `writeNPY`; a name that is empty,
/// comes twice, or cannot be an entry's.
package func writeNPZ(
  _ tensors: [(name: String, tensor: Tensor)], to path: String
) throws(TensorFileError) {
  let file = lastComponent(of: path)
  var seen: Set<String> = []
  var entries: [ZipWriterEntry] = []
  for (name, tensor) in tensors {
    guard seen.insert(name).inserted else { throw .duplicateTensor(file: file, name: name) }
    do {
      guard !name.isEmpty, !name.utf8.contains(0), name.utf8.count < ZipArchive.nameLimit - 4
      else { throw NumPyFault.badName(name) }
      entries.append(
        ZipWriterEntry(name: name + ".npy", header: try npyHeader(tensor), tensor: tensor))
    } catch let fault as NumPyFault {
      throw .numpy(file: file, entry: name, fault)
    } catch {
      throw .numpy(file: file, entry: name, .badName(name))
    }
  }
  try bytesErrors { () throws(ByteIOError) in
    var writer = try AtomicFileWriter(path: path)
    var directory: [UInt8] = []
    for entry in entries {
      let offset = writer.count
      try writer.append(entry.localHeader())
      try writer.append(entry.header)
      try entry.tensor.withUnsafeBytes { bytes throws(ByteIOError) in
        try writer.append(bytes.bytes)
      }
      directory += entry.directoryRecord(offset: offset)
    }
    let start = writer.count
    try writer.append(directory)
    try writer.append(
      zipEnd(count: entries.count, directoryStart: start, directorySize: directory.count))
    try writer.commit()
  }
}

private func npyHeader(_ tensor: Tensor) throws(NumPyFault) -> [UInt8] {
  guard let type = numPyTypes.first(where: { $0.value == tensor.type })?.key else {
    throw .noNumPyType(tensor.type)
  }
  let dimensions = tensor.shape.dimensions
  let shape =
    dimensions.count == 1
    ? "(\(dimensions[0]),)" : "(" + dimensions.map(String.init).joined(separator: ", ") + ")"
  let text = "{'descr': '\(type)', 'fortran_order': False, 'shape': \(shape), }"
  // NumPy ends the header with a line feed, elements begin at a multiple of 64.
  let unpadded = 10 + text.utf8.count + 1
  let padding = (64 - unpadded % 64) % 64
  let length = unpadded - 10 + padding
  return npyMagic + [1, 0, UInt8(length & 255), UInt8(length >> 8)] + Array(text.utf8)
    + [UInt8](repeating: 0x20, count: padding) + [0x0A]
}

/// A stored entry to be written. Sizes are always given in zip64 fields as well when they need it.
private struct ZipWriterEntry {
  let name: String
  let header: [UInt8]
  let tensor: Tensor
  let crc: UInt32

  init(name: String, header: [UInt8], tensor: Tensor) {
    self.name = name
    self.header = header
    self.tensor = tensor
    crc = tensor.withUnsafeBytes { crc32($0.bytes, continuing: crc32(header)) }
  }

  private var size: Int { header.count + tensor.byteCount }
  private var isLarge: Bool { size >= 0xFFFF_FFFF }

  /// Version needed, flags (bit 11: the name is UTF-8), method, 1980-01-01 0:00, CRC-32.
  private var common: [UInt8] {
    little(UInt16(45)) + little(UInt16(1 << 11)) + little(UInt16(0)) + little(UInt16(0))
      + little(UInt16(0x21)) + little(crc)
  }

  func localHeader() -> [UInt8] {
    let short = isLarge ? UInt32.max : UInt32(size)
    let extra = isLarge ? zip64([size, size]) : []
    return little(UInt32(0x0403_4B50)) + common + little(short) + little(short)
      + little(UInt16(name.utf8.count)) + little(UInt16(extra.count)) + Array(name.utf8) + extra
  }

  func directoryRecord(offset: Int) -> [UInt8] {
    let far = offset >= 0xFFFF_FFFF
    let short = isLarge ? UInt32.max : UInt32(size)
    let long = (isLarge ? [size, size] : []) + (far ? [offset] : [])
    let extra = long.isEmpty ? [] : zip64(long)
    return little(UInt32(0x0201_4B50)) + little(UInt16(45)) + common + little(short)
      + little(short) + little(UInt16(name.utf8.count)) + little(UInt16(extra.count))
      + [UInt8](repeating: 0, count: 10) + little(far ? UInt32.max : UInt32(offset))
      + Array(name.utf8) + extra
  }
}

private func zip64(_ values: [Int]) -> [UInt8] {
  little(UInt16(1)) + little(UInt16(values.count * 8)) + values.flatMap { little(UInt64($0)) }
}

/// The end record, behind zip64's own where numbers outgrow it.
private func zipEnd(count: Int, directoryStart: Int, directorySize: Int) -> [UInt8] {
  var result: [UInt8] = []
  let large = count >= 0xFFFF || directoryStart >= 0xFFFF_FFFF || directorySize >= 0xFFFF_FFFF
  if large {
    result += little(UInt32(0x0606_4B50)) + little(UInt64(44)) + little(UInt16(45))
    result += little(UInt16(45)) + little(UInt32(0)) + little(UInt32(0))
    result += little(UInt64(count)) + little(UInt64(count))
    result += little(UInt64(directorySize)) + little(UInt64(directoryStart))
    result += little(UInt32(0x0706_4B50)) + little(UInt32(0))
    result += little(UInt64(directoryStart + directorySize)) + little(UInt32(1))
  }
  let entries = UInt16(clamping: count)
  result += little(UInt32(0x0605_4B50)) + little(UInt32(0)) + little(entries) + little(entries)
  result += little(UInt32(clamping: directorySize)) + little(UInt32(clamping: directoryStart))
  return result + little(UInt16(0))
}

private func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }
}
