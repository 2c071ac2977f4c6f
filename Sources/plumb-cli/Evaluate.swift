import ByteIO
import Pipeline

let evalCommand = Command(
  name: "eval", summary: "Scores maps on pictures with phrases and boxes.",
  operands: [
    .init(
      name: "FILE",
      help: "a .plumb file as for ground; with --maps and --baseline\n"
        + "only its sizes matter, and it may be left out", isOptional: true),
    .init(
      name: "MANIFEST", help: "COCO-style JSON as MS-CXR has it, or .csv", isOptional: true),
    .init(
      name: "DIR", help: "with --merge, instead of both: folders of all shards",
      isOptional: true, isRepeatable: true),
  ],
  options: [
    .init(name: "--output", short: "-o", value: "DIR", help: "folder for the results"),
    .init(name: "--resume", help: "goes on with what is in the folder"),
    .init(name: "--shard", value: "i/n", help: "every n-th pair, from the i-th on"),
    .init(name: "--merge", help: "puts the folders of all shards together"),
    .init(name: "--no-bbm", help: "only the map without bias merging; both without it"),
    .init(
      name: "--maps", value: "FOLDER",
      help: "judges maps from there instead: ID.npy or\nID.safetensors for each pair"),
    .init(
      name: "--baseline", value: "center|uniform",
      help: "judges a map that knows nothing: a hill in the\nmiddle, or noise"),
    .init(name: "--truth", value: "mask|box", help: "boxes are the truth even where masks are"),
    .init(name: "--images", value: "FOLDER", help: "where pictures lie, if not beside MANIFEST"),
    .init(name: "--side", value: "N", help: "pixels of the crop where no FILE says (512)"),
    .init(name: "--resamples", value: "N", help: "of the bootstrap (2000)"),
    .init(
      name: "--report",
      help: "writes report.html as well: tables, charts, the best and worst\npairs; see below"),
    reportSizeOption,
  ] + groundingOptions + [
    threadsOption, memoryOption, lowMemoryOption, exactOption,
    .init(name: "--json", help: "for programs: scores.json"),
  ],
  notes: """
    DIR receives run.json, pairs.jsonl with a line as each pair is done, scores.json, and
    predictions.json, COCO's results. docs/evaluation.md says what is in them.
    --report makes one page for people (docs/reports.md): in a run; of a run that is finished, with
    --resume; and without FILE and MANIFEST, or with --merge, one without pictures.

    examples:
      plumb eval m.plumb ms-cxr.json --images mimic-cxr-jpg/ -o out
      plumb eval m.plumb manifest.json -o out --resume
      plumb eval m.plumb manifest.json -o out --resume --report
      plumb eval -o out --report
      plumb eval m.plumb manifest.json -o shard-2 --shard 2/4
      plumb eval --merge shard-1 shard-2 shard-3 shard-4 -o out
      plumb eval m.plumb manifest.json -o out --baseline center
    """
) { arguments in
  let folder = try arguments.required("--output")
  try checkResultFolder(folder)
  let resamples = try arguments.integer("--resamples", in: 1...1_000_000) ?? 2000
  let byteLimit = try arguments.reportByteLimit()
  let page = folder + "/report.html"
  if byteLimit != nil, folderExists(folder) { try checkWritable(file: page) }
  let report =
    if arguments.has("--merge") {
      try merge(arguments, into: folder, resamples: resamples, reportByteLimit: byteLimit)
    } else if let byteLimit, arguments.operands.isEmpty {
      try reported(arguments, folder: folder, resamples: resamples, byteLimit: byteLimit)
    } else {
      try evaluated(
        try request(arguments, folder: folder, resamples: resamples, reportByteLimit: byteLimit))
    }
  for warning in report.warnings { printError("plumb eval: warning: \(warning)") }
  print(arguments.has("--json") ? report.jsonText : report.text)
  if byteLimit != nil, !arguments.has("--json") { print(page) }
  return .good
}

