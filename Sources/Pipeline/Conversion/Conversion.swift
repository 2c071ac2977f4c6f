import Architectures
import ByteIO
import GraphIR
import Grounding
import JSONText
import NativeFormat
import TensorBase
import TensorFiles
import TextTokens

/// The version that files are stamped with.
public let plumbVersion = "0.1.0"

/// Converts checkpoints into one .plumb. Tensors are streamed: one at a time is in memory. The
/// file appears whole or not at all.
///
/// - Parameter progress: told how many bytes of how many are converted.
/// - Throws: when a part is missing, damaged, not supported, or does not fit the others;
///   `ConversionRefusal` when the file does not agree with the request's golden bundle.
public func convert(
  _ request: ConversionRequest, progress: Progress = { _, _, _ in }
) throws -> ConversionSummary {
  returnLargeBlocksToSystem()
  var options = StorageOptions()
  if let level = request.level { options.level = level }
  if request.isRaw { options.packing = .raw }
  options.weights = try request.weights.map { name in
    let types: [String: ElementType] = ["f32": .f32, "f16": .f16, "bf16": .bf16, "int8": .i8]
    guard let type = types[name] else {
      throw PipelineError.badOption(
        name: "--weights", reason: "'\(name)' is not f32, f16, bf16 or int8")
    }
    return type
  }
  let bundle = try request.goldenFolder.map { try goldenBundle($0) } ?? []
  let stock = try stock(request)
  for golden in bundle { try golden.checkFit(stock.content.graphs) }
  let total = stock.weights.reduce(0) { $0 + $1.byteCount }
  let byteAxes = options.weights == .i8 ? stock.byteAxes : [:]
  var done = 0
  var roundings: [ConversionSummary.Rounding] = []
  var writer = try NativeWriter(path: request.output, options: options)
  for weight in stock.weights {
    let tensor = try weight.load()
    let error =
      if let axis = byteAxes[weight.name] {
        try writer.add(weight.name, tensor, inBytesAlong: axis)
      } else {
        try writer.add(weight.name, tensor)
      }
    if error > 0 { roundings.append(.init(tensor: weight.name, error: error)) }
    weight.release()
    done += weight.byteCount
    progress("converting", done, total)
  }
  try writer.complete(stock.content)
  var verification: Verification?
  if let golden = request.goldenFolder {
    let result = try writer.withReadablePath { path in
      try verify(
        modelPath: path, goldenFolder: golden, relativeToMaximum: request.goldenTolerance,
        memory: request.verificationMemory, progress: progress)
    }
    guard result.passed else {
      throw ConversionRefusal(output: request.output, verification: result)
    }
    verification = result
  }
  try writer.commit()
  return ConversionSummary(
    output: request.output, byteCount: try MappedFile(path: request.output).size,
    sourceByteCount: total, graphs: stock.content.graphs.map(\.name),
    unused: stock.unused,
    roundings: roundings, verification: verification)
}

/// What goes into a file.
struct ConversionStock {
  var weights: [ConvertedModel.Weight]
  /// The weights that can be kept in bytes, with the axes along which their outputs lie.
  var byteAxes: [String: Int]
  /// All but weights.
  var content: NativeContent
  /// Tensors that are known and not needed.
  var unused: [String]
}

private func stock(_ request: ConversionRequest) throws -> ConversionStock {
  if let stored = try storedStock(request) { return stored }
  let parts = try SourceParts(request)
  try checkNames(request.ioNames, parts)
  let models = try parts.models.map { part in
    try ConvertedModel(part.component, part.source, request, isAlone: parts.models.count == 1)
  }
  try checkNames(models)
  try checkFit(models)
  return ConversionStock(
    weights: models.flatMap(\.weights), byteAxes: byteAxes(models.flatMap(\.graphs)),
    content: try content(models, parts), unused: models.flatMap(\.unused))
}

