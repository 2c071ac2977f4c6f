import ByteIO
import TensorBase
import TensorFiles
import TestSupport
import Testing

@Suite struct WriterTests {
  private func tensors(of path: String) throws -> [(name: String, tensor: Tensor)] {
    let file = try TensorFile.open(fixturesFolder + "/valid/tensors/" + path)
    return try file.names.map { ($0, try file.tensor(named: $0)) }
  }

  /// Byte for byte what the safetensors library writes.
  @Test(arguments: ["types", "odd"])
  func safetensorsAsItsLibrary(_ name: String) throws {
    let folder = try temporaryFolder()
    let path = "safetensors/\(name).safetensors"
    let metadata = try TensorFile.open(fixturesFolder + "/valid/tensors/" + path).metadata
    try writeSafetensors(
      tensors(of: path).reversed(), metadata: metadata, to: folder.file("out"))
    let written = try readSmallFile(folder.file("out"), maximum: 1 << 20)
    let expected = try readSmallFile(fixturesFolder + "/valid/tensors/" + path, maximum: 1 << 20)
    #expect(written == expected)
  }

  @Test func safetensorsMetadata() throws {
    let folder = try temporaryFolder()
    let path = folder.file("out.safetensors")
    let metadata = ["b": "1", "a": "line\n\"ü\""]
    try writeSafetensors([("x", Tensor(floats: [1], shape: []))], metadata: metadata, to: path)
    #expect(try TensorFile.open(path).metadata == metadata)
    try writeSafetensors([], to: path)
    #expect(try TensorFile.open(path).names == [])
  }

  @Test func namesComeOnce() throws {
    let folder = try temporaryFolder()
    let tensor = Tensor(floats: [1], shape: [1])
    for names in [["a", "a"], ["__metadata__"]] {
      let tensors = names.map { (name: $0, tensor: tensor) }
      let name = names[0]
      #expect(throws: TensorFileError.duplicateTensor(file: "out", name: name)) {
        try writeSafetensors(tensors, to: folder.file("out"))
      }
    }
    #expect(throws: TensorFileError.duplicateTensor(file: "out", name: "a")) {
      try writeNPZ([("a", tensor), ("a", tensor)], to: folder.file("out"))
    }
    #expect(try folderListing(folder.path).isEmpty)
  }

  /// Byte for byte what `numpy.save` writes.
  @Test(arguments: [
    "f16", "f32", "f64", "i8", "i64", "u8", "u16", "bool", "scalar", "empty", "long",
  ])
  func npyAsNumPy(_ name: String) throws {
    let folder = try temporaryFolder()
    let tensor = try #require(try tensors(of: "npy/\(name).npy").first).tensor
    try writeNPY(tensor, to: folder.file("out"))
    let written = try readSmallFile(folder.file("out"), maximum: 1 << 20)
    let expected = try readSmallFile(
      fixturesFolder + "/valid/tensors/npy/\(name).npy", maximum: 1 << 20)
    #expect(written == expected)
  }

  @Test func npzReadsBack() throws {
    let folder = try temporaryFolder()
    let path = folder.file("out.npz")
    let tensors = try tensors(of: "npz/stored.npz") + [("ü", Tensor(int64s: [1, 2], shape: [2]))]
    try writeNPZ(tensors, to: path)
    let file = try TensorFile.open(path)
    #expect(file.names == tensors.map(\.name))
    for (name, tensor) in tensors { #expect(try file.tensor(named: name) == tensor) }
    let first = try readSmallFile(path, maximum: 1 << 20)
    try writeNPZ(tensors, to: path)
    #expect(try readSmallFile(path, maximum: 1 << 20) == first)
    try writeNPZ([], to: path)
    #expect(try TensorFile.open(path).names == [])
  }

  /// More entries than the plain end record can count: zip64's is needed.
  @Test func npzOfManyArrays() throws {
    let folder = try temporaryFolder()
    let path = folder.file("many.npz")
    let tensors = (0..<65_600).map { (name: "t\($0)", tensor: Tensor(scalar: Float($0))) }
    try writeNPZ(tensors, to: path)
    let file = try TensorFile.open(path)
    #expect(file.names.count == 65_600)
    #expect(try file.tensor(named: "t65599").floats == [65_599])
  }

  @Test func numPyHasNoBFloat16() throws {
    let folder = try temporaryFolder()
    let tensor = Tensor(floats: [1], shape: [1]).converted(to: .bf16)
    #expect(throws: TensorFileError.numpy(file: "out.npy", entry: nil, .noNumPyType(.bf16))) {
      try writeNPY(tensor, to: folder.file("out.npy"))
    }
    #expect(throws: TensorFileError.numpy(file: "out.npz", entry: "a", .noNumPyType(.bf16))) {
      try writeNPZ([("a", tensor)], to: folder.file("out.npz"))
    }
    #expect(throws: TensorFileError.numpy(file: "out.npz", entry: "", .badName(""))) {
      try writeNPZ([("", Tensor(scalar: Float(1)))], to: folder.file("out.npz"))
    }
  }

  @Test func unwritableFolder() throws {
    let folder = try temporaryFolder()
    #expect(throws: TensorFileError.bytes(.noSuchFolder(path: folder.file("no")))) {
      try writeNPY(Tensor(scalar: Float(1)), to: folder.file("no/out.npy"))
    }
  }
}
