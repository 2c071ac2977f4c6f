import ByteIO
import JSONText
import TestSupport
import Testing

@Suite struct ConvertVerifyTests {
  /// A file that agrees is kept, one that does not leaves all as it was.
  @Test func keepsOnlyWhatAgrees() throws {
    try withTemporaryFolder { folder in
      let golden = goldenFolder + "/model/f16-unet-b1"
      let good = try expectGood(
        ["convert", checkpoint("unet-f16"), "-o", folder + "/m.plumb", "--verify", golden])
      #expect(good.stdout.contains("verified: ") && good.stdout.contains("in 1 cases agree"))
      let kept = try bytes(folder + "/m.plumb")

      // Another rounding of the weights goes too far.
      let command = [
        "convert", checkpoint("unet-f16"), "-o", folder + "/m.plumb", "--weights", "bf16",
        "--verify", golden,
      ]
      let bad = try runPlumb(command)
      #expect(bad.status == 1)
      #expect(bad.stdout.contains("FAIL") && bad.stderr.contains("was not written"), "\(bad)")
      #expect(try bytes(folder + "/m.plumb") == kept)
      #expect(try folderListing(folder) == ["m.plumb"])
      try removeFile(folder + "/m.plumb")
      #expect(try runPlumb(command).status == 1)
      #expect(try folderListing(folder).isEmpty)
      try expectGood(command + ["--tolerance", "0.5"])
      #expect(try folderListing(folder) == ["m.plumb"])
    }
  }

  @Test func unusableBundles() throws {
    try withTemporaryFolder { folder in
      let command = ["convert", checkpoint("unet-f16"), "-o", folder + "/m.plumb", "--verify"]
      try expectUnusable(command + [folder], says: ["case.json"])
      try expectUnusable(
        command + [goldenFolder + "/model/sd1-vae-encoder-b1"], says: ["vae_encoder"])
      try expectUnusable(
        ["convert", checkpoint("unet-f16"), "-o", folder + "/m.plumb", "--tolerance", "1"],
        says: ["--tolerance goes with --verify"])
      for option in [["--memory", "1G"], ["--low-memory"]] {
        try expectUnusable(
          ["convert", checkpoint("unet-f16"), "-o", folder + "/m.plumb"] + option,
          says: ["\(option[0]) goes with --verify"])
      }
      #expect(try folderListing(folder).isEmpty)
    }
  }

  /// Weights that pass through give the same verdict.
  @Test func lowMemory() throws {
    try withTemporaryFolder { folder in
      let command = [
        "convert", checkpoint("unet-f16"), "-o", folder + "/m.plumb", "--low-memory", "--verify",
        goldenFolder + "/model/f16-unet-b1",
      ]
      #expect(try expectGood(command).stdout.contains("in 1 cases agree"))
      try removeFile(folder + "/m.plumb")
      #expect(try runPlumb(command + ["--weights", "bf16"]).status == 1)
      #expect(try folderListing(folder).isEmpty)
    }
  }
}

@Suite struct VerifyLayerwiseTests {
  @Test func goldenModules() throws {
    let golden = goldenFolder + "/model/sd1-unet-b1"
    let result = try expectGood(["verify", try model(), golden, "--layerwise"])
    #expect(result.stdout.contains("ok  sd1-unet-b1 (graph unet)"))
    #expect(result.stdout.contains("own: from golden values"))
    let document = try json(
      try runPlumb(["verify", try model(), golden, "--layerwise", "--json"]))
    #expect(document["passed"] == .bool(true))
    let layers = document["cases"]?.arrayValue?.first?["layers"]?.arrayValue ?? []
    #expect(layers.count > 10)
  }

