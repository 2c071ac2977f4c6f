import ByteIO
import JSONText
import TensorBase
import TensorFiles
import TestSupport
import Testing

/// Grounds in a working folder; nothing is cached unless an option says so.
private func ground(
  _ options: [String], in folder: String, caching: Bool = false,
  sourceLocation: SourceLocation = #_sourceLocation
) throws -> ProcessResult {
  try expectGood(
    ["ground", try model(), "--image", picture()] + quick + (caching ? [] : ["--no-cache"])
      + options, in: folder, sourceLocation: sourceLocation)
}

private func document(_ path: String) throws -> JSONValue {
  try JSONValue(parsing: try bytes(path))
}

private let results = ["map.npy", "maps.safetensors", "overlay.png", "result.json"]
private let phrase = ["--phrase", "left pleural effusion"]
private let crossLayers = 16

@Suite struct GroundTests {
  @Test func resultsAsTheyAreWritten() throws {
    try withTemporaryFolder { folder in
      let run = try ground(phrase + ["-o", "new/out"], in: folder)
      #expect(run.stderr.isEmpty, "no progress without a terminal: \(run.stderr)")
      for part in ["left pleural effusion", "box", "ssim", "new/out/overlay.png"] {
        #expect(run.stdout.contains(part), "no \(part)")
      }
      let out = folder + "/new/out"
      #expect(try folderListing(out) == results)
      #expect(try bytes(out + "/overlay.png").prefix(4) == [0x89, 0x50, 0x4e, 0x47])

      let result = try document(out + "/result.json")
      #expect(result["phrase"]?.stringValue == "left pleural effusion")
      let words = try #require(result["words"]?.arrayValue)
      #expect(words.compactMap { $0["word"]?.stringValue } == ["left", "pleural", "effusion"])
      for word in words {
        #expect(word["tokens"]?.arrayValue?.isEmpty == false)
        #expect(word["kept"]?.boolValue != nil)
      }
      for place in ["original", "crop"] {
        let box = try #require(result["box"]?[place]?.arrayValue).compactMap(\.doubleValue)
        #expect(box.count == 4 && box[0] <= box[2] && box[1] <= box[3])
      }
      let similarity = try #require(result["ssim"]?.doubleValue)
      #expect((0...1).contains(similarity))
      #expect(result["taps"]?.arrayValue?.count == crossLayers)
      #expect(result["steps"]?.intValue == 3)
      #expect(result["seed"]?.intValue == 4200)
      #expect(result["guidance"]?.doubleValue == 16)
      let stages = try #require(result["seconds"]?.objectValue)
      for stage in ["image encoder", "text encoder", "text pass", "image pass", "maps"] {
        #expect(stages[stage]?.doubleValue ?? -1 >= 0, "\(stage)")
      }
      let about = try json(try expectGood(["inspect", try model(), "--json"]))
      #expect(result["model"]?["identity"] == about["identity"])

      let map = try TensorFile.open(out + "/map.npy")
      let tensor = try map.tensor(named: try #require(map.names.first))
      #expect(tensor.type == .f32 && tensor.shape == [16, 16])
      let file = try TensorFile.open(out + "/maps.safetensors")
      let names = ["map", "activation", "image_bias", "text_bias", "merged", "mask"]
      #expect(Set(file.names) == Set(names))
      for name in names.dropLast() { #expect(try file.tensor(named: name).shape == [16, 16]) }
      #expect(try file.tensor(named: "mask").shape == [128, 128])
      #expect(try file.tensor(named: "map").floats == tensor.floats)
    }
  }

  @Test func savedTaps() throws {
    try withTemporaryFolder { folder in
      _ = try ground(phrase + ["-o", "out", "--save-taps", "--words", "all"], in: folder)
      let file = try TensorFile.open(folder + "/out/maps.safetensors")
      for name in ["input_ids", "text", "latent_mean", "latent_logvar"] {
        #expect(file.contains(name), "no \(name)")
      }
      #expect(try file.descriptor(named: "input_ids").type == .i64)
      #expect(try file.descriptor(named: "input_ids").shape == [1, 77])
      #expect(try file.descriptor(named: "text").shape == [1, 77, 24])
      #expect(try file.descriptor(named: "latent_mean").shape == [1, 4, 16, 16])
      let tokens = try JSONValue(parsing: Array((file.metadata["tokens"] ?? "").utf8)).arrayValue
      let count = try #require(tokens?.count)
      #expect(tokens?.first == .integer(0))
      let taps = file.descriptors.filter { $0.name.contains("/") }
      #expect(taps.count { $0.name.hasPrefix("image/") } == crossLayers)
      #expect(taps.count { $0.name.hasPrefix("text/") } == crossLayers)
      for tap in taps {
        #expect(tap.type == .f32 && tap.shape.rank == 4)
        #expect(tap.shape.dimensions.prefix(2) == [3, count], "\(tap)")
        #expect([2, 4, 8, 16].contains(tap.shape[2]) && tap.shape[2] == tap.shape[3])
      }
      #expect(file.metadata["steps"] == "3")
      #expect(file.metadata["seed"] == "4200")
      let layers = try JSONValue(parsing: Array((file.metadata["layers"] ?? "").utf8)).arrayValue
      #expect(
        layers?.compactMap(\.stringValue)
          == taps.prefix(crossLayers).map {
            String($0.name.dropFirst("image/".count))
          })
    }
  }

  @Test func optionsReachTheResult() throws {
    try withTemporaryFolder { folder in
      let other = [
        "ground", try model(), "--image", picture("grey.png"), "--phrase=effusion", "--no-cache",
        "-o", "o", "--steps=4", "--last=1", "--guidance=2.5", "--seed=7", "--threads=1",
      ]
      try expectGood(other, in: folder)
      let result = try document(folder + "/o/result.json")
      #expect(result["steps"]?.intValue == 4 && result["last"]?.intValue == 1)
      #expect(result["guidance"]?.doubleValue == 2.5 && result["seed"]?.intValue == 7)
      #expect(result["bbm"] == .bool(true))
    }
  }

  /// Every option that should change the maps does.
  @Test(arguments: [
    ["--seed", "7"], ["--no-bbm"], ["--last", "1"], ["--steps", "4"], ["--guidance", "1"],
    ["--words", "0"], ["--layers", "mid_block.*"],
  ])
  func optionsChangeTheMaps(_ option: [String]) throws {
    try withTemporaryFolder { folder in
      let base = ["ground", try model(), "--image", picture(), "--no-cache"] + phrase
      func maps(_ options: [String], _ out: String) throws -> [String: [Float]] {
        try expectGood(base + options + ["-o", out], in: folder)
        let file = try TensorFile.open("\(folder)/\(out)/maps.safetensors")
        return try Dictionary(
          uniqueKeysWithValues: file.names.map { ($0, try file.tensor(named: $0).floats) })
      }
      var usual = ["--steps": "3", "--last": "2"]
      let before = usual.map { "\($0)=\($1)" }.sorted()
      #expect(try maps(before, "a") == maps(before + ["--threads=1"], "b"))
      usual[option[0]] = nil
      #expect(try maps(before, "a") != maps(usual.map { "\($0)=\($1)" } + option, "c"))
    }
  }

  @Test func withoutMerging() throws {
    try withTemporaryFolder { folder in
      let run = try ground(phrase + ["-o", "out", "--no-bbm"], in: folder)
      #expect(!run.stdout.contains("ssim"))
      let result = try document(folder + "/out/result.json")
      #expect(result["ssim"] == .null && result["bbm"] == .bool(false))
      #expect(result["seconds"]?["text pass"] == nil)
      let file = try TensorFile.open(folder + "/out/maps.safetensors")
      #expect(Set(file.names) == ["map", "activation", "mask"])
      #expect(
        try file.tensor(named: "map").floats == file.tensor(named: "activation").floats)
    }
  }

