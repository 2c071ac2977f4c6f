import Glibc

/// A reader and how it is fed.
struct Harness: Sendable {
  let name: String
  /// Reads the input and all that is in it. An error is a fine answer; a trap, a sanitizer's
  /// finding, `wrong` and an error without a sentence are findings.
  let read: @Sendable ([UInt8]) throws -> Void
  let content: Content

  /// What inputs are made of, so that they can be changed part by part and stay of that kind.
  enum Content {
    case bytes
    /// A protobuf.
    case wire
    /// JSON, and what follows a byte of 0 or 255.
    case json
  }

  init(
    name: String, _ content: Content = .bytes,
    read: @escaping @Sendable ([UInt8]) throws -> Void
  ) {
    self.name = name
    self.content = content
    self.read = read
  }
}

/// What this process feeds. Set once, before libFuzzer begins.
nonisolated(unsafe) var chosen: Harness?

func feed(_ bytes: [UInt8]) {
  reading { try chosen?.read(bytes) }
}

/// Reads something; an error must have a sentence.
func reading(_ read: () throws -> Void) {
  do { try read() } catch {
    // The sentence is made of the hostile content, too.
    insist(!"\(error)".isEmpty, "an error without a sentence")
  }
}

/// Ends the process as a finding.
func insist(_ condition: Bool, _ sentence: @autoclosure () -> String) {
  if !condition { fatalError(sentence()) }
}

/// Tensors larger than this are not unpacked: a small file may well hold them, but they would make
/// the fuzzer slow, not find more.
let largestTensor = 1 << 18

/// Puts an input into a file and returns its path. Each replaces the one before.
func file(_ bytes: [UInt8], _ name: String) -> String {
  let path = scratchFolder + "/" + name
  unlink(path)
  let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
  insist(descriptor >= 0, "\(path) cannot be made")
  defer { close(descriptor) }
  insist(write(descriptor, bytes, bytes.count) == bytes.count, "\(path) cannot be written")
  return path
}

/// In memory, of this process alone; tools/fuzz/run removes it.
private let scratchFolder: String = {
  let above = getenv("PLUMB_FUZZ_SCRATCH").map { String(cString: $0) } ?? "/dev/shm"
  let path = "\(above)/plumb-fuzz-\(getpid())"
  mkdir(path, 0o700)
  return path
}()

/// The parts of an input between bytes that UTF-8 does not have; as many as asked for.
func parts(_ bytes: [UInt8], _ count: Int) -> [[UInt8]] {
  var parts = bytes.split(
    separator: 0xFF, maxSplits: count - 1, omittingEmptySubsequences: false
  ).map { [UInt8]($0) }
  while parts.count < count { parts.append([]) }
  return parts
}

func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }
}