/// Only the parts that are ONNX files have names to be changed.
private func checkNames(_ names: [IOName], _ parts: SourceParts) throws {
  for name in names {
    let isKnown = parts.models.contains { part in
      if case .onnx = part.source { part.component == name.part } else { false }
    }
    guard isKnown else {
      throw PipelineError.badOption(
        name: "--io", reason: "no \(name.part) is given as an ONNX file (\(name.theirs))")
    }
  }
}

private func checkNames(_ models: [ConvertedModel]) throws {
  var folders: [String: String] = [:]
  for model in models {
    if let other = folders.updateValue(model.path, forKey: model.component) {
      throw PipelineError.component(
        folder: model.path, reason: "it is a \(model.component), and so is \(other)")
    }
  }
}

/// Parts that are used together must have the sizes that the others expect.
private func checkFit(_ models: [ConvertedModel]) throws {
  func model(_ component: String) -> ConvertedModel? { models.first { $0.component == component } }
  func check(
    _ what: String, _ one: ConvertedModel?, _ other: ConvertedModel?,
    _ size: (ModelFacts) -> Int?
  ) throws {
    guard let one, let other, let found = size(one.facts),
      let expected = size(other.facts), found != expected
    else { return }
    throw PipelineError.component(
      folder: one.path,
      reason: "this \(one.component) has \(what) \(found), but the \(other.component) in "
        + "\(other.path) has \(expected); the two do not belong together")
  }
  try check("text states of width", model("text_encoder"), model("unet"), \.textWidth)
  try check("latent channels", model("vae"), model("unet"), \.latentChannels)
}

/// Every token must be one that the text encoder knows.
private func checkVocabulary(
  _ tokenizer: TokenizerDescription, _ folder: String, _ models: [ConvertedModel]
) throws {
  guard let encoder = models.first(where: { $0.component == "text_encoder" }),
    let size = encoder.facts.vocabularySize, tokenizer.tokens.count > size
  else { return }
  throw PipelineError.component(
    folder: folder,
    reason: "this tokenizer has \(tokenizer.tokens.count) tokens, but the text encoder in "
      + "\(encoder.path) knows \(size); the two do not belong together")
}

/// Everything but the tensors.
private func content(
  _ models: [ConvertedModel], _ parts: SourceParts
) throws -> NativeContent {
  var content = NativeContent()
  content.graphs = models.flatMap(\.graphs)
  var sources: [JSONValue] = []
  func note(_ component: String, file: String, sha256: String) {
    sources.append(
      .object([
        "component": .string(component), "file": .string(file), "sha256": .string(sha256),
      ]))
  }
  for model in models {
    if let facts = model.facts.json.objectValue, !facts.members.isEmpty || models.count > 1 {
      content.components[model.component] = .object(facts)
    }
    for source in try model.sources() {
      note(model.component, file: source.name, sha256: source.sha256)
    }
  }
  if let tokenizer = parts.tokenizer {
    let folder = folderPart(of: tokenizer.paths[0])
    let description: TokenizerDescription
    do {
      description = try Tokenizer(files: tokenizer.files).description
    } catch {
      throw PipelineError.component(folder: folder, reason: "\(error)")
    }
    try checkVocabulary(description, folder, models)
    content.tokenizer = description.json
    for path in tokenizer.paths {
      note("tokenizer", file: lastComponent(of: path), sha256: try digest(of: path))
    }
  }
  if let scheduler = parts.scheduler {
    do {
      _ = try NoiseSchedule(NoiseScheduleConfiguration(json: scheduler.configuration))
    } catch {
      throw PipelineError.component(folder: scheduler.path, reason: "\(error)")
    }
    content.scheduler = scheduler.configuration
    note(
      "scheduler", file: lastComponent(of: scheduler.path), sha256: try digest(of: scheduler.path))
  }
  content.provenance = ["converter": .string("plumb \(plumbVersion)"), "sources": .array(sources)]
  return content
}

func digest(of path: String) throws -> String {
  try SHA256.hexDigest(of: try MappedFile(path: path))
}
