import Glibc

/// Turns `errno` of a failed call on `path` into an error; `action` completes "could not …".
func systemError(_ code: Int32, path: String, action: String) -> ByteIOError {
  switch code {
  case ENOENT: .noSuchFile(path: path)
  case EISDIR: .isFolder(path: path)
  case ENOTDIR: .notAFolder(path: path)
  case EACCES, EPERM, EROFS: .noPermission(path: path, action: action)
  case ENOSPC, EDQUOT: .diskFull(path: path)
  default: .system(path: path, action: action, reason: reasonText(code))
  }
}

private func reasonText(_ code: Int32) -> String {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
    guard let base = buffer.baseAddress, strerror_r(code, base, buffer.count) == 0 else {
      return "system error \(code)"
    }
    return String(cString: base)
  }
}

/// Repeats a call that a signal interrupted.
func retrying(_ call: () -> Int) -> Int {
  while true {
    let result = call()
    if result >= 0 || errno != EINTR { return result }
  }
}

/// Writes bytes whole, however many calls that takes.
///
/// - Parameter call: writes the beginning of what is left, behind so many bytes that are written
///   already; returns as `write` does.
func writeAll(
  _ bytes: RawSpan, path: String, _ call: (_ rest: UnsafeRawBufferPointer, _ done: Int) -> Int
) throws(ByteIOError) {
  var done = 0
  while done < bytes.byteCount {
    let result = bytes.withUnsafeBytes { all in
      retrying { call(UnsafeRawBufferPointer(rebasing: all[done...]), done) }
    }
    guard result > 0 else {
      throw systemError(result == 0 ? ENOSPC : errno, path: path, action: "write")
    }
    done += result
  }
}

/// Puts the names in a folder on the disk, so that a new one survives a power cut. Some file systems
/// cannot sync a folder, so a refusal is no error.
func syncFolder(_ path: String) {
  let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard folder >= 0 else { return }
  fsync(folder)
  close(folder)
}

/// The kinds of things a path can lead to.
enum FileKind {
  case regular, folder, other

  init(mode: mode_t) {
    switch mode & S_IFMT {
    case S_IFREG: self = .regular
    case S_IFDIR: self = .folder
    default: self = .other
    }
  }
}

/// `text` has no NUL byte inside, with which C would stop reading a path early.
func checkPath(_ path: String) throws(ByteIOError) {
  if path.utf8.contains(0) || path.isEmpty { throw .noSuchFile(path: path) }
}
