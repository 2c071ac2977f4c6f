import ByteIO
import JSONText
import TextTokens

/// Where the parts of a pipeline come from.
struct SourceParts {
  /// Models by part: `unet`, `vae`, `text_encoder`; or one of any name.
  var models: [(component: String, folder: CheckpointFolder)] = []
  var tokenizer: (files: TokenizerFiles, paths: [String])?
  var scheduler: (configuration: JSONValue, path: String)?

  /// What each part's folder is called in a pipeline; the weight-averaged UNet comes first.
  private static let roles: [(component: String, names: [String])] = [
    ("unet", ["unet_ema", "unet"]), ("vae", ["vae"]), ("text_encoder", ["text_encoder"]),
  ]

  /// - Throws: when a part that is asked for is not there, or nothing is asked for.
  init(_ request: ConversionRequest) throws {
    let given = ["unet": request.unet, "vae": request.vae, "text_encoder": request.textEncoder]
    let isSingle = try request.source.map { try Self.isSingleModel($0) } ?? false
    if isSingle, let source = request.source {
      models.append(("", try CheckpointFolder(path: source, roles: [])))
    }
    for (component, names) in Self.roles {
      if let path = given[component] ?? nil {
        models.append((component, try CheckpointFolder(path: path, roles: names)))
      } else if let source = request.source, !isSingle,
        names.contains(where: { folderExists(source + "/" + $0) })
      {
        models.append((component, try Self.part(of: source, names: names)))
      }
    }
    guard !models.isEmpty else {
      throw PipelineError.component(
        folder: request.source ?? "convert",
        reason: "nothing to convert; expected a folder with model_index.json and unet/, vae/, "
          + "text_encoder/, or one with config.json and weights")
    }
    tokenizer = try Self.tokenizer(
      request.tokenizer, source: request.source, isSingle: isSingle)
    scheduler = try Self.scheduler(
      request.scheduler, source: isSingle ? nil : request.source)
  }

  private static func isSingleModel(_ path: String) throws -> Bool {
    guard fileExists(path) else {
      throw PipelineError.notFound(path: path, reason: "there is no such folder")
    }
    guard folderExists(path) else {
      throw PipelineError.component(folder: path, reason: "it is a file; expected a folder")
    }
    return !regularFileExists(path + "/model_index.json")
      && regularFileExists(path + "/config.json")
  }

  private static func part(of source: String, names: [String]) throws -> CheckpointFolder {
    let name = names.first { folderExists(source + "/" + $0) } ?? names[0]
    return try CheckpointFolder(path: source + "/" + name, roles: [])
  }

  private static func tokenizer(
    _ given: String?, source: String?, isSingle: Bool
  ) throws -> (files: TokenizerFiles, paths: [String])? {
    let places: [String]
    if let given {
      guard folderExists(given) else {
        throw PipelineError.notFound(path: given, reason: "there is no such folder")
      }
      places = [given, given + "/tokenizer"]
    } else if let source {
      places = isSingle ? [source] : [source + "/tokenizer"]
    } else {
      return nil
    }
    for place in places where folderExists(place) {
      var files = TokenizerFiles()
      var paths: [String] = []
      var hasVocabulary = false
      for name in TokenizerFiles.names where regularFileExists(place + "/" + name) {
        files[name] = try readSmallFile(
          place + "/" + name, maximum: CheckpointFolder.maximumJSONByteCount)
        paths.append(place + "/" + name)
        hasVocabulary = hasVocabulary || name.hasPrefix("vocab") || name == "tokenizer.json"
      }
      if hasVocabulary { return (files, paths) }
    }
    if let given {
      throw PipelineError.component(
        folder: given,
        reason: "there is no tokenizer in it; expected vocab.txt, tokenizer.json or vocab.json")
    }
    return nil
  }

  private static func scheduler(
    _ given: String?, source: String?
  ) throws -> (configuration: JSONValue, path: String)? {
    let name = "scheduler_config.json"
    if let given {
      let path =
        regularFileExists(given)
        ? given
        : try CheckpointFolder.folder(given, roles: ["scheduler"], holding: name) + "/" + name
      return (try schedulerConfiguration(path), path)
    }
    guard let source else { return nil }
    let path = source + "/scheduler/" + name
    return regularFileExists(path) ? (try schedulerConfiguration(path), path) : nil
  }

  /// Any object would do as a scheduler's configuration, since all keys have defaults: it must say
  /// that it is one, or how the noise grows.
  private static func schedulerConfiguration(_ path: String) throws -> JSONValue {
    let json = try readJSON(path)
    let name = json["_class_name"]?.stringValue
    guard name?.contains("Scheduler") ?? (json["beta_schedule"] != nil) else {
      throw PipelineError.component(
        folder: path,
        reason: "it is no scheduler's configuration"
          + (name.map { ", but a \($0)'s" } ?? "; expected _class_name and beta_schedule in it"))
    }
    return json
  }
}
