import ByteIO
import Comparison
import GraphIR
import JSONText
import NativeFormat
import TensorBase
import TensorFiles

/// Nodes that are out of tolerance, with what they were given and what should have come of it.
struct LayerFailure {
  /// The nodes as a graph of their own.
  let part: Graph
  let inputs: [String: Tensor]
  let expected: (name: String, tensor: Tensor)
  let comparison: TensorComparison
  /// Whether the inputs are the golden ones.
  let isOwn: Bool

  /// Writes the nodes as a model of their own, with inputs, what should come of them, and the
  /// tolerance for `plumb diff`.
  func save(_ native: NativeFile, in folder: String) throws {
    try makeFolder(folder)
    var writer = try NativeWriter(path: folder + "/node.plumb", options: StorageOptions())
    var written = Set<String>()
    for value in part.values {
      guard case .weight(let tensor, _) = value.origin, written.insert(tensor).inserted else {
        continue
      }
      try writer.add(tensor, try native.tensor(named: tensor))
    }
    var content = NativeContent()
    content.graphs = [part]
    content.provenance = [
      "converter": .string("plumb \(plumbVersion)"), "cut_from": .string(native.name),
      "identity": .string(native.identity),
    ]
    try writer.finish(content)
    let ordered = part.inputs.compactMap { input in
      let name = part[input.value].name
      return inputs[name].map { (name: name, tensor: $0) }
    }
    try writeSafetensors(ordered, to: folder + "/inputs.safetensors")
    try writeSafetensors([expected], to: folder + "/expected.safetensors")
    var file = try AtomicFileWriter(path: folder + "/tolerances.json")
    try file.append(Array((comparison.tolerance.json.text(indent: 2) + "\n").utf8))
    try file.commit()
  }
}

extension Tolerance {
  /// As `plumb diff --tolerances` reads it.
  fileprivate var json: JSONValue {
    var bounds: JSONObject
    switch rule {
    case .standard: bounds = [:]
    case .bounds(let absolute, let relative):
      bounds = ["atol": .number(absolute), "rtol": .number(relative), "rule": .string("sum")]
    case .either(let absolute, let relative):
      bounds = ["atol": .number(absolute), "rtol": .number(relative), "rule": .string("either")]
    case .relativeToMaximum(let factor, let absolute):
      bounds = ["of_largest": .number(factor), "atol": .number(absolute)]
    }
    return .object(["default": .object(bounds)])
  }
}
