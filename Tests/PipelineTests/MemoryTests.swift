import ByteIO
import Pipeline
import TestSupport
import Testing

/// Two phrases in one picture: whatever memory may be used, the same taps, maps and masks; again
/// with the same grounder too.
@Test func groundingWithLittleMemoryGivesTheSame() throws {
  let folder = try temporaryFolder()
  var request = ConversionRequest(output: folder.file("model.plumb"))
  request.source = goldenFolder + "/checkpoints/sd1-tiny"
  _ = try convert(request)
  var options = GroundingOptions()
  options.steps = 5
  options.last = 3
  options.savesTaps = true
  var expected: [[UInt8]]?
  for memory in [MemoryUse.unlimited, .lowest, .limited(byteCount: 4 << 30)] {
    var grounder = try Grounder(modelPath: request.output, threads: 2, memory: memory)
    for _ in 0..<2 {
      let results = try grounder.ground(
        imagePath: goldenFolder + "/images/radiograph.jpg",
        phrases: ["left pleural effusion", "large opacity"], options: options)
      let maps = try results.map { result in
        _ = try result.write(to: folder.file("out"))
        return try readSmallFile(folder.file("out/maps.safetensors"), maximum: 1 << 28)
      }
      if let expected { #expect(maps == expected) } else { expected = maps }
    }
  }
}
