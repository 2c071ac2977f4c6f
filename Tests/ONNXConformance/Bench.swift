import ByteIO
import Comparison
import Executor
import Glibc
import GraphIR
import NativeFormat
import ONNXFiles
import ONNXGraphs
import TensorBase

/// A case with its model opened once, run under one runtime after another.
struct Bench {
  let test: Case
  /// Nil when the file cannot be read.
  let about: About?
  /// The graph with what gives its weights, or why there is none.
  private let loaded: Result<Loaded, Refusal>

  private struct Loaded {
    let graph: Graph
    let weights: [(name: String, tensor: ONNXTensor)]
  }

  private struct Refusal: Error {
    let sentence: String
  }

  init(_ test: Case) {
    self.test = test
    do {
      let model = try ONNXFile.open(path: test.folder + "/model.onnx")
      about = describe(model)
      do {
        let found = try importGraph(of: model, named: test.name)
        loaded = .success(Loaded(graph: found.graph, weights: found.weights))
      } catch { loaded = .failure(Refusal(sentence: "\(error)")) }
    } catch {
      about = nil
      loaded = .failure(Refusal(sentence: "\(error)"))
    }
  }

  func run(_ runtime: Runtime) -> Outcome {
    let graph: Graph
    let weight: (String) throws -> Tensor
    switch loaded {
    case .failure(let refusal): return .refused(refusal.sentence)
    case .success(let loaded):
      if runtime == .reloaded {
        do {
          let file = try reloaded(loaded)
          guard let first = file.graphs.first else { return .failed("the .plumb has no graph") }
          graph = first
          weight = { try file.storedTensor(named: $0) }
        } catch { return .failed("written or read back: \(error)") }
      } else {
        graph = loaded.graph
        let tensors = Dictionary(loaded.weights.map { ($0.name, $0.tensor) }) { $1 }
        weight = { name in
          guard let tensor = tensors[name] else {
            throw ConformanceError.message("no weight is named '\(name)'")
          }
          return try tensor.load()
        }
      }
    }
    var model = Model(graph, weight: weight)
    guard !test.dataSets.isEmpty else { return .failed("the case has no data") }
    for folder in test.dataSets {
      let outcome = judge(&model, folder, runtime)
      if outcome != .passed { return outcome }
    }
    return .passed
  }

  private func reloaded(_ loaded: Loaded) throws -> NativeFile {
    let path = "/tmp/onnx-conformance-\(getpid()).plumb"
    defer { try? removeFile(path) }
    var writer = try NativeWriter(path: path, options: StorageOptions(packing: .raw))
    for (name, tensor) in loaded.weights { try writer.add(name, try tensor.load()) }
    var content = NativeContent()
    content.graphs = [loaded.graph]
    try writer.finish(content)
    return try NativeFile(path: path)
  }

  private func judge(_ model: inout Model, _ folder: String, _ runtime: Runtime) -> Outcome {
    let names = model.graph.inputs.map { model.graph[$0.value].name }
    let outputs = model.graph.outputs.map { model.graph[$0].name }
    let actual: [String: Tensor]
    do {
      let given = try tensors("input", in: folder, names)
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
        guard let wanted = expected[name] else { continue }
        guard let found = actual[name] else { return .wrong("no output '\(name)'") }
        let comparison = TensorComparison(
          name: name, actual: found, expected: wanted, tolerance: tolerance(wanted.type))
        if !comparison.passed { return .wrong(comparison.sentence) }
      }
    } catch { return .failed("\(error)") }
    return .passed
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