  @Test func words() throws {
    try withTemporaryFolder { folder in
      func kept(_ choice: String, _ phrase: String) throws -> [String] {
        _ = try ground(["--phrase", phrase, "--words", choice, "-o", "o"], in: folder)
        let words = try document(folder + "/o/result.json")["words"]?.arrayValue ?? []
        return words.filter { $0["kept"] == .bool(true) }.compactMap { $0["word"]?.stringValue }
      }
      let text = "there is a large effusion in the left lung"
      #expect(try kept("content", text) == ["large", "effusion", "left", "lung"])
      #expect(try kept("all", text) == text.split(separator: " ").map(String.init))
      #expect(try kept("4,7", text) == ["effusion", "left"])
      #expect(try kept("disease:Pleural Effusion", text) == ["effusion"])
      let fallback = try ground(
        ["--phrase", text, "--words", "disease:Edema", "-o", "o"], in: folder)
      #expect(fallback.stderr.contains("warning") && fallback.stderr.contains("Edema"))
    }
  }

  @Test func layers() throws {
    try withTemporaryFolder { folder in
      let options = ["--layers", "mid_block.*", "--layers=down_blocks.0.*", "--save-taps"]
      _ = try ground(phrase + options + ["-o", "o"], in: folder)
      let taps = try document(folder + "/o/result.json")["taps"]?.arrayValue ?? []
      #expect(taps.count == 3)
      #expect(taps.last?.stringValue?.hasPrefix("mid_block") == true)
      let file = try TensorFile.open(folder + "/o/maps.safetensors")
      #expect(file.names.count { $0.hasPrefix("image/") } == 3)
    }
  }

