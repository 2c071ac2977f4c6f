import ByteIO
import GraphIR
import JSONText
import Pipeline
import TestSupport
import Testing

/// The exports of golden/onnx/taps with the sizes they inflate to.
private func exports() throws -> [(name: String, byteCount: Int)] {
  let text = try readSmallFile(goldenPath("onnx/taps/case.json"), maximum: 1 << 16)
  let sizes = try JSONValue(parsing: text)["config"]?["bytes"]?.objectValue
  return (sizes?.members ?? []).map { ($0.key, $0.value.intValue ?? 0) }
}

/// A UNet of 16 cross-attention layers has 16 taps, and 16 layers beside them, whichever of torch's
/// exporters wrote it, with attention spelt out or as one operator, at whatever operator set.
@Test(arguments: try exports())
func everyTapOfAnExportIsFound(name: String, byteCount: Int) throws {
  let path = try goldenPath("onnx/taps/\(name).onnx.deflated")
  let packed = try readSmallFile(path, maximum: 1 << 24)
  let folder = try temporaryFolder()
  let file = folder.file("unet.onnx")
  try writeFile(try inflatePrefix(packed.span.bytes, count: byteCount), to: file)
  let graph = try ONNXModelFile(path: file).graph
  let layers = graph.attentionLayers
  #expect(layers.count { $0.kind == .cross } == 16)
  #expect(layers.count { $0.kind == .self } == 16)
  #expect(layers.allSatisfy { $0.kind == .self || $0.probabilities != nil })
  #expect(Set(layers.map(\.name)).count == 32)
}

@Test func exportsOfAllOperatorSetsAreTested() throws {
  let names = try exports().map(\.name)
  for exporter in ["old", "dynamo"] {
    for opset in [14, 17, 18, 20, 23] {
      #expect(names.contains { $0.hasPrefix("unet-\(exporter)-\(opset)-") })
    }
  }
}
