import ByteIO
import JSONText
import NativeFormat
import ONNXFiles
import TensorBase
import TensorFiles

/// Named tensors of anything that holds some: safetensors, PyTorch, npz, npy, a TensorProto, the
/// weights of a .plumb or .onnx, or a folder of these.
enum TensorSet {
  case tensors(TensorFile)
  case weights(NativeFile)
  case model(ONNXModelFile)
  case single(name: String, ONNXTensor)
  /// A NumPy array, which has no name.
  case array(name: String, TensorFile)
  case folder(TensorFolder)

  init(path: String) throws {
    if folderExists(path) {
      self = .folder(try TensorFolder(path: path))
    } else {
      try self.init(file: path)
    }
  }

  fileprivate init(file path: String) throws {
    if isONNX(path) {
      self = .model(try ONNXModelFile(path: path))
    } else if path.lowercased().hasSuffix(".pb") {
      let tensor = try ONNXTensor(pbFile: path)
      self = .single(name: tensor.name.isEmpty ? stem(of: path) : tensor.name, tensor)
    } else if try NativeFile.isNative(path) {
      self = .weights(try NativeFile(path: path))
    } else {
      let file = try TensorFile.open(path)
      self = file.format == .npy ? .array(name: file.names[0], file) : .tensors(file)
    }
  }

  /// The name of the only tensor where that is the file's.
  var fileName: String? {
    if case .array(let name, _) = self { name } else { nil }
  }

  /// Gives the only tensor of a file another name. Precondition: it has its file's.
  mutating func rename(to name: String) {
    guard case .array(_, let file) = self else { preconditionFailure("its name is its own") }
    self = .array(name: name, file)
  }

  var names: [String] {
    switch self {
    case .tensors(let file): file.names
    case .weights(let file): file.tensorNames
    case .model(let file): file.weights.map(\.name)
    case .single(let name, _), .array(let name, _): [name]
    case .folder(let folder): folder.names
    }
  }

  func tensor(named name: String) throws -> Tensor {
    switch self {
    case .tensors(let file): return try file.tensor(named: name)
    case .weights(let file): return try file.tensor(named: name)
    case .model(let file):
      guard let tensor = file.weight(named: name) else { throw noTensor(file.name, name) }
      return try tensor.load()
    case .single(_, let tensor): return try tensor.load()
    case .array(_, let file): return try file.tensor(named: file.names[0])
    case .folder(let folder): return try folder.tensor(named: name)
    }
  }

  /// Gives back the memory that reading a tensor took.
  func release(_ name: String) {
    switch self {
    case .tensors(let file): file.release(name)
    case .weights: break
    case .model(let file): file.weight(named: name)?.release()
    case .single(_, let tensor): tensor.release()
    case .array(_, let file): file.release(file.names[0])
    case .folder(let folder): folder.release(name)
    }
  }

  /// The file's graphs and what else it says; nil for a file of tensors alone.
  var content: ModelContent? {
    switch self {
    case .tensors, .single, .array, .folder: return nil
    case .weights(let file):
      var settings: JSONObject = ["components": .object(file.components)]
      if let tokenizer = file.tokenizer { settings["tokenizer"] = tokenizer }
      if let scheduler = file.scheduler { settings["scheduler"] = scheduler }
      return ModelContent(graphs: file.graphs, settings: settings)
    case .model(let file): return ModelContent(graphs: [file.graph], settings: nil)
    }
  }
}

/// The tensors of all files in a folder and the folders in it.
///
/// Read are files named .safetensors, .npz, .npy, .pt, .pth, .bin, .pb and .plumb; others are no
/// tensors and not looked at. A tensor's name is the file's path in the folder without its ending,
/// and for files that hold several `/` and its name there. So `output_0.npy` of one folder is held
/// against `output_0.pb` of another.
struct TensorFolder {
  private let sets: [TensorSet]
  private var places: [String: (set: Int, name: String)] = [:]
  private(set) var names: [String] = []
  /// Its other files, which are not read.
  private(set) var others: [String] = []

  private static let endings = [
    ".safetensors", ".npz", ".npy", ".pt", ".pth", ".bin", ".pb", ".plumb",
  ]

  init(path: String) throws {
    var sets: [TensorSet] = []
    for file in try Self.files(path, "", depth: 0) {
      guard Self.endings.contains(where: { file.lowercased().hasSuffix($0) }) else {
        others.append(file)
        continue
      }
      let set = try TensorSet(file: path + "/" + file)
      let stem = file.lastIndex(of: ".").map { String(file[..<$0]) } ?? file
      let isSingle = file.lowercased().hasSuffix(".npy") || file.lowercased().hasSuffix(".pb")
      for inner in set.names {
        let name = isSingle ? stem : "\(stem)/\(inner)"
        guard places.updateValue((sets.count, inner), forKey: name) == nil else {
          throw PipelineError.component(
            folder: path, reason: "two of its files hold a tensor '\(name)'")
        }
        names.append(name)
      }
      sets.append(set)
    }
    guard !names.isEmpty else {
      throw PipelineError.notFound(
        path: path,
        reason: "this folder holds no file of tensors (\(Self.endings.joined(separator: ", ")))")
    }
    self.sets = sets
  }

  func tensor(named name: String) throws -> Tensor {
    guard let place = places[name] else { throw noTensor("the folder", name) }
    return try sets[place.set].tensor(named: place.name)
  }

  func release(_ name: String) {
    if let place = places[name] { sets[place.set].release(place.name) }
  }

  private static func files(_ root: String, _ below: String, depth: Int) throws -> [String] {
    guard depth < 16 else {
      throw PipelineError.component(folder: root, reason: "its folders are nested too deep")
    }
    var found: [String] = []
    for name in try folderListing(below.isEmpty ? root : root + "/" + below) {
      let path = below.isEmpty ? name : below + "/" + name
      if folderExists(root + "/" + path) {
        found += try files(root, path, depth: depth + 1)
      } else {
        found.append(path)
      }
    }
    return found
  }
}

private func noTensor(_ file: String, _ name: String) -> PipelineError {
  .notFound(path: file, reason: "there is no tensor '\(name)'")
}

/// A file's name without folder and ending.
private func stem(of path: String) -> String {
  let name = lastComponent(of: path)
  return name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
}
