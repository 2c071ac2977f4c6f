import ByteIO
import Grounding
import JSONText
import TensorBase
import TensorFiles

/// Text passes kept on disk: they depend on the model, the phrase and a few settings, not on the
/// image. An entry that is damaged or belongs to another key counts as absent.
struct TextPassCache {
  let folder: String

  /// All that a text pass depends on.
  struct Key: Hashable {
    let model: String
    let ids: [Int]
    let unconditionalIDs: [Int]
    let seed: UInt64
    let steps: Int
    let guidance: Double
    /// Names of the layers whose taps are kept.
    let layers: [String]
    /// Positions of the tokens whose taps are kept.
    let tokens: [Int]

    /// The key as text: an entry's metadata, and what its name is the digest of.
    var text: String {
      func list(_ numbers: [Int]) -> JSONValue { .array(numbers.map { .integer(Int64($0)) }) }
      return JSONValue.object([
        "kind": .string("plumb text pass 1"), "model": .string(model), "ids": list(ids),
        "unconditional_ids": list(unconditionalIDs), "seed": .string(String(seed)),
        "steps": .integer(Int64(steps)), "guidance": .number(guidance),
        "layers": .array(layers.map { .string($0) }), "tokens": list(tokens),
      ]).text()
    }
  }

  private func path(of key: Key) throws -> String {
    folder + "/" + hexText(try SHA256.digest(of: Array(key.text.utf8))) + ".safetensors"
  }

  /// The record kept under `key`; nil when there is none that is sound.
  func record(for key: Key) throws -> TapRecord? {
    let path = try path(of: key)
    guard fileExists(path) else { return nil }
    do {
      let file = try TensorFile.open(path)
      guard file.metadata["key"] == key.text else { return nil }
      return try TapRecord(layers: key.layers, prefix: "text/", of: file, steps: key.steps)
    } catch {
      return nil
    }
  }

  /// Keeps a record. The folder is made when it is missing.
  func keep(_ record: TapRecord, for key: Key) throws {
    try makeFolder(folder)
    try writeSafetensors(
      record.tensors(layers: key.layers, prefix: "text/"), metadata: ["key": key.text],
      to: try path(of: key))
  }
}

extension TapRecord {
  /// The record as tensors, `prefix` and the layer's name → f32 [steps, tokens, h, w].
  func tensors(layers names: [String], prefix: String) -> [(name: String, tensor: Tensor)] {
    zip(names, layers).map { name, layer in
      (
        prefix + name,
        Tensor(floats: layer.values, shape: [steps, tokens, layer.height, layer.width])
      )
    }
  }

  /// Reads what `tensors(layers:prefix:)` made.
  ///
  /// - Throws: when a tensor is missing, has another shape than its neighbours or `steps`, or
  ///   holds what is no number.
  init(layers names: [String], prefix: String, of file: TensorFile, steps: Int) throws {
    var tokens: Int?
    let layers = try names.map { name in
      let tensor = try file.tensor(named: prefix + name)
      let shape = tensor.shape
      guard tensor.type == .f32, shape.rank == 4, shape[0] == steps,
        tokens == nil || tokens == shape[1]
      else {
        throw PipelineError.savedTaps(
          file: file.name, reason: "'\(prefix + name)' is \(tensor.type.rawValue) \(shape)")
      }
      tokens = shape[1]
      return Layer(height: shape[2], width: shape[3], values: tensor.floats)
    }
    try self.init(steps: steps, tokens: tokens ?? 0, layers: layers)
  }
}
