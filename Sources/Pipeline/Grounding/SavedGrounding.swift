import ByteIO
import Grounding
import ImageFiles
import JSONText
import PhraseWords
import TensorFiles

/// Grounds again from taps that `plumb ground --save-taps` kept: everything after the UNet.
///
/// - Parameters:
///   - path: a `maps.safetensors` with taps.
///   - imagePath: the picture; nil takes the one the file names.
///   - words: another choice of words among those kept; nil keeps the choice.
///   - layers: patterns of the layers that count, among those kept; empty for all.
/// - Throws: when the file has no taps or not the ones that are wanted.
public func groundAgain(
  from path: String, imagePath: String? = nil, options change: SavedGroundingOptions
) throws -> GroundingResult {
  let saved = try SavedGrounding(path: path)
  return try saved.result(imagePath: imagePath, change: change)
}

/// What can be chosen anew without running the UNet.
public struct SavedGroundingOptions: Sendable {
  /// Whether the map is merged with what image and text alone attract (BBM).
  public var mergesBias = true
  /// How many of the last steps make the activation map; nil keeps the number.
  public var last: Int?
  /// As `GroundingOptions.words`.
  public var words: String?
  /// Names or patterns among the kept layers; empty for all of them.
  public var layers: [String] = []
  /// Whether the result carries the taps on.
  public var savesTaps = false
  /// As `GroundingOptions.reportByteLimit`.
  public var reportByteLimit: Int?

  /// What the first run chose, with bias merging.
  public init() {}
}

/// The content of a `maps.safetensors` with taps.
private struct SavedGrounding {
  let file: TensorFile
  let words: [GroundedWord]
  let tokens: [Int]
  let layers: [String]
  var options = GroundingOptions()

  init(path: String) throws {
    file = try TensorFile.open(path)
    guard file.metadata["format"] == "plumb maps 1" else {
      throw PipelineError.savedTaps(
        file: file.name, reason: "it is not a maps.safetensors that plumb ground wrote")
    }
    guard file.contains("latent_mean") else {
      throw PipelineError.savedTaps(
        file: file.name, reason: "it has no taps; run plumb ground with --save-taps")
    }
    words = try Self.list("words", file) { try? GroundedWord(json: $0) }
    tokens = try Self.list("tokens", file) { $0.intValue }
    layers = try Self.list("layers", file) { $0.stringValue }
    options.steps = try Self.number("steps", file) { Int($0) }
    options.last = try Self.number("last", file) { Int($0) }
    options.guidance = try Self.number("guidance", file) { Double($0) }
    options.seed = try Self.number("seed", file) { UInt64($0) }
    guard (1...1000).contains(options.steps) else {
      throw PipelineError.savedTaps(file: file.name, reason: "'steps' is \(options.steps)")
    }
    guard options.last >= 1 else {
      throw PipelineError.savedTaps(file: file.name, reason: "'last' is \(options.last)")
    }
    let length = try file.descriptor(named: "input_ids").shape.dimensions.last ?? 0
    guard tokens.first == 0, tokens.count >= 2, zip(tokens, tokens.dropFirst()).allSatisfy(<),
      tokens.allSatisfy({ $0 < length })
    else {
      throw PipelineError.savedTaps(
        file: file.name, reason: "'tokens' does not list 0 and positions of the phrase, ascending")
    }
  }

