import ByteIO
import Pipeline

let verifyCommand = Command(
  name: "verify", summary: "Runs a golden bundle's inputs and compares outputs and taps.",
  operands: [
    .init(name: "FILE", help: "a .plumb file"),
    .init(name: "GOLDEN_DIR", help: "a golden bundle: a folder of cases, or one case"),
  ],
  options: [
    .init(
      name: "--tolerance", value: "X",
      help: "largest error, of each tensor's largest magnitude; the bundle's own without it"),
    .init(
      name: "--layerwise",
      help: "value by value: each from golden ones (its own error), and each\n"
        + "from computed ones (drift); names the first that is wrong"),
    .init(
      name: "--replay", value: "FOLDER",
      help: "with --layerwise: keep the first wrong node there, with its inputs,\n"
        + "for plumb run"),
    threadsOption, memoryOption, lowMemoryOption, exactOption,
    .init(name: "--json", help: "for programs"),
    .init(name: "--junit", value: "FILE", help: "write JUnit's XML as well"),
  ],
  notes: """
    A case is a folder with case.json and io.safetensors; tools/golden/record makes one from any
    PyTorch module or ONNX file, tools/golden/bundle from a checkpoint in the diffusers layout.
    Whole numbers and truth values must be equal. Exit status 1 when something is out of tolerance.

    examples:
      plumb verify m.plumb my-goldens/
      plumb verify m.plumb my-goldens/ --layerwise --replay wrong/
    """
) { arguments in
  let tolerance = try arguments.number("--tolerance", atLeast: 0)
  let isJSON = arguments.has("--json")
  let (junit, replay) = (arguments.value("--junit"), arguments.value("--replay"))
  if replay != nil, !arguments.has("--layerwise") {
    throw UsageError("--replay goes with --layerwise")
  }
  if let junit { try checkWritable(file: junit) }
  let progress = ProgressLine()
  if arguments.has("--layerwise") {
    let layers = try verifyLayerwise(
      modelPath: arguments.operands[0], goldenFolder: arguments.operands[1],
      relativeToMaximum: tolerance, replayFolder: replay, threads: try arguments.threads(),
      isExact: arguments.has("--exact"), memory: try arguments.memory(), progress: progress.show)
    if let junit { try writeFile(layers.junitText, to: junit) }
    print(isJSON ? layers.jsonText : layers.text)
    return layers.passed ? .good : .differs
  }
  let verification = try verify(
    modelPath: arguments.operands[0], goldenFolder: arguments.operands[1],
    relativeToMaximum: tolerance, threads: try arguments.threads(),
    isExact: arguments.has("--exact"), memory: try arguments.memory(), progress: progress.show)
  if let junit { try writeFile(verification.junitText, to: junit) }
  print(isJSON ? verification.jsonText : verification.text)
  return verification.passed ? .good : .differs
}
