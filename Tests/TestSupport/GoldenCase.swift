import ByteIO
import JSONText
import Synchronization
import TensorBase
import TensorFiles
import Testing

/// What is wrong with the goldens themselves. A missing golden is a failure, never a skip.
package enum GoldenError: Error, CustomStringConvertible {
  case noCases(family: String)
  case notInManifest(path: String)
  case changed(path: String)
  case badDocument(path: String, reason: String)
  case noTensor(case: String, name: String)

  package var description: String {
    switch self {
    case .noCases(let family): "golden/\(family) has no case; make it with tools/golden/make"
    case .notInManifest(let path): "golden/MANIFEST.json does not list \(path)"
    case .changed(let path): "golden/\(path) is not the file that golden/MANIFEST.json lists"
    case .badDocument(let path, let reason): "golden/\(path): \(reason)"
    case .noTensor(let name, let tensor): "golden case \(name) has no tensor \(tensor)"
    }
  }
}

/// One golden case: what was computed, from what, and how near another result must come.
package struct GoldenCase: Sendable, CustomTestStringConvertible {
  package let family: String
  package let name: String
  /// All of case.json.
  package let document: JSONValue
  /// Its member `config`; null when there is none.
  package let config: JSONValue
  /// Its member `strings`; empty when there is none.
  package let strings: [String]
  /// Allowed beyond the relative part.
  package let absoluteTolerance: Double
  /// Of the largest magnitude in the expected tensor.
  package let relativeTolerance: Double
  /// `input.*`, `output.*`, `weight.*`; empty for a case without io.safetensors.
  package let tensors: [String: Tensor]

  package var testDescription: String { "\(family)/\(name)" }

  /// The tensors whose name starts with `prefix` and a dot, named without both.
  package func tensors(under prefix: String) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (name, tensor) in tensors where name.hasPrefix(prefix + ".") {
      result[String(name.dropFirst(prefix.count + 1))] = tensor
    }
    return result
  }

  package var inputs: [String: Tensor] { tensors(under: "input") }
  package var outputs: [String: Tensor] { tensors(under: "output") }
  package var weights: [String: Tensor] { tensors(under: "weight") }

  /// The tensor of that full name. Errors: there is none.
  package func tensor(_ name: String) throws -> Tensor {
    guard let tensor = tensors[name] else {
      throw GoldenError.noTensor(case: "\(family)/\(self.name)", name: name)
    }
    return tensor
  }
}

/// All cases of a family, by name. Errors: there is none, or a file is missing or not the one that
/// the manifest lists.
package func goldenCases(_ family: String) throws -> [GoldenCase] {
  let folder = goldenFolder + "/" + family
  guard folderExists(folder) else { throw GoldenError.noCases(family: family) }
  let names = try folderListing(folder).filter { folderExists(folder + "/" + $0) }
  guard !names.isEmpty else { throw GoldenError.noCases(family: family) }
  return try names.map { try goldenCase(family, $0) }
}

/// One case by family and name.
package func goldenCase(_ family: String, _ name: String) throws -> GoldenCase {
  let path = "\(family)/\(name)/case.json"
  let document = try parsedJSON(goldenPath(path), name: path)
  // A bundle, which anyone can make of a checkpoint, does not know the folder it lies in.
  let isBundle = document["family"] == .string("bundle")
  guard isBundle || document["family"]?.stringValue == family,
    document["case"]?.stringValue == name,
    let absolute = document["tolerance"]?["absolute"]?.doubleValue,
    let relative = document["tolerance"]?["relative"]?.doubleValue
  else {
    throw GoldenError.badDocument(
      path: path, reason: "family, case or tolerance is missing or wrong")
  }
  var tensors: [String: Tensor] = [:]
  if fileExists("\(goldenFolder)/\(family)/\(name)/io.safetensors") {
    let file = try TensorFile.open(goldenPath("\(family)/\(name)/io.safetensors"))
    for tensor in file.names { tensors[tensor] = try file.tensor(named: tensor) }
  }
  return GoldenCase(
    family: family, name: name, document: document, config: document["config"] ?? .null,
    strings: document["strings"]?.arrayValue?.compactMap(\.stringValue) ?? [],
    absoluteTolerance: absolute, relativeTolerance: relative, tensors: tensors)
}

/// The full path of a file in golden/, after holding it against the manifest (once a run).
package func goldenPath(_ path: String) throws -> String {
  try manifest.withLock { manifest in
    if manifest.listed.isEmpty { manifest.listed = try readManifest() }
    guard let digest = manifest.listed[path] else {
      throw GoldenError.notInManifest(path: path)
    }
    let full = goldenFolder + "/" + path
    if !manifest.checked.contains(path) {
      guard try SHA256.hexDigest(of: MappedFile(path: full)) == digest else {
        throw GoldenError.changed(path: path)
      }
      manifest.checked.insert(path)
    }
    return full
  }
}

/// The full path of a folder in golden/ after holding every file listed below it against the
/// manifest. Errors: none is listed, or one has changed.
package func goldenFolderPath(_ path: String) throws -> String {
  let listed = try manifest.withLock { manifest in
    if manifest.listed.isEmpty { manifest.listed = try readManifest() }
    return manifest.listed.keys.filter { $0.hasPrefix(path + "/") }
  }
  guard !listed.isEmpty else { throw GoldenError.notInManifest(path: path) }
  for file in listed { _ = try goldenPath(file) }
  return goldenFolder + "/" + path
}

/// Digests by path below golden/, and what was found right already.
private struct Manifest {
  var listed: [String: String] = [:]
  var checked: Set<String> = []
}

private let manifest = Mutex(Manifest())

private func readManifest() throws -> [String: String] {
  let value = try parsedJSON(goldenFolder + "/MANIFEST.json", name: "MANIFEST.json")
  var result: [String: String] = [:]
  for (path, file) in value["files"]?.objectValue?.members ?? [] {
    result[path] = file["sha256"]?.stringValue
  }
  guard !result.isEmpty else {
    throw GoldenError.badDocument(path: "MANIFEST.json", reason: "it lists no file")
  }
  return result
}

private func parsedJSON(_ path: String, name: String) throws -> JSONValue {
  do {
    return try JSONValue(parsing: readSmallFile(path, maximum: 64 << 20))
  } catch {
    throw GoldenError.badDocument(path: name, reason: "\(error)")
  }
}
