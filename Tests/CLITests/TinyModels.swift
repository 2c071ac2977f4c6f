import ByteIO
import Glibc
import JSONText
import Synchronization
import TensorFiles
import TestSupport
import Testing

/// Golden checkpoints by name: sd1-tiny, sd2-tiny, unet-f16, …
func checkpoint(_ name: String) -> String { goldenFolder + "/checkpoints/" + name }

/// A picture of the goldens.
func picture(_ name: String = "radiograph.jpg") -> String { goldenFolder + "/images/" + name }

/// Converted checkpoints, made once for all tests and gone with the process.
private let converted = Mutex<(folder: TemporaryFolder?, models: [String: String])>((nil, [:]))

/// The .plumb of a golden checkpoint.
func model(_ name: String = "sd1-tiny") throws -> String {
  try converted.withLock { state in
    if let path = state.models[name] { return path }
    if state.folder == nil {
      state.folder = try TemporaryFolder()
      atexit { converted.withLock { $0.folder = nil } }
    }
    let path = (state.folder?.path ?? "") + "/\(name).plumb"
    let result = try runPlumb(["convert", checkpoint(name), "-o", path])
    guard result.status == 0 else { throw ProcessError(description: result.stderr) }
    state.models[name] = path
    return path
  }
}

/// Copies a folder and all that is in it.
func copyTree(_ source: String, to target: String) throws {
  try makeFolder(target)
  for name in try folderListing(source) {
    let (from, to) = (source + "/" + name, target + "/" + name)
    if folderExists(from) { try copyTree(from, to: to) } else { try copyFile(from, to: to) }
  }
}

func copyFile(_ source: String, to target: String) throws {
  try writeFile(try bytes(source), to: target)
}

func bytes(_ path: String) throws -> [UInt8] { try readSmallFile(path, maximum: 1 << 28) }

/// Changes a file's text.
func edit(_ path: String, _ change: (String) -> String) throws {
  let text = String(decoding: try bytes(path), as: UTF8.self)
  let changed = change(text)
  guard changed != text else { throw ProcessError(description: "\(path) did not change") }
  try writeFile(Array(changed.utf8), to: path)
}

/// Sets one member of a JSON file's object.
func set(_ key: String, to value: JSONValue, in path: String) throws {
  guard var object = try JSONValue(parsing: try bytes(path)).objectValue else {
    throw ProcessError(description: "\(path) holds no object")
  }
  object[key] = value
  try writeFile(Array(JSONValue.object(object).text().utf8), to: path)
}

/// A copy of a golden checkpoint to spoil, and a place beside it.
func withCheckpoint<R>(
  _ name: String = "sd1-tiny", _ body: (_ folder: String, _ place: String) throws -> R
) throws -> R {
  try withTemporaryFolder { place in
    try copyTree(checkpoint(name), to: place + "/model")
    return try body(place + "/model", place)
  }
}

/// Standard output as JSON.
func json(_ result: ProcessResult) throws -> JSONValue {
  try JSONValue(parsing: Array(result.stdout.utf8))
}

/// Cuts a file to its first bytes.
func truncateFile(_ path: String, to count: Int) throws {
  try writeFile(Array(try bytes(path).prefix(count)), to: path)
}

/// Grounding that takes a moment only.
let quick = ["--steps", "3", "--last", "2"]
