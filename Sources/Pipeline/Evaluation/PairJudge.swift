import ByteIO
import Grounding
import ImageFiles
import JSONText
import PhraseWords

/// What was found of a pair, with the maps.
struct PairJudgement {
  let record: EvaluationRecord
  let crop: CropGeometry
  /// [crop.side, crop.side].
  let truth: Raster<Bool>
  /// As the record's variants; empty when the pair cannot be judged.
  let maps: [Map]

  struct Map {
    let name: String
    let map: JudgedMap
    /// nil when the model's map is flat.
    let values: Raster<Float>?
    /// The one that was judged; nil for that of the normalised values.
    let mask: GroundingMask?
  }
}

/// Makes or finds the maps of a pair and holds them against its truth.
struct PairJudge {
  private enum Source {
    case model(GroundingOptions)
    case folder(MapFolder)
    case trivial(TrivialMap, seed: UInt64)
  }

  private let source: Source
  private let usesMasks: Bool
  /// Pixels along a side of the crop.
  private let side: Int
  /// Cells along a side of a trivial map: the latent's side.
  private let mapSide: Int
  private var grounder: Grounder?
  private var latest: (path: String, source: SourceImage, picture: Grounder.Picture?)?
  /// What the model had to say, each thing once.
  private(set) var warnings: [String] = []
  /// What decides the numbers, and names of files.
  let settings: JSONObject
  let names: JSONObject

  private static let keptTextPassBytes = 256 << 20

  /// - Throws: when the model cannot ground, or a map is missing.
  init(_ request: EvaluationRequest, manifest: EvaluationManifest) throws {
    usesMasks = request.usesMasks
    let options = request.grounding
    var names: JSONObject = ["manifest": .string(manifest.file)]
    var settings: JSONObject = [
      "manifest_sha256": .string(manifest.digest), "truth": .string(usesMasks ? "mask" : "box"),
    ]
    let sizes: ImageModelFacts?
    if request.maps == .model {
      guard let path = request.modelPath else {
        throw PipelineError.badOption(name: "FILE", reason: "a model is needed to make maps")
      }
      try options.check()
      var grounder = try Grounder(
        modelPath: path, threads: request.threads, isExact: request.isExact,
        memory: request.memory)
      if request.memory == .unlimited {
        grounder.keepTextPasses(byteCount: Self.keptTextPassBytes)
      }
      let words = try WordSelection(parsing: options.words)
      for pair in manifest.pairs {
        do {
          _ = try selectWords(of: pair.phrase, words)
        } catch {
          throw EvaluationError.manifest(
            file: manifest.file, place: "pair \(pair.id.text)", reason: "\(error)")
        }
      }
      sizes = grounder.sizes
      names["model"] = .string(grounder.modelName)
      settings["model_identity"] = .string(grounder.modelIdentity)
      self.grounder = grounder
    } else {
      grounder = nil
      sizes = try request.modelPath.map { try ModelFile(path: $0).imageModelFacts() }
    }
    side = sizes?.imageSide ?? request.side
    mapSide = sizes?.latentSide ?? max(side / 8, 2)
    settings["side"] = .integer(Int64(side))
    switch request.maps {
    case .model:
      source = .model(options)
      settings["maps"] = .string("model")
      for (key, value) in Self.settings(of: options, isExact: request.isExact).members {
        settings[key] = value
      }
    case .folder(let folder):
      let maps = try MapFolder(folder, pairs: manifest.pairs)
      source = .folder(maps)
      names["maps"] = .string(lastComponent(of: folder))
      settings["maps"] = .string("folder")
      settings["maps_sha256"] = .string(maps.digest)
    case .center, .uniform:
      let map = request.maps == .center ? TrivialMap.center : .uniform
      source = .trivial(map, seed: options.seed)
      settings["maps"] = .string(map.rawValue)
      settings["map_side"] = .integer(Int64(mapSide))
      if map == .uniform { settings["seed"] = .integer(Int64(bitPattern: options.seed)) }
    }
    self.settings = settings
    self.names = names
  }

  private static func settings(of options: GroundingOptions, isExact: Bool) -> JSONObject {
    [
      "bbm": .bool(options.mergesBias), "steps": .integer(Int64(options.steps)),
      "last": .integer(Int64(options.last)), "guidance": .number(options.guidance),
      "seed": .integer(Int64(bitPattern: options.seed)), "words": .string(options.words),
      "layers": .array(options.layers.map { .string($0) }), "exact": .bool(isExact),
    ]
  }