  func result(imagePath: String?, change: SavedGroundingOptions) throws -> GroundingResult {
    var options = options
    options.mergesBias = change.mergesBias
    options.last = change.last ?? options.last
    options.savesTaps = change.savesTaps
    let chosen = try chosenLayers(change.layers)
    let (words, kept) = try chosenWords(change.words)
    let places = try kept.map { position in
      guard let place = tokens.firstIndex(of: position) else {
        throw PipelineError.savedTaps(
          file: file.name,
          reason: "the taps of token \(position) were not kept; ground again with --words all")
      }
      return place
    }
    var stopwatch = Stopwatch()
    let image = try TapRecord(
      layers: chosen, prefix: "image/", of: file, steps: options.steps)
    guard image.tokens == tokens.count else {
      throw PipelineError.savedTaps(
        file: file.name,
        reason: "its taps have \(image.tokens) tokens, but 'tokens' lists \(tokens.count)")
    }
    let hasText = file.contains("text/" + chosen[0])
    if options.mergesBias && !hasText {
      throw PipelineError.savedTaps(
        file: file.name, reason: "it has no taps of a text pass; use --no-bbm")
    }
    let text =
      options.mergesBias
      ? try TapRecord(layers: chosen, prefix: "text/", of: file, steps: options.steps) : nil
    let mean = try file.tensor(named: "latent_mean")
    guard mean.shape.rank == 4, mean.shape[2] == mean.shape[3] else {
      throw PipelineError.savedTaps(file: file.name, reason: "'latent_mean' is \(mean.shape)")
    }
    let source = try sourceImage(imagePath)
    guard source.prepared.crop.side.isMultiple(of: mean.shape[2]) else {
      throw PipelineError.savedTaps(
        file: file.name, reason: "'crop_side' does not fit a latent of side \(mean.shape[2])")
    }
    let maps = try stopwatch.time("maps") {
      try GroundedMaps(
        image: image, text: text, kept: places, last: options.last, side: mean.shape[2],
        imageSide: source.prepared.crop.side)
    }
    let settings = GroundingSettings(
      modelFile: file.metadata["model"] ?? "", modelIdentity: file.metadata["model_identity"] ?? "",
      imageFile: source.path, imageDigest: source.digest, options: options, layers: chosen,
      tokens: tokens)
    let evidence = try change.reportByteLimit.map { byteLimit in
      try ReportEvidence(
        ReportEvidence.Taps(
          image: image, text: text, layers: chosen, tokens: tokens, kept: kept,
          last: options.last, steps: options.steps, timesteps: [], side: mean.shape[2]),
        words: words, byteLimit: ReportShares.taps(of: byteLimit, phrases: 1))
    }
    return GroundingResult(
      phrase: file.metadata["phrase"] ?? "", words: words, warnings: [],
      seconds: stopwatch.stages, settings: settings, maps: maps, picture: source.picture,
      crop: source.prepared.crop,
      taps: options.savesTaps ? try savedTaps(image: image, text: text) : nil,
      evidence: evidence, textPassIsKept: false)
  }

  private func savedTaps(image: TapRecord, text: TapRecord?) throws -> SavedTaps {
    let state = try file.tensor(named: "text")
    let mean = try file.tensor(named: "latent_mean")
    return SavedTaps(
      image: image, text: text, ids: try file.tensor(named: "input_ids").int64s.map { Int($0) },
      state: (state.shape.dimensions, state.floats), latent: mean.shape.dimensions,
      latentMean: mean.floats,
      latentLogVariance: try file.tensor(named: "latent_logvar").floats)
  }

  /// The picture that was grounded, checked to be the same one.
  private func sourceImage(_ imagePath: String?) throws -> SourceImage {
    guard let path = imagePath ?? file.metadata["image"] else {
      throw PipelineError.savedTaps(file: file.name, reason: "it names no picture; give --image")
    }
    guard fileExists(path) else {
      throw PipelineError.notFound(
        path: path, reason: "the picture that was grounded is not there any more; give --image")
    }
    let side = try Self.number("crop_side", file) { Int($0) }
    guard (1...16_384).contains(side) else {
      throw PipelineError.savedTaps(file: file.name, reason: "'crop_side' is \(side)")
    }
    let image = try SourceImage(path: path, side: side)
    guard image.digest == file.metadata["image_sha256"] else {
      throw PipelineError.savedTaps(
        file: file.name, reason: "\(path) is not the picture it was made from")
    }
    return image
  }

  private func chosenLayers(_ patterns: [String]) throws -> [String] {
    guard !layers.isEmpty else {
      throw PipelineError.savedTaps(file: file.name, reason: "it names no layers")
    }
    return try matching(patterns, among: layers)
  }

  /// The words and the positions that count, with another choice of words when one is given.
  private func chosenWords(_ text: String?) throws -> (words: [GroundedWord], kept: [Int]) {
    guard let text else { return (words, tokens.filter { $0 != 0 }) }
    let selected = try selectWords(
      of: words.map(\.text).joined(separator: " "), try WordSelection(parsing: text))
    let ids = try file.descriptor(named: "input_ids").shape
    let positions = try selectTokens(
      of: selected, subwordCounts: words.map(\.tokens.count), length: ids.dimensions.last ?? 0)
    let chosen = zip(words, selected.isKept).map { word, isKept in
      GroundedWord(
        text: word.text, tokens: word.tokens, positions: word.positions, isKept: isKept)
    }
    return (chosen, positions.positions)
  }

  private static func list<Element>(
    _ key: String, _ file: TensorFile, _ element: (JSONValue) throws -> Element?
  ) throws -> [Element] {
    guard let text = file.metadata[key],
      let items = (try? JSONValue(parsing: Array(text.utf8)))?.arrayValue
    else { throw PipelineError.savedTaps(file: file.name, reason: "'\(key)' is no list") }
    return try items.map { item in
      guard let value = try element(item) else {
        throw PipelineError.savedTaps(file: file.name, reason: "'\(key)' is not as expected")
      }
      return value
    }
  }

  private static func number<Number>(
    _ key: String, _ file: TensorFile, _ parse: (String) -> Number?
  ) throws -> Number {
    guard let text = file.metadata[key], let number = parse(text) else {
      throw PipelineError.savedTaps(file: file.name, reason: "'\(key)' is no number")
    }
    return number
  }
}
