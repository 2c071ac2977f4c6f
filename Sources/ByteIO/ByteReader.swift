/// A cursor over bytes: little-endian values, each read checked against the end. Holds its bytes
/// alive. Offsets in errors count from the start of the file (or array) it was first made of.
package struct ByteReader {
  /// What the bytes are, for messages: a file name, "header of …".
  package let name: String
  /// Where the next read begins.
  package private(set) var offset: Int
  /// One past the last byte that may be read.
  package let end: Int
  private let base: UnsafeRawBufferPointer
  private let owner: AnyObject?

  /// Over a file. Errors: `range` is not within it.
  package init(_ file: MappedFile, range: Range<Int>? = nil) throws(ByteIOError) {
    let range = range ?? 0..<file.size
    guard range.lowerBound >= 0, range.upperBound <= file.size else {
      throw .truncated(
        name: file.name, offset: range.lowerBound, needed: UInt64(range.count),
        available: max(0, file.size - range.lowerBound))
    }
    name = file.name
    base = file.withUnsafeBytes { $0 }
    owner = file
    offset = range.lowerBound
    end = range.upperBound
  }

  /// Over a copy of `bytes`.
  package init(_ bytes: [UInt8], name: String) {
    let store = ByteStore(bytes)
    self.name = name
    base = store.memory
    owner = store
    offset = 0
    end = bytes.count
  }

  private init(name: String, base: UnsafeRawBufferPointer, owner: AnyObject?, range: Range<Int>) {
    self.name = name
    self.base = base
    self.owner = owner
    offset = range.lowerBound
    end = range.upperBound
  }

  package var remaining: Int { end - offset }
  package var isAtEnd: Bool { offset == end }

  /// Moves on by `count` bytes and gives where they lie. `count` may be any number a file claims.
  private mutating func take(_ count: UInt64) throws(ByteIOError) -> Range<Int> {
    guard count <= UInt64(end - offset) else {
      throw .truncated(name: name, offset: offset, needed: count, available: end - offset)
    }
    let start = offset
    offset += Int(count)
    return start..<offset
  }

  private mutating func load<T: FixedWidthInteger & BitwiseCopyable>(
    _: T.Type
  ) throws(ByteIOError) -> T {
    let range = try take(UInt64(MemoryLayout<T>.size))
    return withExtendedLifetime(owner) {
      T(littleEndian: base.loadUnaligned(fromByteOffset: range.lowerBound, as: T.self))
    }
  }

  package mutating func u8() throws(ByteIOError) -> UInt8 { try load(UInt8.self) }
  package mutating func u16() throws(ByteIOError) -> UInt16 { try load(UInt16.self) }
  package mutating func u32() throws(ByteIOError) -> UInt32 { try load(UInt32.self) }
  package mutating func u64() throws(ByteIOError) -> UInt64 { try load(UInt64.self) }
  package mutating func i8() throws(ByteIOError) -> Int8 { try load(Int8.self) }
  package mutating func i16() throws(ByteIOError) -> Int16 { try load(Int16.self) }
  package mutating func i32() throws(ByteIOError) -> Int32 { try load(Int32.self) }
  package mutating func i64() throws(ByteIOError) -> Int64 { try load(Int64.self) }
  package mutating func f32() throws(ByteIOError) -> Float {
    Float(bitPattern: try load(UInt32.self))
  }
  package mutating func f64() throws(ByteIOError) -> Double {
    Double(bitPattern: try load(UInt64.self))
  }

  /// A copy of the next `count` bytes.
  package mutating func bytes(_ count: UInt64) throws(ByteIOError) -> [UInt8] {
    let range = try take(count)
    return withExtendedLifetime(owner) { [UInt8](base[range]) }
  }

  /// The next `count` bytes as checked UTF-8.
  package mutating func string(_ count: UInt64) throws(ByteIOError) -> String {
    let start = offset
    let range = try take(count)
    let text = withExtendedLifetime(owner) { String(validating: base[range], as: UTF8.self) }
    guard let text else { throw .notUTF8(name: name, offset: start) }
    return text
  }

  /// Bytes up to and without the next `delimiter`, which is passed over.
  package mutating func bytes(upTo delimiter: UInt8, maximum: Int) throws(ByteIOError) -> [UInt8] {
    let limit = min(remaining, maximum)
    let length = withExtendedLifetime(owner) {
      base[offset..<offset + limit].firstIndex(of: delimiter).map { $0 - offset }
    }
    guard let length else {
      throw .truncated(name: name, offset: offset, needed: UInt64(limit) + 1, available: limit)
    }
    let result = try bytes(UInt64(length))
    offset += 1
    return result
  }

  /// A reader of the next `count` bytes alone; this one moves behind them.
  package mutating func slice(_ count: UInt64) throws(ByteIOError) -> ByteReader {
    ByteReader(name: name, base: base, owner: owner, range: try take(count))
  }

  package mutating func skip(_ count: UInt64) throws(ByteIOError) { _ = try take(count) }

  /// Goes to `position`. Errors: beyond the end.
  package mutating func seek(to position: UInt64) throws(ByteIOError) {
    guard position <= UInt64(end) else {
      throw .truncated(name: name, offset: end, needed: position - UInt64(end), available: 0)
    }
    offset = Int(position)
  }

  /// Lends the next `count` bytes and moves behind them.
  package mutating func withBytes<R>(
    _ count: UInt64, _ body: (RawSpan) throws(ByteIOError) -> R
  ) throws(ByteIOError) -> R {
    let range = try take(count)
    return try withExtendedLifetime(owner) { () throws(ByteIOError) -> R in
      try body(UnsafeRawBufferPointer(rebasing: base[range]).bytes)
    }
  }
}

/// Bytes at an address that does not move.
private final class ByteStore {
  let memory: UnsafeRawBufferPointer

  init(_ bytes: [UInt8]) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
    copy.copyBytes(from: bytes)
    memory = UnsafeRawBufferPointer(copy)
  }

  deinit { memory.deallocate() }
}
