import ByteIO
import JSONText
import TensorBase
import TensorFiles
import TestSupport
import Testing

/// The inputs of a golden case under the names that the graph gives them.
private func writeInputs(of name: String, to path: String) throws {
  let inputs = try goldenCase("model", name).inputs.sorted { $0.key < $1.key }
  let tensors = inputs.map { (name: $0.key, tensor: $0.value) }
  if path.hasSuffix(".npz") {
    try writeNPZ(tensors, to: path)
  } else {
    try writeSafetensors(tensors, to: path)
  }
}

@Suite struct RunTests {
  @Test(arguments: ["in.safetensors", "in.npz"], ["out.safetensors", "out.npz"])
  func outputsAreTheGoldenOnes(_ input: String, _ output: String) throws {
    try withTemporaryFolder { folder in
      let golden = try goldenCase("model", "sd1-unet-b1")
      try writeInputs(of: "sd1-unet-b1", to: "\(folder)/\(input)")
      let result = try expectGood(
        ["run", try model(), "--graph=unet", "-i", input, "-o", output], in: folder)
      #expect(result.stdout == "out_sample [1, 4, 16, 16]\n")
      let file = try TensorFile.open("\(folder)/\(output)")
      #expect(file.names == ["out_sample"])
      expectClose(
        try file.tensor(named: "out_sample"), try golden.tensor("output.out_sample"),
        golden: golden)
    }
  }

  @Test func wantedTensors() throws {
    try withTemporaryFolder { folder in
      let golden = try goldenCase("model", "sd1-unet-b1")
      try writeInputs(of: "sd1-unet-b1", to: folder + "/in.npz")
      let tap = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.probabilities"
      let base = ["run", try model(), "--graph", "unet", "-i", "in.npz", "-o", "out.npz"]
      try expectGood(base + ["--want", tap, "--want", "mid_block"], in: folder)
      let two = try TensorFile.open(folder + "/out.npz")
      #expect(Set(two.names) == [tap, "mid_block"])
      for name in two.names {
        expectClose(
          try two.tensor(named: name), try golden.tensor("output." + name), golden: golden)
      }
      try expectGood(base + ["--want=*.attn2.probabilities"], in: folder)
      #expect(try TensorFile.open(folder + "/out.npz").names.count == 16)

      try expectUnusable(
        base + ["--want", "mid_blok"], says: ["'mid_blok'", "mid_block"], in: folder)
      try expectUnusable(base + ["--want", "nothing.*"], says: ["'nothing.*'"], in: folder)
    }
  }

  /// Only what is wanted runs, so what the rest needs need not be given.
  @Test func unneededInputsMayBeMissing() throws {
    try withTemporaryFolder { folder in
      let sample = try goldenCase("model", "sd1-unet-b1").tensor("input.sample")
      try writeSafetensors([(name: "sample", tensor: sample)], to: folder + "/in.safetensors")
      let base = ["run", try model(), "--graph", "unet", "-i", "in.safetensors", "-o", "o.npz"]
      try expectGood(base + ["--want", "conv_in"], in: folder)
      try expectUnusable(
        base, says: ["in.safetensors", "lacks", "timestep", "encoder_hidden_states"], in: folder)
    }
  }

  @Test func otherTypesAreConverted() throws {
    try withTemporaryFolder { folder in
      let base = ["--graph", "text_encoder", "-i", "in.npz", "-o"]
      let inputs = try goldenCase("model", "sd1-tiny-text-b1").inputs
      for (type, out) in [(ElementType.i64, "a.npz"), (.i32, "b.npz"), (.u8, "c.npz")] {
        let tensors = inputs.map { (name: $0.key, tensor: $0.value.converted(to: type)) }
        // Token ids of the tiny vocabulary reach 282.
        if type == .u8, tensors.contains(where: { $0.tensor.int64s != inputs[$0.name]?.int64s }) {
          continue
        }
        try writeNPZ(tensors, to: folder + "/in.npz")
        try expectGood(["run", try model()] + base + [out], in: folder)
      }
      #expect(try bytes(folder + "/a.npz") == bytes(folder + "/b.npz"))

      var results: [[Float]] = []
      for type in [ElementType.f32, .f64] {
        let tensors = try goldenCase("model", "sd1-vae-encoder-b1").inputs.map {
          (name: $0.key, tensor: $0.value.converted(to: type))
        }
        try writeNPZ(tensors, to: folder + "/in.npz")
        try expectGood(
          ["run", try model(), "--graph", "vae_encoder", "-i", "in.npz", "-o", "o.npz"], in: folder)
        results.append(try TensorFile.open(folder + "/o.npz").tensor(named: "mean").floats)
      }
      #expect(results[0] == results[1])
    }
  }

