import Architectures
import ByteIO
import Executor
import GraphIR
import Grounding
import ImageFiles
import JSONText
import Kernels
import NativeFormat
import ONNXFiles
import Pipeline
import TensorBase
import TensorFiles
import TextTokens

let harnesses: [Harness] = [
  Harness(name: "plumb") { bytes in try readPlumb(bytes) },
  Harness(name: "plumb-index", .json) { bytes in try readPlumb(sealedPlumb(bytes)) },
  Harness(name: "plumb-run", .json) { bytes in
    let path = file(try sealedPlumb(bytes), "a.plumb")
    for graph in try NativeFile(path: path).graphs {
      reading { try run(RunnableGraph(path: path, graph: graph.name, memory: .unlimited)) }
    }
  },
  Harness(name: "safetensors") { bytes in try readTensors(file(bytes, "a.safetensors")) },
  Harness(name: "safetensors-header", .json) { bytes in
    try readTensors(file(safetensors(bytes), "a.safetensors"))
  },
  Harness(name: "pytorch") { bytes in try readTensors(file(bytes, "a.pt")) },
  Harness(name: "pickle") { bytes in try readTensors(file(zipped(pickle: bytes), "a.pt")) },
  Harness(name: "numpy") { bytes in
    try readTensors(file(bytes, bytes.first == 0x50 ? "a.npz" : "a.npy"))
  },
  Harness(name: "onnx", .wire) { bytes in try readONNX(bytes) },
  Harness(name: "onnx-run", .wire) { bytes in
    try run(RunnableGraph(path: onnxFile(bytes), graph: nil, memory: .unlimited))
  },
  Harness(name: "config", .json) { bytes in
    let parts = parts(bytes, 2)
    let config = try JSONValue(parsing: parts[0])
    if parts[1].isEmpty {
      _ = try NoiseSchedule(NoiseScheduleConfiguration(json: config))
    } else {
      for one in try architectures(config: config, weights: try facts(parts[1])) {
        try one.graph.validate()
      }
    }
  },
  Harness(name: "json", .json) { bytes in
    let value = try JSONValue(parsing: bytes)
    let text = value.utf8Text()
    let again = try? JSONValue(parsing: text)
    insist(again == value && again?.utf8Text() == text, "JSON does not survive being written")
  },
  Harness(name: "wordpiece") { bytes in
    let parts = parts(bytes, 5)
    var files = TokenizerFiles()
    files.vocabText = parts[0]
    if !parts[1].isEmpty { files.tokenizerConfig = parts[1] }
    if !parts[2].isEmpty { files.specialTokensMap = parts[2] }
    if !parts[3].isEmpty { files.addedTokens = parts[3] }
    try tokenize(files, parts[4])
  },
  Harness(name: "bytepairs") { bytes in
    let parts = parts(bytes, 5)
    var files = TokenizerFiles()
    files.vocabJSON = parts[0]
    files.mergesText = parts[1]
    if !parts[2].isEmpty { files.tokenizerConfig = parts[2] }
    if !parts[3].isEmpty { files.addedTokens = parts[3] }
    try tokenize(files, parts[4])
  },
  Harness(name: "tokenizer-json", .json) { bytes in
    let parts = parts(bytes, 3)
    var files = TokenizerFiles()
    files.tokenizerJSON = parts[0]
    if !parts[1].isEmpty { files.tokenizerConfig = parts[1] }
    try tokenize(files, parts[2])
  },
  Harness(name: "tokenizer-stored", .json) { bytes in
    let parts = parts(bytes, 2)
    let json = try JSONValue(parsing: parts[0])
    try tokenize(Tokenizer(TokenizerDescription(json: json)), parts[1])
  },
  Harness(name: "png") { bytes in
    try readPicture(bytes)
    try readPicture(withChecksums(ofPNG: bytes))
  },
  Harness(name: "jpeg") { bytes in try readPicture(bytes) },
]

// MARK: The four readers

private func readPlumb(_ bytes: [UInt8]) throws {
  let path = file(bytes, "a.plumb")
  let native = try NativeFile(path: path)
  let inspection = try Inspection(path: path)
  insist(
    !inspection.text(listsTensors: true, listsTaps: true).isEmpty, "nothing to tell of a file")
  var size = 0
  for tensor in native.tensors where tensor.byteCount <= largestTensor {
    _ = try? native.tensor(named: tensor.name)
    size += tensor.byteCount
    if size > 4 * largestTensor { return }
  }
  if native.tensors.allSatisfy({ $0.byteCount <= largestTensor }) { try native.verifyContents() }
}

