import ByteIO
import JSONText
import Pipeline
import TestSupport
import Testing

/// ONNX files that are sound, with graphs that are not (formats/fixtures/malformed/onnx/graphs).
@Suite struct MalformedGraphTests {
  private static let folder = fixturesFolder + "/malformed/onnx"
  private static let errors = fixtureTable("malformed/onnx/errors.json")
  private static let files = errors.keys.filter { $0.hasPrefix("graphs/") }

  @Test func everyFileHasItsSentence() throws {
    let names = try folderListing(Self.folder + "/graphs").map { "graphs/" + $0 }
    #expect(!names.isEmpty && names.sorted() == Self.files.sorted())
  }

  @Test(arguments: files)
  func isRefusedWithItsSentence(_ name: String) throws {
    let expected = try #require(Self.errors[name]?.stringValue)
    let error = try #require(throws: (any Error).self) {
      try ONNXModelFile(path: Self.folder + "/" + name)
    }
    #expect("\(error)" == expected.replacing("FOLDER", with: Self.folder))
  }
}
