import ByteIO

/// The directory of a zip archive (APPNOTE 6.3, with zip64), read whole and checked: every entry
/// lies within the data, none overlaps another, no name comes twice. Entries are stored or
/// deflated; encryption, other methods and archives over several disks are refused.
struct ZipArchive {
  struct Entry {
    let name: String
    let source: ByteSource
  }

  let file: MappedFile
  /// In the order of the directory.
  let entries: [Entry]
  private let indexByName: [String: Int]

  static let entryLimit = 1 << 20
  static let nameLimit = 4096

  init(_ file: MappedFile) throws(ZipFault) {
    self.file = file
    let directory = try locateDirectory(file)
    var reader: ByteReader
    do {
      reader = try ByteReader(file, range: directory.range)
    } catch {
      throw .badDirectory(offset: directory.range.lowerBound, reason: clause(error))
    }
    var entries: [Entry] = []
    var indexByName: [String: Int] = [:]
    for _ in 0..<directory.count {
      let entry = try ZipDirectoryRecord(&reader).located(in: file, before: directory.range)
      guard indexByName.updateValue(entries.count, forKey: entry.name) == nil else {
        throw .duplicateEntry(name: entry.name)
      }
      entries.append(entry)
    }
    guard reader.isAtEnd else {
      throw .badDirectory(
        offset: reader.offset, reason: "\(reader.remaining) bytes follow the last entry")
    }
    self.entries = entries
    self.indexByName = indexByName
    try checkOverlap()
  }

  func entry(named name: String) -> Entry? { indexByName[name].map { entries[$0] } }

  /// The unpacked bytes of a small entry.
  func bytes(of entry: Entry, maximum: Int) throws(TensorFileError) -> [UInt8] {
    guard entry.source.size <= maximum else {
      throw .zip(
        file: file.name,
        .tooLarge(name: entry.name, size: entry.source.size, maximum: maximum))
    }
    var unpacked = Unpacked()
    let (memory, owner) = try entry.source.memory(&unpacked)
    return withExtendedLifetime(owner) { [UInt8](memory) }
  }

  private func checkOverlap() throws(ZipFault) {
    let sorted = entries.sorted { $0.source.range.lowerBound < $1.source.range.lowerBound }
    for (entry, next) in zip(sorted, sorted.dropFirst())
    where next.source.range.lowerBound < entry.source.range.upperBound {
      throw .overlap(name: next.name, other: entry.name)
    }
  }
}

/// Where the directory lies, from the end record (and zip64's, when there is one).
private func locateDirectory(
  _ file: MappedFile
) throws(ZipFault) -> (range: Range<Int>, count: Int) {
  let recordSize = 22
  guard file.size >= recordSize else { throw .noEndRecord }
  // The record ends the file, behind it only its comment of at most 65,535 bytes.
  let lowest = max(0, file.size - recordSize - 0xFFFF)
  let found = file.withUnsafeBytes { bytes in
    stride(from: file.size - recordSize, through: lowest, by: -1).first { offset in
      u32(bytes, offset) == 0x0605_4B50
        && offset + recordSize + u16(bytes, offset + 20) == file.size
    }
  }
  guard let record = found else { throw .noEndRecord }
  return try file.withUnsafeBytes { bytes throws(ZipFault) in
    var disks = [u16(bytes, record + 4), u16(bytes, record + 6)]
    var counts = [UInt64(u16(bytes, record + 8)), UInt64(u16(bytes, record + 10))]
    var size = UInt64(u32(bytes, record + 12))
    var start = UInt64(u32(bytes, record + 16))
    var limit = record
    if record >= 20, u32(bytes, record - 20) == 0x0706_4B50 {
      let place = u64(bytes, record - 12)
      guard record >= 76, place <= UInt64(record - 76), u32(bytes, Int(place)) == 0x0606_4B50 else {
        throw .badDirectory(offset: record - 20, reason: "the zip64 end record is not there")
      }
      let record64 = Int(place)
      disks = [Int(u32(bytes, record64 + 16)), Int(u32(bytes, record64 + 20))]
      counts = [u64(bytes, record64 + 24), u64(bytes, record64 + 32)]
      size = u64(bytes, record64 + 40)
      start = u64(bytes, record64 + 48)
      limit = record64
    }
    guard disks == [0, 0], counts[0] == counts[1] else { throw .severalDisks }
    let (end, overflow) = start.addingReportingOverflow(size)
    guard !overflow, end == UInt64(limit) else {
      throw .badDirectory(
        offset: record, reason: "the end record does not lie right behind the directory")
    }
    // A record of the directory takes at least 46 bytes.
    guard counts[0] <= UInt64(ZipArchive.entryLimit), counts[0] <= size / 46 else {
      throw .tooManyEntries(count: counts[0])
    }
    return (Int(start)..<limit, Int(counts[0]))
  }
}

