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
    threadsOption, memoryOption, lowMemoryOption, exactOption,
    .init(name: "--json", help: "for programs"),
  ],
  notes: """
    A case is a folder with case.json and io.safetensors; tools/golden makes them from a checkpoint.
    Exit status 1 when something is out of tolerance.

    example: plumb verify m.plumb my-goldens/
    """
) { arguments in
  let verification = try verify(
    modelPath: arguments.operands[0], goldenFolder: arguments.operands[1],
    relativeToMaximum: try arguments.number("--tolerance", atLeast: 0),
    threads: try arguments.threads(), isExact: arguments.has("--exact"),
    memory: try arguments.memory())
  print(arguments.has("--json") ? verification.jsonText : verification.text)
  return verification.passed ? .good : .differs
}
