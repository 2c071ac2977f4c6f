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
    .init(name: "--steps", value: "N", help: "DDIM steps (50)"),
    .init(name: "--last", value: "N", help: "how many of the last steps make the map (40)"),
    .init(name: "--guidance", value: "X", help: "guidance scale of the text pass (16)"),
    .init(name: "--seed", value: "N", help: "of the random numbers, as PyTorch means it (4200)"),
    .init(
      name: "--words", value: "WHICH",
      help: "words that count: content, all, disease:NAME, or numbers such as 0,2,3\n"
        + "(content: adjectives, nouns and verbs)"),
    .init(
      name: "--layers", value: "NAME|GLOB",
      help: "cross-attention layers that count; may be repeated (all)", isRepeatable: true),
    .init(name: "--save-taps", help: "writes every tap, so that --from can start there"),
    .init(name: "--cache", value: "DIR", help: "where text passes are kept (~/.cache/plumb)"),
    .init(name: "--no-cache", help: "keeps no text pass"),
    threadsOption, memoryOption, lowMemoryOption, exactOption,
  ],
  notes: """
    DIR receives overlay.png, map.npy, result.json and maps.safetensors; with several phrases a
    folder each, numbered.

    examples:
      plumb ground m.plumb --image chest.png --phrase "left pleural effusion" -o out --save-taps
      plumb ground --from out/maps.safetensors -o out2 --last 20 --no-bbm
    This is research software, not a medical device.
    """
) { arguments in
  let folder = try arguments.required("--output")
  try checkResultFolder(folder)
  let results =
    arguments.has("--from") ? [try again(arguments)] : try ground(arguments)
  for (index, result) in results.enumerated() {
    let path = results.count == 1 ? folder : "\(folder)/\(index + 1)"
    let warnings = result.warnings + (try result.write(to: path))
    for warning in warnings { printError("plumb ground: warning: \(warning)") }
    print(result.summary)
    print("  \(path)/overlay.png")
  }
  return .good
}

private func ground(_ arguments: Arguments) throws -> [GroundingResult] {
  guard let model = arguments.operands.first else { throw UsageError("FILE is missing") }
  let image = try arguments.required("--image")
  let phrases = arguments.all("--phrase")
  guard !phrases.isEmpty else { throw UsageError("--phrase is missing") }
  var options = GroundingOptions()
  options.mergesBias = !arguments.has("--no-bbm")
  options.steps = try arguments.integer("--steps", in: 1...1000) ?? options.steps
  options.last = try arguments.integer("--last", in: 1...1000) ?? options.last
  options.guidance = try arguments.number("--guidance", atLeast: 0) ?? options.guidance
  options.seed = try arguments.integer("--seed", in: 0...Int.max).map { UInt64($0) } ?? options.seed
  options.words = arguments.value("--words") ?? options.words
  options.layers = arguments.all("--layers")
  options.savesTaps = arguments.has("--save-taps")
  if arguments.has("--cache"), arguments.has("--no-cache") {
    throw UsageError("--cache and --no-cache exclude each other")
  }
  options.cacheFolder =
    arguments.has("--no-cache") ? nil : arguments.value("--cache") ?? defaultCacheFolder
  let progress = ProgressLine()
  var grounder = try Grounder(
    modelPath: model, threads: try arguments.threads(), isExact: arguments.has("--exact"),
    memory: try arguments.memory())
  return try grounder.ground(imagePath: image, phrases: phrases, options: options) {
    progress.show($0, $1, $2)
  }
}

/// Grounds again from saved taps; options that only the UNet heeds are refused.
private func again(_ arguments: Arguments) throws -> GroundingResult {
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
  return try groundAgain(
    from: try arguments.required("--from"), imagePath: arguments.value("--image"),
    options: options)
}
