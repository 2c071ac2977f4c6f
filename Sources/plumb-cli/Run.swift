import Pipeline

let runCommand = Command(
  name: "run", summary: "Runs one graph of a model on tensors from a file.",
  operands: [.init(name: "FILE", help: "a .plumb or .onnx file")],
  options: [
    .init(name: "--graph", value: "NAME", help: "which graph; not needed when there is one only"),
    .init(
      name: "--input", short: "-i", value: "IN",
      help: ".safetensors or .npz with the inputs by name, or io.safetensors of a\n"
        + "golden case"),
    .init(name: "--output", short: "-o", value: "OUT", help: ".safetensors or .npz to write"),
    .init(
      name: "--want", value: "NAME|GLOB",
      help: "a tensor of the graph to write instead of its outputs; may be repeated.\n"
        + "Only what is needed runs", isRepeatable: true),
    threadsOption, memoryOption, lowMemoryOption, exactOption,
    .init(name: "--reference", help: "plain kernels with double accumulation: slow, the yardstick"),
  ],
  notes:
    "example: plumb run m.plumb --graph unet -i in.safetensors -o taps.npz --want '*.probabilities'"
) { arguments in
  let written = try runGraph(
    modelPath: arguments.operands[0], graph: arguments.value("--graph"),
    inputPath: try arguments.required("--input"), outputPath: try arguments.required("--output"),
    wanted: arguments.all("--want"), threads: try arguments.threads(),
    usesReferenceKernels: arguments.has("--reference"), isExact: arguments.has("--exact"),
    memory: try arguments.memory())
  for (name, shape) in written { print("\(name) \(shape)") }
  return .good
}

let exactOption = Command.Option(
  name: "--exact", help: "convolutions by plain sums: no Winograd, slower, last digits truer")

let threadsOption = Command.Option(
  name: "--threads", value: "N", help: "threads to use; all processors without it")

let memoryOption = Command.Option(
  name: "--memory", value: "BYTES",
  help: "the most memory to use, such as 500M or 1.5G: weights that do not fit\n"
    + "are loaded as they are used")

let lowMemoryOption = Command.Option(
  name: "--low-memory", help: "loads all weights as they are used: little memory, some time")

extension Arguments {
  /// How much memory may be used.
  func memory() throws -> MemoryUse {
    guard let text = value("--memory") else { return has("--low-memory") ? .lowest : .unlimited }
    if has("--low-memory") { throw UsageError("--memory and --low-memory exclude each other") }
    guard let byteCount = byteCount(text) else {
      throw UsageError(
        "--memory takes a number of bytes such as 500M, 1.5G or 800000000, not '\(text)'")
    }
    return .limited(byteCount: byteCount)
  }

  func threads() throws -> Int? { try integer("--threads", in: 1...1024) }
}

/// A whole number of bytes from a number with or without a unit, in powers of 1000; nil when it is
/// none.
func byteCount(_ text: String) -> Int? {
  let units: [Character: Double] = ["k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12]
  var digits = text[...]
  if digits.last?.lowercased() == "b" { digits.removeLast() }
  var unit = 1.0
  if let last = digits.last?.lowercased().first, let known = units[last] {
    unit = known
    digits.removeLast()
  }
  guard digits.allSatisfy({ $0.isASCII && $0.isNumber || $0 == "." }),
    let number = Double(digits), unit > 1 || !digits.contains(".")
  else { return nil }
  let count = (number * unit).rounded()
  return count >= 1 && count < 0x1p62 ? Int(count) : nil
}
