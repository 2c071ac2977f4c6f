import ByteIO
import JSONText
import TensorFiles
import TestSupport
import Testing

private let phantom = goldenFolder + "/phantom/phantom.plumb"
private let pictures = goldenFolder + "/phantom/test-30"

/// A manifest of the first phantoms in a folder.
private func manifest(
  _ count: Int, in folder: String, phrase: String? = nil
) throws -> String {
  let whole = try JSONValue(parsing: try bytes(pictures + "/manifest.json"))
  guard var object = whole.objectValue, let annotations = object["annotations"]?.arrayValue else {
    throw ProcessError(description: "the manifest is not as expected")
  }
  object["annotations"] = .array(
    annotations.prefix(count).map { annotation in
      guard let phrase, var changed = annotation.objectValue else { return annotation }
      changed["label_text"] = .string(phrase)
      return .object(changed)
    })
  let path = folder + "/m.json"
  try writeFile(Array(JSONValue.object(object).text().utf8), to: path)
  return path
}

private func lines(_ folder: String) throws -> [JSONValue] {
  try bytes(folder + "/pairs.jsonl").split(separator: UInt8(ascii: "\n")).map {
    try JSONValue(parsing: Array($0))
  }
}

private let options = ["--images", pictures, "--no-cache", "--resamples", "50"] + quick
private let files = ["pairs.jsonl", "predictions.json", "run.json", "scores.json"]

@Suite struct EvalTests {
  /// Three pairs on the phantom model: both maps of a pair are those of `plumb ground`.
  @Test func theModelsMaps() throws {
    try withTemporaryFolder { folder in
      let run = try expectGood(
        ["eval", phantom, try manifest(3, in: folder), "-o", "out"] + options, in: folder)
      #expect(run.stderr.isEmpty)
      for part in ["with bias merging", "without bias merging", "with less without", "all (3)"] {
        #expect(run.stdout.contains(part), "no \(part)")
      }
      for line in run.stdout.split(separator: "\n") { #expect(line.count <= 100, "\(line)") }
      #expect(try folderListing(folder + "/out") == files)
      let pairs = try lines(folder + "/out")
      #expect(pairs.compactMap { $0["pair"]?.intValue } == [0, 1, 2])
      for (index, pair) in pairs.enumerated() {
        let image = pictures + "/" + (pair["image"]?.stringValue ?? "")
        let phrase = pair["phrase"]?.stringValue ?? ""
        for (name, more) in [("bbm", []), ("no_bbm", ["--no-bbm"])] {
          let place = "ground-\(index)-\(name)"
          try expectGood(
            ["ground", phantom, "--image", image, "--phrase", phrase, "-o", place, "--no-cache"]
              + quick + more, in: folder)
          let grounded = try JSONValue(parsing: try bytes("\(folder)/\(place)/result.json"))
          let box = grounded["box"]?["crop"]?.arrayValue?.compactMap(\.doubleValue)
          let found = pair["results"]?[name]?["box"]?.arrayValue?.compactMap(\.doubleValue)
          // The phantoms are as large as the crop; columns and rows against edges.
          var edges: [Double]?
          if let box { edges = [box[0], box[1], box[2] - box[0] + 1, box[3] - box[1] + 1] }
          #expect(edges == found, "\(phrase), \(name)")
          if name == "bbm" { #expect(grounded["ssim"] == pair["ssim"]) }
        }
        let scores = try #require(pair["results"]?["bbm"]?["scores"]?.objectValue)
        #expect(
          scores.keys == [
            "miou", "iou", "box_miou", "box_iou", "cnr", "auc_roc", "pointing", "centre_distance",
          ])
        #expect(pair["truth_pixels"]?.intValue ?? 0 > 0)
        #expect(pair["words"]?.arrayValue?.isEmpty == false)
      }
      let scores = try JSONValue(parsing: try bytes(folder + "/out/scores.json"))
      let results = try #require(scores["results"]?.objectValue)
      #expect(results.keys == ["bbm", "no_bbm", "bbm_less_no_bbm"])
      let mean =
        pairs.compactMap {
          $0["results"]?["no_bbm"]?["scores"]?["auc_roc"]?.doubleValue
        }.reduce(0, +) / 3
      #expect(results["no_bbm"]?["all"]?["auc_roc"]?["mean"]?.doubleValue == mean)
      let boxes = try JSONValue(parsing: try bytes(folder + "/out/predictions.json")).arrayValue
      #expect(boxes?.count == pairs.count { $0["results"]?["bbm"]?["box"]?.arrayValue != nil })
    }
  }

  @Test func resumedShardedAndMerged() throws {
    try withTemporaryFolder { folder in
      let base = ["eval", phantom, try manifest(2, in: folder)] + options
      try expectGood(base + ["-o", "whole"], in: folder)
      // Text passes of the cache give the same.
      try expectGood(
        base.filter { $0 != "--no-cache" } + ["-o", "cached", "--cache", "cache"], in: folder)
      #expect(try folderListing(folder + "/cache").count == 2)
      for index in [2, 1] {
        try expectGood(base + ["-o", "s\(index)", "--shard", "\(index)/2"], in: folder)
      }
      try expectGood(
        ["eval", "--merge", "s2", "s1", "-o", "merged", "--resamples=50"], in: folder)
      try makeFolder(folder + "/cut")
      try copyFile(folder + "/whole/run.json", to: folder + "/cut/run.json")
      let pairs = try bytes(folder + "/whole/pairs.jsonl")
      try writeFile(Array(pairs.dropLast(20)), to: folder + "/cut/pairs.jsonl")
      let resumed = try expectGood(base + ["-o", "cut", "--resume", "--json"], in: folder)
      for other in ["cached", "merged", "cut"] {
        for file in files {
          #expect(
            try bytes("\(folder)/whole/\(file)") == bytes("\(folder)/\(other)/\(file)"),
            "\(other)/\(file)")
        }
      }
      #expect(Array(resumed.stdout.utf8) == (try bytes(folder + "/whole/scores.json")))
      try expectUnusable(base + ["-o", "whole"], says: ["whole", "--resume"], in: folder)
      try expectUnusable(
        base + ["-o", "whole", "--resume", "--no-bbm"], says: ["bbm is true there and false here"],
        in: folder)
      try expectUnusable(
        ["eval", try model(), folder + "/m.json", "-o", "whole", "--resume"] + options,
        says: ["model_identity is", "side is 256 there and 128 here"], in: folder)
    }
  }

