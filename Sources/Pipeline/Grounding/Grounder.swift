import ByteIO
import Executor
import Grounding
import ImageFiles
import PhraseWords
import TensorBase

/// Grounds phrases in images with one model: where in the picture is what the phrase speaks of?
///
/// Weights are loaded as they are needed and stay for further calls, if memory is not limited; if
/// it is, those of the encoders go when they have run.
public struct Grounder {
  private let file: ModelFile
  private let facts: ImageModelFacts
  private let schedule: NoiseSchedule
  private var textEncoder: TextEncoder
  private var imageEncoder: ImageEncoder
  private var unet: DenoisingModel
  private var textPasses = RecentTextPasses()

  /// - Parameter memory: how much of it grounding may take.
  /// - Throws: when the file cannot be read or lacks one of the parts that grounding needs.
  public init(
    modelPath: String, threads: Int? = nil, isExact: Bool = false, memory: MemoryUse = .unlimited
  ) throws {
    file = try ModelFile(path: modelPath, memory: memory)
    let options = ExecutionOptions(threads: threads ?? defaultThreadCount, isExact: isExact)
    facts = try file.imageModelFacts()
    schedule = try NoiseSchedule(
      NoiseScheduleConfiguration(json: try file.schedulerConfiguration()))
    textEncoder = try TextEncoder(
      try file.model("text_encoder"), tokenizer: try file.tokenizer(), length: facts.textLength,
      keepsWeights: memory == .unlimited, options: options)
    imageEncoder = ImageEncoder(
      try file.model("vae_encoder"), keepsWeights: memory == .unlimited, options: options)
    unet = try DenoisingModel(try file.model("unet"), options: options)
  }

  /// Grounds each phrase in the image.
  ///
  /// - Parameters:
  ///   - imagePath: a PNG or JPEG file.
  ///   - progress: told how far each stage is.
  /// - Returns: a result per phrase, in order.
  public mutating func ground(
    imagePath: String, phrases: [String], options: GroundingOptions = GroundingOptions(),
    progress: Progress = { _, _, _ in }
  ) throws -> [GroundingResult] {
    try options.check()
    let choice = try choice(options)
    let picture = try picture(imagePath)
    let tapBytes = options.reportByteLimit.map {
      ReportShares.taps(of: $0, phrases: phrases.count)
    }
    var results: [GroundingResult] = []
    for phrase in phrases {
      results.append(
        try ground(
          phrase, in: picture, choice: choice, options: options, evidenceBytes: tapBytes,
          progress: progress))
    }
    return results
  }

  /// Grounds one phrase in a picture that `picture` has encoded.
  mutating func ground(
    _ phrase: String, in picture: Picture, options: GroundingOptions,
    progress: Progress = { _, _, _ in }
  ) throws -> GroundingResult {
    try options.check()
    return try ground(
      phrase, in: picture, choice: try choice(options), options: options, progress: progress)
  }

  /// A picture as the model has encoded it, for any number of phrases.
  struct Picture {
    let source: SourceImage
    let encoded: EncodedImage
    let stopwatch: Stopwatch
  }

  mutating func picture(_ path: String) throws -> Picture {
    let source = try SourceImage(path: path, side: facts.imageSide)
    var stopwatch = Stopwatch()
    let encoded = try stopwatch.time("image encoder") {
      try imageEncoder.encode(source.prepared.values, side: facts.imageSide)
    }
    guard encoded.shape.rank == 4, encoded.shape[2] == encoded.shape[3] else {
      throw PipelineError.wrongGraph(graph: "vae_encoder", lacks: "a square latent")
    }
    return Picture(source: source, encoded: encoded, stopwatch: stopwatch)
  }

  /// Has text passes kept in memory for as long as phrases recur, up to so many bytes.
  mutating func keepTextPasses(byteCount: Int) {
    textPasses = RecentTextPasses(byteLimit: byteCount)
  }

  /// Sizes and factors of the model.
  var sizes: ImageModelFacts { facts }
  var modelName: String { file.name }
  var modelIdentity: String { file.identity }

  /// What options say of words and layers.
  private struct Choice {
    let words: WordSelection
    let layers: [Int]
  }

  private func choice(_ options: GroundingOptions) throws -> Choice {
    let words = try WordSelection(parsing: options.words)
    let names = unet.layers.map(\.name)
    let chosen = Set(try matching(options.layers, among: names))
    return Choice(words: words, layers: names.indices.filter { chosen.contains(names[$0]) })
  }

