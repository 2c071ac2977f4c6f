import ByteIO
import JSONText
import TensorBase
import TensorFiles
import TestSupport
import Testing

private typealias Named = (name: String, tensor: Tensor)

private func floats(_ values: [Float]) -> Tensor { Tensor(floats: values, shape: [values.count]) }

@Suite struct DiffTests {
  private func diff(_ a: [Named], _ b: [Named], _ options: [String] = []) throws -> ProcessResult {
    try withTemporaryFolder { folder in
      try writeSafetensors(a, to: folder + "/a.safetensors")
      try writeNPZ(b, to: folder + "/b.npz")
      return try runPlumb(["diff", "a.safetensors", "b.npz"] + options, in: folder)
    }
  }

  @Test func identical() throws {
    let tensors: [Named] = [
      ("x", floats([1, 2, -3])), ("i", Tensor(int64s: [1, 2], shape: [2])),
    ]
    let result = try diff(tensors, tensors)
    #expect(result.status == 0 && result.stderr.isEmpty, "\(result)")
    #expect(result.stdout.contains("ok") && !result.stdout.contains("FAIL"))
  }

  @Test func outOfTolerance() throws {
    let a: [Named] = [("x", floats([1, 2, 3.5])), ("y", floats([1]))]
    let b: [Named] = [("x", floats([1, 2, 3])), ("y", floats([1]))]
    let result = try diff(a, b)
    #expect(result.status == 1 && result.stderr.isEmpty)
    for part in ["FAIL", "[2]", "3.5", "3.0", "5.00e-01"] {
      #expect(result.stdout.contains(part), "no \(part): \(result.stdout)")
    }
    #expect(try diff(a, b, ["--atol", "0.5"]).status == 0)
    #expect(try diff(a, b, ["--atol", "0.49"]).status == 1)
    #expect(try diff(a, b, ["--rtol", "0.17"]).status == 0)
    #expect(try diff(a, b, ["--rtol", "0.16"]).status == 1)
  }

  @Test func missingExtraShapeAndType() throws {
    let x = floats([1, 2])
    let missing = try diff([("x", x)], [("x", x), ("y", x)])
    #expect(missing.status == 1 && missing.stdout.contains("y"))
    let extra = try diff([("x", x), ("z", x)], [("x", x)])
    #expect(extra.status == 1 && extra.stdout.contains("z"))
    let shape = try diff([("x", x.reshaped([2, 1]))], [("x", x)])
    #expect(shape.status == 1 && shape.stdout.contains("[2, 1]") && shape.stdout.contains("[2]"))
    let type = try diff([("x", x.converted(to: .f16))], [("x", x)])
    #expect(type.status == 1 && type.stdout.contains("f16") && type.stdout.contains("f32"))
    #expect(try diff([], [("x", x)]).status == 1)
    let nothing = try diff([], [])
    #expect(nothing.status == 2 && nothing.stderr.contains("holds no tensor"), "\(nothing)")
  }

  @Test func notANumberNeverPasses() throws {
    let result = try diff([("x", floats([1, .nan]))], [("x", floats([1, 2]))], ["--atol", "1e9"])
    #expect(result.status == 1)
    #expect(result.stdout.contains("1/0"), "\(result.stdout)")
    #expect(try diff([("x", floats([.infinity]))], [("x", floats([1]))], ["--rtol=9"]).status == 1)
  }