  @Test func trivialMaps() throws {
    try withTemporaryFolder { folder in
      let manifest = try manifest(4, in: folder)
      let base = ["eval", "--images", pictures, "--resamples", "50"]
      for baseline in ["center", "uniform"] {
        try expectGood(
          base + [phantom, manifest, "--baseline", baseline, "-o", baseline], in: folder)
        try expectGood(
          base + [manifest, "--side=256", "--baseline", baseline, "-o", "\(baseline)-2"],
          in: folder)
        #expect(
          try bytes("\(folder)/\(baseline)/pairs.jsonl")
            == bytes("\(folder)/\(baseline)-2/pairs.jsonl"))
      }
      #expect(
        try bytes(folder + "/center/pairs.jsonl") != bytes(folder + "/uniform/pairs.jsonl"))
    }
  }

  @Test func usage() throws {
    let base = ["eval", "-o", "out"]
    try expectUnusable(["eval", "m", "n"], says: ["--output is missing"])
    try expectUnusable(base, says: ["FILE is missing"])
    try expectUnusable(base + ["m"], says: ["MANIFEST is missing"])
    try expectUnusable(base + ["a", "b", "c"], says: ["'c' is one word too many"])
    try expectUnusable(base + ["a", "b", "--shard", "0/3"], says: ["--shard", "2/4", "'0/3'"])
    try expectUnusable(base + ["a", "b", "--truth", "x"], says: ["mask or box"])
    try expectUnusable(base + ["b", "--baseline", "x"], says: ["center or uniform"])
    try expectUnusable(
      base + ["b", "--baseline", "center", "--maps", "x"], says: ["--maps", "--baseline"])
    try expectUnusable(
      base + ["b", "--baseline", "center", "--steps", "3"], says: ["--steps", "model's maps"])
    try expectUnusable(base + ["a", "b", "--side", "64"], says: ["--side", "its own size"])
    try expectUnusable(base + ["--merge"], says: ["DIR is missing"])
    try expectUnusable(base + ["--merge", "a", "--seed", "3"], says: ["--seed", "--merge"])
    try expectUnusable(base + ["--merge", "a"], says: ["a holds no evaluation"])
    try expectUnusable(base + ["a", "none.json"], says: ["no file none.json"])
  }

  @Test func phrasesWithoutWords() throws {
    try withTemporaryFolder { folder in
      let path = try manifest(1, in: folder, phrase: "of the and")
      try expectUnusable(
        ["eval", phantom, path, "-o", "out"] + options,
        says: ["m.json, pair 1", "'of the and'"], in: folder)
    }
  }
}
