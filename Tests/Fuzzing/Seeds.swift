import ByteIO
import Glibc
import Pipeline

// What the fuzzer begins with: this repository's fixtures and goldens, cut to what each harness takes.

/// The largest seed, in bytes.
private let largestSeed = 48 << 10

func writeSeeds(from root: String, to folder: String) throws {
  let fixtures = "\(root)/formats/fixtures"
  let plumb =
    try files(in: ["\(fixtures)/valid/plumb", "\(fixtures)/malformed/plumb"], [".plumb"])
    + graphSeeds() + convertedSeeds("\(root)/golden/onnx-runtime")
  let tensors = ["\(fixtures)/valid/tensors", "\(fixtures)/malformed/tensors"]
  let checkpoints = files(
    in: tensors + ["\(root)/golden/checkpoints"], [".pt", ".pth", ".bin", ".ckpt"])
  let pictures = [
    "\(fixtures)/valid/pictures", "\(fixtures)/malformed/pictures", "\(root)/golden/images",
  ]
  let json = files(in: [fixtures, "\(root)/golden/checkpoints"], [".json"])
  let safetensors = files(in: tensors + ["\(root)/golden/checkpoints"], [".safetensors"])
  var seeds: [String: [[UInt8]]] = [
    "plumb": plumb,
    "plumb-index": plumb.compactMap(unsealed),
    "safetensors": safetensors,
    "safetensors-header": safetensors.compactMap(split),
    "pytorch": checkpoints,
    "pickle": checkpoints.compactMap(pickle),
    "numpy": files(in: tensors, [".npy", ".npz"]),
    // The operators' own cases where tools/setup has put them.
    "onnx": files(
      in: [
        "\(fixtures)/valid/onnx", "\(fixtures)/malformed/onnx", "\(root)/golden/onnx-runtime",
        "/usr/share/libonnx-testdata",
      ],
      [".onnx"]),
    "json": json,
    "png": files(in: pictures, [".png"]),
    "jpeg": files(in: pictures, [".jpg"]),
  ]
  seeds["plumb-run"] = seeds["plumb-index"]
  seeds["onnx-run"] = seeds["onnx"]
  seeds["config"] = configSeeds("\(root)/golden/checkpoints")
  for (name, texts) in tokenizerSeeds(files(in: ["\(root)/golden/checkpoints"], ["tokenizer.json"]))
  {
    seeds[name] = texts
  }
  for (name, inputs) in seeds {
    try makeFolder("\(folder)/\(name)")
    for input in inputs where input.count <= largestSeed {
      let digest = hexText(try SHA256.digest(of: input)).prefix(40)
      var writer = try AtomicFileWriter(path: "\(folder)/\(name)/\(digest)")
      try writer.append(input)
      try writer.commit()
    }
  }
}

private func files(in folders: [String], _ endings: [String]) -> [[UInt8]] {
  folders.flatMap { folder -> [[UInt8]] in
    let names = (try? folderListing(folder)) ?? []
    return names.flatMap { name -> [[UInt8]] in
      let path = "\(folder)/\(name)"
      if folderExists(path) { return files(in: [path], endings) }
      guard endings.contains(where: { name.hasSuffix($0) }) else { return [] }
      return (try? readSmallFile(path, maximum: largestSeed)).map { [$0] } ?? []
    }
  }
}

