import ByteIO
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
    var random = TestRandom(state: seed)
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
    var random = TestRandom(state: seed)
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
