import Pipeline

let diffCommand = Command(
  name: "diff", summary: "Compares the tensors of two files by name.",
  operands: [
    .init(name: "A", help: "what is to be judged: .safetensors, .npz, .npy, .bin, .pt or .plumb"),
    .init(name: "B", help: "what it should be"),
  ],
  options: [
    .init(name: "--rtol", value: "X", help: "|a − b| may be up to ATOL + RTOL·|b|"),
    .init(
      name: "--atol", value: "X",
      help: "without either: the defaults of torch.testing.assert_close, by type"),
    .init(name: "--json", help: "for programs"),
  ],
  notes: """
    Exit status 1 when a tensor is missing, extra or out of tolerance. NaN is never in tolerance.

    example: plumb diff ours.npz theirs.safetensors --rtol 1e-4 --atol 1e-6
    """
) { arguments in
  let difference = try differences(
    of: arguments.operands[0], from: arguments.operands[1],
    relative: try arguments.number("--rtol", atLeast: 0),
    absolute: try arguments.number("--atol", atLeast: 0))
  print(arguments.has("--json") ? difference.jsonText : difference.text)
  return difference.passed ? .good : .differs
}
