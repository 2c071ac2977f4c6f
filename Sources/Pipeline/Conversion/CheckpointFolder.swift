import ByteIO
import JSONText
import TensorFiles

/// A folder with a model as diffusers or transformers write it: config.json and weights.
struct CheckpointFolder {
  let path: String
  let configuration: JSONValue
  let weightsPath: String

  /// The largest JSON file read.
  static let maximumJSONByteCount = 64 << 20

  /// Weights' names, the preferred ones first: whole before sharded, safetensors before pickles.
  private static let weightNames = [
    "diffusion_pytorch_model.safetensors", "model.safetensors",
    "diffusion_pytorch_model.safetensors.index.json", "model.safetensors.index.json",
    "pytorch_model.bin", "diffusion_pytorch_model.bin",
  ]

  /// - Parameters:
  ///   - path: the folder, or one that holds it under one of `roles`.
  ///   - roles: names a part has in a pipeline's folder, the preferred one first.
  /// - Throws: when there is no config.json or no weights.
  init(path given: String, roles: [String]) throws {
    let path = try Self.folder(given, roles: roles, holding: "config.json")
    self.path = path
    configuration = try readJSON(path + "/config.json")
    let listing = try folderListing(path)
    let others = listing.filter {
      $0.hasSuffix(".safetensors") || $0.hasSuffix(".bin") || $0.hasSuffix(".pt")
    }.sorted()
    let known = Self.weightNames.first { listing.contains($0) }
    guard let name = known ?? (others.count == 1 ? others[0] : nil) else {
      throw PipelineError.component(
        folder: path,
        reason: others.isEmpty
          ? "there are no weights; expected \(Self.weightNames[0]), \(Self.weightNames[1]) or "
            + "pytorch_model.bin"
          : "which of \(others.joined(separator: ", ")) holds the weights? Name it "
            + Self.weightNames[0])
    }
    weightsPath = path + "/" + name
  }

  /// The folder itself when it holds `file`, else the first of its sub-folders `roles` that does.
  static func folder(_ path: String, roles: [String], holding file: String) throws -> String {
    guard fileExists(path) else {
      throw PipelineError.notFound(path: path, reason: "there is no such folder")
    }
    guard folderExists(path) else {
      throw PipelineError.component(folder: path, reason: "it is a file; expected a folder")
    }
    let places = [path] + roles.map { path + "/" + $0 }
    guard let found = places.first(where: { regularFileExists($0 + "/" + file) }) else {
      let wanted = roles.isEmpty ? "" : ", nor in " + roles.joined(separator: "/, ") + "/"
      throw PipelineError.component(folder: path, reason: "there is no \(file) in it\(wanted)")
    }
    return found
  }
}

/// Reads a JSON file; its errors name the file.
func readJSON(_ path: String) throws -> JSONValue {
  let bytes = try readSmallFile(path, maximum: CheckpointFolder.maximumJSONByteCount)
  do {
    return try JSONValue(parsing: bytes)
  } catch {
    throw PipelineError.component(folder: path, reason: "\(error)")
  }
}
