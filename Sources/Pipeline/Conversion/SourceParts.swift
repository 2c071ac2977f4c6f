import ByteIO
import JSONText
import TextTokens

/// Where one model comes from.
enum ModelSource {
  case folder(CheckpointFolder)
  /// The path of an ONNX file.
  case onnx(String)
}

/// Where the parts of a pipeline come from.
struct SourceParts {
  /// Models by part: `unet`, `vae`, `text_encoder`; or one of any name.
  var models: [(component: String, source: ModelSource)] = []
  var tokenizer: (files: TokenizerFiles, paths: [String])?
  var scheduler: (configuration: JSONValue, path: String)?

  /// What each part's folder is called in a pipeline; the weight-averaged UNet comes first.
  private static let roles: [(component: String, names: [String])] = [
    ("unet", ["unet_ema", "unet"]), ("vae", ["vae", "vae_encoder"]),
    ("text_encoder", ["text_encoder"]),
  ]

  /// - Throws: when a part that is asked for is not there, or nothing is asked for.
  init(_ request: ConversionRequest) throws {
    let given = ["unet": request.unet, "vae": request.vae, "text_encoder": request.textEncoder]
    let isSingle = try request.source.map { try Self.isSingleModel($0) } ?? false
    if isSingle, let source = request.source {
      models.append(
        (
          "",
          isONNX(source) ? .onnx(source) : .folder(try CheckpointFolder(path: source, roles: []))
        ))
    }
    for (component, names) in Self.roles {
      if let path = given[component] ?? nil {
        models.append((component, try Self.model(path, names: names)))
      } else if let source = request.source, !isSingle,
        let name = names.first(where: { folderExists(source + "/" + $0) })
      {
        models.append((component, try Self.model(source + "/" + name, names: [])))
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
      throw PipelineError.notFound(
        path: path, reason: "there is no such \(isONNX(path) ? "file" : "folder")")
    }
    if isONNX(path) { return true }
    guard folderExists(path) else {
      throw PipelineError.component(
        folder: path, reason: "it is a file; expected a folder or .onnx")
    }
    return !regularFileExists(path + "/model_index.json")
      && regularFileExists(path + "/config.json")
  }

  /// A part that is an ONNX file, a folder with one, or a checkpoint's folder.
  private static func model(_ path: String, names: [String]) throws -> ModelSource {
    if isONNX(path) { return .onnx(path) }
    for folder in [path] + names.map({ path + "/" + $0 })
    where regularFileExists(folder + "/model.onnx") {
      return .onnx(folder + "/model.onnx")
    }
    return .folder(try CheckpointFolder(path: path, roles: names))
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
      if isONNX(source) { return nil }
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
