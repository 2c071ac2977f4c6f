import ByteIO
import JSONText
import TensorBase
import TensorFiles
import TestSupport
import Testing

/// A report's text and its data.
private func report(_ path: String) throws -> (html: String, data: JSONValue) {
  let html = String(decoding: try bytes(path), as: UTF8.self)
  let start = try #require(html.firstRange(of: "id=\"data\">"))
  let end = try #require(html[start.upperBound...].firstRange(of: "</script>"))
  let data = try JSONValue(parsing: Array(html[start.upperBound..<end.lowerBound].utf8))
  return (html, data)
}

private func base64Bytes(_ text: String) -> [UInt8] {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  let digits = text.utf8.compactMap { alphabet.firstIndex(of: $0) }
  let bits = digits.flatMap { digit in (0..<6).map { digit >> (5 - $0) & 1 } }
  return stride(from: 0, to: bits.count - 7, by: 8).map { start in
    UInt8(bits[start..<start + 8].reduce(0) { $0 << 1 | $1 })
  }
}

private func ground(_ options: [String], in folder: String) throws -> ProcessResult {
  try expectGood(
    ["ground", try model(), "--image", picture()] + quick + options + ["--report"], in: folder)
}

private let phrase = ["--phrase", "left pleural effusion"]

@Suite struct GroundReportTests {
  /// What the page shows is what the other files hold.
  @Test func thePageHasTheRunsNumbers() throws {
    try withTemporaryFolder { folder in
      let run = try ground(phrase + ["-o", "out", "--no-cache", "--save-taps"], in: folder)
      #expect(run.stdout.hasSuffix("out/report.html\n") && run.stderr.isEmpty)
      #expect(
        try folderListing(folder + "/out") == [
          "map.npy", "maps.safetensors", "overlay.png", "report.html", "result.json",
        ])
      let (html, data) = try report(folder + "/out/report.html")
      let result = try JSONValue(parsing: try bytes(folder + "/out/result.json"))
      let identity = try #require(result["model"]?["identity"]?.stringValue)
      let digest = try #require(result["image"]?["sha256"]?.stringValue)
      for part in [identity, digest, "left pleural effusion", "not a medical device", "4200"] {
        #expect(html.contains(part), "no \(part)")
      }
      let shown = try #require(data["phrases"]?.arrayValue?.first)
      let box = result["box"]?["original"]
      #expect(
        shown["box"]?.arrayValue?.compactMap(\.doubleValue)
          == box?.arrayValue?.compactMap(\.doubleValue))
      let maps = try #require(shown["maps"]?.arrayValue)
      let keys = maps.compactMap { $0["key"]?.stringValue }
      #expect(
        keys == [
          "map", "activation", "image_bias", "text_bias", "merged", "word-0", "word-1", "word-2",
        ])
      let file = try TensorFile.open(folder + "/out/maps.safetensors")
      for (key, map) in zip(keys.prefix(5), maps) {
        let tensor = try file.tensor(named: key)
        let values = tensor.type == .u8 ? tensor.bytes.map { Float($0) } : tensor.floats
        let low = try #require(map["low"]?.doubleValue)
        let unit = (try #require(map["high"]?.doubleValue) - low) / 255
        let levels = base64Bytes(try #require(map["bytes"]?.stringValue))
        #expect(levels.count == 256)
        for (level, value) in zip(levels, values) {
          #expect(abs(low + Double(level) * unit - Double(value)) <= unit * 0.51, "\(key)")
        }
      }
      let passes = try #require(shown["passes"]?.arrayValue)
      #expect(passes.compactMap { $0["key"]?.stringValue } == ["image", "text"])
      for pass in passes {
        #expect(pass["steps"]?.arrayValue?.compactMap(\.intValue) == [1, 2, 3])
        #expect(pass["timesteps"]?.arrayValue?.count == 3)
        #expect(pass["tokens"]?.arrayValue?.count == 4)
        let layers = try #require(pass["layers"]?.arrayValue)
        #expect(layers.count == 16)
        let name = try #require(layers[5]["name"]?.stringValue)
        let key = try #require(pass["key"]?.stringValue)
        let tap = try file.tensor(named: "\(key)/\(name)")
        let side = tap.shape[2]
        #expect(layers[5]["width"]?.intValue == side)
        let levels = base64Bytes(try #require(layers[5]["bytes"]?.stringValue))
        #expect(levels.count == tap.floats.count)
        // The third step's map of the second token.
        let map = (2 * 4 + 1) * side * side..<(2 * 4 + 2) * side * side
        let (low, high) = (tap.floats[map].min() ?? 0, tap.floats[map].max() ?? 0)
        for place in map {
          let value = low + (high - low) * Float(levels[place]) / 255
          #expect(abs(value - tap.floats[place]) <= (high - low) * 0.51 / 255)
        }
      }
    }
  }

  @Test func severalPhrasesAreOnePage() throws {
    try withTemporaryFolder { folder in
      let hostile = "left </script><script>alert(1)</script> effusion"
      let run = try ground(
        phrase + ["--phrase", hostile, "-o", "out", "--no-cache"], in: folder)
      #expect(run.stdout.hasSuffix("out/report.html\n"))
      #expect(try folderListing(folder + "/out") == ["1", "2", "report.html"])
      let (html, data) = try report(folder + "/out/report.html")
      #expect(!html.contains("<script>alert"))
      #expect(
        data["phrases"]?.arrayValue?.compactMap { $0["text"]?.stringValue }
          == ["left pleural effusion", hostile])
    }
  }

  @Test func withoutMerging() throws {
    try withTemporaryFolder { folder in
      _ = try ground(phrase + ["-o", "out", "--no-bbm"], in: folder)
      let (html, data) = try report(folder + "/out/report.html")
      #expect(!html.contains("Bias merging") && !html.contains("text pass</th>"))
      let shown = try #require(data["phrases"]?.arrayValue?.first)
      #expect(shown["passes"]?.arrayValue?.compactMap { $0["key"]?.stringValue } == ["image"])
      // Only the last steps ran.
      #expect(
        shown["passes"]?.arrayValue?.first?["steps"]?.arrayValue?.compactMap(\.intValue) == [2, 3])
      #expect(html.contains("Only the last 2 of 3 steps"))
    }
  }

  /// Kept text passes have their taps; saved taps give the same page but for what was timed.
  @Test func cachedAndAgain() throws {
    try withTemporaryFolder { folder in
      let options = phrase + ["--cache", "cache", "--save-taps"]
      _ = try ground(options + ["-o", "a"], in: folder)
      _ = try ground(options + ["-o", "b"], in: folder)
      let (first, second) = (
        try report(folder + "/a/report.html"), try report(folder + "/b/report.html")
      )
      #expect(first.data == second.data)
      #expect(!first.html.contains("kept from an earlier run"))
      #expect(second.html.contains("kept from an earlier run"))
      try expectGood(
        ["ground", "--from", "a/maps.safetensors", "-o", "c", "--report"], in: folder)
      let again = try report(folder + "/c/report.html").data
      #expect(
        again["phrases"]?.arrayValue?.first?["maps"]
          == first.data["phrases"]?.arrayValue?.first?["maps"])
      try expectGood(
        ["ground", "--from", "a/maps.safetensors", "-o", "d", "--report", "--no-bbm"], in: folder)
    }
  }

  /// A small limit thins the steps and says so; the page keeps to it.
  @Test func sizeLimit() throws {
    try withTemporaryFolder { folder in
      let options =
        ["ground", try model(), "--image", picture(), "--no-cache", "--report"] + phrase
      // 16 layers, some of 16 × 16, of 60 steps.
      let many = options + ["--steps", "60", "--last", "40", "--words", "all"]
      try expectGood(many + ["-o", "a", "--report-size", "500k"], in: folder)
      try expectGood(many + ["-o", "b"], in: folder)
      let small = try report(folder + "/a/report.html")
      #expect(try bytes(folder + "/a/report.html").count <= 500_000)
      #expect(small.html.contains("steps only every"))
      let pass = small.data["phrases"]?.arrayValue?.first?["passes"]?.arrayValue?.first
      let steps = (pass?["steps"]?.arrayValue ?? []).compactMap(\.intValue)
      #expect(steps.count < 60 && steps.last == 60)
      let whole = try report(folder + "/b/report.html")
      #expect(!whole.html.contains("steps only every"))
      #expect(
        whole.data["phrases"]?.arrayValue?.first?["passes"]?.arrayValue?.first?["steps"]?
          .arrayValue?.count == 60)
    }
  }

  @Test func usage() throws {
    try withTemporaryFolder { folder in
      let base = ["ground", try model(), "--image", picture(), "-o", "o"] + phrase + quick
      try expectUnusable(base + ["--report-size", "9M"], says: ["--report-size", "--report"])
      for size in ["x", "10", "3G"] {
        try expectUnusable(
          base + ["--report", "--report-size", size], says: ["--report-size", "'\(size)'"])
      }
      try makeFolder(folder + "/o/report.html")
      try expectUnusable(
        base + ["--report", "--no-cache"], says: ["o/report.html", "folder"], in: folder)
    }
  }
}
