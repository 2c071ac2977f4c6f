import Comparison
import Executor
import JSONText
import TensorBase
import TensorFiles

extension GoldenBundleCase {
  /// Whether the case is a whole run of the method, not one graph.
  var isWholeRun: Bool { description["config"]?["kind"]?.stringValue == "ground" }

  /// Grounds the case's phrase in its picture and compares what goes into the UNet, its taps at the
  /// steps the case kept, the maps and the similarity of the biases.
  ///
  /// Token ids must be equal; states, latents and taps lie within the case's tolerance; float maps
  /// within 3e-3, 8-bit ones and what is made of them within a level, the similarity within 5e-3.
  /// Threshold, masks and box are left out: scikit-learn starts its mixture at random. So is what a
  /// run does not give, such as the sums before they were scaled.
  ///
  /// - Returns: the report, and the case's tensors that were left out.
  /// - Throws: when the run fails, or the case holds nothing to compare it with.
  func compareRun(
    modelPath: String, tolerance factor: Double?, execution: ExecutionOptions, memory: MemoryUse
  ) throws -> (report: ComparisonReport, omitted: [String]) {
    var grounder = try Grounder(
      modelPath: modelPath, threads: execution.threads, isExact: execution.isExact,
      memory: memory)
    let results = try grounder.ground(
      imagePath: folder + "/" + (try setting("image") { $0.stringValue }),
      phrases: [try setting("phrase") { $0.stringValue }], options: try options())
    guard let result = results.first else { preconditionFailure("one phrase, one result") }
    var actual: [String: Tensor] = [:]
    for (name, tensor) in result.mapTensors + result.tapTensors { actual[name] = tensor }
    actual["mask"] = nil
    if let similarity = result.similarity {
      actual["ssim"] = Tensor(floats: [Float(similarity)], shape: [])
    }
    let steps = try setting("steps_kept") { $0.arrayValue?.compactMap(\.intValue) }

    func isHeld(_ name: String) -> Bool { actual[name] != nil || name.contains("/") }
    let order = names("output.").filter(isHeld)
    let omitted = names("output.").filter { !isHeld($0) }
    guard !order.isEmpty else {
      throw PipelineError.component(
        folder: folder,
        reason: "io.safetensors holds nothing that a whole run gives, such as 'output.map'; it has "
          + shortList(omitted.map { "output." + $0 }))
    }
    var report = ComparisonReport(
      tensors: [], missing: order.filter { actual[$0] == nil }, extra: [])
    for name in order {
      guard var tensor = actual[name] else { continue }
      var expected = try file.tensor(named: "output." + name)
      if name.contains("/") { tensor = chosen(steps, of: tensor) }
      if expected.type != tensor.type { expected = expected.converted(to: tensor.type) }
      report.tensors.append(
        TensorComparison(
          name: name, actual: tensor, expected: expected, tolerance: bound(name, factor)))
    }
    return (report, omitted)
  }

  private func options() throws -> GroundingOptions {
    var options = GroundingOptions()
    options.steps = try setting("steps") { $0.intValue }
    options.last = try setting("last") { $0.intValue }
    options.guidance = try setting("guidance") { $0.doubleValue }
    options.seed = UInt64(bitPattern: Int64(try setting("seed") { $0.intValue }))
    let words = try setting("words") { $0.arrayValue?.compactMap(\.intValue) }
    options.words = words.map(String.init).joined(separator: ",")
    options.savesTaps = true
    return options
  }

  private func setting<Setting>(
    _ key: String, _ read: (JSONValue) -> Setting?
  ) throws -> Setting {
    guard let value = description["config"]?[key].flatMap(read) else {
      throw PipelineError.badSetting(
        file: "case.json of '\(name)'", key: key, expected: "set as a whole run needs it")
    }
    return value
  }

  /// The tolerance for a tensor of a whole run.
  private func bound(_ name: String, _ factor: Double?) -> Tolerance {
    switch name {
    case "input_ids": .exact
    case "map", "activation": Tolerance(.bounds(absolute: 3e-3, relative: 0))
    case "merged": Tolerance(.bounds(absolute: 1.01 / 255, relative: 0))
    case "image_bias", "text_bias": Tolerance(.bounds(absolute: 1, relative: 0))
    case "ssim": Tolerance(.bounds(absolute: 5e-3, relative: 0))
    default: self.tolerance(factor, for: .f32)
    }
  }
}

/// Some of the steps of a tap [steps, tokens, h, w].
private func chosen(_ steps: [Int], of tap: Tensor) -> Tensor {
  let count = tap.shape.count / max(tap.shape[0], 1)
  let values = tap.floats
  let kept = steps.filter { (0..<tap.shape[0]).contains($0) }
  return Tensor(
    floats: kept.flatMap { values[$0 * count..<($0 + 1) * count] },
    shape: Shape([kept.count] + tap.shape.dimensions.dropFirst()))
}