/// The file that a text of an index and, behind a zero byte, tensor data would make: header, digest
/// and compression are right, so that what is read is the content.
private func sealedPlumb(_ input: [UInt8]) throws -> [UInt8] {
  let (text, data) = text(andDataOf: input)
  let index = try ZstandardCompressor(level: 1).compress([UInt8](text))
  var header: [UInt8] = [0x50, 0x4c, 0x55, 0x4d, 0x42, 0x0d, 0x0a, 0x1a]
  header += little(UInt16(1)) + little(UInt16(1)) + little(UInt32(128))
  header += little(UInt64(128 + data.count + index.count)) + little(UInt64(128 + data.count))
  header +=
    little(UInt64(index.count)) + little(UInt64(text.count)) + (try SHA256.digest(of: index))
  header += [UInt8](repeating: 0, count: 124 - header.count)
  header += little(crc32(header))
  return header + data + index
}

/// The file that a header's text and, behind a zero byte, elements would make.
private func safetensors(_ input: [UInt8]) -> [UInt8] {
  let (header, elements) = text(andDataOf: input)
  return little(UInt64(header.count)) + header + elements
}

/// An input's text, and what it has behind a zero byte.
private func text(andDataOf input: [UInt8]) -> (text: ArraySlice<UInt8>, data: ArraySlice<UInt8>) {
  let cut = input.firstIndex(of: 0) ?? input.count
  return (input[..<cut], input[min(cut + 1, input.count)...])
}

private func readTensors(_ path: String) throws {
  let tensors = try TensorFile.open(path)
  var size = 0
  for descriptor in tensors.descriptors where descriptor.byteCount <= largestTensor {
    let tensor = try tensors.tensor(named: descriptor.name)
    insist(
      tensor.type == descriptor.type && tensor.shape == descriptor.shape, "not what was promised")
    touch(tensor)
    tensors.release(descriptor.name)
    size += descriptor.byteCount
    if size > 4 * largestTensor { return }
  }
}

/// Types and shapes of weights, as the header of a safetensors file has the shapes.
private func facts(_ header: [UInt8]) throws -> [String: Fact] {
  var facts: [String: Fact] = [:]
  for (name, tensor) in try JSONValue(parsing: header).objectValue?.members ?? [] {
    let dimensions = (tensor["shape"]?.arrayValue ?? []).compactMap(\.intValue)
    facts[name] = Fact(.f32, try Shape(checking: dimensions))
  }
  return facts
}

/// Reads every byte, so that one outside of what is mapped is found.
private func touch(_ tensor: Tensor) {
  let sum = tensor.withUnsafeBytes { $0.reduce(UInt8(0)) { $0 ^ $1 } }
  withExtendedLifetime(sum) {}
}

/// An ONNX file beside one that it may have its data in.
private func onnxFile(_ bytes: [UInt8]) -> String {
  _ = file([UInt8](repeating: 1, count: 64), "weights.bin")
  return file(bytes, "a.onnx")
}

private func readONNX(_ bytes: [UInt8]) throws {
  let model = try ONNXModelFile(path: onnxFile(bytes))
  for (_, tensor) in model.weights where tensor.byteCount <= largestTensor {
    touch(try tensor.load())
  }
}

/// Runs a graph on small numbers, good indices and bad ones, where that takes little.
private func run(_ runnable: RunnableGraph) throws {
  var model = runnable.model
  let (graph, shapes) = (model.graph, runnable.typicalInputs)
  guard shapes.values.allSatisfy({ $0.count < 65_536 }) else { return }
  // For what depends on elements, and for loops.
  var options = ExecutionOptions(threads: 1, budget: Budget(operations: 1e6))
  switch try shape(graph, inputs: shapes, tools: Vocabulary.onnx.tools(options)) {
  case .complete(let shaped):
    guard isSmall(shaped) else { return }
    options.budget = nil
  case .partial(let partial): guard isSmall(partial.ready) else { return }
  }
  var inputs: [String: Tensor] = [:]
  for input in graph.inputs {
    guard let shape = shapes[graph[input.value].name] else { continue }
    let values = (0..<shape.count).map { Double($0 % 7) - 2 }
    inputs[graph[input.value].name] =
      Tensor(doubles: values, shape: shape).converted(to: input.type)
  }
  try loadProducts()
  var arena = Arena()
  _ = try model.evaluate(
    inputs, Model.Request(inputs: inputs.mapValues(\.shape)), arena: &arena,
    options: options)
}