  private mutating func ground(
    _ phrase: String, in picture: Picture, choice: Choice, options: GroundingOptions,
    evidenceBytes: Int? = nil, progress: Progress
  ) throws -> GroundingResult {
    let (image, encoded, layers) = (picture.source, picture.encoded, choice.layers)
    var stopwatch = picture.stopwatch
    let encoding = try stopwatch.time("text encoder") {
      try textEncoder.encode(phrase, words: choice.words)
    }
    let tokens = [0] + encoding.kept
    let settings = GroundingSettings(
      modelFile: file.name, modelIdentity: file.identity, imageFile: image.path,
      imageDigest: image.digest, options: options, layers: layers.map { unet.layers[$0].name },
      tokens: tokens)
    var warnings = encoding.warnings
    var textPassIsKept = false
    let text =
      try options.mergesBias
      ? stopwatch.time("text pass") {
        try textTaps(
          encoding, latent: encoded.shape, layers: layers, settings: settings,
          isKept: &textPassIsKept, warnings: &warnings, progress: progress)
      } : nil
    let imageTaps = try stopwatch.time("image pass") {
      let first =
        options.mergesBias || options.savesTaps
        ? 0 : options.steps - min(options.steps, options.last)
      let pass = ImagePass(
        schedule: schedule, distribution: encoded.distribution, latent: encoded.shape,
        scalingFactor: facts.scalingFactor, steps: options.steps, seed: options.seed,
        firstStep: first)
      return try pass.run(&unet, text: encoding.state, layers: layers, tokens: tokens) {
        progress("image pass", $0, $1)
      }
    }
    let maps = try stopwatch.time("maps") {
      try GroundedMaps(
        image: imageTaps, text: text, kept: Array(1..<tokens.count), last: options.last,
        side: encoded.shape[2], imageSide: facts.imageSide)
    }
    let taps =
      options.savesTaps
      ? SavedTaps(
        image: imageTaps, text: text, ids: encoding.ids,
        state: (encoding.state.shape.dimensions, encoding.state.floats),
        latent: encoded.shape.dimensions, latentMean: encoded.mean,
        latentLogVariance: encoded.logVariance) : nil
    let evidence = try evidenceBytes.map { byteLimit in
      try ReportEvidence(
        ReportEvidence.Taps(
          image: imageTaps, text: text, layers: settings.layers, tokens: tokens,
          kept: encoding.kept, last: options.last, steps: options.steps,
          timesteps: try schedule.timesteps(steps: options.steps), side: encoded.shape[2]),
        words: encoding.words, byteLimit: byteLimit)
    }
    return GroundingResult(
      phrase: phrase, words: encoding.words, warnings: warnings, seconds: stopwatch.stages,
      settings: settings, maps: maps, picture: image.picture, crop: image.prepared.crop,
      taps: taps, evidence: evidence, textPassIsKept: textPassIsKept)
  }

  /// The taps of the text pass, from the cache or computed and kept there.
  ///
  /// - Parameter isKept: set when they were in the cache or in memory.
  private mutating func textTaps(
    _ encoding: PhraseEncoding, latent: Shape, layers: [Int], settings: GroundingSettings,
    isKept: inout Bool, warnings: inout [String], progress: Progress
  ) throws -> TapRecord {
    let options = settings.options
    let key = TextPassCache.Key(
      model: file.identity, ids: encoding.ids,
      unconditionalIDs: textEncoder.tokenizer.encode("", length: textEncoder.length).ids,
      seed: options.seed, steps: options.steps, guidance: options.guidance,
      layers: settings.layers, tokens: settings.tokens)
    isKept = true
    if let record = textPasses.record(for: key) { return record }
    let cache = options.cacheFolder.map { TextPassCache(folder: $0) }
    if let record = try cache?.record(for: key), record.tokens == settings.tokens.count {
      textPasses.keep(record, for: key)
      return record
    }
    isKept = false
    let pass = TextPass(
      schedule: schedule, latent: latent, steps: options.steps, seed: options.seed,
      guidance: options.guidance)
    let record = try pass.run(
      &unet, text: encoding.state, unconditional: try textEncoder.unconditionalState(),
      layers: layers, tokens: settings.tokens
    ) { progress("text pass", $0, $1) }
    textPasses.keep(record, for: key)
    do {
      try cache?.keep(record, for: key)
    } catch {
      warnings.append("the text pass could not be kept for later: \(error)")
    }
    return record
  }
}