  @Test func severalPhrasesAreAsOneByOne() throws {
    try withTemporaryFolder { folder in
      let phrases = ["left pleural effusion", "cardiomegaly", "left pleural effusion"]
      _ = try ground(
        phrases.flatMap { ["--phrase", $0] } + ["-o", "many", "--save-taps"], in: folder)
      #expect(try folderListing(folder + "/many") == ["1", "2", "3"])
      for (index, phrase) in phrases.enumerated() {
        _ = try ground(["--phrase", phrase, "-o", "one", "--save-taps"], in: folder)
        for file in ["map.npy", "maps.safetensors", "overlay.png"] {
          #expect(
            try bytes("\(folder)/many/\(index + 1)/\(file)") == bytes("\(folder)/one/\(file)"),
            "\(phrase): \(file)")
        }
      }
    }
  }

  @Test func bothFamiliesAndAllPictures() throws {
    try withTemporaryFolder { folder in
      for name in [
        "grey16.png", "cmyk.jpg", "progressive.jpg", "one-pixel.png", "orientation-6.jpg",
      ] {
        let run = try runPlumb(
          ["ground", try model("sd2-tiny"), "--image", picture(name), "-o", "\(folder)/\(name)"]
            + phrase + quick + ["--no-cache"])
        // A picture of one pixel is flat, and says so.
        #expect(run.status == 0 || run.stderr.contains("flat"), "\(name): \(run)")
      }
    }
  }

  @Test func longPhrasesAreCutWithAWarning() throws {
    try withTemporaryFolder { folder in
      let long = Array(repeating: "effusion", count: 100).joined(separator: " ")
      let run = try ground(["--phrase", long, "-o", "o"], in: folder)
      #expect(run.stderr.contains("warning") && run.stderr.contains("too long"))
      #expect(run.stderr.split(separator: "\n").count == 1)
      let warnings = try document(folder + "/o/result.json")["warnings"]?.arrayValue ?? []
      #expect(warnings.count == 1)
    }
  }
}

@Suite struct TextPassCacheTests {
  @Test func textPassesAreKept() throws {
    try withTemporaryFolder { folder in
      let options = phrase + ["--cache", "cache", "--save-taps", "-o"]
      _ = try ground(options + ["a"], in: folder, caching: true)
      let entries = try folderListing(folder + "/cache")
      #expect(entries.count == 1)
      let entry = folder + "/cache/" + (entries.first ?? "")
      let kept = try bytes(entry)
      // What is in the cache is used: another map comes of another entry.
      let file = try TensorFile.open(entry)
      let flipped = try file.names.map { name in
        let tensor = try file.tensor(named: name)
        return (
          name: name,
          tensor: Tensor(floats: tensor.floats.map { 1 - $0 }, shape: tensor.shape)
        )
      }
      try writeSafetensors(flipped, metadata: file.metadata, to: entry)
      _ = try ground(options + ["b"], in: folder, caching: true)
      #expect(
        try bytes(folder + "/a/maps.safetensors") != bytes(folder + "/b/maps.safetensors"))
      // A damaged entry is computed anew, and mended.
      for damage in [Array(kept.prefix(1000)), [], Array("nonsense".utf8)] {
        try writeFile(damage, to: entry)
        let run = try ground(options + ["c"], in: folder, caching: true)
        #expect(run.stderr.isEmpty)
        #expect(
          try bytes(folder + "/a/maps.safetensors") == bytes(folder + "/c/maps.safetensors"))
        #expect(try bytes(entry) == kept)
      }
      // Another seed, number of steps, guidance or phrase is another entry; another picture is not.
      for (index, change) in [["--seed=1"], ["--guidance=2"]].enumerated() {
        _ = try ground(options + ["d"] + change, in: folder, caching: true)
        #expect(try folderListing(folder + "/cache").count == index + 2)
      }
      try expectGood(
        ["ground", try model(), "--image", picture("grey.png")] + quick + options + ["e"],
        in: folder)
      #expect(try folderListing(folder + "/cache").count == 3)
    }
  }

  @Test func places() throws {
    try withTemporaryFolder { folder in
      let base = ["ground", try model(), "--image", picture()] + quick + phrase + ["-o", "o"]
      func run(_ variables: [String: String?], _ options: [String] = []) throws -> ProcessResult {
        try expectGood(base + options, environment: variables, in: folder)
      }
      _ = try run(["HOME": folder + "/home"])
      #expect(try folderListing(folder + "/home/.cache/plumb").count == 1)
      _ = try run(["HOME": folder + "/home", "XDG_CACHE_HOME": folder + "/xdg"])
      #expect(try folderListing(folder + "/xdg/plumb").count == 1)
      _ = try run(["HOME": folder + "/other"], ["--no-cache"])
      #expect(!folderExists(folder + "/other"))
      // No home at all: nothing is kept, and nothing is wrong.
      #expect(try run(["HOME": nil]).stderr.isEmpty)
      #expect(try run(["HOME": ""]).stderr.isEmpty)
      // A home that cannot be written costs a warning, not the result.
      let refused = try run(["HOME": "/proc/none"])
      #expect(refused.stderr.contains("warning") && refused.stderr.contains("/proc/none"))
      #expect(refused.stderr.split(separator: "\n").count == 1)
      try expectUnusable(
        base + ["--cache", "x", "--no-cache"], says: ["--cache", "--no-cache"], in: folder)
    }
  }
}
