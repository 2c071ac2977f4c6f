import Glibc

/// Whether `path` leads to anything (through links).
package func fileExists(_ path: String) -> Bool {
  !path.utf8.contains(0) && access(path, F_OK) == 0
}

package func folderExists(_ path: String) -> Bool {
  var status = stat()
  guard !path.utf8.contains(0), stat(path, &status) == 0 else { return false }
  return FileKind(mode: status.st_mode) == .folder
}

/// Whether `path` leads to a regular file.
package func regularFileExists(_ path: String) -> Bool {
  var status = stat()
  guard !path.utf8.contains(0), stat(path, &status) == 0 else { return false }
  return FileKind(mode: status.st_mode) == .regular
}

/// What follows the last slash; the whole text when there is none.
package func lastComponent(of path: String) -> String {
  path.split(separator: "/").last.map(String.init) ?? path
}

/// The folder a path's last component lies in: "." for a bare name.
package func folderPart(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// The path with links, "." and ".." resolved; nil when it leads nowhere.
package func resolvedPath(_ path: String) -> String? {
  guard !path.utf8.contains(0), let resolved = realpath(path, nil) else { return nil }
  defer { free(resolved) }
  return String(cString: resolved)
}

/// The whole of a small file. Errors: as `MappedFile`, or larger than `maximum` bytes.
package func readSmallFile(_ path: String, maximum: Int) throws(ByteIOError) -> [UInt8] {
  try withRegularFile(path) { descriptor, size throws(ByteIOError) in
    guard size <= maximum else { throw .fileTooLarge(path: path, size: size, maximum: maximum) }
    var bytes = [UInt8](repeating: 0, count: size)
    var done = 0
    while done < bytes.count {
      let result = bytes.withUnsafeMutableBytes { all in
        let rest = UnsafeMutableRawBufferPointer(rebasing: all[done...])
        return retrying { read(descriptor, rest.baseAddress, rest.count) }
      }
      guard result >= 0 else { throw systemError(errno, path: path, action: "read") }
      if result == 0 { break }
      done += result
    }
    bytes.removeLast(bytes.count - done)
    return bytes
  }
}

/// Lends a regular file's descriptor, to be read, and its size in bytes.
///
/// Errors: those of `body`; no such file, a folder, not a regular file, no right to read.
func withRegularFile<R>(
  _ path: String, _ body: (_ descriptor: Int32, _ size: Int) throws(ByteIOError) -> R
) throws(ByteIOError) -> R {
  try checkPath(path)
  // O_NONBLOCK: opening a pipe must not wait for its writer.
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0 else { throw systemError(errno, path: path, action: "read") }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else {
    throw systemError(errno, path: path, action: "read")
  }
  switch FileKind(mode: status.st_mode) {
  case .regular: break
  case .folder: throw .isFolder(path: path)
  case .other: throw .notRegular(path: path)
  }
  guard let size = Int(exactly: status.st_size), size >= 0 else {
    throw .system(path: path, action: "read", reason: "its size is out of range")
  }
  return try body(descriptor, size)
}

/// The names in a folder, sorted by their bytes, without "." and "..".
package func folderListing(_ path: String) throws(ByteIOError) -> [String] {
  try checkPath(path)
  guard let folder = opendir(path) else { throw systemError(errno, path: path, action: "list") }
  defer { closedir(folder) }
  var names: [String] = []
  while let entry = readdir(folder) {
    // The record may be shorter than its declared 256-byte name: read through its pointer.
    let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 19
    let name = (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self)
    let text = String(cString: name)
    if text != "." && text != ".." { names.append(text) }
  }
  return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
}

/// Makes a folder and those above it; one that exists already is fine.
package func makeFolder(_ path: String) throws(ByteIOError) {
  try checkPath(path)
  if folderExists(path) { return }
  if fileExists(path) { throw .notAFolder(path: path) }
  let above = folderPart(of: path)
  if above != path && !folderExists(above) { try makeFolder(above) }
  guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
    // The folder above is there: a file system such as /proc says so when nothing can be made in it.
    if errno == ENOENT { throw .noPermission(path: path, action: "make") }
    throw systemError(errno, path: path, action: "make")
  }
}

/// Checks, before work whose result is to be kept there, that a folder can be written to or made.
/// Nothing is left behind. Errors: it or the nearest folder above that exists may not be written.
package func checkWritable(folder path: String) throws(ByteIOError) {
  try checkPath(path)
  var place = path
  while !fileExists(place) {
    let above = folderPart(of: place)
    if above == place { break }
    place = above
  }
  guard folderExists(place) else { throw .notAFolder(path: place) }
  _ = try AtomicFileWriter(path: "\(place)/.plumb-\(getpid())")
}

/// As `checkWritable(folder:)` for a file that is to be written.
package func checkWritable(file path: String) throws(ByteIOError) {
  _ = try AtomicFileWriter(path: path)
}

/// Removes a file; none there is fine.
package func removeFile(_ path: String) throws(ByteIOError) {
  try checkPath(path)
  guard unlink(path) == 0 || errno == ENOENT else {
    throw systemError(errno, path: path, action: "remove")
  }
}

/// Writes to standard error in one call; what cannot be written is dropped.
package func writeStandardError(_ text: String) { writeAll(text, to: STDERR_FILENO) }

/// Writes to standard output; what cannot be written is dropped.
package func writeStandardOutput(_ text: String) { writeAll(text, to: STDOUT_FILENO) }

/// Writes out what `print` has gathered. False when standard output did not take all of it.
package func flushStandardOutput() -> Bool { fflush(nil) == 0 }

/// Whether standard error is a terminal.
package var standardErrorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

private func writeAll(_ text: String, to descriptor: Int32) {
  var text = text
  text.withUTF8 { bytes in
    var done = 0
    while done < bytes.count {
      let rest = UnsafeBufferPointer(rebasing: bytes[done...])
      let result = retrying { write(descriptor, rest.baseAddress, rest.count) }
      if result <= 0 { return }
      done += result
    }
  }
}
