import ByteIO
import JSONText
import TensorBase
import TensorFiles
import TestSupport
import Testing

private let grounding = "onnx/grounding"

/// A file of golden/onnx/grounding.
private func part(_ name: String) throws -> String { try goldenPath(grounding + "/" + name) }

/// Options of `convert` for a pipeline that has this UNet and all else as ONNX.
private func pipeline(_ unet: String, text: String = "text.onnx") throws -> [String] {
  let checkpoint = checkpoint("sd1-tiny")
  return [
    "--unet", unet, "--text-encoder", try part(text), "--vae",
    try part("vae_encoder.onnx"), "--tokenizer", checkpoint + "/tokenizer", "--scheduler",
    checkpoint + "/scheduler",
  ]
}

/// The same of the checkpoint that the ONNX files were exported from.
private func checkpointParts() throws -> [String] {
  let source = checkpoint("sd1-tiny")
  return [
    "--unet", try goldenFolderPath(grounding + "/unet"), "--text-encoder",
    source + "/text_encoder", "--vae", source + "/vae", "--tokenizer", source + "/tokenizer",
    "--scheduler", source + "/scheduler",
  ]
}

/// Converts, grounds, and opens the maps.
private func maps(
  _ options: [String], as name: String, in folder: String,
  sourceLocation: SourceLocation = #_sourceLocation
) throws -> TensorFile {
  try expectGood(
    ["convert"] + options + ["-o", name + ".plumb"], in: folder, sourceLocation: sourceLocation)
  try expectGood(
    ["ground", name + ".plumb", "--image", picture(), "--phrase", "left pleural effusion"] + quick
      + ["--save-taps", "--no-cache", "-o", name], in: folder, sourceLocation: sourceLocation)
  return try TensorFile.open("\(folder)/\(name)/maps.safetensors")
}

/// The same maps, and the same taps under the same names, to `part` of each tap's largest magnitude.
private func expectSame(
  _ actual: TensorFile, _ expected: TensorFile, part: Double = 1e-4,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  #expect(Set(actual.names) == Set(expected.names), sourceLocation: sourceLocation)
  for name in expected.names {
    let (a, b) = (try actual.tensor(named: name), try expected.tensor(named: name))
    #expect(a.type == b.type && a.shape == b.shape, "\(name)", sourceLocation: sourceLocation)
    guard b.type.isFloatingPoint else { continue }
    let isMap = ["map", "activation", "merged"].contains(name)
    expectClose(
      a, b, relativeToMaximum: isMap ? 30 * part : part, name, sourceLocation: sourceLocation)
  }
}

/// Writes a copy of an ONNX file with other names of the same length: no length in it changes.
private func renameValues(_ source: String, _ names: [String: String], to target: String) throws {
  var data = try bytes(source)
  for (old, new) in names {
    let (from, to) = (Array(old.utf8), Array(new.utf8))
    precondition(from.count == to.count)
    var index = 0
    while index + from.count <= data.count {
      // A text is told from a part of one by its length before it.
      if index > 0, data[index - 1] == UInt8(from.count), data[index] == from[0],
        data[index..<index + from.count].elementsEqual(from)
      {
        data.replaceSubrange(index..<index + from.count, with: to)
      }
      index += 1
    }
  }
  try writeFile(data, to: target)
}

private let layers = [
  "down_blocks.0.attentions.0.transformer_blocks.0.attn2",
  "mid_block.attentions.0.transformer_blocks.0.attn2",
  "up_blocks.1.attentions.0.transformer_blocks.0.attn2",
  "up_blocks.1.attentions.1.transformer_blocks.0.attn2",
]

@Suite struct ONNXGroundingTests {
  /// Weights in bytes, an output's in a row or in a column, as the exporter put them.
  @Test func bytesGroundAsThoseOfTheCheckpoint() throws {
    try withTemporaryFolder { folder in
      let bytes = ["--weights", "int8"]
      let expected = try maps(try checkpointParts() + bytes, as: "expected", in: folder)
      for name in ["unet-old.onnx", "unet-dynamo.onnx"] {
        let options = try pipeline(try part(name)) + ["--latent-size", "16"] + bytes
        try expectSame(try maps(options, as: name, in: folder), expected, part: 5e-3)
      }
    }
  }