private func isSmall(_ shaped: ShapedGraph) -> Bool {
  shaped.flop < 1e7 && shaped.facts.reduce(0.0, { $0 + Double($1.byteCount) }) < 262_144
}

/// A checkpoint with the pickle and two storages of 256 bytes, `0` and `1`.
private func zipped(pickle: [UInt8]) -> [UInt8] {
  let storage = [UInt8](0...255)
  var archive: [UInt8] = []
  var directory: [UInt8] = []
  for (name, bytes) in [("a/data.pkl", pickle), ("a/data/0", storage), ("a/data/1", storage)] {
    let size = little(UInt32(bytes.count))
    let common =
      little(UInt16(20)) + [0, 0, 0, 0, 0, 0, 0x21, 0] + little(crc32(bytes)) + size + size
      + little(UInt16(name.utf8.count)) + [0, 0]
    directory += little(UInt32(0x0201_4B50)) + little(UInt16(20)) + common
    directory += [UInt8](repeating: 0, count: 10) + little(UInt32(archive.count)) + name.utf8
    archive += little(UInt32(0x0403_4B50)) + common + name.utf8 + bytes
  }
  let end =
    little(UInt32(0x0605_4B50)) + little(UInt32(0)) + little(UInt16(3)) + little(UInt16(3))
    + little(UInt32(directory.count)) + little(UInt32(archive.count)) + little(UInt16(0))
  return archive + directory + end
}

// MARK: Tokenizers

private func tokenize(_ files: TokenizerFiles, _ text: [UInt8]) throws {
  try tokenize(Tokenizer(files: files), text)
}

private func tokenize(_ tokenizer: Tokenizer, _ text: [UInt8]) throws {
  let description = tokenizer.description
  let again = try? TokenizerDescription(json: description.json)
  insist(again == description, "a tokenizer does not survive being stored")
  let text = String(decoding: text, as: UTF8.self)
  let ids = tokenizer.ids(of: text)
  insist(
    ids.allSatisfy { description.tokens.indices.contains($0) }, "an id outside of the vocabulary")
  let encoding = tokenizer.encode(text, length: 12)
  insist(encoding.ids.count == 12 && encoding.attentionMask.count == 12, "not 12 ids")
  insist(tokenizer.tokens(of: text).count == ids.count, "as many tokens as ids")
}

// MARK: Pictures

private func readPicture(_ bytes: [UInt8]) throws {
  guard pixelCount(bytes) <= 1 << 20 else { return }
  let image = try decodeImage(bytes: bytes, name: "a")
  insist(image.pixels.count == image.width * image.height * 3, "pixels missing")
}

/// What a picture's header says, at most: some headers are read more than once.
private func pixelCount(_ bytes: [UInt8]) -> Int {
  func number(_ start: Int, _ count: Int) -> Int {
    guard start + count <= bytes.count else { return 0 }
    return bytes[start..<start + count].reduce(0) { $0 << 8 | Int($1) }
  }
  if bytes.first == 0x89 {
    return number(16, 4).multipliedReportingOverflow(by: number(20, 4)).partialValue
  }
  // Any SOF0 … SOF15, wherever it may stand.
  var largest = 0
  for place in bytes.indices.dropLast(8) where bytes[place] == 0xFF && bytes[place + 1] >> 4 == 12 {
    largest = max(largest, number(place + 5, 2) * number(place + 7, 2))
  }
  return largest
}

/// The same PNG with the checksum of every chunk put right.
private func withChecksums(ofPNG bytes: [UInt8]) -> [UInt8] {
  var bytes = bytes
  var start = 8
  while start + 12 <= bytes.count {
    let length = bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
    let end = start + 8 + length
    guard end + 4 <= bytes.count else { break }
    let checksum = crc32([UInt8](bytes[start + 4..<end]))
    bytes.replaceSubrange(end..<end + 4, with: little(checksum).reversed())
    start = end + 4
  }
  return bytes
}