  @Test func json() throws {
    let a: [Named] = [("x", floats([1, 2.5])), ("extra", floats([1])), ("n", floats([.nan]))]
    let b: [Named] = [("x", floats([1, 2])), ("missing", floats([1])), ("n", floats([.infinity]))]
    let result = try diff(a, b, ["--json"])
    #expect(result.status == 1)
    let document = try CLITests.json(result)
    #expect(document["passed"] == .bool(false))
    #expect(document["missing"] == .array([.string("missing")]))
    #expect(document["extra"] == .array([.string("extra")]))
    let tensor = try #require(
      document["tensors"]?.arrayValue?.first { $0["name"]?.stringValue == "x" })
    #expect(tensor["passed"] == .bool(false))
    #expect(tensor["max_abs"]?["error"]?.doubleValue == 0.5)
    #expect(tensor["max_abs"]?["index"] == .array([.integer(1)]))
    #expect(tensor["max_abs"]?["actual"]?.doubleValue == 2.5)
    #expect(tensor["max_abs"]?["expected"]?.doubleValue == 2)
    #expect(tensor["max_rel"]?["error"]?.doubleValue == 0.25)
    for key in ["type", "shape", "cosine", "failures", "nan", "inf", "absolute_bound"] {
      #expect(tensor[key] != nil, "no \(key)")
    }
  }

  @Test func weightsOfAModel() throws {
    let path = checkpoint("sd2-tiny") + "/unet/diffusion_pytorch_model.safetensors"
    let own = try runPlumb(["diff", try model("sd2-tiny"), try model("sd2-tiny"), "--atol", "0"])
    #expect(own.status == 0)
    // In a pipeline's file the names carry the part they belong to.
    let result = try runPlumb(["diff", try model("sd2-tiny"), path])
    #expect(result.status == 1 && result.stdout.contains("unet/conv_in.weight"))
  }

  @Test func badFiles() throws {
    let good = checkpoint("loose/tensors.safetensors")
    try withTemporaryFolder { folder in
      try expectUnusable(["diff", good, folder + "/none"], says: ["no file \(folder)/none"])
      try expectUnusable(["diff", picture(), good], says: ["radiograph.jpg"])
      try expectUnusable(["diff", good, folder], says: [folder, "holds no file of tensors"])
      let weights = checkpoint("unet-f16/diffusion_pytorch_model.safetensors")
      try copyFile(weights, to: folder + "/w.safetensors")
      try truncateFile(folder + "/w.safetensors", to: 20_000)
      try expectUnusable(["diff", folder + "/w.safetensors", good], says: ["w.safetensors"])
      var bad = try bytes(try model("unet-f16"))
      bad[bad.count / 2] ^= 0xff
      try writeFile(bad, to: folder + "/bad.plumb")
      try expectUnusable(
        ["diff", folder + "/bad.plumb", try model("unet-f16")], says: ["bad.plumb", "damaged"])
    }
  }
}

@Suite struct VerifyTests {
  /// A bundle as its maker writes it: a folder of cases.
  private func bundle(_ prefixes: [String], in folder: String) throws -> [String] {
    let names = try folderListing(goldenFolder + "/model").filter { name in
      prefixes.contains { name.hasPrefix($0) }
    }
    for name in names { try copyTree(goldenFolder + "/model/" + name, to: "\(folder)/\(name)") }
    return names
  }