private func evaluated(_ request: EvaluationRequest) throws -> EvaluationReport {
  let progress = ProgressLine()
  return try evaluate(request) { progress.show($0, $1, $2) }
}

/// The page of a folder alone.
private func reported(
  _ arguments: Arguments, folder: String, resamples: Int, byteLimit: Int
) throws -> EvaluationReport {
  let allowed = ["--output", "--resamples", "--json", "--report", "--report-size"]
  for option in evalCommand.options.map(\.name)
  where arguments.has(option) && !allowed.contains(option) {
    throw UsageError("\(option) needs FILE and MANIFEST: without them only the page is made")
  }
  return try writeReport(ofEvaluation: folder, resamples: resamples, byteLimit: byteLimit)
}

private func merge(
  _ arguments: Arguments, into folder: String, resamples: Int, reportByteLimit: Int?
) throws -> EvaluationReport {
  let allowed = [
    "--merge", "--output", "--resamples", "--json", "--report", "--report-size",
  ]
  for option in evalCommand.options.map(\.name)
  where arguments.has(option) && !allowed.contains(option) {
    throw UsageError("\(option) cannot be changed with --merge: the shards are what they are")
  }
  guard !arguments.operands.isEmpty else { throw UsageError("--merge: DIR is missing") }
  let report = try mergeEvaluations(arguments.operands, into: folder, resamples: resamples)
  guard let reportByteLimit else { return report }
  return try writeReport(ofEvaluation: folder, resamples: resamples, byteLimit: reportByteLimit)
}

private func request(
  _ arguments: Arguments, folder: String, resamples: Int, reportByteLimit: Int?
) throws -> EvaluationRequest {
  let maps = try maps(arguments)
  let operands = arguments.operands
  guard operands.count <= 2 else { throw UsageError("'\(operands[2])' is one word too many") }
  guard let manifest = operands.last else { throw UsageError("FILE is missing") }
  if operands.count == 1, maps == .model { throw UsageError("MANIFEST is missing") }
  var request = EvaluationRequest(manifestPath: manifest, folder: folder)
  request.maps = maps
  request.modelPath = operands.count == 2 ? operands[0] : nil
  request.picturesFolder = arguments.value("--images")
  request.grounding = try arguments.grounding()
  request.threads = try arguments.threads()
  request.isExact = arguments.has("--exact")
  request.memory = try arguments.memory()
  request.resumes = arguments.has("--resume")
  request.resamples = resamples
  request.reportByteLimit = reportByteLimit
  if let side = try arguments.integer("--side", in: 16...4096) {
    guard operands.count == 1 else { throw UsageError("--side: FILE has its own size") }
    request.side = side
  }
  if let text = arguments.value("--truth") {
    guard ["mask", "box"].contains(text) else {
      throw UsageError("--truth takes mask or box, not '\(text)'")
    }
    request.usesMasks = text == "mask"
  }
  if let text = arguments.value("--shard") {
    guard let shard = EvaluationShard(parsing: text) else {
      throw UsageError("--shard takes i/n with i from 1 to n, such as 2/4, not '\(text)'")
    }
    request.shard = shard
  }
  return request
}

/// Where maps come from; options that only the model heeds are refused without it.
private func maps(_ arguments: Arguments) throws -> EvaluationRequest.Maps {
  if arguments.has("--maps"), arguments.has("--baseline") {
    throw UsageError("--maps and --baseline exclude each other")
  }
  let maps: EvaluationRequest.Maps
  if arguments.has("--maps") {
    maps = .folder(try arguments.required("--maps"))
  } else if let text = arguments.value("--baseline") {
    guard ["center", "uniform"].contains(text) else {
      throw UsageError("--baseline takes center or uniform, not '\(text)'")
    }
    maps = text == "center" ? .center : .uniform
  } else {
    return .model
  }
  for option in groundingOptions.map(\.name) + ["--no-bbm", "--exact", "--memory", "--low-memory"]
  where arguments.has(option) && !(option == "--seed" && maps == .uniform) {
    throw UsageError("\(option) means something to a model's maps only")
  }
  return maps
}
