import ByteIO
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
    var random = TestRandom(state: 11)
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
    var random = TestRandom(state: 12)
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
