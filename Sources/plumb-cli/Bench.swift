import Pipeline

let benchCommand = Command(
  name: "bench", summary: "Times a graph, and says which kernels it runs on.",
  operands: [.init(name: "FILE", help: "a .plumb or .onnx file")],
  options: [
    .init(name: "--graph", value: "NAME", help: "which graph; not needed when there is one only"),
    .init(
      name: "--input", short: "-i", value: "IN",
      help: ".safetensors or .npz with the inputs by name; zeros without it"),
    .init(name: "--batch", value: "N", help: "items at once, where the graph leaves that open (1)"),
    .init(name: "--runs", value: "N", help: "counted runs after one that is not (5)"),
    threadsOption, memoryOption, lowMemoryOption, exactOption,
    .init(name: "--profile", help: "where the time goes, by op"),
    .init(name: "--nodes", help: "where the time goes, by op and by node"),
    .init(
      name: "--trace", value: "OUT.json",
      help: "writes the last run as a trace for chrome://tracing or Perfetto"),
    .init(name: "--json", help: "for programs"),
  ], notes: "example: plumb bench m.plumb --graph unet --batch 4 --runs 10 --profile"
) { arguments in
  let showsProfile = arguments.has("--profile") || arguments.has("--nodes")
  let trace = arguments.value("--trace")
  if arguments.has("--input"), arguments.has("--batch") {
    throw UsageError(
      "--input and --batch exclude each other: the inputs say how many items there are")
  }
  let result = try bench(
    modelPath: arguments.operands[0], graph: arguments.value("--graph"),
    inputPath: arguments.value("--input"),
    batch: try arguments.integer("--batch", in: 1...1024) ?? 1,
    runs: try arguments.integer("--runs", in: 1...1000) ?? 5, threads: try arguments.threads(),
    isProfiled: showsProfile || trace != nil, isExact: arguments.has("--exact"),
    memory: try arguments.memory())
  print(arguments.has("--json") ? result.jsonText : result.text)
  if let profile = result.profile {
    if showsProfile && !arguments.has("--json") {
      print("\n" + profile.text(listsNodes: arguments.has("--nodes")))
    }
    if let trace { try profile.writeTrace(to: trace) }
  }
  return .good
}
