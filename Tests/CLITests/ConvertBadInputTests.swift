import ByteIO
import Glibc
import JSONText
import TestSupport
import Testing

/// Converting the spoiled copy fails with a sentence that says `parts`; an existing OUT keeps its
/// bytes and nothing else appears beside it.
private func expectRefused(
  _ checkpoint: String = "sd1-tiny", options: [String] = [], says parts: [String],
  sourceLocation: SourceLocation = #_sourceLocation, spoiling spoil: (String) throws -> Void
) throws {
  try withCheckpoint(checkpoint) { folder, place in
    try spoil(folder)
    try makeFolder(place + "/out")
    let old: [UInt8] = Array("what was there".utf8)
    try writeFile(old, to: place + "/out/m.plumb")
    try expectUnusable(
      ["convert", "model", "-o", "out/m.plumb"] + options, says: ["plumb convert: "] + parts,
      in: place, sourceLocation: sourceLocation)
    #expect(try bytes(place + "/out/m.plumb") == old, sourceLocation: sourceLocation)
    #expect(try folderListing(place + "/out") == ["m.plumb"], sourceLocation: sourceLocation)
  }
}

private let unetWeights = "/unet/diffusion_pytorch_model.safetensors"

@Suite struct ConvertBadInputTests {
  @Test(arguments: [
    (unetWeights, "model/unet: diffusion_pytorch_model.safetensors"),
    ("/vae/diffusion_pytorch_model.safetensors", "model/vae: diffusion_pytorch_model.safetensors"),
    ("/text_encoder/pytorch_model.bin", "model/text_encoder: pytorch_model.bin"),
    ("/unet/config.json", "model/unet/config.json"), ("/vae/config.json", "model/vae/config.json"),
    ("/scheduler/scheduler_config.json", "model/scheduler/scheduler_config.json"),
    ("/tokenizer/tokenizer.json", "tokenizer.json"),
  ])
  func truncatedAndEmptyFiles(_ file: String, _ named: String) throws {
    for count in [0, 1, 7, 100] {
      try expectRefused(says: [named]) { try truncateFile($0 + file, to: count) }
    }
    try expectRefused(says: [named]) { folder in
      try truncateFile(folder + file, to: try bytes(folder + file).count - 3)
    }
  }

  @Test func damagedWeights() throws {
    try expectRefused(says: ["model/unet: diffusion_pytorch_model.safetensors"]) { folder in
      try writeFile(try bytes(folder + unetWeights) + [0], to: folder + unetWeights)
    }
    try expectRefused(says: ["model/text_encoder: pytorch_model.bin"]) { folder in
      let path = folder + "/text_encoder/pytorch_model.bin"
      try writeFile([UInt8](repeating: 0x5a, count: 5000), to: path)
    }
    // A file of another format under the name.
    try expectRefused(says: ["model/unet: diffusion_pytorch_model.safetensors"]) { folder in
      try copyFile(folder + "/text_encoder/pytorch_model.bin", to: folder + unetWeights)
    }
  }

  @Test(arguments: [
    ("--unet", "vae-bf16", ["vae-bf16", "holds a vae", "a unet is expected"]),
    ("--vae", "unet-f16", ["unet-f16", "holds a unet", "a vae is expected"]),
    ("--text-encoder", "unet-f16", ["holds a unet", "a text_encoder is expected"]),
    ("--unet", "bert-safetensors", ["holds a text_encoder", "a unet is expected"]),
    ("--tokenizer", "unet-f16", ["unet-f16", "no tokenizer", "vocab.txt"]),
    ("--scheduler", "unet-f16", ["unet-f16", "no scheduler_config.json"]),
    (
      "--scheduler", "unet-f16/config.json",
      ["config.json", "no scheduler's configuration", "UNet2DConditionModel"]
    ),
    ("--text-encoder", "sd2-tiny/text_encoder", ["do not belong together", "24", "20"]),
    ("--tokenizer", "bert-safetensors/none", ["bert-safetensors/none", "no such folder"]),
    ("--unet", "none", ["checkpoints/none", "no such folder"]),
    ("--vae", "sd1-tiny/vae/config.json", ["vae/config.json", "it is a file; expected a folder"]),
    ("--weights", "q8", ["--weights", "'q8'", "f32, f16, bf16 or int8"]),
  ])
  func wrongPartInASlot(_ option: String, _ value: String, _ parts: [String]) throws {
    let value = option == "--weights" ? value : checkpoint(value)
    try expectRefused(options: [option, value], says: parts) { _ in }
  }

  @Test func oneKindTwice() throws {
    try expectRefused(
      "unet-f16", options: ["--unet", checkpoint("unet-odd-sharded")],
      says: ["unet-odd-sharded", "it is a unet, and so is model"]
    ) { _ in }
  }

