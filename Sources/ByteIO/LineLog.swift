import Glibc

/// A text file that grows line by line. Each line is on the disk when `append` returns, so that a
/// killed program loses at most the line it was writing. Only one process at a time can hold it.
package struct LineLog: ~Copyable {
  package let path: String
  private let descriptor: Int32
  /// The lines that were there when it was opened, without their ends.
  package let lines: [String]

  /// Opens or makes the file. What follows the last line's end was cut short by a kill, and is
  /// removed.
  ///
  /// - Throws: the file cannot be written, is larger than 1 GiB, holds what is not UTF-8, or another
  ///   process holds it.
  package init(path: String) throws(ByteIOError) {
    try checkPath(path)
    let isNew = !fileExists(path)
    let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw systemError(errno, path: path, action: "write") }
    do throws(ByteIOError) {
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        throw .system(path: path, action: "write", reason: "another process is writing it")
      }
      let bytes = try readSmallFile(path, maximum: 1 << 30)
      let end = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
      if end < bytes.count {
        guard ftruncate(descriptor, end) == 0 else {
          throw systemError(errno, path: path, action: "write")
        }
      }
      guard let text = String(validating: bytes[..<end], as: UTF8.self) else {
        throw .notUTF8(name: lastComponent(of: path), offset: 0)
      }
      if isNew { syncFolder(folderPart(of: path)) }
      lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        .map(String.init)
    } catch {
      Self.release(descriptor)
      throw error
    }
    self.path = path
    self.descriptor = descriptor
  }

  deinit { Self.release(descriptor) }

  /// Closing alone would not do: a child process that has been forked but does not run its own
  /// program yet has the descriptor too, and with it the lock.
  private static func release(_ descriptor: Int32) {
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  /// Adds a line and waits until it is on the disk.
  ///
  /// - Parameter line: without line ends in it.
  package func append(_ line: String) throws(ByteIOError) {
    precondition(!line.utf8.contains(UInt8(ascii: "\n")))
    let bytes = Array((line + "\n").utf8)
    try writeAll(bytes.span.bytes, path: path) { rest, _ in
      write(descriptor, rest.baseAddress, rest.count)
    }
    guard fsync(descriptor) == 0 else { throw systemError(errno, path: path, action: "write") }
  }
}
