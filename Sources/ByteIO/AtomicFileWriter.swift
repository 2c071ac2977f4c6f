import CByteIO
import Glibc

/// Writes a file that appears whole or not at all. The bytes go to a nameless file in the folder of
/// `path` (where the file system has none: to one called `.NAME.plumb-XXXXXX`), which `commit()`
/// syncs and puts in the place of `path` in one step. Without `commit()`, and after any error,
/// nothing is left and a file that was there before is untouched. SIGINT, SIGTERM and SIGHUP end the
/// program without a trace too. One killed otherwise leaves nothing of a nameless file but in the
/// moment before it is put in place, and at worst the hidden temporary. The temporary of a living
/// writer is locked (`flock`), which tells it from one that was left.
///
/// A `path` that is a symbolic link stays one: the file it leads to is replaced.
package struct AtomicFileWriter: ~Copyable {
  /// The path as given to `init`.
  package let path: String
  private let target: String
  private var descriptor: Int32
  private var temporary: Temporary?
  private var buffer: [UInt8] = []
  private var flushed = 0
  private static let bufferSize = 1 << 18

  /// Errors: the folder is missing or may not be written; `path` is a folder or not regular.
  ///
  /// - Parameters:
  ///   - nameless: try that way first.
  ///   - removesAbandoned: remove what killed writers of this path have left beside it.
  package init(
    path: String, nameless: Bool = true, removesAbandoned: Bool = false
  ) throws(ByteIOError) {
    try checkPath(path)
    var target = path
    var status = stat()
    if stat(path, &status) == 0 {
      switch FileKind(mode: status.st_mode) {
      case .regular: break
      case .folder: throw .isFolder(path: path)
      case .other: throw .notRegular(path: path)
      }
      if let resolved = realpath(path, nil) {
        target = String(cString: resolved)
        free(resolved)
      }
    } else if errno == ENOTDIR {
      throw .notAFolder(path: folderPart(of: path))
    } else if errno != ENOENT {
      throw systemError(errno, path: path, action: "write")
    }
    if path.utf8.last == UInt8(ascii: "/") { throw .isFolder(path: path) }
    let folder = folderPart(of: target)
    guard fileExists(folder) else { throw .noSuchFolder(path: folder) }
    guard folderExists(folder) else { throw .notAFolder(path: folder) }
    if removesAbandoned { removeAbandoned(beside: target) }
    var descriptor = nameless ? openNameless(in: folder) : -1
    var temporary: Temporary?
    if descriptor < 0 { (descriptor, temporary) = try openNamed(beside: target) }
    self.path = path
    self.target = target
    self.descriptor = descriptor
    self.temporary = temporary
    buffer.reserveCapacity(Self.bufferSize)
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    temporary?.remove()
  }

  /// Bytes appended so far.
  package var count: Int { flushed + buffer.count }

  package mutating func append(_ bytes: [UInt8]) throws(ByteIOError) {
    try append(bytes.span.bytes)
  }

  package mutating func append(_ bytes: RawSpan) throws(ByteIOError) {
    precondition(descriptor >= 0, "written after commit")
    if buffer.count + bytes.byteCount <= Self.bufferSize {
      bytes.withUnsafeBytes { buffer.append(contentsOf: $0) }
      return
    }
    try flush()
    if bytes.byteCount < Self.bufferSize {
      bytes.withUnsafeBytes { buffer.append(contentsOf: $0) }
    } else {
      try write(bytes, at: flushed)
      flushed += bytes.byteCount
    }
  }

  /// Appends `value` in little-endian order.
  package mutating func append<T: FixedWidthInteger & BitwiseCopyable>(
    littleEndian value: T
  ) throws(ByteIOError) {
    try append(withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) })
  }

  /// Appends zeros until `count` is a multiple of `alignment`.
  package mutating func align(to alignment: Int) throws(ByteIOError) {
    precondition(alignment > 0)
    let rest = count % alignment
    if rest > 0 { try append([UInt8](repeating: 0, count: alignment - rest)) }
  }

  /// Overwrites bytes that were appended before. Precondition: they end at or before `count`.
  package mutating func patch(_ bytes: [UInt8], at offset: Int) throws(ByteIOError) {
    precondition(descriptor >= 0, "written after commit")
    precondition(offset >= 0 && bytes.count <= count && offset <= count - bytes.count)
    try flush()
    try write(bytes.span.bytes, at: offset)
  }

  /// Lends a path under which all that was appended so far can be read, by this process; what is at
  /// `path` stays as it is.
  package mutating func withReadablePath<R>(_ body: (String) throws -> R) throws -> R {
    precondition(descriptor >= 0, "read after commit")
    try flush()
    return try body(temporary?.path ?? "/proc/self/fd/\(descriptor)")
  }

  /// Syncs the bytes to the disk and puts them in the place of `path`. Call once, last.
  package mutating func commit() throws(ByteIOError) {
    precondition(descriptor >= 0, "committed twice")
    try flush()
    guard fsync(descriptor) == 0 else { throw systemError(errno, path: path, action: "write") }
    if temporary == nil { temporary = try nameNameless() }
    guard let named = temporary else { return }
    guard rename(named.path, target) == 0 else {
      throw systemError(errno, path: path, action: "write")
    }
    temporary = nil
    named.forget()
    let closed = close(descriptor)
    let code = errno
    descriptor = -1
    guard closed == 0 || code == EINTR else {
      throw systemError(code, path: path, action: "write")
    }
    syncFolder(folderPart(of: target))
  }

  private mutating func flush() throws(ByteIOError) {
    guard !buffer.isEmpty else { return }
    try write(buffer.span.bytes, at: flushed)
    flushed += buffer.count
    buffer.removeAll(keepingCapacity: true)
  }

  private func write(_ bytes: RawSpan, at start: Int) throws(ByteIOError) {
    try writeAll(bytes, path: path) { rest, done in
      pwrite(descriptor, rest.baseAddress, rest.count, off_t(start + done))
    }
  }

  /// Gives the nameless file a temporary name beside the target; `linkat` cannot replace a file.
  private func nameNameless() throws(ByteIOError) -> Temporary {
    var code: Int32 = EEXIST
    for _ in 0..<100 where code == EEXIST {
      let new = Temporary(path: temporaryName(beside: target))
      let source = "/proc/self/fd/\(descriptor)"
      if linkat(AT_FDCWD, source, AT_FDCWD, new.path, AT_SYMLINK_FOLLOW) == 0 { return new }
      code = errno
      new.forget()
    }
    throw systemError(code, path: path, action: "write")
  }
}

