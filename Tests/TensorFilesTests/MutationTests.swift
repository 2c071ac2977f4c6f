import ByteIO
import Glibc
import TensorBase
import TensorFiles
import TestSupport
import Testing

/// Valid files with bytes flipped, replaced, cut or doubled, by a fixed sequence of random numbers:
/// each must be read or refused. A crash takes the test process down, which is the failure.
@Suite struct MutationTests {
  static let files = [
    "safetensors/types.safetensors", "safetensors/odd.safetensors", "pytorch/types.pt",
    "pytorch/strided.pt", "pytorch/module.bin", "pytorch/protocol-4.pth",
    "pytorch/plain-values.pt", "pytorch/trainer.ckpt", "pytorch/deflated.pt", "pytorch/zip64.pt",
    "npy/fortran.npy", "npz/stored.npz", "npz/deflated.npz",
  ]

  @Test(arguments: files)
  func neverCrashes(_ path: String) throws { try tryMutations(path, seed: 1, rounds: 400) }

  func tryMutations(_ path: String, seed: UInt64, rounds: Int) throws {
    let original = try readSmallFile(fixturesFolder + "/valid/tensors/" + path, maximum: 1 << 20)
    let folder = try temporaryFolder()
    let target = folder.file(lastComponent(of: path))
    var random = SplitMix(state: seed)
    var refused = 0
    for round in 0..<rounds {
      let bytes = mutated(original, round: round, &random)
      try overwrite(target, bytes)
      do {
        let file = try TensorFile.open(target)
        for name in file.names {
          let tensor = try file.tensor(named: name)
          #expect(tensor.byteCount <= 65 << 20)
        }
      } catch {
        refused += 1
      }
    }
    #expect(refused > rounds / 10)
  }

  /// The pickle alone, inside an archive made anew, so that its CRC-32 does not end the matter.
  @Test(arguments: ["pytorch/strided.pt", "pytorch/plain-values.pt", "pytorch/module.bin"])
  func pickleNeverCrashes(_ path: String) throws { try tryPickles(path, seed: 7, rounds: 500) }

  func tryPickles(_ path: String, seed: UInt64, rounds: Int) throws {
    let original = try readSmallFile(fixturesFolder + "/valid/tensors/" + path, maximum: 1 << 20)
    let entries = try #require(storedEntries(original))
    let pickle = try #require(entries.firstIndex { $0.name.hasSuffix("data.pkl") })
    let folder = try temporaryFolder()
    let target = folder.file("mutated.pt")
    try overwrite(target, archive(entries))
    #expect(try !TensorFile.open(target).names.isEmpty)
    var random = SplitMix(state: seed)
    var refused = 0
    for round in 0..<rounds {
      var changed = entries
      changed[pickle].bytes = mutated(entries[pickle].bytes, round: round, &random)
      try overwrite(target, archive(changed))
      do {
        let file = try TensorFile.open(target)
        for name in file.names { _ = try file.tensor(named: name) }
      } catch {
        refused += 1
      }
    }
    #expect(refused > rounds / 10 && refused < rounds)
  }
}

private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

private func mutated(_ bytes: [UInt8], round: Int, _ random: inout SplitMix) -> [UInt8] {
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

/// Without the sync of a finished file: thousands are written.
private func overwrite(_ path: String, _ bytes: [UInt8]) throws {
  // Anew, not truncated: file systems flush a file that was cut to nothing and filled again.
  unlink(path)
  let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
  try #require(descriptor >= 0)
  defer { close(descriptor) }
  let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  try #require(written == bytes.count)
}