  @Test(arguments: [
    ("sd1-tiny", ["sd1-"], 7), ("sd2-tiny", ["sd2-"], 7), ("unet-f16", ["f16-"], 1),
    ("vae-bf16", ["bf16-"], 2), ("unet-odd-sharded", ["odd-"], 2), ("unet-ema", ["ema-"], 1),
    ("clip-quick", ["clip-quick"], 2),
  ])
  func goldenBundles(_ name: String, _ prefixes: [String], _ count: Int) throws {
    try withTemporaryFolder { folder in
      let names = try bundle(prefixes, in: folder)
      #expect(names.count == count)
      let result = try runPlumb(["verify", try model(name), folder])
      #expect(result.status == 0, "\(result)")
      for name in names { #expect(result.stdout.contains("ok  \(name) ")) }
      // What transformers takes when no mask is given.
      #expect(
        result.stdout.contains("attention_mask is not in the case: all ones")
          == names.contains { $0.hasSuffix("-nomask") })

      let document = try json(try runPlumb(["verify", try model(name), folder, "--json"]))
      #expect(document["passed"] == .bool(true))
      #expect(
        document["cases"]?.arrayValue?.compactMap { $0["case"]?.stringValue } == names.sorted())
    }
  }

  /// Rounding weights moves the results, by as much as half precision does.
  @Test func roundedWeights() throws {
    try withTemporaryFolder { folder in
      let names = try bundle(["sd1-"], in: folder)
      let path = folder + "/m.plumb"
      try expectGood(["convert", checkpoint("sd1-tiny"), "--weights", "f16", "-o", path])
      let exact = try runPlumb(["verify", path, folder])
      #expect(exact.status == 1 && exact.stderr.isEmpty, "\(exact)")
      let result = try expectGood(["verify", path, folder, "--tolerance", "2e-2"])
      for name in names { #expect(result.stdout.contains("ok  \(name) ")) }
      // What transformers takes when no mask is given.
      #expect(
        result.stdout.contains("attention_mask is not in the case: all ones")
          == names.contains { $0.hasSuffix("-nomask") })
    }
  }

  /// Weights that are of half precision anyway lose nothing.
  @Test(arguments: [("unet-f16", "f16-", "f16"), ("vae-bf16", "bf16-", "bf16")])
  func narrowWeights(_ name: String, _ prefix: String, _ type: String) throws {
    try withTemporaryFolder { folder in
      #expect(try !bundle([prefix], in: folder).isEmpty)
      let path = folder + "/m.plumb"
      try expectGood(["convert", checkpoint(name), "--weights", type, "-o", path])
      try expectGood(["verify", path, folder])
    }
  }

  @Test func oneCaseAndTighterTolerance() throws {
    let folder = goldenFolder + "/model/sd1-unet-b1"
    #expect(try expectGood(["verify", try model(), folder]).stdout.contains("conv_in"))
    let tight = try runPlumb(["verify", try model(), folder, "--tolerance", "1e-12"])
    #expect(tight.status == 1 && tight.stderr.isEmpty)
    #expect(tight.stdout.contains("FAIL"))
  }

  @Test func anotherModelsWeightsDiffer() throws {
    try withTemporaryFolder { folder in
      let other = checkpoint("unet-ema") + "/unet"
      try expectGood(["convert", other, "-o", folder + "/plain.plumb"])
      let result = try runPlumb(
        ["verify", folder + "/plain.plumb", goldenFolder + "/model/ema-unet-b1"])
      #expect(result.status == 1, "\(result)")
    }
  }

  /// A run of the method says what of its case it is not held against, and needs something to be.
  @Test func wholeRun() throws {
    let golden = goldenFolder + "/run/sd1-10-steps/ground"
    let result = try expectGood(["verify", try model(), golden])
    for text in ["ok  map ", "ok  text/mid_block", "left out", "threshold", "box"] {
      #expect(result.stdout.contains(text), "no \(text): \(result.stdout)")
    }
    let document = try json(try expectGood(["verify", try model(), golden, "--json"]))
    let omitted = document["cases"]?.arrayValue?.first?["omitted"]?.arrayValue ?? []
    #expect(omitted.contains(.string("box")) && !omitted.contains(.string("map")))

    try withTemporaryFolder { folder in
      var description = try #require(
        try JSONValue(parsing: try bytes(golden + "/case.json")).objectValue)
      description["io_sha256"] = nil
      try writeFile(
        Array(JSONValue.object(description).text(indent: 2).utf8), to: folder + "/case.json")
      let kept = try TensorFile.open(golden + "/io.safetensors").tensor(named: "output.box")
      try writeSafetensors([("output.box", kept)], to: folder + "/io.safetensors")
      try copyFile(golden + "/portrait.png", to: folder + "/portrait.png")
      try expectUnusable(
        ["verify", try model(), folder], says: ["nothing that a whole run gives", "output.box"])
    }
  }

  @Test func badBundles() throws {
    try withTemporaryFolder { folder in
      let golden = goldenFolder + "/model/sd1-unet-b1"
      try expectUnusable(["verify", try model(), folder], says: [folder, "case.json"])
      try expectUnusable(["verify", try model(), folder + "/none"], says: [folder + "/none"])
      try expectUnusable(["verify", try model(), picture()], says: ["radiograph.jpg"])
      try expectUnusable(["verify", folder + "/none", golden], says: ["no file"])
      try expectUnusable(
        ["verify", try model("sd2-tiny"), golden], says: ["encoder_hidden_states"])
      try copyTree(golden, to: folder + "/case")
      try truncateFile(folder + "/case/io.safetensors", to: 5000)
      try expectUnusable(["verify", try model(), folder], says: ["io.safetensors"])
      try writeFile(Array("{".utf8), to: folder + "/case/case.json")
      try expectUnusable(["verify", try model(), folder], says: ["case.json"])
    }
  }
}
