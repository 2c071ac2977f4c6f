import Pipeline

let runCommand = Command(
  name: "run", summary: "Runs one graph of a model on tensors from a file.",
  operands: [.init(name: "FILE", help: "a .plumb or .onnx file")],
  options: [
    .init(name: "--graph", value: "NAME", help: "which graph; not needed when there is one only"),
    .init(
      name: "--input", short: "-i", value: "IN",
      help: ".safetensors or .npz with the inputs by name"),
    .init(name: "--output", short: "-o", value: "OUT", help: ".safetensors or .npz to write"),
    .init(
      name: "--want", value: "NAME|GLOB",
      help: "a tensor of the graph to write instead of its outputs; may be repeated.\n"
        + "Only what is needed runs", isRepeatable: true),
    threadsOption,
    exactOption,
    .init(name: "--reference", help: "plain kernels with double accumulation: slow, the yardstick"),
  ],
  notes:
    "example: plumb run m.plumb --graph unet -i in.safetensors -o taps.npz --want '*.probabilities'"
) { arguments in
  let written = try runGraph(
    modelPath: arguments.operands[0], graph: arguments.value("--graph"),
    inputPath: try arguments.required("--input"), outputPath: try arguments.required("--output"),
    wanted: arguments.all("--want"), threads: try arguments.threads(),
    usesReferenceKernels: arguments.has("--reference"), isExact: arguments.has("--exact"))
  for (name, shape) in written { print("\(name) \(shape)") }
  return .good
}

let exactOption = Command.Option(
  name: "--exact", help: "convolutions by plain sums: no Winograd, slower, last digits truer")

let threadsOption = Command.Option(
  name: "--threads", value: "N", help: "threads to use; all processors without it")

extension Arguments {
  func threads() throws -> Int? { try integer("--threads", in: 1...1024) }
}
