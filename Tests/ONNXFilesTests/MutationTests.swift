import ByteIO
import Glibc
import ONNXFiles
import TestSupport
import Testing

/// Valid models with bytes flipped, replaced, cut or doubled, by a fixed sequence of random numbers:
/// each must be read or refused. A crash takes the test process down, which is the failure.
@Suite struct MutationTests {
  static let files = [
    ("attributes.onnx", 1000), ("value-types.onnx", 1000), ("order.onnx", 1000),
    ("functions.onnx", 1000), ("sparse.onnx", 600), ("external.onnx", 600), ("raw.onnx", 100),
    ("fields.onnx", 100), ("entries.onnx", 100), ("package.onnx", 100),
  ]

  @Test(arguments: files)
  func neverCrashes(_ name: String, _ rounds: Int) throws {
    let original = try readSmallFile(validFolder + "/" + name, maximum: 1 << 20)
    let folder = try temporaryFolder()
    try makeFolder(folder.file("weights"))
    for data in ["weights.bin", "weights/all.bin"] {
      try writeFile(
        readSmallFile(validFolder + "/" + data, maximum: 1 << 20), to: folder.file(data))
    }
    let target = folder.file("mutated.onnx")
    var random = SplitMix(state: 11)
    var refused = 0
    for round in 0..<rounds {
      try overwrite(target, mutated(original, round: round, &random))
      do {
        let model = try ONNXFile.open(path: target)
        for tensor in model.graph.tensors where tensor.type != nil {
          #expect(try tensor.load().byteCount == tensor.byteCount)
          #expect(tensor.byteCount <= 256 << 20)
        }
      } catch {
        refused += 1
      }
    }
    #expect(refused > rounds / 10 && refused < rounds)
  }

  @Test func tensorsNeverCrash() throws {
    let original = try readSmallFile(validFolder + "/tensor.pb", maximum: 1 << 20)
    let folder = try temporaryFolder()
    let target = folder.file("mutated.pb")
    var random = SplitMix(state: 12)
    for round in 0..<1000 {
      try overwrite(target, mutated(original, round: round, &random))
      do { _ = try ONNXTensor(pbFile: target).load() } catch {}
    }
  }
}

extension ONNXGraph {
  /// Those in attributes too.
  var tensors: [ONNXTensor] {
    initializers
      + nodes.flatMap { node in
        node.attributes.values.flatMap { value -> [ONNXTensor] in
          switch value {
          case .tensor(let tensor), .sparseTensor(let tensor): [tensor]
          case .tensors(let tensors): tensors
          case .graph(let graph): graph.tensors
          case .graphs(let graphs): graphs.flatMap(\.tensors)
          case .int, .float, .string, .ints, .floats, .strings, .reference, .unsupported: []
          }
        }
      }
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
