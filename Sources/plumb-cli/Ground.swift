import ByteIO
import Pipeline

let groundCommand = Command(
  name: "ground", summary: "Shows where in an image is what a phrase speaks of.",
  operands: [
    .init(
      name: "FILE", help: "a .plumb file with unet, vae, text encoder, tokenizer and scheduler",
      isOptional: true)
  ],
  options: [
    .init(name: "--image", value: "IMG", help: "a PNG or JPEG picture"),
    .init(
      name: "--phrase", value: "TEXT",
      help: "what to look for; several share the work on the image",
      isRepeatable: true),
    .init(name: "--output", short: "-o", value: "DIR", help: "folder for the results"),
    .init(
      name: "--from", value: "MAPS",
      help: "a maps.safetensors with taps, instead of FILE: redoes all after the UNet"),
    .init(name: "--no-bbm", help: "the map alone, without bimodal bias merging"),
  ] + groundingOptions + [
    .init(name: "--save-taps", help: "writes every tap, so that --from can start there"),
    .init(
      name: "--report",
      help: "writes report.html as well: one page for people, all phrases, every map"),
    reportSizeOption,
    threadsOption, memoryOption, lowMemoryOption, exactOption,
  ],
  notes: """
    DIR receives overlay.png, map.npy, result.json and maps.safetensors; with several phrases a
    folder each, numbered. With --report it receives report.html, which a browser shows from the
    disk, without a network; docs/reports.md says what is on it.

    examples:
      plumb ground m.plumb --image chest.png --phrase "left pleural effusion" -o out --save-taps
      plumb ground --from out/maps.safetensors -o out2 --last 20 --no-bbm
    This is research software, not a medical device.
    """
) { arguments in
  let folder = try arguments.required("--output")
  try checkResultFolder(folder)
  let report = folder + "/report.html"
  let byteLimit = try arguments.reportByteLimit()
  if byteLimit != nil, folderExists(folder) { try checkWritable(file: report) }
  let results =
    arguments.has("--from")
    ? [try again(arguments, reportByteLimit: byteLimit)]
    : try ground(arguments, reportByteLimit: byteLimit)
  for (index, result) in results.enumerated() {
    let path = results.count == 1 ? folder : "\(folder)/\(index + 1)"
    let warnings = result.warnings + (try result.write(to: path))
    for warning in warnings { printError("plumb ground: warning: \(warning)") }
    print(result.summary)
    print("  \(path)/overlay.png")
  }
  if let byteLimit {
    try writeReport(of: results, to: report, byteLimit: byteLimit)
    print(report)
  }
  return .good
}

private func ground(
  _ arguments: Arguments, reportByteLimit: Int?
) throws -> [GroundingResult] {
  guard let model = arguments.operands.first else { throw UsageError("FILE is missing") }
  let image = try arguments.required("--image")
  let phrases = arguments.all("--phrase")
  guard !phrases.isEmpty else { throw UsageError("--phrase is missing") }
  var options = try arguments.grounding()
  options.savesTaps = arguments.has("--save-taps")
  options.reportByteLimit = reportByteLimit
  let progress = ProgressLine()
  var grounder = try Grounder(
    modelPath: model, threads: try arguments.threads(), isExact: arguments.has("--exact"),
    memory: try arguments.memory())
  return try grounder.ground(imagePath: image, phrases: phrases, options: options) {
    progress.show($0, $1, $2)
  }
}

/// Grounds again from saved taps; options that only the UNet heeds are refused.
private func again(_ arguments: Arguments, reportByteLimit: Int?) throws -> GroundingResult {
  for option in ["--phrase", "--steps", "--guidance", "--seed", "--cache", "--no-cache"]
  where arguments.has(option) {
    throw UsageError("\(option) cannot be changed with --from: the taps are what they are")
  }
  guard arguments.operands.isEmpty else {
    throw UsageError("give FILE or --from, not both")
  }
  var options = SavedGroundingOptions()
  options.mergesBias = !arguments.has("--no-bbm")
  options.last = try arguments.integer("--last", in: 1...1000)
  options.words = arguments.value("--words")
  options.layers = arguments.all("--layers")
  options.savesTaps = arguments.has("--save-taps")
  options.reportByteLimit = reportByteLimit
  return try groundAgain(
    from: try arguments.required("--from"), imagePath: arguments.value("--image"),
    options: options)
}
