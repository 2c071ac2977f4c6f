import ByteIO
import Executor
import GraphIR
import JSONText
import Kernels
import TensorBase

/// How long a graph takes.
public struct BenchmarkResult: Sendable {
  /// Name of the graph.
  public let graph: String
  /// Items evaluated at once.
  public let batch: Int
  /// Threads it ran on.
  public let threads: Int
  /// Of each counted run, sorted.
  public let seconds: [Double]
  /// Floating-point operations of one run, 2 per multiply-add, of products and convolutions.
  public let flop: Double
  /// The process's largest resident memory so far.
  public let peakMemoryByteCount: Int
  /// The kernels that matrix products run on.
  public let blas: String
  /// The instructions that the other kernels use.
  public let processor: String

  /// Seconds of the middle run.
  public var median: Double { seconds[seconds.count / 2] }

  /// The result in a few lines, for a terminal.
  public var text: String {
    """
    graph \(graph), batch \(batch), \(threads) threads, \(seconds.count) runs
      seconds  \(short(seconds[0])) min, \(short(median)) median, \(short(seconds[seconds.count - 1])) max
      GFLOP/s  \(short(flop / median / 1e9)) (\(short(flop / 1e9)) GFLOP)
      memory   \(bytesText(peakMemoryByteCount)) peak
      products \(blas)
      kernels  \(processor)
    """
  }

  /// The same for programs: one JSON object.
  public var jsonText: String {
    JSONValue.object([
      "graph": .string(graph), "batch": .integer(Int64(batch)),
      "threads": .integer(Int64(threads)), "runs": .integer(Int64(seconds.count)),
      "seconds": .object([
        "min": .number(seconds[0]), "median": .number(median),
        "max": .number(seconds[seconds.count - 1]),
      ]), "gflop": .number(flop / 1e9), "gflops": .number(flop / median / 1e9),
      "peak_memory_bytes": .integer(Int64(peakMemoryByteCount)), "blas": .string(blas),
      "kernels": .string(processor),
    ]).text(indent: 2)
  }
}

private func short(_ number: Double) -> String {
  "\((number * 1000).rounded() / 1000)"
}

/// Times a graph on zeros, at the sizes it was made for.
///
/// - Parameters:
///   - batch: items at once.
///   - runs: counted runs, after one that is not.
public func bench(
  modelPath: String, graph name: String?, batch: Int, runs: Int, threads: Int?
) throws -> BenchmarkResult {
  let file = try ModelFile(path: modelPath)
  var model = try file.model(try file.graphName(name))
  let graph = model.graph
  var shapes = graph.typicalInputs(file.native.components)
  for input in graph.inputs where input.dimensions.first == .symbol("batch") {
    let name = graph[input.value].name
    shapes[name] = shapes[name].map { Shape([batch] + $0.dimensions.dropFirst()) }
  }
  let threads = threads ?? defaultThreadCount
  let options = ExecutionOptions(threads: threads)
  let program = try model.program(Model.Request(inputs: shapes), options: options)
  var inputs: [String: Tensor] = [:]
  for input in graph.inputs {
    let name = graph[input.value].name
    inputs[name] = shapes[name].map { shape in Tensor(zeros: shape, type: input.type) }
  }
  var arena = Arena()
  let clock = ContinuousClock()
  var seconds: [Double] = []
  for run in 0...runs {
    let start = clock.now
    _ = try program.run(inputs, arena: &arena, options: options)
    let parts = start.duration(to: clock.now).components
    if run > 0 {
      seconds.append(Double(parts.seconds) + Double(parts.attoseconds) * 1e-18)
    }
  }
  return BenchmarkResult(
    graph: graph.name, batch: batch, threads: threads, seconds: seconds.sorted(),
    flop: try ShapedGraph(graph, inputs: shapes).flop,
    peakMemoryByteCount: peakResidentByteCount, blas: productsDescription,
    processor: processorDescription)
}
