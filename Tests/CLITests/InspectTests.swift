import ByteIO
import JSONText
import TestSupport
import Testing

@Suite struct InspectTests {
  @Test func json() throws {
    let path = try model()
    let document = try CLITests.json(try expectGood(["inspect", path, "--json"]))
    for key in ["file", "format", "graphs", "storage", "parameters", "provenance", "bytes"] {
      #expect(document[key] != nil, "no \(key)")
    }
    #expect(document["bytes"]?.intValue == (try bytes(path).count))
    #expect(document["tensors"] == nil)
    let graphs = try #require(document["graphs"]?.arrayValue)
    let names = graphs.compactMap { $0["name"]?.stringValue }
    #expect(names == ["unet", "vae_encoder", "vae_decoder", "text_encoder"])
    for graph in graphs {
      for key in ["inputs", "outputs", "taps", "ops", "parameters", "nodes"] {
        #expect(graph[key] != nil, "no \(key)")
      }
    }
    let unet = graphs[0]
    #expect(
      unet["inputs"]?.arrayValue?.compactMap { $0["name"]?.stringValue }
        == ["sample", "timestep", "encoder_hidden_states"])
    let taps = try #require(unet["taps"]?.arrayValue)
    #expect(taps.count { $0["kind"]?.stringValue == "cross" } == 16)
    #expect(taps.count { $0["kind"]?.stringValue == "self" } == 16)
    let first = try #require(taps.first { $0["kind"]?.stringValue == "cross" })
    #expect(first["name"]?.stringValue == "down_blocks.0.attentions.0.transformer_blocks.0.attn2")
    #expect(first["heads"]?.intValue == 2)
    #expect(first["queries"]?.intValue == 256)
    #expect(first["keys"]?.intValue == 77)

    let rows = try #require(document["storage"]?.arrayValue)
    let row = try #require(rows.first)
    #expect(row["type"]?.stringValue == "f32")
    #expect(row["raw_bytes"]?.intValue == (row["elements"]?.intValue ?? 0) * 4)
    #expect(row["stored_bytes"]?.intValue ?? 0 < (row["raw_bytes"]?.intValue ?? 0))