  @Test func kernelsAndThreadsAgree() throws {
    try withTemporaryFolder { folder in
      try writeInputs(of: "sd1-vae-encoder-b1", to: folder + "/in.npz")
      let base = ["run", try model(), "--graph", "vae_encoder", "-i", "in.npz", "-o"]
      try expectGood(base + ["fast.npz", "--threads", "1"], in: folder)
      try expectGood(base + ["slow.npz", "--reference"], in: folder)
      let same = try runPlumb(
        ["diff", "fast.npz", "slow.npz", "--atol", "1e-4", "--rtol", "1e-4"], in: folder)
      #expect(same.status == 0, "\(same.stdout)")
    }
  }

  @Test func badInput() throws {
    try withTemporaryFolder { folder in
      try writeInputs(of: "sd1-unet-b1", to: folder + "/in.npz")
      let golden = try goldenCase("model", "sd1-unet-b1")
      func run(_ changes: [String]) throws -> [String] { ["run", try model()] + changes }
      let out = ["-o", "o.npz"]
      try expectUnusable(
        try run(["-i", "in.npz"] + out), says: ["several graphs", "unet", "text_encoder"],
        in: folder)
      try expectUnusable(
        try run(["--graph", "unett", "-i", "in.npz"] + out),
        says: ["no graph 'unett'", "unet, vae_encoder"], in: folder)
      try expectUnusable(
        try run(["--graph", "text_encoder", "-i", "in.npz"] + out),
        says: ["in.npz", "which the graph does not take", "input_ids"], in: folder)
      try expectUnusable(
        try run(["--graph", "unet", "-i", "in.npz", "-o", "o.txt"]),
        says: ["o.txt", ".safetensors or .npz"], in: folder)
      try expectUnusable(
        try run(["--graph", "unet", "-i", "none.npz"] + out), says: ["no file none.npz"],
        in: folder)
      try expectUnusable(
        try run(["--graph", "unet", "-i", "in.npz", "-o", "none/o.npz"]),
        says: ["no folder none"], in: folder)
      try expectUnusable(
        ["run", checkpoint("loose/tensors.safetensors"), "-i", "in.npz"] + out,
        says: ["tensors.safetensors"], in: folder)

      // Inputs of a wrong shape.
      var inputs = golden.inputs
      inputs["encoder_hidden_states"] = Tensor(zeros: [1, 77, 25], type: .f32)
      try writeNPZ(inputs.map { (name: $0.key, tensor: $0.value) }, to: folder + "/bad.npz")
      try expectUnusable(
        try run(["--graph", "unet", "-i", "bad.npz"] + out),
        says: ["encoder_hidden_states", "[1, 77, 25]", "24"], in: folder)
      inputs["encoder_hidden_states"] = Tensor(zeros: [77, 24], type: .f32)
      try writeNPZ(inputs.map { (name: $0.key, tensor: $0.value) }, to: folder + "/bad.npz")
      try expectUnusable(
        try run(["--graph", "unet", "-i", "bad.npz"] + out),
        says: ["encoder_hidden_states", "[77, 24]"], in: folder)

      // A token that the vocabulary does not have.
      let ids = Tensor(int64s: [1, 2, 1_000_000], shape: [1, 3])
      let mask = Tensor(int64s: [1, 1, 1], shape: [1, 3])
      try writeNPZ(
        [(name: "input_ids", tensor: ids), (name: "attention_mask", tensor: mask)],
        to: folder + "/ids.npz")
      try expectUnusable(
        try run(["--graph", "text_encoder", "-i", "ids.npz"] + out), says: ["1000000"], in: folder)
      #expect(try folderListing(folder) == ["bad.npz", "ids.npz", "in.npz"])
    }
  }

  @Test func damagedWeights() throws {
    try withTemporaryFolder { folder in
      var bad = try bytes(try model("unet-f16"))
      bad[bad.count / 2] ^= 0xff
      try writeFile(bad, to: folder + "/bad.plumb")
      try writeInputs(of: "f16-unet-b1", to: folder + "/in.npz")
      try expectUnusable(
        ["run", "bad.plumb", "-i", "in.npz", "-o", "o.npz"], says: ["bad.plumb", "damaged"],
        in: folder)
      #expect(try folderListing(folder) == ["bad.plumb", "in.npz"])
    }
  }
}
