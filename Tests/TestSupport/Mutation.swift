import Glibc
import Testing

/// The bytes with one change of a kind that the round chooses.
package func mutated(_ bytes: [UInt8], round: Int, _ random: inout TestRandom) -> [UInt8] {
  var bytes = bytes
  func place() -> Int { Int.random(in: 0..<max(1, bytes.count), using: &random) }
  switch round % 5 {
  case 0: bytes[place()] ^= 1 << UInt8.random(in: 0..<8, using: &random)
  case 1: bytes.removeLast(place())
  case 2:
    for _ in 0..<4 { bytes[place()] = UInt8.random(in: 0...255, using: &random) }
  case 3:
    // The numbers at the edges of fields are where sums overflow.
    let start = place()
    let value: UInt8 = Bool.random(using: &random) ? 0xFF : 0x00
    let width = [1, 2, 4, 8].randomElement(using: &random) ?? 8
    for i in start..<min(start + width, bytes.count) { bytes[i] = value }
    if value == 0xFF, start + width <= bytes.count, Bool.random(using: &random) {
      bytes[start + width - 1] = 0x7F
    }
  default:
    let start = place()
    let end = min(bytes.count, start + Int.random(in: 1...16, using: &random))
    bytes.insert(contentsOf: bytes[start..<end], at: start)
  }
  return bytes
}

/// Writes a file without the sync of a finished one: thousands are written.
package func overwrite(_ path: String, _ bytes: [UInt8]) throws {
  // Anew, not truncated: file systems flush a file that was cut to nothing and filled again.
  unlink(path)
  let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
  try #require(descriptor >= 0)
  defer { close(descriptor) }
  let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  try #require(written == bytes.count)
}
