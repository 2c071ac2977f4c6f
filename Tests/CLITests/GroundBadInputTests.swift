import ByteIO
import TestSupport
import Testing

@Suite struct GroundBadInputTests {
  /// Grounding fails with a sentence that says `parts` and makes no folder for results.
  private func expectRefused(
    model path: String? = nil, image: String = picture(), phrase: String = "effusion",
    options: [String] = quick, says parts: [String],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try withTemporaryFolder { folder in
      try expectUnusable(
        [
          "ground", try path ?? model(), "--image", image, "--phrase", phrase, "-o", "out",
          "--no-cache",
        ] + options, says: ["plumb ground: "] + parts, in: folder, sourceLocation: sourceLocation)
      #expect(try folderListing(folder).isEmpty, sourceLocation: sourceLocation)
    }
  }

  @Test func phrases() throws {
    for phrase in ["", "   ", "\t\n"] {
      try expectRefused(phrase: phrase, says: ["phrase is empty"])
    }
    try expectRefused(phrase: "of the and", says: ["'of the and'", "choose words"])
    try expectRefused(options: quick + ["--words", "7"], says: ["no word 7"])
    try expectRefused(options: quick + ["--words", "some"], says: ["'some'", "content, all"])
    try expectRefused(options: quick + ["--words", "disease:Edma"], says: ["'Edma'", "'Edema'"])
    try expectRefused(options: quick + ["--words", ""], says: ["''"])
    try expectRefused(options: quick + ["--words", "-1"], says: ["-1"])
  }

  @Test func layersAndNumbers() throws {
    try expectRefused(options: quick + ["--layers", "nope*"], says: ["'nope*'", "inspect --taps"])
    let slip = "mid_block.attentions.0.transformer_blocks.0.attn3"
    try expectRefused(options: quick + ["--layers", slip], says: [slip, "attn2'?"])
    try expectRefused(options: ["--steps", "1000000"], says: ["--steps", "1 to 1000"])
  }

  @Test func pictures() throws {
    try withTemporaryFolder { folder in
      try expectRefused(image: folder + "/none.png", says: ["no file \(folder)/none.png"])
      try expectRefused(image: folder, says: [folder, "is a folder"])
      try expectRefused(image: "/dev/null", says: ["/dev/null"])
      try expectRefused(image: try model(), says: ["sd1-tiny.plumb", "no picture", "PNG nor JPEG"])
      for name in ["grey.png", "radiograph.jpg", "progressive.jpg", "colour16.png"] {
        let whole = try bytes(picture(name))
        for count in [0, 8, 40, whole.count / 2] {
          let path = "\(folder)/\(name)"
          try writeFile(Array(whole.prefix(count)), to: path)
          try expectRefused(image: path, says: [name])
        }
      }
    }
  }

  @Test func models() throws {
    try withTemporaryFolder { folder in
      try expectRefused(model: folder + "/none.plumb", says: ["no file \(folder)/none.plumb"])
      try expectRefused(model: folder, says: [folder, "is a folder"])
      try expectRefused(model: picture(), says: ["radiograph.jpg"])
      try expectRefused(model: try model("unet-f16"), says: ["unet-f16.plumb", "holds no"])
      try expectRefused(model: try model("bert-safetensors"), says: ["holds no unet"])
      let parts = [
        "--unet", checkpoint("sd1-tiny/unet"), "--vae", checkpoint("sd1-tiny/vae"),
        "--text-encoder", checkpoint("sd1-tiny/text_encoder"),
      ]
      try expectGood(["convert"] + parts + ["-o", folder + "/parts.plumb"])
      try expectRefused(model: folder + "/parts.plumb", says: ["parts.plumb", "holds no"])
      // Damage to the weights is seen when they are read.
      var bad = try bytes(try model())
      bad[bad.count / 2] ^= 0xff
      try writeFile(bad, to: folder + "/bad.plumb")
      try expectRefused(model: folder + "/bad.plumb", says: ["bad.plumb", "damaged"])
    }
  }

  @Test func resultFolders() throws {
    try withTemporaryFolder { folder in
      try writeFile([1], to: folder + "/file")
      let base = [
        "ground", try model(), "--image", picture(), "--phrase", "effusion", "--no-cache", "-o",
      ]
      for out in [folder + "/file", folder + "/file/deeper"] {
        try expectUnusable(base + [out] + quick, says: [folder + "/file", "a folder is needed"])
      }
      // Said before the long computation, not after it.
      try expectUnusable(base + ["/proc/none/out"] + ["--steps", "1000"], says: ["/proc"])
      #expect(try bytes(folder + "/file") == [1])
    }
  }
}