  /// Of both of torch's exporters, and with fixed sizes: one latent, a timestep of rank 0, two texts.
  @Test func mapsAreThoseOfTheCheckpoint() throws {
    try withTemporaryFolder { folder in
      let expected = try maps(try checkpointParts(), as: "expected", in: folder)
      #expect(expected.names.count { $0.hasPrefix("image/") } == layers.count)
      for name in ["unet-old.onnx", "unet-dynamo.onnx", "unet-static.onnx"] {
        let text = name == "unet-static.onnx" ? "text-static.onnx" : "text.onnx"
        let options = try pipeline(try part(name), text: text) + ["--latent-size", "16"]
        try expectSame(try maps(options, as: name, in: folder), expected)
      }

      // Other names of inputs and outputs.
      try renameValues(
        try part("unet-old.onnx"),
        ["sample": "latent", "timestep": "instants", "out_sample": "prediction"],
        to: folder + "/renamed.onnx")
      let options = try pipeline("renamed.onnx") + ["--latent-size", "16"]
      try expectUnusable(
        ["convert"] + options + ["-o", "none.plumb"],
        says: ["renamed.onnx", "'sample'", "latent, instants", "--io unet:THEIRS=sample"],
        in: folder)
      let names = ["--io", "unet:latent=sample", "--io", "unet:instants=timestep"]
      try expectSame(
        try maps(
          options + names + ["--io", "unet:prediction=out_sample"], as: "renamed", in: folder),
        expected)
    }
  }

  @Test(arguments: ["unet-old.onnx", "unet-dynamo.onnx", "unet-static.onnx"])
  func layersHaveTheNamesOfTheirModules(_ name: String) throws {
    let text = try expectGood(["inspect", try part(name), "--taps"]).stdout
    #expect(text.contains("4 cross, 4 self"))
    for layer in layers { #expect(text.contains("tap  \(layer) "), "\(layer) of \(name)") }
  }

  @Test func sizesAreAskedFor() throws {
    try withTemporaryFolder { folder in
      try copyFile(try part("unet-old.onnx"), to: folder + "/unet.onnx")
      let convert = ["convert", "--unet", "unet.onnx", "-o", "m.plumb"]
      try expectUnusable(convert, says: ["unet.onnx", "--latent-size"], in: folder)
      // A configuration beside the file tells it.
      try copyFile(try part("unet/config.json"), to: folder + "/config.json")
      try expectGood(convert, in: folder)
      // A fixed size cannot be another.
      try expectUnusable(
        ["convert", "--unet", try part("unet-static.onnx"), "--latent-size=20", "-o", "n.plumb"],
        says: ["--latent-size", "16×16"], in: folder)
    }
  }

  @Test(arguments: [
    (["--unet", "none.onnx"], ["none.onnx", "no such file"]),
    (["none.onnx"], ["none.onnx", "no such file"]),
    (["--unet", "VAE", "--latent-size=16"], ["vae_encoder.onnx", "'timestep'"]),
    (["--vae", "UNET"], ["unet-old.onnx", "'encoder_hidden_states'", "a vae takes sample"]),
    (
      ["--vae", "VAE", "--io", "vae:sample=picture"],
      ["vae_encoder.onnx", "'sample'", "inputs picture"]
    ),
    (["--unet", "UNET", "--io", "unet:latent=sample"], ["--io", "no input or output 'latent'"]),
    (["--unet", "UNET", "--io", "vae:latent=sample"], ["--io", "no vae", "ONNX"]),
    (
      ["--unet", "UNET", "--io", "unet:sample=timestep", "--io", "unet:timestep=timestep"],
      ["--io", "two of the unet", "'timestep'"]
    ),
    (["--unet", "UNET", "--io", "sample=latent"], ["--io", "PART:THEIRS=OURS"]),
  ])
  func whatIsWrongIsSaid(_ options: [String], _ says: [String]) throws {
    let named = try options.map { option in
      switch option {
      case "UNET": try part("unet-old.onnx")
      case "VAE": try part("vae_encoder.onnx")
      default: option
      }
    }
    try withTemporaryFolder { folder in
      try expectUnusable(
        ["convert"] + named + ["-o", "m.plumb"], says: ["plumb convert: "] + says, in: folder)
      #expect(try folderListing(folder).isEmpty)
    }
  }
}
