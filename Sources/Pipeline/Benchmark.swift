import ByteIO
import Executor
import GraphIR
import JSONText
import Kernels
import TensorBase
import TensorFiles

/// How long a graph takes.
public struct BenchmarkResult: Sendable {
  /// The graph's name.
  public let graph: String
  /// Items at once.
  public let batch: Int
  /// Threads that shared the work.
  public let threads: Int
  /// Of each counted run, sorted.
  public let seconds: [Double]
  /// Processor time of a run on all threads, on average: what a busy machine changes least.
  public let processorSecondsPerRun: Double
  /// Floating-point operations of one run, 2 per multiply-add, of products and convolutions as
  /// they are defined; what Winograd's algorithm saves is not taken off.
  public let flop: Double
  /// Floating-point operations a second that as many threads reach on registers alone.
  public let peakRate: Double
  /// The process's largest resident memory so far.
  public let peakMemoryByteCount: Int
  /// Bytes of weights that stay in memory between runs.
  public let heldWeightByteCount: Int
  /// Bytes of weights that are loaded in each run as they are used, and dropped.
  public let streamedWeightByteCount: Int
  /// The kernels that plain matrix products run on.
  public let blas: String
  /// The kernels that all else runs on.
  public let processor: String
  /// Where the time went; nil when it was not asked for.
  public let profile: Profile?

  /// Seconds of the run in the middle.
  public var median: Double { seconds[seconds.count / 2] }
  /// The median run's share of `peakRate`.
  public var peakFraction: Double { flop / median / peakRate }

  /// For people.
  public var text: String {
    """
    graph \(graph), batch \(batch), \(counted(threads, "thread")), \(counted(seconds.count, "run"))
      seconds  \(short(seconds[0])) min, \(short(median)) median, \
    \(short(seconds[seconds.count - 1])) max; \(short(processorSecondsPerRun)) of processor time
      GFLOP/s  \(rounded(flop / median / 1e9, 1)) (\(rounded(flop / 1e9, 1)) GFLOP), \
    \(rounded(peakFraction * 100, 1)) % of a peak of \(rounded(peakRate / 1e9, 1))
      memory   \(bytesText(peakMemoryByteCount)) peak
      weights  \(bytesText(heldWeightByteCount)) held, \
    \(bytesText(streamedWeightByteCount)) streamed in each run
      products \(blas)
      kernels  \(processor)
    """
  }

  /// For programs.
  public var jsonText: String {
    var object: JSONObject = [
      "graph": .string(graph), "batch": .integer(Int64(batch)),
      "threads": .integer(Int64(threads)), "runs": .integer(Int64(seconds.count)),
      "seconds": .object([
        "min": .number(seconds[0]), "median": .number(median),
        "max": .number(seconds[seconds.count - 1]),
      ]), "cpu_seconds": .number(processorSecondsPerRun), "gflop": .number(flop / 1e9),
      "gflops": .number(flop / median / 1e9),
      "peak_gflops": .number(peakRate / 1e9), "peak_fraction": .number(peakFraction),
      "peak_memory_bytes": .integer(Int64(peakMemoryByteCount)),
      "held_weight_bytes": .integer(Int64(heldWeightByteCount)),
      "streamed_weight_bytes": .integer(Int64(streamedWeightByteCount)), "blas": .string(blas),
      "kernels": .string(processor),
    ]
    object["profile"] = profile?.json
    return JSONValue.object(object).text(indent: 2)
  }
}

/// A number with so many decimals.
func rounded(_ number: Double, _ decimals: Int = 3) -> String {
  let factor = (0..<decimals).reduce(1.0) { factor, _ in factor * 10 }
  return "\((number * factor).rounded() / factor)"
}

private func counted(_ number: Int, _ what: String) -> String {
  "\(number) \(what)\(number == 1 ? "" : "s")"
}

private func short(_ number: Double) -> String {
  guard number > 0, number.isFinite else { return "\(number)" }
  // Four significant digits, however small.
  var scale = 1.0
  while number * scale < 1000, scale < 1e9 { scale *= 10 }
  return "\((number * scale).rounded() / scale)"
}

/// Times a graph.
///
/// - Parameters:
///   - inputPath: .safetensors or .npz with the inputs by name; nil for zeros, at the sizes that the
///     graph was made for.
///   - batch: items at once, where no file says it. A graph that takes one text for all items gets
///     one.
///   - runs: counted runs, after one that is not.
///   - isProfiled: whether to note the time of every node.
///   - isExact: rules out algorithms that save multiplications at the price of precision.
///   - memory: how much of it the runs may take.
public func bench(
  modelPath: String, graph name: String?, inputPath: String? = nil, batch: Int = 1, runs: Int,
  threads: Int?, isProfiled: Bool = false, isExact: Bool = false, memory: MemoryUse = .unlimited
) throws -> BenchmarkResult {
  let runnable = try RunnableGraph(path: modelPath, graph: name, memory: memory)
  var model = runnable.model
  let graph = model.graph
  let inputs =
    try inputPath.map { try TensorFile.open($0).inputs(of: graph, whole: graph) }
    ?? zeros(for: graph, runnable.typicalInputs, batch: batch)
  let shapes = inputs.mapValues(\.shape)
  let threads = threads ?? defaultThreadCount
  let options = ExecutionOptions(threads: threads, isExact: isExact)
  let program = try model.program(Model.Request(inputs: shapes), options: options)
  var arena = Arena()
  let clock = ContinuousClock()
  var seconds: [Double] = []
  var recorder = isProfiled ? ProfileRecorder(program.varying.shaped) : nil
  var used = processorSeconds
  for run in 0...runs {
    if run == 1 { used = processorSeconds }
    let start = clock.now
    if run > 0, var running = recorder {
      running.start()
      _ = try program.run(inputs, arena: &arena, options: options) { running.finished($0) }
      recorder = running
    } else {
      _ = try program.run(inputs, arena: &arena, options: options)
    }
    if run > 0 { seconds.append(start.duration(to: clock.now).seconds) }
  }
  used = (processorSeconds - used) / Double(runs)
  return BenchmarkResult(
    graph: graph.name, batch: items(graph, shapes), threads: threads, seconds: seconds.sorted(),
    processorSecondsPerRun: used,
    flop: try ShapedGraph(graph, inputs: shapes, tools: Vocabulary.onnx.tools(options)).flop,
    peakRate: measuredPeakRate(threads: threads), peakMemoryByteCount: peakResidentByteCount,
    heldWeightByteCount: program.heldWeightByteCount,
    streamedWeightByteCount: program.streamedWeightByteCount,
    blas: productsDescription, processor: processorDescription, profile: recorder?.profile)
}

/// Zeros of the given shapes, so many items at once.
private func zeros(for graph: Graph, _ shapes: [String: Shape], batch: Int) -> [String: Tensor] {
  var inputs: [String: Tensor] = [:]
  for input in graph.inputs {
    let name = graph[input.value].name
    inputs[name] = shapes[name].map { shape in
      let isBatched = input.dimensions?.first == .symbol("batch")
      return Tensor(
        zeros: isBatched ? Shape([batch] + shape.dimensions.dropFirst()) : shape, type: input.type)
    }
  }
  return inputs
}

/// Items at once: the first dimension of the inputs that have one for them.
private func items(_ graph: Graph, _ shapes: [String: Shape]) -> Int {
  let batched = graph.inputs.first { $0.dimensions?.first == .symbol("batch") }
  return batched.flatMap { shapes[graph[$0.value].name]?.dimensions.first } ?? 1
}
