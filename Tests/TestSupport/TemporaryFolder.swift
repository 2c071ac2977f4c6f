import ByteIO
import Glibc

/// A new folder that goes away, with all that is in it, when `body` is done.
package func withTemporaryFolder<R>(_ body: (String) throws -> R) throws -> R {
  let folder = try TemporaryFolder()
  return try withExtendedLifetime(folder) { try body(folder.path) }
}

/// A new folder that goes away, with all that is in it, with this object. Keep the object alive as
/// long as the folder is needed.
package final class TemporaryFolder: Sendable {
  package let path: String

  package init() throws {
    let place = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    path = "\(place)/plumb-test-\(getpid())-\(UInt64.random(in: .min ... .max))"
    try makeFolder(path)
  }

  deinit { removeTree(path) }

  /// The path of `name` in the folder.
  package func file(_ name: String) -> String { path + "/" + name }
}

/// A new folder; it goes away when the object does.
package func temporaryFolder() throws -> TemporaryFolder { try TemporaryFolder() }

/// Writes bytes to a file in one step.
package func writeFile(_ bytes: [UInt8], to path: String) throws {
  var writer = try AtomicFileWriter(path: path)
  try writer.append(bytes)
  try writer.commit()
}

private func removeTree(_ path: String) {
  var status = stat()
  guard lstat(path, &status) == 0 else { return }
  if status.st_mode & S_IFMT == S_IFDIR {
    chmod(path, 0o700)
    for name in (try? folderListing(path)) ?? [] { removeTree(path + "/" + name) }
    rmdir(path)
  } else {
    unlink(path)
  }
}