    let provenance = try #require(document["provenance"])
    #expect(provenance["converter"]?.stringValue?.hasPrefix("plumb ") == true)
    let sources = try #require(provenance["sources"]?.arrayValue)
    let weights = try #require(
      sources.first { $0["component"]?.stringValue == "text_encoder" })
    let file = checkpoint("sd1-tiny") + "/text_encoder/pytorch_model.bin"
    #expect(weights["file"]?.stringValue == "pytorch_model.bin")
    #expect(weights["sha256"]?.stringValue == (try SHA256.hexDigest(of: MappedFile(path: file))))
  }

  @Test func tensors() throws {
    let document = try CLITests.json(
      try expectGood(["inspect", try model(), "--json", "--tensors"]))
    let tensors = try #require(document["tensors"]?.arrayValue)
    #expect(
      tensors.reduce(0) { sum, tensor in
        sum + (tensor["shape"]?.arrayValue ?? []).reduce(1) { $0 * ($1.intValue ?? 0) }
      } == document["parameters"]?.intValue)
    let text = try expectGood(["inspect", try model(), "--tensors"]).stdout
    for tensor in tensors { #expect(text.contains(tensor["name"]?.stringValue ?? "?")) }
    let half = try expectGood(["inspect", try model("unet-f16"), "--tensors"]).stdout
    #expect(half.contains("as f16"))
    #expect(
      try expectGood(["inspect", try model("vae-bf16"), "--tensors"]).stdout.contains("as bf16"))
  }

  /// A line per attention node: name, cross or self, heads, queries × keys.
  @Test(arguments: [("sd1-tiny", 16, 16 + 2 + 3), ("sd2-tiny", -1, -1)])
  func taps(_ name: String, _ cross: Int, _ own: Int) throws {
    let text = try expectGood(["inspect", try model(name), "--taps"]).stdout
    let lines = text.split(separator: "\n").filter { $0.hasPrefix("  tap") }
    let pattern = #/  tap +\S+ +(cross|self) +\d+ heads? +\d+ × \d+/#
    for line in lines { #expect(line.wholeMatch(of: pattern) != nil, "\(line)") }
    let kinds = lines.compactMap { try? pattern.wholeMatch(in: $0)?.output.1 }
    if cross >= 0 {
      #expect(kinds.count { $0 == "cross" } == cross)
      #expect(kinds.count { $0 == "self" } == own)
    } else {
      #expect(kinds.contains("cross") && kinds.contains("self"))
    }
    #expect(!(try expectGood(["inspect", try model(name)]).stdout.contains("  tap")))
  }

  @Test func textShowsWhereTheModelComesFrom() throws {
    let text = try expectGood(["inspect", try model()]).stdout
    for part in [
      "graph unet", "graph text_encoder", "parameters", "provenance", "pytorch_model.bin",
      "scheduler_config.json", "tokenizer", "raw", "stored",
    ] { #expect(text.contains(part), "no \(part)") }
  }

  @Test(arguments: [
    ("sd1-tiny/unet/diffusion_pytorch_model.safetensors", "safetensors", "f32", "conv_in.weight"),
    ("sd1-tiny/text_encoder/pytorch_model.bin", "pytorch", "f32", "bert.embeddings"),
    ("bert-deflated/pytorch_model.bin", "pytorch", "f32", "embeddings"),
    ("unet-f16/diffusion_pytorch_model.safetensors", "safetensors", "f16", "conv_in.weight"),
    (
      "unet-odd-sharded/diffusion_pytorch_model.safetensors.index.json", "sharded", "f32",
      "conv_in.weight"
    ),
  ])
  func tensorFiles(_ path: String, _ format: String, _ type: String, _ tensor: String) throws {
    let path = checkpoint(path)
    let text = try expectGood(["inspect", path, "--tensors", "--taps"]).stdout
    for part in [lastComponent(of: path), format, type, tensor] {
      #expect(text.contains(part), "no \(part)")
    }
    let document = try CLITests.json(try expectGood(["inspect", path, "--json", "--tensors"]))
    #expect(document["format"]?.stringValue == format)
    #expect(document["graphs"] == .array([]))
    let names = document["tensors"]?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
    #expect(names.contains { $0.contains(tensor) })
  }

  @Test func badFiles() throws {
    try withTemporaryFolder { folder in
      let good = try bytes(try model("unet-f16"))
      let path = folder + "/m.plumb"
      for count in [0, 4, 12, 100, good.count / 2, good.count - 1] {
        try writeFile(Array(good.prefix(count)), to: path)
        try expectUnusable(["inspect", path], says: ["m.plumb"])
      }
      for place in [0, 9, 40, 100, good.count - 5] {
        var bad = good
        bad[place] ^= 0x41
        try writeFile(bad, to: path)
        try expectUnusable(["inspect", path], says: ["m.plumb"])
      }
      try expectUnusable(["inspect", folder], says: [folder, "is a folder"])
      try expectUnusable(["inspect", folder + "/none"], says: ["no file \(folder)/none"])
      try expectUnusable(["inspect", "/dev/null"], says: ["/dev/null", "regular"])
      try expectUnusable(["inspect", picture()], says: ["radiograph.jpg", "no tensor file"])
      try writeFile(Array("PK\u{3}\u{4} is how a zip starts".utf8), to: folder + "/a.npz")
      try expectUnusable(["inspect", folder + "/a.npz"], says: ["a.npz"])
      try writeFile(
        Array("{\"weight_map\": {\"a\": \"../../etc/x\"}}".utf8), to: folder + "/i.index.json")
      try expectUnusable(["inspect", folder + "/i.index.json"], says: ["i.index.json"])
    }
  }
}
