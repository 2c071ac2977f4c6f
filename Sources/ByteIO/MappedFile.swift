import CByteIO
import Glibc

/// A regular file mapped read-only. Immutable; the mapping goes away with the last reference, so it
/// serves as the owner of tensors that point into it. An empty file maps to zero bytes.
///
/// The size is the one found at opening. Another program that truncates the file meanwhile takes
/// the pages away, which the system reports as SIGBUS: the process then ends with a sentence that
/// names the file, and status 2 (CByteIO.h). Nothing can turn that into an error that is thrown.
///
/// `@unchecked Sendable`: all fields are `let`, and the memory is mapped without write access.
package final class MappedFile: @unchecked Sendable {
  /// The path as given to `init`.
  package let path: String
  /// The last component of `path`.
  package let name: String
  /// In bytes.
  package let size: Int
  private let memory: UnsafeRawBufferPointer
  /// The mapping's place among those whose loss is explained.
  private let note: Int32

  /// Errors: no such file, a folder, not a regular file, no right to read, other system errors.
  package init(path: String) throws(ByteIOError) {
    let memory = try withRegularFile(path) { descriptor, size throws(ByteIOError) in
      guard size > 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
      let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
      guard let address, address != MAP_FAILED else {
        throw systemError(errno, path: path, action: "map")
      }
      return UnsafeRawBufferPointer(start: address, count: size)
    }
    self.path = path
    self.name = lastComponent(of: path)
    self.size = memory.count
    self.memory = memory
    note = memory.baseAddress.map { plumb_note_mapping($0, memory.count, path) } ?? -1
  }

  deinit {
    if let address = memory.baseAddress {
      plumb_forget_mapping(note)
      munmap(UnsafeMutableRawPointer(mutating: address), memory.count)
    }
  }

  /// All bytes; the pointer is valid as long as this object lives.
  package func withUnsafeBytes<R, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    try withExtendedLifetime(self) { () throws(E) -> R in try body(memory) }
  }

  /// The bytes of `range`. Precondition: the range lies within the file.
  package func withBytes<R, E: Error>(
    in range: Range<Int>, _ body: (RawSpan) throws(E) -> R
  ) throws(E) -> R {
    precondition(range.lowerBound >= 0 && range.upperBound <= size, "range outside the file")
    return try withExtendedLifetime(self) { () throws(E) -> R in
      try body(UnsafeRawBufferPointer(rebasing: memory[range]).bytes)
    }
  }

  /// A copy of the bytes of `range`; for small pieces. Errors: the range is not within the file.
  package func bytes(in range: Range<Int>) throws(ByteIOError) -> [UInt8] {
    guard range.lowerBound >= 0, range.upperBound <= size else {
      throw .truncated(
        name: name, offset: range.lowerBound, needed: UInt64(range.count),
        available: max(0, size - range.lowerBound))
    }
    return [UInt8](memory[range])
  }

  /// Gives the resident pages of `range` back to the system; they are read again from the file when
  /// next touched. Only whole pages inside the range go, so neighbours stay warm.
  package func release(_ range: Range<Int>) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    guard page > 0, let base = memory.baseAddress else { return }
    let clamped = range.clamped(to: 0..<size)
    let first = (clamped.lowerBound + page - 1) / page * page
    // The last page of the file is partly beyond it and belongs to nobody else.
    let last = clamped.upperBound == size ? size : clamped.upperBound / page * page
    guard first < last else { return }
    madvise(UnsafeMutableRawPointer(mutating: base + first), last - first, MADV_DONTNEED)
  }

  /// Asks the system to read `range` ahead.
  package func prefetch(_ range: Range<Int>) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let clamped = range.clamped(to: 0..<size)
    guard page > 0, !clamped.isEmpty, let base = memory.baseAddress else { return }
    let first = clamped.lowerBound / page * page
    let start = UnsafeMutableRawPointer(mutating: base + first)
    madvise(start, clamped.upperBound - first, MADV_WILLNEED)
  }
}
