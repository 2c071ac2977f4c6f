import ByteIO
import JSONText
import TensorBase
import TensorFiles
import TestSupport
import Testing

/// The file name and the part of every source that a .plumb was made from.
private func sources(_ path: String) throws -> [(component: String, file: String, sha256: String)] {
  let document = try json(try expectGood(["inspect", path, "--json"]))
  return (document["provenance"]?["sources"]?.arrayValue ?? []).map {
    (
      $0["component"]?.stringValue ?? "", $0["file"]?.stringValue ?? "",
      $0["sha256"]?.stringValue ?? ""
    )
  }
}

private func digest(_ path: String) throws -> String {
  try SHA256.hexDigest(of: try MappedFile(path: path))
}

private func graphNames(_ path: String) throws -> [String] {
  let document = try json(try expectGood(["inspect", path, "--json"]))
  return (document["graphs"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
}

@Suite struct ConvertTests {
  @Test(arguments: ["sd1-tiny", "sd2-tiny"]) func wholePipelines(_ name: String) throws {
    try withTemporaryFolder { folder in
      let result = try expectGood(["convert", checkpoint(name), "-o", folder + "/m.plumb"])
      #expect(result.stderr.isEmpty, "no progress without a terminal: \(result.stderr)")
      #expect(result.stdout.contains("\(folder)/m.plumb"))
      #expect(try folderListing(folder) == ["m.plumb"])
      #expect(
        try graphNames(folder + "/m.plumb") == [
          "unet", "vae_encoder", "vae_decoder", "text_encoder",
        ])
    }
  }

  @Test(arguments: [
    ("unet-f16", ["unet"]), ("unet-odd-sharded", ["unet"]),
    ("vae-bf16", ["vae_encoder", "vae_decoder"]), ("bert-safetensors", ["text_encoder"]),
    ("bert-noprefix", ["text_encoder"]), ("bert-deflated", ["text_encoder"]),
    ("clip-quick", ["text_encoder"]),
  ])
  func singleModels(_ name: String, _ graphs: [String]) throws {
    #expect(try graphNames(try model(name)) == graphs)
    let document = try json(try expectGood(["inspect", try model(name), "--json"]))
    let hasTokenizer = name.hasPrefix("bert") || name.hasPrefix("clip")
    #expect(document["tokenizer"] == .bool(hasTokenizer))
    #expect(document["scheduler"] == .bool(false))
  }

  /// The released weights lie in three places: overrides put them together.
  @Test func partsFromSeveralPlaces() throws {
    try withCheckpoint { folder, place in
      let source = checkpoint("sd1-tiny")
      try copyTree(source + "/unet", to: place + "/ldm/unet_ema")
      try copyTree(source + "/vae", to: place + "/sd/vae")
      try copyTree(source + "/scheduler", to: place + "/sd/scheduler")
      try copyTree(source + "/text_encoder", to: place + "/bert")
      for name in try folderListing(source + "/tokenizer") {
        try copyFile(source + "/tokenizer/" + name, to: place + "/bert/" + name)
      }
      let whole = place + "/whole.plumb"
      try expectGood(["convert", folder, "-o", whole])
      let spread = [
        "--unet", "ldm/unet_ema", "--vae", "sd/vae", "--scheduler", "sd/scheduler",
        "--text-encoder", "bert", "--tokenizer", "bert",
      ]
      try expectGood(["convert"] + spread + ["-o", "apart.plumb"], in: place)
      #expect(try bytes(place + "/apart.plumb") == bytes(whole))
      // A part may be given as the folder above it, and the scheduler as its file.
      let above = [
        "--unet=ldm", "--vae=sd", "--scheduler=sd/scheduler/scheduler_config.json",
        "--text-encoder=bert", "--tokenizer=bert",
      ]
      try expectGood(["convert"] + above + ["-o", "above.plumb"], in: place)
      #expect(try bytes(place + "/above.plumb") == bytes(whole))
    }
  }

  @Test func overridesWinOverTheSource() throws {
    try withCheckpoint { folder, place in
      try copyTree(folder + "/scheduler", to: place + "/other")
      try set(
        "prediction_type", to: .string("v_prediction"), in: place + "/other/scheduler_config.json")
      let out = place + "/m.plumb"
      try expectGood(["convert", folder, "--scheduler", place + "/other", "-o", out])
      let found = try sources(out).filter { $0.component == "scheduler" }.map(\.sha256)
      #expect(found == [try digest(place + "/other/scheduler_config.json")])
    }
  }

  @Test func averagedWeightsComeFirst() throws {
    try withTemporaryFolder { folder in
      let source = checkpoint("unet-ema")
      try expectGood(["convert", source, "-o", folder + "/m.plumb"])
      let weights = try sources(folder + "/m.plumb").filter { $0.file.hasSuffix(".safetensors") }
      let averaged = try digest(source + "/unet_ema/diffusion_pytorch_model.safetensors")
      #expect(weights.map(\.sha256) == [averaged])
      #expect(averaged != (try digest(source + "/unet/diffusion_pytorch_model.safetensors")))
    }
  }

  /// Every weight comes out of the .plumb with the bits that it had in the checkpoint.
  @Test(arguments: [
    ("unet-f16", "diffusion_pytorch_model.safetensors"),
    ("vae-bf16", "diffusion_pytorch_model.safetensors"),
    ("unet-odd-sharded", "diffusion_pytorch_model.safetensors.index.json"),
  ])
  func weightsKeepTheirBits(_ name: String, _ file: String) throws {
    try withTemporaryFolder { folder in
      let original = try TensorFile.open(checkpoint(name) + "/" + file)
      let tensors = try original.names.map {
        (name: $0, tensor: try original.tensor(named: $0).converted(to: .f32))
      }
      try writeSafetensors(tensors, to: folder + "/expected.safetensors")
      let exact = ["--rtol", "0", "--atol", "0"]
      let result = try runPlumb(
        ["diff", try model(name), folder + "/expected.safetensors", "--json"] + exact)
      let document = try json(result)
      let compared = document["tensors"]?.arrayValue ?? []
      #expect(compared.count > 20)
      for tensor in compared where tensor["passed"] != .bool(true) {
        // Old attention names and [C, C, 1, 1] for [C, C] are other spellings of the same bits.
        #expect(tensor["shape"] != tensor["expected_shape"], "\(tensor.text())")
      }
    }
  }

  @Test func narrowWeights() throws {
    try withTemporaryFolder { folder in
      var sizes: [String: Int] = [:]
      for type in ["f32", "f16", "bf16"] {
        let path = "\(folder)/\(type).plumb"
        let result = try expectGood(
          ["convert", checkpoint("sd1-tiny"), "--weights", type, "-o", path])
        #expect(result.stdout.contains("rounding") == (type != "f32"), "\(result.stdout)")
        sizes[type] = try bytes(path).count
      }
      let listed = try expectGood(
        [
          "convert", checkpoint("sd1-tiny"), "--weights", "bf16", "--roundings", "-o",
          folder + "/listed.plumb",
        ])
      let lines = listed.stdout.split(separator: "\n").filter { $0.hasPrefix("  ") }
      #expect(lines.count > 100, "a line for each tensor: \(listed.stdout)")
      #expect(Set(lines).count == lines.count)
      #expect(sizes["f16"] ?? .max < (sizes["f32"] ?? 0) * 6 / 10)
      #expect(sizes["bf16"] ?? .max < sizes["f16"] ?? 0)
      let near = try runPlumb(
        ["diff", folder + "/f16.plumb", folder + "/f32.plumb", "--rtol", "1e-3", "--atol", "1e-6"])
      #expect(near.status == 0, "\(near.stdout)")
      #expect(try runPlumb(["diff", folder + "/f16.plumb", folder + "/f32.plumb"]).status == 1)
    }
  }

  /// Weights in bytes: what linears and convolutions take, and the error at every tap and in the map.
  @Test func weightsInBytes() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/int8.plumb"
      let result = try expectGood(
        ["convert", checkpoint("sd1-tiny"), "--weights", "int8", "--roundings", "-o", path])
      #expect(result.stdout.contains("unet/conv_in.weight"), "each rounding is listed")
      let inspected = try json(try expectGood(["inspect", path, "--tensors", "--json"]))
      var types: [String: String] = [:]
      for tensor in inspected["tensors"]?.arrayValue ?? [] {
        types[tensor["name"]?.stringValue ?? ""] = tensor["stored_type"]?.stringValue
      }
      #expect(types["unet/mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight"] == "i8")
      #expect(types["unet/mid_block.resnets.0.conv1.weight"] == "i8")
      #expect(types["text_encoder/embeddings.word_embeddings.weight"] == "f16")
      #expect(types["unet/conv_norm_out.weight"] != "i8")
      #expect(types.keys.allSatisfy { !$0.hasSuffix("@scales") })
      let golden = goldenFolder + "/run/sd1-10-steps"
      let verified = try runPlumb(["verify", path, golden, "--tolerance", "0.5"])
      // What rounding costs at the taps and in the map, which has a tolerance of its own.
      let lines = verified.stdout.split(separator: "\n").map { $0.split(separator: " ") }
      func errors(_ name: String) -> [Double] {
        lines.filter { $0.count > 6 && $0[1].hasPrefix(name) }.compactMap { line in
          line.first { $0.contains("e-") }.flatMap { Double($0) }
        }
      }
      #expect(lines.count { $0.first == "ok" } > 30, "\(verified.stdout)")
      #expect(errors("text/").count > 10 && errors("text/").allSatisfy { 1e-5 < $0 && $0 < 0.1 })
      #expect(errors("map").count == 1 && errors("map").allSatisfy { 1e-4 < $0 && $0 < 0.1 })
    }
  }

  /// A .plumb stored again: the same numbers, or others of its own; nothing else changes.
  @Test func storedAgain() throws {
    try withTemporaryFolder { folder in
      let first = try model()
      try expectGood(["convert", first, "-o", folder + "/raw.plumb", "--raw"])
      #expect(try runPlumb(["diff", first, folder + "/raw.plumb"]).status == 0)
      try expectGood(["convert", first, "-o", folder + "/a.plumb", "--weights", "int8"])
      try expectGood(
        ["convert", checkpoint("sd1-tiny"), "-o", folder + "/b.plumb", "--weights", "int8"])
      #expect(try runPlumb(["diff", folder + "/a.plumb", folder + "/b.plumb"]).status == 0)
      // In its own place, twice: the bytes stay what they are.
      for _ in 0..<2 {
        try expectGood(
          ["convert", folder + "/a.plumb", "-o", folder + "/a.plumb", "--weights", "int8"])
      }
      let near = try runPlumb(
        ["diff", folder + "/a.plumb", folder + "/b.plumb", "--rtol", "1e-6", "--atol", "0"])
      #expect(near.status == 0, "\(near.stdout)")
      try expectUnusable(
        ["convert", first, "--vae", checkpoint("sd1-tiny") + "/vae", "-o", folder + "/c.plumb"],
        says: ["--vae"])
    }
  }

  /// Weights in bytes ground as those in f32 do, but for what rounding moves.
  @Test func bytesGround() throws {
    try withTemporaryFolder { folder in
      let phantom = goldenFolder + "/phantom/phantom.plumb"
      let image = goldenFolder + "/phantom/test-30/phantom-3-0000.png"
      try expectGood(["convert", phantom, "--weights", "int8", "-o", folder + "/int8.plumb"])
      #expect(try bytes(folder + "/int8.plumb").count < bytes(phantom).count)
      for (name, model) in [("f32", phantom), ("int8", folder + "/int8.plumb")] {
        try expectGood(
          [
            "ground", model, "--image", image, "--phrase", "left pleural effusion", "--steps", "10",
            "--no-cache", "-o", folder + "/" + name,
          ])
      }
      let maps = ["int8", "f32"].map { "\(folder)/\($0)/map.npy" }
      let difference = try runPlumb(["diff"] + maps + ["--atol", "0.1", "--rtol", "0", "--json"])
      #expect(difference.status == 0, "\(difference.stdout)")
    }
  }

  @Test func rawWeightsLieAtPages() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/raw.plumb"
      _ = try expectGood(["convert", checkpoint("sd1-tiny"), "--raw", "-o", path])
      let packed = try model()
      #expect(try bytes(path).count > bytes(packed).count)
      #expect(try runPlumb(["diff", path, packed]).status == 0)
      try expectUnusable(
        ["convert", checkpoint("sd1-tiny"), "--raw", "--level", "3", "-o", path], says: ["--level"])
    }
  }

  @Test func sameBytesEveryTime() throws {
    try withTemporaryFolder { folder in
      for name in ["a", "b"] {
        try expectGood(["convert", checkpoint("sd2-tiny"), "-o", "\(folder)/\(name).plumb"])
      }
      #expect(try bytes(folder + "/a.plumb") == bytes(folder + "/b.plumb"))
      try expectGood(["convert", checkpoint("sd2-tiny"), "--level=1", "-o", folder + "/c.plumb"])
      let same = try runPlumb(["diff", folder + "/c.plumb", folder + "/a.plumb", "--atol", "0"])
      #expect(same.status == 0)
    }
  }

  @Test func anExistingFileIsReplacedAndALinkKept() throws {
    try withTemporaryFolder { folder in
      try writeFile([1, 2, 3], to: folder + "/m.plumb")
      try expectGood(["convert", checkpoint("unet-f16"), "-o", folder + "/m.plumb"])
      #expect(try bytes(folder + "/m.plumb") == bytes(try model("unet-f16")))
    }
  }
}
