import Pipeline

let inspectCommand = Command(
  name: "inspect", summary: "Shows what a file holds: graphs, taps, tensors, where it comes from.",
  operands: [
    .init(name: "FILE", help: "a .plumb, .onnx, .safetensors, .npz, .npy, .bin or .pt file")
  ],
  options: [
    .init(name: "--json", help: "for programs"),
    .init(name: "--tensors", help: "a line per tensor"),
    .init(
      name: "--taps", help: "a line per attention node: name, cross or self, heads, queries × keys"),
  ],
  notes: """
    examples:
      plumb inspect m.plumb --taps
      plumb inspect m.plumb --json | jq '.graphs[].name'
    """
) { arguments in
  let inspection = try Inspection(path: arguments.operands[0])
  if arguments.has("--json") {
    print(inspection.jsonText(listsTensors: arguments.has("--tensors")))
  } else {
    print(
      inspection.text(
        listsTensors: arguments.has("--tensors"), listsTaps: arguments.has("--taps")))
  }
  return .good
}
