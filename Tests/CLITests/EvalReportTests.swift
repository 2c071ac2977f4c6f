import ByteIO
import JSONText
import TestSupport
import Testing

private let phantom = goldenFolder + "/phantom/phantom.plumb"
private let pictures = goldenFolder + "/phantom/test-30"
private let manifest = pictures + "/manifest.json"

/// The data of a page.
private func data(_ path: String) throws -> JSONValue {
  let html = String(decoding: try bytes(path), as: UTF8.self)
  let start = try #require(html.firstRange(of: "id=\"data\">"))
  let end = try #require(html[start.upperBound...].firstRange(of: "</script>"))
  return try JSONValue(parsing: Array(html[start.upperBound..<end.lowerBound].utf8))
}

private func lines(_ folder: String) throws -> [JSONValue] {
  try bytes(folder + "/pairs.jsonl").split(separator: UInt8(ascii: "\n")).map {
    try JSONValue(parsing: Array($0))
  }
}

private func score(_ line: JSONValue, _ map: String = "map") -> Double {
  line["results"]?[map]?["scores"]?["miou"]?.doubleValue ?? .nan
}

private let center = ["eval", manifest, "--baseline=center", "--side=256", "--resamples=50"]

@Suite struct EvalReportTests {
  /// Thirty pairs: the page has their scores, and the best and worst of them with pictures.
  @Test func trivialMaps() throws {
    try withTemporaryFolder { folder in
      let run = try expectGood(center + ["-o", "out", "--report"], in: folder)
      #expect(run.stdout.hasSuffix("out/report.html\n") && run.stderr.isEmpty)
      let page = try data(folder + "/out/report.html")
      let judged = try lines(folder + "/out")
      let pairs = try #require(page["pairs"]?.arrayValue)
      #expect(pairs.count == judged.count)
      for (pair, line) in zip(pairs, judged) {
        #expect(pair["phrase"] == line["phrase"])
        let shown = pair["scores"]?.arrayValue?.first?.arrayValue?.first?.doubleValue ?? .nan
        #expect(abs(shown - score(line)) <= 0.00001)
      }
      let cases = try #require(page["cases"]?.arrayValue)
      func numbers(_ group: String) -> [Int] {
        cases.filter { $0["groups"]?.arrayValue?.contains(.string(group)) == true }
          .compactMap { $0["number"]?.intValue }
      }
      let order = judged.indices.sorted { (score(judged[$0]), $0) < (score(judged[$1]), $1) }
      #expect(numbers("Worst") == Array(order.prefix(6)))
      let falling = judged.indices.sorted { (-score(judged[$0]), $0) < (-score(judged[$1]), $1) }
      #expect(numbers("Best") == Array(falling.prefix(6)))
      #expect(cases.count == 12)
      for entry in cases {
        #expect(entry["picture"]?["width"]?.intValue == 256)
        #expect(entry["truth"]?.arrayValue?.isEmpty == false)
        #expect(entry["maps"]?.arrayValue?.first?["values"]?["width"]?.intValue == 32)
      }
    }
  }

