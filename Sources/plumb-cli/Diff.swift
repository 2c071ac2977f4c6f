import ByteIO
import Pipeline

let diffCommand = Command(
  name: "diff", summary: "Compares two files of tensors by name, or two models node by node.",
  operands: [
    .init(
      name: "A",
      help: "what is to be judged: .safetensors, .npz, .npy, .bin, .pt, .pb (a\n"
        + "TensorProto), .plumb, .onnx, or a folder of these"),
    .init(name: "B", help: "what it should be"),
  ],
  options: [
    .init(name: "--rtol", value: "X", help: "|a − b| may be up to ATOL + RTOL·|b|"),
    .init(
      name: "--atol", value: "X",
      help: "without either: the defaults of torch.testing.assert_close, by type"),
    .init(
      name: "--rule", value: "sum|either",
      help: "either: ATOL or RTOL·|b| is enough, as in Polygraphy; sum without it"),
    .init(
      name: "--tolerance", value: "GLOB=ATOL,RTOL",
      help: "for the tensors of these names; the last that matches counts.\n"
        + "Behind the numbers may stand ,sum ,either or ,equal-nan", isRepeatable: true),
    .init(
      name: "--tolerances", value: "FILE",
      help: "the same as JSON: {\"default\": {\"atol\": 1e-5, \"rtol\": 1e-4},\n"
        + "\"tensors\": {\"GLOB\": {\"of_largest\": 1e-3}}}; also \"rule\", \"equal_nan\""),
    .init(name: "--equal-nan", help: "NaN equals NaN; without it NaN fails always"),
    .init(name: "--any-type", help: "values count, types may differ"),
    .init(
      name: "--only", value: "GLOB",
      help: "only these tensors: * any run of characters, ? one, {3..12} a number",
      isRepeatable: true),
    .init(
      name: "--details",
      help: "quantiles, ULP, SQNR, PSNR, the tolerance that would do, a histogram"),
    .init(name: "--json", help: "all of it for programs"),
    .init(name: "--junit", value: "FILE", help: "write JUnit's XML as well"),
    .init(name: "--html", value: "FILE", help: "write a page with pictures of the errors as well"),
  ],
  notes: """
    Two models are compared node by node (added, removed, changed), then their weights. In a folder
    a tensor's name is its file's path without the ending, then / and its name where the file holds
    several. Exit status 1 when a tensor is missing, extra or out of tolerance, or a graph differs.

    examples:
      plumb diff ours.npz theirs.safetensors --rtol 1e-4 --atol 1e-6 --details
      plumb diff new.plumb old.plumb --tolerance '*.bias=1e-6,0' --junit results.xml
      plumb diff out/ test_data_set_0/ --only 'output_*' --html errors.html
      plumb diff taps/ reference/ --only 'step{10..20}/*'
    """
) { arguments in
  var options = DifferenceOptions()
  options.relative = try arguments.number("--rtol", atLeast: 0)
  options.absolute = try arguments.number("--atol", atLeast: 0)
  if let text = arguments.value("--rule") {
    guard let rule = ToleranceRule(rawValue: text) else {
      throw UsageError("--rule takes sum or either, not '\(text)'")
    }
    options.rule = rule
    let bounds = ["--atol", "--rtol", "--tolerance", "--tolerances"]
    guard bounds.contains(where: arguments.has) else {
      throw UsageError("--rule goes with bounds: " + bounds.joined(separator: ", "))
    }
  }
  options.tolerances = arguments.all("--tolerance")
  options.tolerancesPath = arguments.value("--tolerances")
  options.nanEqualsNaN = arguments.has("--equal-nan")
  options.typesMayDiffer = arguments.has("--any-type")
  options.only = arguments.all("--only")
  options.isDetailed = arguments.has("--details") || arguments.has("--json")
  let (junit, page) = (arguments.value("--junit"), arguments.value("--html"))
  options.hasPictures = page != nil
  for path in [junit, page] { if let path { try checkWritable(file: path) } }

  let difference = try differences(
    of: arguments.operands[0], from: arguments.operands[1], options: options)
  if let junit { try writeFile(difference.junitText, to: junit) }
  if let page { try writeFile(try difference.htmlText(), to: page) }
  print(arguments.has("--json") ? difference.jsonText : difference.text)
  return difference.passed ? .good : .differs
}

/// Writes a text file that appears whole or not at all.
func writeFile(_ text: String, to path: String) throws {
  var writer = try AtomicFileWriter(path: path)
  try writer.append(Array(text.utf8))
  try writer.commit()
}
