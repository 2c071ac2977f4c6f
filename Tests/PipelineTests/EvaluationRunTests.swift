import ByteIO
import JSONText
import Pipeline
import TestSupport
import Testing

/// A killed run, shards and all at once give the same files. Maps are noise, which differs from pair
/// to pair.
@Suite struct EvaluationRunTests {
  /// A manifest of the first phantoms.
  private func manifest(_ count: Int, in folder: TemporaryFolder) throws -> String {
    let json = try JSONValue(parsing: Array(try text(phantomManifest).utf8))
    guard var object = json.objectValue, let annotations = object["annotations"]?.arrayValue else {
      throw CancellationError()
    }
    object["annotations"] = .array(Array(annotations.prefix(count)))
    try write(JSONValue.object(object).text(), to: folder.file("m.json"))
    return folder.file("m.json")
  }

  private func copy(_ names: [String], from source: String, to target: String) throws {
    try makeFolder(target)
    for name in names { try write(try text(source + "/" + name), to: target + "/" + name) }
  }

  @Test func aKilledRunGoesOn() throws {
    let folder = try temporaryFolder()
    let manifest = try manifest(5, in: folder)
    _ = try evaluate(request(manifest, folder.file("whole")))
    let lines = try text(folder.file("whole/pairs.jsonl"))
    let size = lines.utf8.count
    for (index, cut) in [0, 10, size / 3, size / 2, size - 1, size].enumerated() {
      let place = folder.file("cut-\(index)")
      try copy(["run.json"], from: folder.file("whole"), to: place)
      try writeFile(Array(lines.utf8.prefix(cut)), to: place + "/pairs.jsonl")
      var again = request(manifest, place)
      expectRefused(again, [place, "--resume"])
      again.resumes = true
      var done: [Int] = []
      _ = try evaluate(again) { _, count, total in
        done.append(count)
        #expect(total == 5)
      }
      let kept = lines.utf8.prefix(cut).count { $0 == UInt8(ascii: "\n") }
      #expect(done == Array(kept...5), "only what was missing is done again")
      try expectSame(folder.file("whole"), place)
    }
    // A folder that is not there yet can be gone on with too.
    var fresh = request(manifest, folder.file("fresh"))
    fresh.resumes = true
    _ = try evaluate(fresh)
    try expectSame(folder.file("whole"), folder.file("fresh"))
  }

  @Test func otherRunsAreNotGoneOnWith() throws {
    let folder = try temporaryFolder()
    let manifest = try manifest(2, in: folder)
    let out = folder.file("out")
    _ = try evaluate(request(manifest, out))
    func refuse(_ parts: [String], _ change: (inout EvaluationRequest) throws -> Void) rethrows {
      var other = request(manifest, out)
      other.resumes = true
      try change(&other)
      expectRefused(other, [out] + parts)
    }
    refuse(["side is 256 there and 128 here"]) { $0.side = 128 }
    refuse(["truth is mask there and box here"]) { $0.usesMasks = false }
    refuse(["seed is 4200 there and 1 here"]) { $0.grounding.seed = 1 }
    refuse(["maps is uniform there and center here"]) { $0.maps = .center }
    refuse(["the shard is all there and 1/2 here"]) { $0.shard = EvaluationShard(parsing: "1/2") }
    try refuse(["manifest_sha256", "2 pairs there and 1 here"]) { other in
      try makeFolder(folder.file("sub"))
      try write(try text(manifest), to: folder.file("sub/m.json"))
      try write(coco(annotations: [annotation(1)]), to: folder.file("sub/m.json"))
      other.manifestPath = folder.file("sub/m.json")
    }
    // Lines that were changed are seen.
    let lines = try text(out + "/pairs.jsonl").split(separator: "\n").map(String.init)
    for (bad, part) in [
      (lines[1] + "\n", "line 1 is not that of pair 0"), ("{}\n", "line 1"),
      (lines[0] + "\nnonsense\n", "line 2"),
      ((lines + lines).joined(separator: "\n") + "\n", "4 lines"),
    ] {
      try write(bad, to: out + "/pairs.jsonl")
      refuse(["pairs.jsonl", part]) { _ in }
    }
    try write("{", to: out + "/run.json")
    refuse(["run.json"]) { _ in }
    try removeFile(out + "/run.json")
    refuse(["no run.json"]) { _ in }
  }