  /// - Throws: when the picture cannot be read or is another than the manifest says, or the model
  ///   fails.
  mutating func judgement(of pair: EvaluationPair) throws -> PairJudgement {
    let (image, picture) = try picture(at: pair.imagePath)
    let truth = try pair.truth(crop: image.prepared.crop, usesMasks: usesMasks)
    let truthPixels = truth.values.count(where: { $0 })
    guard truthPixels > 0, truthPixels < truth.count else {
      let record = EvaluationRecord(
        pair: pair, image: image, truthPixels: truthPixels, details: [:], maps: [],
        leftOut: truthPixels == 0
          ? "nothing of the truth lies in the crop" : "the truth covers all of the crop")
      return PairJudgement(record: record, crop: image.prepared.crop, truth: truth, maps: [])
    }
    let judge = { (values: Raster<Float>) in
      PairJudgement.Map(
        name: "map", map: try JudgedMap(foreign: values, truth: truth, boxes: pair.regions.count),
        values: values, mask: nil)
    }
    var details = JSONObject()
    let maps: [PairJudgement.Map]
    switch source {
    case .model(let options):
      guard let picture else { preconditionFailure("a model encodes pictures") }
      maps = try grounded(pair, picture, truth, options, &details)
    case .folder(let folder): maps = [try judge(try folder.map(of: pair))]
    case .trivial(let map, let seed):
      maps = [try judge(map.map(side: mapSide, seed: seed, pair: pair.id.text))]
    }
    let record = EvaluationRecord(
      pair: pair, image: image, truthPixels: truthPixels, details: details,
      maps: maps.map { ($0.name, $0.map) }, leftOut: nil)
    return PairJudgement(record: record, crop: image.prepared.crop, truth: truth, maps: maps)
  }

  /// The picture, encoded where there is a model. Pairs of one picture mostly follow each other.
  private mutating func picture(
    at path: String
  ) throws -> (source: SourceImage, picture: Grounder.Picture?) {
    if let latest, latest.path == path { return (latest.source, latest.picture) }
    let picture = try grounder?.picture(path)
    let source = try picture?.source ?? SourceImage(path: path, side: side)
    latest = (path, source, picture)
    return (source, picture)
  }

  /// The model's maps; one that points nowhere is judged as such.
  private mutating func grounded(
    _ pair: EvaluationPair, _ picture: Grounder.Picture, _ truth: Raster<Bool>,
    _ options: GroundingOptions, _ details: inout JSONObject
  ) throws -> [PairJudgement.Map] {
    let boxes = pair.regions.count
    var alone = options
    alone.mergesBias = false
    var merged: GroundingResult?
    if options.mergesBias { merged = try result(pair, picture, options) }
    // Both maps are of one image pass; the map alone can be there when the merged one is flat.
    var single = merged
    if single == nil { single = try result(pair, picture, alone) }
    if let single { note(single, &details) }
    var maps: [PairJudgement.Map] = []
    if options.mergesBias {
      details["ssim"] = .null
      var map = JudgedMap.flat
      if let merged {
        if let similarity = merged.similarity { details["ssim"] = .number(similarity) }
        map = try JudgedMap(
          map: merged.maps.map, mask: merged.maps.mask, truth: truth, boxes: boxes)
      }
      maps.append(
        PairJudgement.Map(
          name: "bbm", map: map, values: merged?.maps.map, mask: merged?.maps.mask))
    }
    var map = JudgedMap.flat
    if let single {
      map = try JudgedMap(foreign: single.maps.activation, truth: truth, boxes: boxes)
    }
    maps.append(
      PairJudgement.Map(name: "no_bbm", map: map, values: single?.maps.activation, mask: nil))
    return maps
  }

  /// - Returns: nil when a map is flat.
  private mutating func result(
    _ pair: EvaluationPair, _ picture: Grounder.Picture, _ options: GroundingOptions
  ) throws -> GroundingResult? {
    do {
      return try grounder?.ground(pair.phrase, in: picture, options: options)
    } catch GroundingError.flatMap {
      return nil
    }
  }

  /// Keeps what a result says of words and what the user should know.
  private mutating func note(_ result: GroundingResult, _ details: inout JSONObject) {
    for warning in result.warnings where !warnings.contains(warning) { warnings.append(warning) }
    var words: [JSONValue] = []
    for word in result.words where word.isKept { words.append(.string(word.text)) }
    details["words"] = .array(words)
  }
}
