import ByteIO
import ONNXFiles
import TestSupport
import Testing

/// The test cases that ONNX publishes, from Debian's libonnx-testdata (tools/setup installs it).
@Suite struct CorpusTests {
  static let folder = "/usr/share/libonnx-testdata/data"

  @Test func everyModelIsRead() throws {
    var models = 0
    for path in try files(in: Self.folder, suffix: ".onnx") {
      do {
        let model = try ONNXFile.open(path: path)
        #expect(!model.graph.nodes.isEmpty, "\(path)")
        models += 1
      } catch { Issue.record("\(path): \(error)") }
    }
    #expect(models > 1000)
  }

  /// Tensors alone; a few of the files are sequences or optional values.
  @Test func everyTensorIsRead() throws {
    var tensors = 0
    var others: [String] = []
    for path in try files(in: Self.folder, suffix: ".pb") {
      do {
        let tensor = try ONNXTensor(pbFile: path)
        tensors += 1
        guard let type = tensor.type else { continue }
        #expect(try tensor.load().type == type)
      } catch { others.append("\(path): \(error)") }
    }
    #expect(tensors > 3000)
    #expect(others.count < 100, "\(others)")
  }

  private func files(in folder: String, suffix: String) throws -> [String] {
    try folderListing(folder).flatMap { name in
      let path = folder + "/" + name
      if folderExists(path) { return try files(in: path, suffix: suffix) }
      return name.hasSuffix(suffix) ? [path] : []
    }
  }
}
