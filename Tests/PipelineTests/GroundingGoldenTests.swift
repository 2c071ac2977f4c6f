import JSONText
import Pipeline
import TensorBase
import TensorFiles
import TestSupport
import Testing

/// A whole run of the reference method, made by PyTorch on a tiny random pipeline.
struct ReferenceRun: Sendable, CustomTestStringConvertible {
  let golden: GoldenCase

  static func all() throws -> [ReferenceRun] {
    try ["sd1-10-steps", "sd1-50-steps", "sd2-10-steps"].map { name in
      ReferenceRun(golden: try goldenCase("run/\(name)", "ground"))
    }
  }

  var testDescription: String { golden.family }

  func text(_ key: String) throws -> String { try #require(golden.config[key]?.stringValue) }

  func numbers(_ key: String) throws -> [Int] {
    try #require(golden.config[key]?.arrayValue).compactMap(\.intValue)
  }

  /// Grounds with our program and writes everything.
  func ground(in folder: TemporaryFolder) throws -> (result: GroundingResult, maps: TensorFile) {
    let model = folder.file("model.plumb")
    var request = ConversionRequest(output: model)
    request.source = try goldenFolderPath(try text("checkpoint"))
    _ = try convert(request)
    var options = GroundingOptions()
    options.steps = try #require(golden.config["steps"]?.intValue)
    options.last = try #require(golden.config["last"]?.intValue)
    options.guidance = try #require(golden.config["guidance"]?.doubleValue)
    options.seed = UInt64(try #require(golden.config["seed"]?.intValue))
    options.words = try numbers("words").map(String.init).joined(separator: ",")
    options.savesTaps = true
    var grounder = try Grounder(modelPath: model, threads: 2)
    let image = try goldenPath("\(golden.family)/ground/\(try text("image"))")
    let results = try grounder.ground(
      imagePath: image, phrases: [try text("phrase")], options: options)
    let result = results[0]
    _ = try result.write(to: folder.file("out"))
    return (result, try TensorFile.open(folder.file("out/maps.safetensors")))
  }
}

@Test(arguments: try ReferenceRun.all())
func groundingRepeatsTheReferenceRun(run: ReferenceRun) throws {
  let folder = try temporaryFolder()
  let (result, maps) = try run.ground(in: folder)
  let golden = run.golden

  // What goes into the UNet: tokens exactly, states and latents within 1e-4.
  #expect(try maps.tensor(named: "input_ids") == golden.tensor("output.input_ids"))
  let tokens = try JSONValue(parsing: Array(#require(maps.metadata["tokens"]).utf8))
  #expect(tokens.arrayValue?.compactMap(\.intValue) == (try run.numbers("tokens")))
  for name in ["text", "latent_mean", "latent_logvar"] {
    expectClose(
      try maps.tensor(named: name), try golden.tensor("output.\(name)"), relativeToMaximum: 1e-4,
      name)
  }

  // What comes out of it: taps of some steps of both passes within 1e-4.
  let layers = try #require(golden.config["taps"]?.arrayValue).compactMap(\.stringValue)
  #expect(layers.count == 16)
  let steps = try run.numbers("steps_kept")
  for pass in ["image", "text"] {
    for layer in layers {
      let expected = try golden.tensor("output.\(pass)/\(layer)")
      let all = try maps.tensor(named: "\(pass)/\(layer)")
      let count = all.shape.count / all.shape[0]
      let floats = all.floats
      let kept = steps.flatMap { floats[$0 * count..<($0 + 1) * count] }
      expectClose(
        Tensor(floats: kept, shape: expected.shape), expected, relativeToMaximum: 1e-4,
        "\(pass)/\(layer)")
    }
  }

  // The maps.
  // The merged map has passed through eight bits: it may be a level off where it rounds.
  for (name, bound) in [("activation", 3e-3), ("map", 3e-3), ("merged", 1.01 / 255)]
    as [(String, Float)]
  {
    expectClose(
      try maps.tensor(named: name).floats, try golden.tensor("output.\(name)").floats,
      absolute: bound, name)
  }
  for name in ["image_bias", "text_bias"] {
    let actual = try maps.tensor(named: name).int64s
    let expected = try golden.tensor("output.\(name)").int64s
    let off = zip(actual, expected).count { abs($0 - $1) > 1 }
    #expect(off * 100 <= expected.count, "\(name): \(off) of \(expected.count) pixels")
  }
  let similarity = try #require(result.similarity)
  #expect(abs(similarity - (try golden.tensor("output.ssim").doubles[0])) <= 5e-3)
}

private func expectClose(
  _ actual: [Float], _ expected: [Float], absolute: Float, _ name: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(actual.count == expected.count, "\(name)", sourceLocation: sourceLocation)
  let worst = zip(actual, expected).map { abs($0 - $1) }.max() ?? .infinity
  #expect(worst <= absolute, "\(name) is off by \(worst)", sourceLocation: sourceLocation)
}
