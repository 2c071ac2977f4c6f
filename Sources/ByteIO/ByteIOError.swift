/// What can go wrong between this program and the bytes of a file. Each case carries what a person
/// needs to mend it; `description` is one sentence.
package enum ByteIOError: Error, Equatable, CustomStringConvertible {
  case noSuchFile(path: String)
  /// A file is to be written in a folder that is not there.
  case noSuchFolder(path: String)
  case isFolder(path: String)
  case notAFolder(path: String)
  /// A pipe, socket or device where a regular file is needed.
  case notRegular(path: String)
  /// `action` completes "may not …", for example "read".
  case noPermission(path: String, action: String)
  case diskFull(path: String)
  case fileTooLarge(path: String, size: Int, maximum: Int)
  /// Any other refusal by the operating system; `reason` is its own text.
  case system(path: String, action: String, reason: String)
  /// `needed` bytes were asked for at `offset` where only `available` are left.
  case truncated(name: String, offset: Int, needed: UInt64, available: Int)
  case notUTF8(name: String, offset: Int)
  /// A compressed piece that is damaged or does not give the size it should.
  case corrupt(codec: String, reason: String)
  case wrongSize(codec: String, expected: Int, found: UInt64)

  package var description: String {
    switch self {
    case .noSuchFile(let path):
      path.isEmpty ? "The name of a file is empty." : "There is no file \(path)."
    case .noSuchFolder(let path):
      "There is no folder \(path) to write in; make it first."
    case .isFolder(let path):
      "\(path) is a folder; a file is needed."
    case .notAFolder(let path):
      "\(path) is a file where a folder is needed."
    case .notRegular(let path):
      "\(path) is not a regular file."
    case .noPermission(let path, let action):
      "You may not \(action) \(path): the file system denies it."
    case .diskFull(let path):
      "The disk is full (or the quota used up) while writing \(path); nothing was replaced."
    case .fileTooLarge(let path, let size, let maximum):
      "\(path) has \(size) bytes; at most \(maximum) are expected of such a file."
    case .system(let path, let action, let reason):
      "Could not \(action) \(path): \(reason)."
    case .truncated(let name, let offset, let needed, let available):
      "\(name) ends too early: \(needed) bytes are needed at offset \(offset), \(available) are left."
    case .notUTF8(let name, let offset):
      "\(name) holds text at offset \(offset) that is not UTF-8."
    case .corrupt(let codec, let reason):
      "A \(codec)-compressed piece is damaged: \(reason)."
    case .wrongSize(let codec, let expected, let found):
      "A \(codec)-compressed piece unpacks to \(found) bytes where \(expected) are expected."
    }
  }
}
