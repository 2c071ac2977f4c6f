import Pipeline

/// Options of all verbs that ground, but for bias merging.
let groundingOptions: [Command.Option] = [
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
  .init(name: "--cache", value: "DIR", help: "where text passes are kept (~/.cache/plumb)"),
  .init(name: "--no-cache", help: "keeps no text pass"),
]

/// How large the page of `--report` may become.
let reportSizeOption = Command.Option(
  name: "--report-size", value: "BYTES",
  help: "how large the page may become, such as 60M (20M); what does not fit is\n"
    + "shown smaller or left out, and the page says so")

extension Arguments {
  /// What `--report` and `--report-size` say; nil without a report.
  func reportByteLimit() throws -> Int? {
    let text = value("--report-size")
    guard has("--report") else {
      if text != nil { throw UsageError("--report-size is about the page of --report") }
      return nil
    }
    guard let limit = byteCount(text ?? "20M"), (500_000...2_000_000_000).contains(limit) else {
      throw UsageError(
        "--report-size takes a number of bytes from 500k to 2G, not '\(text ?? "")'")
    }
    return limit
  }

  /// What `groundingOptions` and `--no-bbm` say.
  func grounding() throws -> GroundingOptions {
    var options = GroundingOptions()
    options.mergesBias = !has("--no-bbm")
    options.steps = try integer("--steps", in: 1...1000) ?? options.steps
    options.last = try integer("--last", in: 1...1000) ?? options.last
    options.guidance = try number("--guidance", atLeast: 0) ?? options.guidance
    options.seed = try integer("--seed", in: 0...Int.max).map { UInt64($0) } ?? options.seed
    options.words = value("--words") ?? options.words
    options.layers = all("--layers")
    if has("--cache"), has("--no-cache") {
      throw UsageError("--cache and --no-cache exclude each other")
    }
    options.cacheFolder = has("--no-cache") ? nil : value("--cache") ?? defaultCacheFolder
    return options
  }
}