/// A file that is removed when a signal ends the program.
private struct Temporary {
  let path: String
  private let note: Int32

  /// Before the file is made.
  init(path: String) {
    self.path = path
    note = plumb_note_temporary(path)
  }

  /// The file is not there, or is another's.
  func forget() { plumb_forget_temporary(note) }

  func remove() {
    unlink(path)
    forget()
  }
}

/// A file without a name (O_TMPFILE), or −1 where there is no such thing or no /proc to name it by.
private func openNameless(in folder: String) -> Int32 {
  let nameless: Int32 = 0o20_000_000 | O_DIRECTORY
  let descriptor = open(folder, nameless | O_RDWR | O_CLOEXEC, 0o666)
  guard descriptor >= 0 else { return -1 }
  flock(descriptor, LOCK_EX)
  if access("/proc/self/fd/\(descriptor)", F_OK) == 0 { return descriptor }
  close(descriptor)
  return -1
}

private func openNamed(beside target: String) throws(ByteIOError) -> (Int32, Temporary?) {
  var code: Int32 = EEXIST
  for _ in 0..<100 where code == EEXIST {
    let new = Temporary(path: temporaryName(beside: target))
    let descriptor = open(new.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      code = errno
      new.forget()
      continue
    }
    // Before it was locked, another writer may have taken it for abandoned.
    var status = stat()
    if flock(descriptor, LOCK_EX) != 0 || fstat(descriptor, &status) != 0 || status.st_nlink > 0 {
      return (descriptor, new)
    }
    close(descriptor)
    new.forget()
  }
  // The folder is there: a file system such as /proc says so when nothing can be made in it.
  if code == ENOENT { throw .noPermission(path: target, action: "write") }
  throw systemError(code, path: target, action: "write")
}

private let suffixCharacters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
private let suffixLength = 10

private func temporaryName(beside target: String) -> String {
  let suffix = (0..<suffixLength).map { _ in
    suffixCharacters[Int.random(in: 0..<suffixCharacters.count)]
  }
  return folderPart(of: target) + "/" + temporaryPrefix(of: target) + String(suffix)
}

private func temporaryPrefix(of target: String) -> String {
  // A name may have 255 bytes; this part is for people and may be cut.
  ".\(lastComponent(of: target).prefix(40)).plumb-"
}

/// Removes the temporaries of `target` that no living writer has locked. Whatever cannot be looked
/// at stays.
private func removeAbandoned(beside target: String) {
  let prefix = temporaryPrefix(of: target)
  let folder = folderPart(of: target)
  for name in (try? folderListing(folder)) ?? [] {
    guard name.hasPrefix(prefix), name.utf8.count == prefix.utf8.count + suffixLength,
      name.suffix(suffixLength).allSatisfy(suffixCharacters.contains)
    else { continue }
    let path = folder + "/" + name
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { continue }
    var status = stat()
    if fstat(descriptor, &status) == 0, FileKind(mode: status.st_mode) == .regular,
      flock(descriptor, LOCK_EX | LOCK_NB) == 0
    {
      unlink(path)
    }
    close(descriptor)
  }
}
