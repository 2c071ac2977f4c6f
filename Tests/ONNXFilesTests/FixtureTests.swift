import ByteIO
import JSONText
import ONNXFiles
import TensorBase
import TestSupport
import Testing

let validFolder = fixturesFolder + "/valid/onnx"
let malformedFolder = fixturesFolder + "/malformed/onnx"

/// Models of formats/fixtures/valid/onnx, made by tools/fixtures/onnx_valid.py.
@Suite struct ValidFixtureTests {
  static let expected = fixtureTable("valid/onnx/expected.json")

  @Test func thereAreFixtures() throws {
    #expect(Self.expected.count >= 10)
    for name in try folderListing(validFolder) where name.hasSuffix(".onnx") {
      #expect(Self.expected[name] != nil, "\(name)")
    }
  }

  @Test(arguments: expected.keys)
  func tensorsLoadAsWritten(_ name: String) throws {
    let model = try ONNXFile.open(path: validFolder + "/" + name)
    let tensors = try #require(Self.expected[name]?["tensors"]?.arrayValue)
    #expect(
      model.graph.initializers.map(\.name) == tensors.compactMap { $0["name"]?.stringValue })
    for (tensor, entry) in zip(model.graph.initializers, tensors) {
      #expect(tensor.storedType.name == entry["stored"]?.stringValue, "\(tensor.name)")
      #expect(tensor.type?.rawValue == entry["type"]?.stringValue, "\(tensor.name)")
      #expect(
        tensor.shape.dimensions == entry["shape"]?.arrayValue?.compactMap(\.intValue),
        "\(tensor.name)")
      // Twice: the second time after its pages were given back.
      for _ in 0..<2 {
        let loaded = try tensor.load()
        #expect(loaded.type == tensor.type && loaded.shape == tensor.shape)
        #expect(loaded.byteCount == tensor.byteCount)
        #expect(
          hexText(try SHA256.digest(of: loaded.bytes)) == entry["sha256"]?.stringValue,
          "\(name): \(tensor.name) \(loaded.floats.prefix(16))")
        tensor.release()
      }
    }
  }

  @Test func tensorFile() throws {
    let tensor = try ONNXTensor(pbFile: validFolder + "/tensor.pb")
    #expect(tensor.name == "p" && tensor.shape == [3, 5])
    #expect(try tensor.load().floats.prefix(3) == [-5, -2, 1])
  }

  /// What is no number in the eight-bit floats; fixtures leave these codes out.
  @Test func notNumbers() throws {
    func codes(_ type: ONNXElementType, _ codes: [UInt8]) throws -> [Float] {
      let folder = try temporaryFolder()
      var bytes: [UInt8] = [0x08, UInt8(codes.count), 0x10, UInt8(type.rawValue), 0x4A]
      bytes += [UInt8(codes.count)] + codes
      try writeFile(bytes, to: folder.file("t.pb"))
      return try ONNXTensor(pbFile: folder.file("t.pb")).load().floats
    }
    #expect(try codes(.float8e4m3fn, [0x7F, 0xFF]).allSatisfy(\.isNaN))
    #expect(try codes(.float8e4m3fn, [0x7E, 0xFE, 0x80]) == [448, -448, -0])
    #expect(try codes(.float8e4m3fnuz, [0x80]).allSatisfy(\.isNaN))
    #expect(try codes(.float8e4m3fnuz, [0x7F, 0xFF, 0x00]) == [240, -240, 0])
    #expect(try codes(.float8e5m2, [0x7D, 0x7F, 0xFE]).allSatisfy(\.isNaN))
    #expect(try codes(.float8e5m2, [0x7C, 0xFC, 0x7B]) == [.infinity, -.infinity, 57344])
    #expect(try codes(.float8e5m2fnuz, [0x80]).allSatisfy(\.isNaN))
    #expect(try codes(.float8e5m2fnuz, [0x7F, 0x01]) == [57344, 0x1p-17])
    #expect(try codes(.float8e8m0, [0xFF]).allSatisfy(\.isNaN))
    #expect(try codes(.float8e8m0, [0x00, 0x7F, 0xFE]) == [0x1p-127, 1, 0x1p127])
  }
}

/// Models that break one rule each (formats/fixtures/malformed/onnx, made by
/// tools/fixtures/onnx_malformed.py); errors.json gives the sentence each must be refused with. Those
/// in `graphs` are sound as files: PipelineTests make graphs of them.
@Suite struct MalformedFixtureTests {
  static let errors = fixtureTable("malformed/onnx/errors.json")
  static let files = errors.keys.filter { !$0.hasPrefix("graphs/") }

