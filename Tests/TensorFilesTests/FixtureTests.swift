import ByteIO
import JSONText
import TensorBase
import TensorFiles
import TestSupport
import Testing

/// Files that the formats' own libraries wrote (formats/fixtures/valid/tensors, made by tools/fixtures).
@Suite struct ValidFixtureTests {
  static let expected = fixtureTable("valid/tensors/expected.json")

  @Test func thereAreFixtures() { #expect(Self.expected.count >= 40) }

  @Test(arguments: expected.keys)
  func readsWhatWasWritten(_ path: String) throws {
    let entry = try #require(Self.expected[path])
    let file = try TensorFile.open(fixturesFolder + "/valid/tensors/" + path)
    let tensors = try #require(entry["tensors"]?.arrayValue)
    #expect(file.names == tensors.compactMap { $0["name"]?.stringValue })
    for tensor in tensors {
      let name = try #require(tensor["name"]?.stringValue)
      let descriptor = try file.descriptor(named: name)
      #expect(descriptor.type.rawValue == tensor["type"]?.stringValue, "\(name)")
      let shape = tensor["shape"]?.arrayValue?.compactMap(\.intValue)
      #expect(descriptor.shape.dimensions == shape, "\(name)")
      // Twice: the second time after its pages were given back.
      for _ in 0..<2 {
        let bytes = try file.tensor(named: name).withUnsafeBytes { [UInt8]($0) }
        #expect(
          hexText(try SHA256.digest(of: bytes)) == tensor["sha256"]?.stringValue, "\(name)")
        file.release(name)
      }
    }
    var metadata: [String: String] = [:]
    for (key, value) in entry["metadata"]?.objectValue?.members ?? [] {
      metadata[key] = value.stringValue
    }
    #expect(file.metadata == metadata)
    #expect(file.leftOut == entry["left_out"]?.arrayValue?.compactMap(\.stringValue))
  }

  @Test func unknownNames() throws {
    let file = try TensorFile.open(fixturesFolder + "/valid/tensors/npy/f32.npy")
    #expect(throws: TensorFileError.noSuchTensor(file: "f32.npy", name: "x")) {
      try file.tensor(named: "x")
    }
    file.release("x")
  }

  /// A tensor outlives the file object it came from, and its pages.
  @Test func tensorsKeepTheirFile() throws {
    func tensor(_ path: String, _ name: String) throws -> Tensor {
      let file = try TensorFile.open(fixturesFolder + "/valid/tensors/" + path)
      defer { file.release(name) }
      return try file.tensor(named: name)
    }
    let expected: [Float] = [-5, -2, 1, 4, 7, 10]
    #expect(try tensor("safetensors/types.safetensors", "w.f32").floats == expected)
    #expect(try tensor("pytorch/zip64.pt", "w.f32").floats == expected)
    let whole = try tensor("pytorch/deflated.pt", "whole").floats
    #expect(whole == (0..<24).map { Float($0) })
  }

  /// What a browser or a hub calls a file must not matter.
  @Test func contentDecidesOverUnknownExtensions() throws {
    let folder = try temporaryFolder()
    for (path, format) in [
      ("safetensors/types.safetensors", TensorFileFormat.safetensors),
      ("pytorch/types.pt", .pytorch), ("npy/f32.npy", .npy),
    ] {
      let bytes = try readSmallFile(fixturesFolder + "/valid/tensors/" + path, maximum: 1 << 20)
      try writeFile(bytes, to: folder.file("blob"))
      #expect(try TensorFile.open(folder.file("blob")).format == format)
    }
  }

  /// Download caches link the index and its shards into a folder of blobs elsewhere.
  @Test func shardsThroughLinks() throws {
    let folder = try temporaryFolder()
    let source = fixturesFolder + "/valid/tensors/sharded/"
    try makeFolder(folder.file("blobs"))
    try makeFolder(folder.file("model"))
    for (i, name) in try folderListing(source).enumerated() {
      try writeFile(
        readSmallFile(source + name, maximum: 1 << 20), to: folder.file("blobs/\(i)"))
      try makeLink(folder.file("model/" + name), to: "../blobs/\(i)")
    }
    let index = folder.file("model/model.safetensors.index.json")
    #expect(try TensorFile.open(index).names == ["b", "a", "c"])
    // A shard that leads out of both folders is refused.
    let shard = "model-00002-of-00002.safetensors"
    try removeFile(folder.file("model/" + shard))
    try makeLink(folder.file("model/" + shard), to: source + shard)
    #expect(
      throws: TensorFileError.index(
        file: "model.safetensors.index.json", .shardOutside(shard: shard))
    ) { try TensorFile.open(index) }
  }

  @Test func missingShard() throws {
    let folder = try temporaryFolder()
    let index = "model.safetensors.index.json"
    try writeFile(
      readSmallFile(fixturesFolder + "/valid/tensors/sharded/" + index, maximum: 1 << 20),
      to: folder.file(index))
    let shard = folder.file("model-00001-of-00002.safetensors")
    #expect(throws: TensorFileError.bytes(.noSuchFile(path: shard))) {
      try TensorFile.open(folder.file(index))
    }
  }
}

/// Files that break one rule each (formats/fixtures/malformed/tensors, made by tools/fixtures); errors.json
/// gives the sentence each must be refused with.
@Suite struct MalformedFixtureTests {
  static let errors = fixtureTable("malformed/tensors/errors.json")

  @Test func thereAreFixtures() { #expect(Self.errors.count >= 130) }

  @Test(arguments: errors.keys)
  func isRefusedWithItsSentence(_ path: String) throws {
    let expected = try #require(Self.errors[path]?.stringValue)
    let error = #expect(throws: TensorFileError.self) {
      let file = try TensorFile.open(fixturesFolder + "/malformed/tensors/" + path)
      for name in file.names { _ = try file.tensor(named: name) }
    }
    #expect(error?.description == expected)
  }

  /// A file that nobody lists would be tested by nobody.
  @Test func everyFileIsListed() throws {
    for kind in ["safetensors", "pickle", "pytorch", "zip", "npy", "npz"] {
      for name in try folderListing(fixturesFolder + "/malformed/tensors/" + kind) {
        #expect(Self.errors[kind + "/" + name] != nil, "\(kind)/\(name)")
      }
    }
  }
}