  /// In one go, resumed, merged and finished, and made afterwards: the same page.
  @Test func theSameHoweverMade() throws {
    try withTemporaryFolder { folder in
      try expectGood(center + ["-o", "whole", "--report"], in: folder)
      let page = try bytes(folder + "/whole/report.html")
      try expectGood(center + ["-o", "later"], in: folder)
      #expect(!fileExists(folder + "/later/report.html"))
      try expectGood(center + ["-o", "later", "--resume", "--report"], in: folder)
      #expect(try bytes(folder + "/later/report.html") == page)

      try makeFolder(folder + "/cut")
      try copyFile(folder + "/whole/run.json", to: folder + "/cut/run.json")
      let pairs = try bytes(folder + "/whole/pairs.jsonl")
      try writeFile(Array(pairs.prefix(pairs.count / 2)), to: folder + "/cut/pairs.jsonl")
      try expectGood(center + ["-o", "cut", "--resume", "--report"], in: folder)
      #expect(try bytes(folder + "/cut/report.html") == page)

      for index in 1...2 {
        try expectGood(center + ["-o", "s\(index)", "--shard=\(index)/2"], in: folder)
      }
      try expectGood(
        ["eval", "--merge", "s1", "s2", "-o", "merged", "--resamples=50", "--report"], in: folder)
      let alone = try bytes(folder + "/merged/report.html")
      #expect(try data(folder + "/merged/report.html")["cases"]?.arrayValue == [])
      #expect(String(decoding: alone, as: UTF8.self).contains("--resume --report"))
      try expectGood(["eval", "-o", "merged", "--report", "--resamples=50"], in: folder)
      #expect(try bytes(folder + "/merged/report.html") == alone)
      try expectGood(center + ["-o", "merged", "--resume", "--report"], in: folder)
      #expect(try bytes(folder + "/merged/report.html") == page)
    }
  }

  /// The model's maps, with and without merging, and a folder that is not finished.
  @Test func theModelsMaps() throws {
    try withTemporaryFolder { folder in
      let whole = try JSONValue(parsing: try bytes(manifest))
      var object = try #require(whole.objectValue)
      object["annotations"] = .array(
        Array(try #require(whole["annotations"]?.arrayValue).prefix(2)))
      try writeFile(Array(JSONValue.object(object).text().utf8), to: folder + "/m.json")
      let base =
        ["eval", phantom, folder + "/m.json", "--images", pictures, "--no-cache"] + quick
        + ["--resamples=50", "-o", "out", "--report"]
      try expectGood(base, in: folder)
      let page = try data(folder + "/out/report.html")
      #expect(page["variants"]?.arrayValue?.count == 2)
      let html = String(decoding: try bytes(folder + "/out/report.html"), as: UTF8.self)
      #expect(html.contains("With less without") && html.contains("phantom.plumb on m.json"))
      let cases = try #require(page["cases"]?.arrayValue)
      #expect(cases.count == 2)
      let judged = try lines(folder + "/out")
      for entry in cases {
        let maps = try #require(entry["maps"]?.arrayValue)
        let line = judged[try #require(entry["number"]?.intValue)]
        for (map, name) in zip(maps, ["bbm", "no_bbm"]) {
          let box = line["results"]?[name]?["box"]?.arrayValue?.compactMap(\.doubleValue)
          let edges = box.map { [$0[0], $0[1], $0[0] + $0[2], $0[1] + $0[3]] }
          #expect(map["box"]?.arrayValue?.compactMap(\.doubleValue) == edges)
          // The outline of the mask reaches as far as its box.
          let points = map["outline"]?.arrayValue?.flatMap {
            $0.arrayValue?.compactMap(\.doubleValue) ?? []
          }
          let columns = points.map { stride(from: 0, to: $0.count, by: 2).map { points?[$0] ?? 0 } }
          if let edges, let left = columns?.min(), let right = columns?.max() {
            #expect(abs(left - edges[0]) <= 1 && abs(right - edges[2]) <= 1)
          }
        }
      }
      let pairs = try bytes(folder + "/out/pairs.jsonl")
      try writeFile(
        Array(pairs.prefix { $0 != UInt8(ascii: "\n") }) + [UInt8(ascii: "\n")],
        to: folder + "/out/pairs.jsonl")
      try expectGood(["eval", "-o", "out", "--report"], in: folder)
      #expect(
        String(decoding: try bytes(folder + "/out/report.html"), as: UTF8.self)
          .contains("1 of 2 pairs are done"))
    }
  }

  @Test func usage() throws {
    try expectUnusable(["eval", "-o", "none", "--report"], says: ["none", "run.json"])
    try expectUnusable(
      ["eval", "-o", "none", "--report", "--seed=1"], says: ["--seed", "FILE and MANIFEST"])
    try expectUnusable(center + ["-o", "x", "--report-size=9M"], says: ["--report-size"])
  }
}