  @Test(arguments: [
    ("unet", "dual_cross_attention", JSONValue.bool(true), "true"),
    ("unet", "act_fn", .string("tanhshrink"), "\"tanhshrink\""),
    ("unet", "class_embed_type", .string("timestep"), "\"timestep\""),
    ("unet", "norm_num_groups", .integer(0), "0"),
    ("unet", "layers_per_block", .integer(999_999_999), "999999999"),
    ("unet", "attention_head_dim", .integer(-2), "-2"),
    ("unet", "sample_size", .string("big"), "\"big\""),
    ("vae", "act_fn", .string("tanhshrink"), "\"tanhshrink\""),
    ("vae", "latent_channels", .integer(0), "0"),
    ("text_encoder", "hidden_act", .string("tanhshrink"), "\"tanhshrink\""),
    ("text_encoder", "num_attention_heads", .integer(0), "0"),
  ])
  func unsupportedSettingsAreNamedWithTheirValue(
    _ part: String, _ key: String, _ value: JSONValue, _ shown: String
  ) throws {
    try expectRefused(says: ["model/\(part)", "'\(key)'", shown, "expected"]) {
      try set(key, to: value, in: "\($0)/\(part)/config.json")
    }
  }

  @Test(arguments: [
    ("prediction_type", JSONValue.string("flow"), ["prediction_type = flow", "v_prediction"]),
    ("beta_schedule", .string("wavy"), ["beta_schedule = wavy", "scaled_linear"]),
    ("timestep_spacing", .string("odd"), ["timestep_spacing = odd", "leading"]),
    ("num_train_timesteps", .integer(-5), ["num_train_timesteps"]),
    ("beta_start", .string("x"), ["beta_start", "number"]),
    ("clip_sample", .integer(3), ["clip_sample", "true or false"]),
  ])
  func unsupportedSchedules(_ key: String, _ value: JSONValue, _ parts: [String]) throws {
    try expectRefused(says: ["model/scheduler/scheduler_config.json"] + parts) {
      try set(key, to: value, in: $0 + "/scheduler/scheduler_config.json")
    }
  }

  @Test func whatIsNoScheduler() throws {
    for text in ["[1]", "{}", "3", "null"] {
      try expectRefused(says: ["scheduler_config.json", "no scheduler's configuration"]) {
        try writeFile(Array(text.utf8), to: $0 + "/scheduler/scheduler_config.json")
      }
    }
  }

  @Test func missingTensorsAreNamed() throws {
    try expectRefused(says: ["model/unet", "'down_blocks.0.resnets.2.", "is missing", "more"]) {
      try set("layers_per_block", to: .integer(3), in: $0 + "/unet/config.json")
    }
    try expectRefused(says: [
      "model/unet", "'up_blocks.1.resnets.1.", "has the shape [56], not [48]",
    ]) {
      try set("layers_per_block", to: .integer(1), in: $0 + "/unet/config.json")
    }
    try expectRefused(says: ["model/text_encoder", "layer.3", "is missing"]) {
      try set("num_hidden_layers", to: .integer(4), in: $0 + "/text_encoder/config.json")
    }
  }

  @Test func missingFiles() throws {
    try expectRefused(says: ["model/unet", "there is no config.json"]) {
      try removeFile($0 + "/unet/config.json")
    }
    try expectRefused(says: ["model/unet", "there are no weights"]) {
      try removeFile($0 + unetWeights)
    }
    try expectRefused("unet-odd-sharded", says: ["00002-of-00003"]) {
      try removeFile($0 + "/diffusion_pytorch_model-00002-of-00003.safetensors")
    }
    try expectRefused(says: ["model", "nothing to convert", "model_index.json"]) { folder in
      for part in ["unet", "vae", "text_encoder"] {
        guard rename(folder + "/" + part, folder + "/x" + part) == 0 else { return }
      }
    }
  }

  @Test func sources() throws {
    try withTemporaryFolder { folder in
      let out = folder + "/m.plumb"
      let none = folder + "/none"
      try expectUnusable(["convert", none, "-o", out], says: [none, "no such folder"])
      try expectUnusable(
        ["convert", picture(), "-o", out], says: ["it is a file; expected a folder"])
      try expectUnusable(["convert", folder, "-o", out], says: [folder, "nothing to convert"])
      try expectUnusable(["convert", "-o", out], says: ["nothing to convert"])
      #expect(try folderListing(folder).isEmpty)
    }
  }

  @Test func placesThatCannotBeWritten() throws {
    try withTemporaryFolder { folder in
      let source = checkpoint("unet-f16")
      try writeFile([1], to: folder + "/file")
      let cases: [(String, [String])] = [
        (folder + "/none/m.plumb", ["no folder \(folder)/none", "make it first"]),
        (folder, [folder, "is a folder"]),
        (folder + "/file/m.plumb", [folder + "/file", "is a file"]),
        ("/proc/m.plumb", ["/proc/m.plumb", "denies"]),
        ("/dev/null", ["/dev/null", "not a regular file"]),
        (folder + "/new/", ["is a folder"]),
      ]
      for (out, parts) in cases {
        try expectUnusable(["convert", source, "-o", out], says: parts)
      }
      #expect(try folderListing(folder) == ["file"])
    }
  }
}
