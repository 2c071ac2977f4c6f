import ByteIO
import Comparison
import Executor
import Glibc
import GraphIR
import NativeFormat
import ONNXFiles
import Pipeline
import TensorBase

/// A case with its model opened once, run under one runtime after another.
struct Bench {
  let test: Case
  /// The model as it was read and with what the passes over it find, or why there is none.
  private let loaded: Result<(plain: ONNXModelFile, fused: ONNXModelFile), Refusal>

  private struct Refusal: Error {
    let sentence: String
  }

  init(_ test: Case) {
    self.test = test
    let path = test.folder + "/model.onnx"
    do {
      loaded = .success(
        (
          try ONNXModelFile(path: path, graphName: test.name, isFused: false),
          try ONNXModelFile(path: path, graphName: test.name)
        ))
    } catch { loaded = .failure(Refusal(sentence: "\(error)")) }
  }

  /// Nil when the file cannot be read.
  static func about(_ test: Case) -> About? {
    (try? ONNXFile.open(path: test.folder + "/model.onnx")).map { describe($0) }
  }

  func run(_ runtime: Runtime) -> Outcome {
    var model: Model
    switch (loaded, runtime) {
    case (.failure(let refusal), _): return .refused(refusal.sentence)
    case (.success(let loaded), .asRead): model = loaded.plain.model
    case (.success(let loaded), .optimised): model = loaded.fused.model
    case (.success(let loaded), .reloaded):
      do {
        model = try reloaded(loaded.fused)
      } catch { return .failed("written or read back: \(error)") }
    }
    guard !test.dataSets.isEmpty else { return .failed("the case has no data") }
    for folder in test.dataSets {
      let outcome = judge(&model, folder, runtime)
      if outcome != .passed { return outcome }
    }
    return .passed
  }

  private func reloaded(_ loaded: ONNXModelFile) throws -> Model {
    let path = "/tmp/onnx-conformance-\(getpid()).plumb"
    defer { try? removeFile(path) }
    var writer = try NativeWriter(path: path, options: StorageOptions(packing: .raw))
    for (name, tensor) in loaded.weights { try writer.add(name, try tensor.load()) }
    var content = NativeContent()
    content.graphs = [loaded.graph]
    try writer.finish(content)
    let file = try NativeFile(path: path)
    guard let graph = file.graphs.first else {
      throw ConformanceError.message("the .plumb has no graph")
    }
    return Model(graph, vocabulary: .onnx) { try file.storedTensor(named: $0) }
  }

  private func judge(_ model: inout Model, _ folder: String, _ runtime: Runtime) -> Outcome {
    let names = model.graph.inputs.map { model.graph[$0.value].name }
    let outputs = model.graph.outputs.map { model.graph[$0].name }
    let actual: [String: Tensor]
    do {
      // What no output depends on is no input of what runs.
      let needed = model.graph.pruned(to: model.graph.outputs)
      let types = Dictionary(
        needed.inputs.map { (needed[$0.value].name, $0.type) }, uniquingKeysWith: { $1 })
      var given: [String: Tensor] = [:]
      for (name, tensor) in try tensors("input", in: folder, names) {
        if let type = types[name] { given[name] = bits(tensor, of: type) }
      }
      let options = ExecutionOptions(
        threads: 1, kernels: runtime == .asRead ? .reference : .fast)
      var arena = Arena()
      actual = try model.evaluate(
        given,
        Model.Request(inputs: given.mapValues(\.shape), isOptimised: runtime != .asRead),
        arena: &arena, options: options)
    } catch { return .failed("\(error)") }
    do {
      let expected = try tensors("output", in: folder, outputs)
      for name in outputs {
        // A case need not say what every output is.
        guard var wanted = expected[name] else { continue }
        guard let found = actual[name] else { return .wrong("no output '\(name)'") }
        wanted = bits(wanted, of: found.type)
        let comparison = TensorComparison(
          name: name, actual: found, expected: wanted, tolerance: tolerance(wanted.type))
        if !comparison.passed { return .wrong(comparison.sentence) }
      }
    } catch { return .failed("\(error)") }
    return .passed
  }

  /// The cases of ONNX 1.12 have bf16 as the whole numbers that its bits spell.
  private func bits(_ tensor: Tensor, of type: ElementType) -> Tensor {
    guard test.suite == .debianNode && tensor.type == .u16 && type == .bf16 else { return tensor }
    return tensor.withUnsafeBytes { bytes in
      Tensor(type: .bf16, shape: tensor.shape, bytes: Array(bytes))
    }
  }

  /// The case's own for floats, as ONNX's runner has it: at least two steps for bf16, and a NaN
  /// where one is expected. Integers and bools are equal.
  private func tolerance(_ type: ElementType) -> Tolerance {
    guard type.isFloatingPoint else { return .exact }
    let relative = type == .bf16 ? max(test.relative, 0x1p-6) : test.relative
    return Tolerance(
      .bounds(absolute: test.absolute, relative: relative), nanEqualsNaN: true)
  }

  /// Files belong to names in their order; a file that is not there leaves its name out.
  private func tensors(
    _ stem: String, in folder: String, _ names: [String]
  ) throws -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    for (place, name) in names.enumerated() {
      let path = "\(folder)/\(stem)_\(place).pb"
      guard fileExists(path) else { continue }
      tensors[name] = try ONNXTensor(pbFile: path).load()
    }
    return tensors
  }
}