  @Test func shardsTogetherAreTheWhole() throws {
    let folder = try temporaryFolder()
    let manifest = try manifest(7, in: folder)
    _ = try evaluate(request(manifest, folder.file("whole")))
    for count in [1, 3, 7] {
      var places: [String] = []
      for index in (1...count).reversed() {
        var shard = request(manifest, folder.file("\(index)-of-\(count)"))
        shard.shard = EvaluationShard(parsing: "\(index)/\(count)")
        _ = try evaluate(shard)
        places.append(shard.folder)
        #expect(
          try pairs(shard.folder).compactMap { $0["pair"]?.intValue }
            == Array(stride(from: index - 1, to: 7, by: count)))
      }
      let target = folder.file("merged-\(count)")
      _ = try mergeEvaluations(places, into: target, resamples: 20)
      try expectSame(folder.file("whole"), target)
    }
  }

  @Test func shardsThatDoNotFit() throws {
    let folder = try temporaryFolder()
    let manifest = try manifest(5, in: folder)
    func shard(
      _ text: String?, _ name: String, _ change: (inout EvaluationRequest) -> Void = { _ in }
    ) throws -> String {
      var request = request(manifest, folder.file(name))
      request.shard = text.flatMap { EvaluationShard(parsing: $0) }
      change(&request)
      _ = try evaluate(request)
      return request.folder
    }
    func refuse(_ folders: [String], _ parts: [String]) {
      expectThrown(["--merge"] + parts) {
        _ = try mergeEvaluations(folders, into: folder.file("target"))
      }
      #expect(!folderExists(folder.file("target")))
    }
    let a = try shard("1/3", "a")
    let b = try shard("2/3", "b")
    let c = try shard("3/3", "c")
    refuse([], ["no folders"])
    refuse([a, c], ["the shards 2/3 are missing"])
    refuse([a, b, a, c], ["are both shard 1/3"])
    refuse([a, b, try shard("1/2", "half")], ["half is shard 1/2", "one of 3"])
    refuse([a, try shard(nil, "all")], ["all is no shard"])
    let other = try shard("3/3", "other") { $0.grounding.seed = 5 }
    refuse([a, b, other], ["other is of another evaluation", "seed is 5 there and 4200 here"])
    let lines = try text(c + "/pairs.jsonl")
    try write(String(lines.dropLast(5)), to: c + "/pairs.jsonl")
    refuse([a, b, c], ["0 of its 1 pairs", "--resume"])
    expectThrown(["nowhere", "no evaluation"]) {
      _ = try mergeEvaluations([folder.file("nowhere")], into: folder.file("target"))
    }
    try write(lines, to: c + "/pairs.jsonl")
    expectThrown([a, "--resume or name another folder"]) {
      _ = try mergeEvaluations([a, b, c], into: a)
    }
  }

  @Test func shardsAsText() {
    #expect(EvaluationShard(parsing: "2/4")?.description == "2/4")
    for text in ["", "2", "0/4", "5/4", "1/0", "-1/4", "1/4/5", "a/4", "1/ 4", "+1/4", "01/4"] {
      #expect(EvaluationShard(parsing: text) == nil, "\(text)")
    }
  }

  /// What chance gives; the same numbers every time.
  @Test func trivialMaps() throws {
    let folder = try temporaryFolder()
    var request = request(phantomManifest, folder.file("uniform"))
    let report = try evaluate(request)
    let noise = try JSONValue(parsing: Array(report.jsonText.utf8))
    let all = try #require(noise["results"]?["map"]?["all"])
    let auc = try #require(all["auc_roc"]?["mean"]?.doubleValue)
    #expect(abs(auc - 0.5) < 0.05)
    #expect(all["pairs"]?.intValue == 30)
    let low = try #require(all["auc_roc"]?["low"]?.doubleValue)
    let high = try #require(all["auc_roc"]?["high"]?.doubleValue)
    #expect(low < auc && auc < high && high - low < 0.1)
    let classes = try #require(noise["results"]?["map"]?["classes"]?.arrayValue)
    #expect(
      classes.compactMap { $0["scores"]?["pairs"]?.intValue }.reduce(0, +) == 30)
    #expect(report.text.contains("all (30)") && report.text.contains("95 % from"))
    for line in report.text.split(separator: "\n") { #expect(line.count <= 100) }

    request.maps = .center
    request.folder = folder.file("center")
    let center = try JSONValue(parsing: Array(try evaluate(request).jsonText.utf8))
    #expect(center["run"]?["settings"]?["map_side"]?.intValue == 32)
    #expect(center["run"]?["settings"]?["seed"] == nil)
    // Same boxes for all: the hill is the same.
    let boxes = try pairs(request.folder).map { $0["results"]?["map"]?["box"] }
    #expect(Set(boxes).count == 1)
  }
}
