import ByteIO
import Executor
import GraphIR
import TensorBase
import TensorFiles

/// Runs one graph of a model on tensors from a file.
///
/// - Parameters:
///   - modelPath: a .plumb or .onnx.
///   - graph: the graph's name; nil when the file has one only.
///   - inputPath: .safetensors or .npz, tensors by the inputs' names; or of a golden case. Integers
///     and other floats are converted to what the graph takes.
///   - outputPath: .safetensors or .npz, by its ending.
///   - wanted: names or patterns of tensors of the graph; empty for its outputs. Only what they
///     need runs.
///   - memory: how much of it the run may take.
/// - Returns: names and shapes of what was written, in the graph's order.
public func runGraph(
  modelPath: String, graph name: String?, inputPath: String, outputPath: String,
  wanted: [String] = [], threads: Int? = nil, usesReferenceKernels: Bool = false,
  isExact: Bool = false, memory: MemoryUse = .unlimited
) throws -> [(name: String, shape: [Int])] {
  var model = try RunnableGraph(path: modelPath, graph: name, memory: memory).model
  let source = try TensorFile.open(inputPath)
  let write = try writer(for: outputPath)
  try checkWritable(file: outputPath)
  let ids = wanted.isEmpty ? model.graph.outputs : try model.graph.values(wanted: wanted)
  let inputs = try source.inputs(of: model.graph.pruned(to: ids), whole: model.graph)
  let options = ExecutionOptions(
    threads: threads ?? defaultThreadCount, kernels: usesReferenceKernels ? .reference : .fast,
    isExact: isExact)
  let outputs = try model.run(inputs, wanted: ids, options: options)
  try write(outputs)
  return outputs.map { ($0.name, $0.tensor.shape.dimensions) }
}

extension Model {
  /// Runs the graph once.
  mutating func run(
    _ inputs: [String: Tensor], wanted: [ValueID], options: ExecutionOptions
  ) throws -> [(name: String, tensor: Tensor)] {
    var arena = Arena()
    let outputs = try evaluate(
      inputs, Request(inputs: inputs.mapValues(\.shape), wanted: wanted), arena: &arena,
      options: options)
    return wanted.compactMap { id in
      let name = graph[id].name
      return outputs[name].map { (name, $0) }
    }
  }
}

/// Writes tensors in the format that a path's ending says.
private func writer(
  for path: String
) throws -> ([(name: String, tensor: Tensor)]) throws -> Void {
  if path.hasSuffix(".safetensors") {
    return { try writeSafetensors($0, to: path) }
  }
  if path.hasSuffix(".npz") {
    return { try writeNPZ($0, to: path) }
  }
  throw PipelineError.unsupportedFile(
    file: lastComponent(of: path), expected: "named .safetensors or .npz, which say how to write it"
  )
}