  @Test func thereAreFixtures() throws {
    #expect(Self.errors.count >= 130)
    for name in try folderListing(malformedFolder) where name.hasSuffix(".onnx") {
      #expect(Self.errors[name] != nil, "\(name)")
    }
  }

  @Test(arguments: files)
  func isRefusedWithItsSentence(_ name: String) throws {
    let expected = try #require(Self.errors[name]?.stringValue)
    let error = #expect(throws: ONNXFileError.self) {
      let model = try ONNXFile.open(path: malformedFolder + "/" + name)
      for tensor in model.graph.initializers { _ = try tensor.load() }
    }
    let parts = error?.description.split(
      separator: malformedFolder, omittingEmptySubsequences: false)
    let found = parts?.joined(separator: "FOLDER")
    #expect(found == expected)
  }

  @Test func missingFile() throws {
    #expect(throws: ONNXFileError.bytes(.noSuchFile(path: "/nowhere.onnx"))) {
      try ONNXFile.open(path: "/nowhere.onnx")
    }
    #expect(throws: ONNXFileError.bytes(.isFolder(path: validFolder))) {
      try ONNXFile.open(path: validFolder)
    }
  }

  /// A file of few bytes must not take much memory, which each message and text does.
  @Test func tooMuch() throws {
    let folder = try temporaryFolder()
    let path = folder.file("much.onnx")
    func fault(_ bytes: [UInt8]) throws -> ONNXFileError? {
      try writeFile([0x08, 0x08, 0x3A] + length(bytes.count) + bytes, to: path)
      return #expect(throws: ONNXFileError.self) { try ONNXFile.open(path: path) }
    }
    func length(_ count: Int) -> [UInt8] {
      (0..<4).map { UInt8(count >> (7 * $0) & 0x7F) | ($0 < 3 ? 0x80 : 0) }
    }
    var nodes = [UInt8](repeating: 0, count: 4_000_002)
    for i in stride(from: 0, to: nodes.count, by: 2) { nodes[i] = 0x0A }
    #expect(try fault(nodes) == .wire(file: "much.onnx", .tooMany(maximum: 2_000_000)))
    let text =
      [0x2A] + length(1 << 26 + 5) + [0x22] + length(1 << 26)
      + [UInt8](repeating: 32, count: 1 << 26)
    #expect(
      try fault([0x0A] + length(text.count) + text)
        == .wire(file: "much.onnx", .tooLarge(maximum: 1 << 26)))
  }

  /// Links inside the model's folder, and to where the model itself lies, are followed; no others.
  @Test func externalLinks() throws {
    let folder = try temporaryFolder()
    let data = try readSmallFile(validFolder + "/weights.bin", maximum: 1 << 10)
    let rest = try readSmallFile(validFolder + "/weights/all.bin", maximum: 1 << 20)
    let model = try readSmallFile(validFolder + "/external.onnx", maximum: 1 << 20)
    for place in ["blobs", "cache", "cache/weights", "elsewhere"] {
      try makeFolder(folder.file(place))
    }
    try writeFile(model, to: folder.file("blobs/1"))
    try writeFile(data, to: folder.file("blobs/2"))
    try writeFile(rest, to: folder.file("blobs/3"))
    try writeFile(data, to: folder.file("elsewhere/2"))
    try makeLink(folder.file("cache/external.onnx"), to: "../blobs/1")
    try makeLink(folder.file("cache/weights.bin"), to: "../blobs/2")
    try makeLink(folder.file("cache/weights/all.bin"), to: "../../blobs/3")
    let path = folder.file("cache/external.onnx")
    let read = try ONNXFile.open(path: path)
    #expect(read.files.map(\.size) == [model.count, rest.count, data.count])
    #expect(try read.graph.initializers.last?.load().floats == [-5, -2])
    let outside = ONNXFileError.external(
      file: "external.onnx", tensor: "whole", .outside(location: "weights.bin"))
    for target in ["../elsewhere/2", folder.file("elsewhere/2"), "../cache/../elsewhere/2"] {
      try removeFile(folder.file("cache/weights.bin"))
      try makeLink(folder.file("cache/weights.bin"), to: target)
      #expect(throws: outside) { try ONNXFile.open(path: path) }
    }
    try removeFile(folder.file("cache/weights.bin"))
    try makePipe(folder.file("cache/weights.bin"))
    #expect(
      throws: ONNXFileError.bytes(
        .notRegular(path: resolvedPath(folder.file("cache/weights.bin")) ?? ""))
    ) { try ONNXFile.open(path: path) }
  }
}
