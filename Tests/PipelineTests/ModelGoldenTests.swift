import Executor
import GraphIR
import NativeFormat
import Pipeline
import TensorBase
import TestSupport
import Testing

/// A golden checkpoint, converted once for all tests.
private func convertedFile(
  _ checkpoint: String, weights: String? = nil, in folder: TemporaryFolder
) throws -> NativeFile {
  let output = folder.file("model.plumb")
  var request = ConversionRequest(output: output)
  request.weights = weights
  request.source = try goldenFolderPath(checkpoint)
  _ = try convert(request)
  return try NativeFile(path: output)
}

/// Every tensor PyTorch's model gave, taps and what lies in between included, from the converted
/// checkpoint: with passes and fast kernels, and as read with plain kernels.
@Test(arguments: try goldenCases("model"), [true, false])
func modelsComputeWhatPyTorchComputes(golden: GoldenCase, isFast: Bool) throws {
  let folder = try temporaryFolder()
  let checkpoint = try #require(golden.config["checkpoint"]?.stringValue)
  let file = try convertedFile(checkpoint, in: folder)
  let name = try #require(golden.config["graph"]?.stringValue)
  let graph = try #require(file.graphs.first { $0.name == name })
  var inputs: [String: Tensor] = [:]
  for input in graph.inputs {
    let name = graph[input.value].name
    // BERT without its mask runs as one of ones.
    let ids = golden.inputs["input_ids"]
    let tensor =
      golden.inputs[name]
      ?? ids.map { Tensor(int64s: [Int64](repeating: 1, count: $0.shape.count), shape: $0.shape) }
    inputs[name] = try #require(tensor).converted(to: input.type)
  }
  let wanted = try graph.values(wanted: Array(golden.outputs.keys))
  #expect(wanted.count == golden.outputs.count)
  var model = Model(graph) { try file.storedTensor(named: $0) }
  let options = ExecutionOptions(threads: 2, kernels: isFast ? .fast : .reference)
  let program = try model.program(
    Model.Request(inputs: inputs.mapValues(\.shape), wanted: wanted, isOptimised: isFast),
    options: options)
  var arena = Arena()
  let outputs = try program.run(inputs, arena: &arena, options: options)
  for (name, expected) in golden.outputs.sorted(by: { $0.key < $1.key }) {
    let actual = try #require(outputs[name], "\(name)")
    expectClose(actual, expected, golden: golden, name)
  }
}

/// A file of half precision or of bytes gives, bit for bit, what the same numbers in f32 give, and its
/// products' weights take half or a quarter of the memory.
@Test(arguments: try goldenCases("model"), ["f16", "bf16", "int8"])
func narrowFilesAreHeldNarrow(golden: GoldenCase, weights: String) throws {
  let folder = try temporaryFolder()
  let checkpoint = try #require(golden.config["checkpoint"]?.stringValue)
  let file = try convertedFile(checkpoint, weights: weights, in: folder)
  let name = try #require(golden.config["graph"]?.stringValue)
  let graph = try #require(file.graphs.first { $0.name == name })
  var inputs: [String: Tensor] = [:]
  for input in graph.inputs {
    let name = graph[input.value].name
    inputs[name] = golden.inputs[name]?.converted(to: input.type)
  }
  // BERT's mask may be missing; that is tried above.
  guard inputs.count == graph.inputs.count else { return }
  var wide = Model(graph) { try file.tensor(named: $0) }
  let source = WeightSource(stored: file.stored, hasRows: true) { piece in
    try file.tensor(named: piece.name, rows: piece.rows, for: piece.type)
  }
  var held = Model(graph, weights: source)
  let options = ExecutionOptions(threads: 2)
  let request = Model.Request(
    inputs: inputs.mapValues(\.shape),
    wanted: try graph.values(wanted: Array(golden.outputs.keys)))
  var arena = Arena()
  var results: [[String: Tensor]] = []
  var bytes: [[ElementType: Int]] = []
  for program in [
    try wide.program(request, options: options), try held.program(request, options: options),
  ] {
    results.append(try program.run(inputs, arena: &arena, options: options))
    let shaped = program.varying.shaped
    var counts: [ElementType: Int] = [:]
    for (value, fact) in zip(shaped.graph.values, shaped.facts) {
      if case .weight = value.origin, fact.shape.rank == 3 {
        counts[fact.type, default: 0] += fact.byteCount
      }
    }
    bytes.append(counts)
  }
  #expect(results[0] == results[1])
  #expect(results[0].count == golden.outputs.count)
  // Packed weights are the values of three axes.
  guard weights != "int8" else {
    // Beside bytes there are scales, and of few inputs they are more.
    #expect(bytes[1][.i8] ?? 0 > 0)
    #expect((bytes[1][.i8] ?? 0) + (bytes[1][.f32] ?? 0) < (bytes[0][.f32] ?? 0) / 2)
    return
  }
  let type = try #require(ElementType(rawValue: weights))
  #expect(bytes[1][type] ?? 0 > 0)
  #expect((bytes[1][type] ?? 0) * 2 + (bytes[1][.f32] ?? 0) == bytes[0][.f32])
}