/// The index of a .plumb, a zero byte, the tensor data; as the harness `plumb-index` takes it.
private func unsealed(_ file: [UInt8]) -> [UInt8]? {
  func number(_ start: Int) -> Int? {
    guard start + 8 <= file.count else { return nil }
    return Int(
      exactly: file[start..<start + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }
  guard let offset = number(24), let size = number(32), let unpacked = number(40),
    offset >= 128, size > 0, unpacked <= largestSeed, offset <= file.count,
    size <= file.count - offset,
    let text = try? ZstandardDecompressor().decompress(
      [UInt8](file[offset..<offset + size]), size: unpacked)
  else { return nil }
  return text + [0] + file[128..<offset]
}

/// .plumb files of the ONNX models in a folder: graphs whose nodes are calls.
private func convertedSeeds(_ folder: String) throws -> [[UInt8]] {
  try files(in: [folder], [".onnx"]).map { model in
    var request = ConversionRequest(output: file([], "seed.plumb"))
    request.source = file(model, "seed.onnx")
    request.isRaw = true
    _ = try convert(request)
    return try readSmallFile(request.output, maximum: 1 << 20)
  }
}

/// Configurations with the header of the weights beside them; without any, those of schedules.
private func configSeeds(_ folder: String) -> [[UInt8]] {
  let names = (try? folderListing(folder)) ?? []
  return names.flatMap { name -> [[UInt8]] in
    let path = "\(folder)/\(name)"
    if folderExists(path) { return configSeeds(path) }
    guard name == "config.json" || name == "scheduler_config.json",
      let config = try? readSmallFile(path, maximum: largestSeed)
    else { return [] }
    let headers = names.filter { $0.hasSuffix(".safetensors") }.compactMap { weights in
      (try? readSmallFile("\(folder)/\(weights)", maximum: 1 << 24)).flatMap(split)
    }
    if name == "scheduler_config.json" { return [config + [0xFF]] }
    return headers.map { config + [0xFF] + $0.prefix { $0 != 0 } }
  }
}

/// The header of a safetensors file, a zero byte, the elements; as `safetensors-header` takes it.
private func split(_ file: [UInt8]) -> [UInt8]? {
  guard file.count >= 8 else { return nil }
  let size = file[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
  guard size <= UInt64(file.count - 8) else { return nil }
  return file[8..<8 + Int(size)] + [0] + file[(8 + Int(size))...]
}

/// The pickle of a checkpoint: its entry is stored, not deflated, and has its size in front.
private func pickle(_ file: [UInt8]) -> [UInt8]? {
  let name = [UInt8]("data.pkl".utf8)
  for start in file.indices.dropLast(46)
  where file[start..<start + 4].elementsEqual([0x50, 0x4B, 0x01, 0x02]) {
    func number(_ offset: Int, _ count: Int) -> Int {
      file[start + offset..<start + offset + count].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    let nameEnd = start + 46 + number(28, 2)
    guard number(10, 2) == 0, nameEnd <= file.count, nameEnd - name.count >= start,
      file[nameEnd - name.count..<nameEnd].elementsEqual(name)
    else { continue }
    let local = number(42, 4)
    guard local + 30 <= file.count else { return nil }
    let begin =
      local + 30 + Int(file[local + 26]) + Int(file[local + 28]) + Int(file[local + 27]) << 8
      + Int(file[local + 29]) << 8
    guard begin + number(24, 4) <= file.count else { return nil }
    return [UInt8](file[begin..<begin + number(24, 4)])
  }
  return nil
}

/// Small tokenizers with texts: parts between bytes of 255, as the harnesses take them.
private func tokenizerSeeds(_ tokenizerFiles: [[UInt8]]) -> [String: [[UInt8]]] {
  let texts = [
    "No acute cardiopulmonary process.", "İstanbul naïve ǅ ﬃ Å 한글 漢字 🫁\u{200d}x [MASK]ab", "",
    "a\u{301}\u{327}\u{0}\t\r\n<|endoftext|>'s 12ab",
  ]
  let words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nno\nacute\n##ly\n##s\na\nb\n##a\n##b\n.\n漢\n"
  let configs = [
    "", #"{"do_lower_case":false,"strip_accents":true,"tokenize_chinese_chars":false}"#,
    #"{"tokenizer_class":"BertTokenizer","added_tokens_decoder":{"4":{"content":"[MASK]","lstrip":true,"#
      + #""normalized":false,"special":true,"single_word":true}}}"#,
  ]
  let pairs =
    #"{"a":0,"b":1,"a</w>":2,"b</w>":3,"ab</w>":4,"ab":5,"<|startoftext|>":6,"<|endoftext|>":7,"#
    + #""Ã":8,"©":9,"Ã©":10,"'s</w>":11,"'":12,"s</w>":13}"#
  let merges = "#version: 0.2\na b</w>\na b\nÃ ©\n' s</w>\n"
  let stored = ##"""
    {"kind":"wordpiece","cleans_text":true,"separates_ideographs":true,"lowercases":true,
    "strips_accents":true,"continuation":"##","longest_word":100,"start":0,"end":1,"padding":2,
    "unknown":3,"added":[{"id":4,"text":"[M]","normalized":false,"whole_word":true}],
    "tokens":["[C]","[S]","[P]","[U]","[M]","a","##b",null,"ab"]}
    """##
  let storedPairs =
    #"{"kind":"clip","word_end":"</w>","start":0,"end":1,"padding":1,"unknown":1,"added":[],"#
    + #""tokens":["<s>","</s>","a","b</w>","ab</w>"],"merges":[2,3]}"#
  func join(_ parts: [String]) -> [UInt8] {
    [UInt8](parts.map { [UInt8]($0.utf8) }.joined(separator: [0xFF]))
  }
  var seeds: [String: [[UInt8]]] = [:]
  for text in texts {
    for config in configs {
      seeds["wordpiece", default: []].append(join([words, config, "", "", text]))
      seeds["bytepairs", default: []].append(join([pairs, merges, config, "", text]))
    }
    for added in [#"{"[NEW]": 15}"#, #"{"<new>": 14}"#] {
      seeds["wordpiece", default: []].append(
        join([words, "", #"{"mask_token":"[NEW]"}"#, added, text]))
      seeds["bytepairs", default: []].append(join([pairs, merges, "", added, text]))
    }
    for file in tokenizerFiles {
      seeds["tokenizer-json", default: []].append(file + [0xFF, 0xFF] + [UInt8](text.utf8))
    }
    for file in [stored, storedPairs] {
      seeds["tokenizer-stored", default: []].append(join([file, text]))
    }
  }
  return seeds
}
