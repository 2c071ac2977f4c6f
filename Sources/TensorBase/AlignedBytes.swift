import Glibc

/// A block of zeroed memory, aligned to 64 bytes (a cache line, an AVX-512 vector); freed with
/// its owner.
package struct AlignedBytes: ~Copyable {
  package static let alignment = 64

  package let bytes: UnsafeMutableRawBufferPointer

  /// Allocates `count` zeroed bytes. Traps when the system has no memory left.
  package init(count: Int) {
    self.init(uninitializedCount: count)
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }

  /// Allocates `count` bytes whose content is whatever the memory held before: for blocks that
  /// are written whole before they are read, whose pages need not be touched twice.
  package init(uninitializedCount count: Int) {
    bytes = .allocate(byteCount: max(count, 1), alignment: Self.alignment)
    askForLargePages(bytes)
  }

  deinit { bytes.deallocate() }
}

/// Asks for pages of 2 MB where a large block has whole ones: the system hands out a gigabyte in a
/// third of the time, and weights that pass through a run come in new blocks each time.
private func askForLargePages(_ bytes: UnsafeMutableRawBufferPointer) {
  let page = 2 << 20
  guard bytes.count >= 2 * page, let start = bytes.baseAddress else { return }
  let skipped = -Int(bitPattern: start) & (page - 1)
  let length = (bytes.count - skipped) / page * page
  // Where there are no such pages, those that there are do.
  madvise(start + skipped, length, MADV_HUGEPAGE)
}

/// Memory that several tensors may share.
///
/// `@unchecked Sendable`: a `Tensor`'s storage is written only by the initialiser that makes it,
/// before anyone else holds it; an arena's storage is handed out by its owner, the executor, which
/// gives overlapping mutable views to no two kernels at a time.
package final class TensorStorage: @unchecked Sendable {
  let bytes: UnsafeMutableRawBufferPointer
  private let owner: Owner

  private enum Owner: ~Copyable {
    case own(AlignedBytes)
    case foreign(any AnyObject & Sendable)
  }

  /// Takes over a block.
  package init(_ block: consuming AlignedBytes) {
    bytes = block.bytes
    owner = .own(block)
  }

  /// Refers to bytes that live as long as `owner` does, and are never written through this.
  package init(mapped bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable) {
    self.bytes = UnsafeMutableRawBufferPointer(mutating: bytes)
    self.owner = .foreign(owner)
  }

  package var byteCount: Int { bytes.count }
}
