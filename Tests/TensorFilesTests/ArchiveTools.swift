import ByteIO
import Glibc
import Testing

/// A stored entry of a small archive.
struct StoredEntry {
  let name: String
  var bytes: [UInt8]
}

/// The entries of an archive whose entries are all stored, by its local headers; nil for another.
func storedEntries(_ archive: [UInt8]) -> [StoredEntry]? {
  var reader = ByteReader(archive, name: "archive")
  var directory: [(start: UInt64, size: UInt64)] = []
  // torch writes sizes behind the data: they are taken from the directory.
  guard let end = archive.indices.last(where: { archive[$0...].starts(with: [0x50, 0x4B, 5, 6]) })
  else { return nil }
  do {
    try reader.seek(to: UInt64(end) + 16)
    try reader.seek(to: UInt64(reader.u32()))
    while try reader.u32() == 0x0201_4B50 {
      try reader.skip(6)
      guard try reader.u16() == 0 else { return nil }
      try reader.skip(8)
      _ = try reader.u32()
      let size = UInt64(try reader.u32())
      let lengths = UInt64(try reader.u16()) + UInt64(try reader.u16())
      let comment = UInt64(try reader.u16())
      try reader.skip(8)
      directory.append((UInt64(try reader.u32()), size))
      try reader.skip(lengths + comment)
    }
    return try directory.map { entry in
      try reader.seek(to: entry.start + 26)
      let (name, extra) = (UInt64(try reader.u16()), UInt64(try reader.u16()))
      let text = try reader.string(name)
      try reader.skip(extra)
      return StoredEntry(name: text, bytes: try reader.bytes(entry.size))
    }
  } catch {
    return nil
  }
}

/// A zip of stored entries with right checksums.
func archive(_ entries: [StoredEntry]) -> [UInt8] {
  var data: [UInt8] = []
  var directory: [UInt8] = []
  for entry in entries {
    let size = little(UInt32(entry.bytes.count))
    let common =
      [20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0] + little(crc32(entry.bytes)) + size + size
      + little(UInt16(entry.name.utf8.count)) + [0, 0]
    directory += [0x50, 0x4B, 1, 2, 20, 0] + common + [UInt8](repeating: 0, count: 10)
    directory += little(UInt32(data.count)) + Array(entry.name.utf8)
    data += [0x50, 0x4B, 3, 4] + common + Array(entry.name.utf8) + entry.bytes
  }
  let count = little(UInt16(entries.count))
  return data + directory + [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + count + count
    + little(UInt32(directory.count)) + little(UInt32(data.count)) + [0, 0]
}

func makeLink(_ path: String, to target: String) throws {
  try #require(symlink(target, path) == 0)
}

private func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
  (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> T($0 * 8)) }
}