  /// Weights in half precision: every module errs by itself. The first is kept with its inputs, and
  /// running it gives the very same error.
  @Test(arguments: [[], ["--exact"], ["--low-memory"]])
  func replay(_ options: [String]) throws {
    try withTemporaryFolder { folder in
      try expectGood(
        ["convert", checkpoint("sd1-tiny"), "--weights", "bf16", "-o", folder + "/m.plumb"])
      let result = try runPlumb(
        [
          "verify", "m.plumb", goldenFolder + "/model/sd1-unet-b1", "--layerwise", "--replay", "r",
          "--json", "--junit", "r.xml",
        ] + options, in: folder)
      #expect(result.status == 1)
      let item = try #require(try json(result)["cases"]?.arrayValue?.first)
      let first = try #require(item["first_own"]?.stringValue)
      let layer = try #require(
        item["layers"]?.arrayValue?.first { $0["name"]?.stringValue == first })
      #expect(try json(result)["replay"]?["value"] == .string(first))
      let node = try #require(layer["nodes"]?.arrayValue?.first)
      #expect(node["op"]?.stringValue != nil && node["attributes"]?.objectValue != nil)

      try expectGood(
        ["run", "r/node.plumb", "-i", "r/inputs.safetensors", "-o", "r/out.safetensors"] + options,
        in: folder)
      let diff = try runPlumb(
        [
          "diff", "r/out.safetensors", "r/expected.safetensors", "--tolerances",
          "r/tolerances.json", "--json",
        ], in: folder)
      #expect(diff.status == 1)
      let again = try #require(try json(diff)["tensors"]?.arrayValue?.first)
      for key in ["name", "max_abs", "max_rel", "first_failure", "failures", "absolute_bound"] {
        #expect(again[key] == layer["own"]?[key], "\(key)")
      }

      let xml = String(decoding: try bytes(folder + "/r.xml"), as: UTF8.self)
      for text in [
        "testsuite name=\"sd1-unet-b1 own\"", "testsuite name=\"sd1-unet-b1 drift\"",
        "name=\"\(first)\"",
      ] { #expect(xml.contains(text), "no \(text)") }
    }
  }

  @Test func options() throws {
    try expectUnusable(["verify", "m", "g", "--replay", "r"], says: ["--replay goes with"])
    try withTemporaryFolder { folder in
      try expectGood([
        "verify", try model("unet-f16"), goldenFolder + "/model/f16-unet-b1", "--junit",
        folder + "/r.xml",
      ])
      let xml = String(decoding: try bytes(folder + "/r.xml"), as: UTF8.self)
      #expect(xml.contains("testsuite name=\"f16-unet-b1\"") && xml.contains("failures=\"0\""))
    }
  }
}

/// What `tools/golden/record` makes of a module and of its ONNX file.
@Suite struct RecordedTests {
  @Test func recordings() throws {
    try withTemporaryFolder { folder in
      let recorded = try goldenFolderPath("recorded")
      let path = folder + "/net.plumb"
      let converted = try expectGood([
        "convert", recorded + "/net.onnx", "-o", path, "--verify", recorded,
      ])
      #expect(converted.stdout.contains("verified: 4 tensors in 2 cases agree"), "\(converted)")

      let layers = try expectGood(["verify", path, recorded + "/onnx", "--layerwise", "--json"])
      let document = try json(layers)
      let names = (document["cases"]?.arrayValue?.first?["layers"]?.arrayValue ?? []).compactMap {
        $0["name"]?.stringValue
      }
      #expect(names.contains("relu") && names.last == "logits" && names.count == 8, "\(names)")
      #expect(document["cases"]?.arrayValue?.first?["unknown"] == .array([]))
      let convolution = document["cases"]?.arrayValue?.first?["layers"]?.arrayValue?.first?[
        "nodes"]?
        .arrayValue?.first
      #expect(convolution?["op"] == .string("Conv"))
      #expect(convolution?["attributes"]?["group"] == .integer(1))

      // Half the digits of the weights: the first convolution is wrong by itself.
      try expectGood(["convert", recorded + "/net.onnx", "-o", path, "--weights", "bf16"])
      let rounded = try runPlumb(["verify", path, recorded + "/onnx", "--layerwise"])
      #expect(rounded.status == 1 && rounded.stdout.contains("--replay FOLDER keeps"))

      // A tolerance that is none, and an input that goes nowhere.
      try copyTree(recorded + "/pytorch", to: folder + "/other")
      let about = folder + "/other/case.json"
      try set("tolerance", to: .object(["relative": .string("tight")]), in: about)
      try expectUnusable(
        ["verify", path, folder + "/other"], says: ["tolerance.relative", "at least 0"])

      // Tensors that are not those the case was written for.
      try copyTree(recorded + "/onnx", to: folder + "/case")
      let tensors = try bytes(folder + "/case/io.safetensors")
      try writeFile(
        tensors.dropLast() + [tensors[tensors.count - 1] ^ 1],
        to: folder + "/case/io.safetensors")
      try expectUnusable(["verify", path, folder + "/case"], says: ["not the file that case.json"])
    }
  }
}
