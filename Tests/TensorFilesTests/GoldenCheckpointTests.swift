import ByteIO
import JSONText
import TensorBase
import TensorFiles
import TestSupport
import Testing

/// Checkpoints as diffusers and transformers wrote them, and the goldens of every case.
@Suite struct GoldenCheckpointTests {
  static let weightFiles: [String] = {
    let folder = goldenFolder + "/checkpoints"
    func files(_ path: String) -> [String] {
      ((try? folderListing(path)) ?? []).flatMap { name in
        let full = path + "/" + name
        if folderExists(full) { return files(full) }
        let endings = [".safetensors", ".bin", ".index.json"]
        return endings.contains { name.hasSuffix($0) } ? [full] : []
      }
    }
    return files(folder)
  }()

  @Test func thereAreCheckpoints() { #expect(Self.weightFiles.count >= 10) }

  @Test(arguments: weightFiles)
  func everyTensorLoads(_ path: String) throws {
    let file = try TensorFile.open(path)
    #expect(!file.names.isEmpty)
    for descriptor in file.descriptors {
      let tensor = try file.tensor(named: descriptor.name)
      #expect(tensor.type == descriptor.type && tensor.shape == descriptor.shape)
      if descriptor.type.isFloatingPoint {
        let finite = tensor.floats.allSatisfy { $0.isFinite }
        #expect(finite, "\(descriptor.name)")
      }
      file.release(descriptor.name)
    }
  }

  /// Every element type and kind of view, beside counters and words of which one is larger than any
  /// integer type.
  @Test func looseTensors() throws {
    let pickled = try TensorFile.open(goldenPath("checkpoints/loose/tensors.pt"))
    let plain = try TensorFile.open(goldenPath("checkpoints/loose/tensors.safetensors"))
    #expect(Set(pickled.names) == Set(plain.names) && plain.names.count > 15)
    for name in plain.names {
      let (a, b) = (try pickled.tensor(named: name), try plain.tensor(named: name))
      #expect(a.type == b.type && a.shape == b.shape && a.bytes == b.bytes, "\(name)")
    }
    #expect(pickled.metadata["big"] == "0x400000000000000000")
    #expect(pickled.metadata["epoch"] == "3")
  }

  @Test func sourcesMatchTheManifest() throws {
    let path = "checkpoints/bert-deflated/pytorch_model.bin"
    let source = try #require(try TensorFile.open(goldenPath(path)).sources().first)
    let manifest = try JSONValue(
      parsing: readSmallFile(goldenFolder + "/MANIFEST.json", maximum: 1 << 26))
    let listed = manifest["files"]?[path]
    #expect(listed?["sha256"]?.stringValue == source.sha256)
    #expect(listed?["bytes"]?.intValue == source.size)
    #expect(source.name == "pytorch_model.bin")
  }

  @Test func casesLoad() throws {
    let cases = try goldenCases("model")
    #expect(cases.count >= 20)
    for golden in cases {
      #expect(!golden.inputs.isEmpty && !golden.outputs.isEmpty, "\(golden.name)")
    }
  }
}