/// One record of the central directory.
private struct ZipDirectoryRecord {
  let name: String
  let flags: UInt16
  let method: UInt16
  let crc: UInt32
  let packed: UInt64
  let unpacked: UInt64
  let headerOffset: UInt64

  init(_ reader: inout ByteReader) throws(ZipFault) {
    let start = reader.offset
    do {
      guard try reader.u32() == 0x0201_4B50 else {
        throw ZipFault.badDirectory(offset: start, reason: "an entry's signature is missing")
      }
      try reader.skip(4)
      flags = try reader.u16()
      method = try reader.u16()
      try reader.skip(4)
      crc = try reader.u32()
      var packed = UInt64(try reader.u32())
      var unpacked = UInt64(try reader.u32())
      let nameLength = Int(try reader.u16())
      let extraLength = UInt64(try reader.u16())
      let commentLength = UInt64(try reader.u16())
      let disk = try reader.u16()
      try reader.skip(6)
      var headerOffset = UInt64(try reader.u32())
      let nameBytes = try reader.bytes(UInt64(nameLength))
      var extra = try reader.slice(extraLength)
      try reader.skip(commentLength)
      guard let name = String(validating: nameBytes, as: UTF8.self), !name.isEmpty,
        nameLength <= ZipArchive.nameLimit, !nameBytes.contains(0)
      else { throw ZipFault.badName(offset: start) }
      guard disk == 0 else { throw ZipFault.severalDisks }
      // Fields at their maximum are continued, in this order, in extra field 1.
      while extra.remaining >= 4 {
        let id = try extra.u16()
        var field = try extra.slice(UInt64(try extra.u16()))
        guard id == 1 else { continue }
        if unpacked == 0xFFFF_FFFF { unpacked = try field.u64() }
        if packed == 0xFFFF_FFFF { packed = try field.u64() }
        if headerOffset == 0xFFFF_FFFF { headerOffset = try field.u64() }
      }
      self.name = name
      (self.packed, self.unpacked, self.headerOffset) = (packed, unpacked, headerOffset)
    } catch let fault as ZipFault {
      throw fault
    } catch {
      throw .badDirectory(offset: start, reason: "an entry is cut short")
    }
  }

  /// The entry's bytes, found through its local header. `directory` begins where data must end.
  func located(
    in file: MappedFile, before directory: Range<Int>
  ) throws(ZipFault) -> ZipArchive.Entry {
    guard flags & 1 == 0 else { throw .encrypted(name: name) }
    guard method == 0 || method == 8 else {
      throw .unknownMethod(name: name, method: Int(method))
    }
    let limit = UInt64(directory.lowerBound)
    guard headerOffset <= limit, limit - headerOffset >= 30 else { throw .outside(name: name) }
    let header = Int(headerOffset)
    let (matches, lengths) = file.withUnsafeBytes { bytes in
      (
        u32(bytes, header) == 0x0403_4B50 && u16(bytes, header + 8) == Int(method)
          && u16(bytes, header + 26) == name.utf8.count,
        u16(bytes, header + 26) + u16(bytes, header + 28)
      )
    }
    guard matches else { throw .localMismatch(name: name) }
    let start = header + 30 + lengths
    guard start <= directory.lowerBound, packed <= UInt64(directory.lowerBound - start) else {
      throw .outside(name: name)
    }
    let sameName = file.withUnsafeBytes {
      $0[header + 30..<header + 30 + name.utf8.count].elementsEqual(name.utf8)
    }
    guard sameName else { throw .localMismatch(name: name) }
    // Deflate makes at most 1,032 bytes of one.
    let most = method == 0 ? packed : packed.multipliedReportingOverflow(by: 1032).partialValue
    guard let size = Int(exactly: unpacked), unpacked <= most, method == 8 || unpacked == packed
    else {
      throw .impossibleSize(
        name: name, packed: Int(packed), unpacked: Int(clamping: unpacked))
    }
    let source = ByteSource(
      file: file, range: start..<start + Int(packed),
      packing: method == 0 ? .stored(crc: crc) : .deflated(crc: crc, size: size), entry: name)
    return ZipArchive.Entry(name: name, source: source)
  }
}

// Little-endian loads; the callers have checked the offset.
private func u16(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Int {
  Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
}

private func u32(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
  UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
}

private func u64(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
  UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
}
