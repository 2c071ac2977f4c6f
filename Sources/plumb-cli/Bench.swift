import Pipeline

let benchCommand = Command(
  name: "bench", summary: "Times a graph, and says which kernels it runs on.",
  operands: [.init(name: "FILE", help: "a .plumb file")],
  options: [
    .init(name: "--graph", value: "NAME", help: "which graph; not needed when there is one only"),
    .init(name: "--batch", value: "N", help: "items at once (1)"),
    .init(name: "--runs", value: "N", help: "counted runs after one that is not (5)"),
    threadsOption, .init(name: "--json", help: "for programs"),
  ], notes: ""
) { arguments in
  let result = try bench(
    modelPath: arguments.operands[0], graph: arguments.value("--graph"),
    batch: try arguments.integer("--batch", in: 1...1024) ?? 1,
    runs: try arguments.integer("--runs", in: 1...1000) ?? 5, threads: try arguments.threads())
  print(arguments.has("--json") ? result.jsonText : result.text)
  return .good
}
