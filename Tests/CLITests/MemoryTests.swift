import ByteIO
import JSONText
import TensorFiles
import TestSupport
import Testing

/// What `--memory` and `--low-memory` change, and what they do not.
@Suite struct MemoryTests {
  private let ways = [["--low-memory"], ["--memory", "1G"], ["--memory=1.5GB"]]

  private func inputs(in folder: String) throws {
    try writeNPZ(
      try goldenCase("model", "f16-unet-b1").inputs.sorted { $0.key < $1.key }
        .map { (name: $0.key, tensor: $0.value) }, to: folder + "/in.npz")
  }

  @Test func runsGiveTheSameBytes() throws {
    try withTemporaryFolder { folder in
      try inputs(in: folder)
      let base = ["run", try model("unet-f16"), "-i", "in.npz", "-o", "out.npz", "--want", "*"]
      for kernels in [[], ["--reference"], ["--threads", "1"]] {
        try expectGood(base + kernels, in: folder)
        let held = try bytes(folder + "/out.npz")
        for way in ways {
          try expectGood(base + kernels + way, in: folder)
          #expect(try bytes(folder + "/out.npz") == held, "\(kernels) \(way)")
        }
      }
    }
  }

  @Test func groundingGivesTheSameMaps() throws {
    try withTemporaryFolder { folder in
      func ground(_ options: [String], _ output: String) throws -> [UInt8] {
        try expectGood(
          [
            "ground", try model(), "--image", picture(), "--phrase", "left pleural effusion",
            "--no-cache", "--save-taps", "-o", output,
          ] + quick + options, in: folder)
        return try bytes("\(folder)/\(output)/maps.safetensors")
      }
      let held = try ground([], "held")
      for (number, way) in ways.enumerated() {
        #expect(try ground(way, "\(number)") == held, "\(way)")
      }
    }
  }

  @Test func verifiesAsEver() throws {
    let golden = goldenFolder + "/model/sd1-unet-b1"
    for way in ways { try expectGood(["verify", try model(), golden] + way) }
  }

  @Test func benchSaysWhatIsHeld() throws {
    func weights(_ options: [String]) throws -> (held: Int, streamed: Int) {
      let document = try json(
        try expectGood(["bench", try model("unet-f16"), "--runs=1", "--json"] + options))
      return (
        try #require(document["held_weight_bytes"]?.intValue),
        try #require(document["streamed_weight_bytes"]?.intValue)
      )
    }
    let all = try weights([])
    #expect(all.held > 0 && all.streamed == 0)
    #expect(try weights(["--memory", "4G"]) == all)
    #expect(try weights(["--low-memory"]) == (0, all.held))
    let text = try expectGood(["bench", try model("unet-f16"), "--runs=1", "--low-memory"])
    #expect(text.stdout.contains("weights  0 B held, "), "\(text.stdout)")
  }

  /// What is too little is said before anything runs, with what is needed; that is enough.
  @Test func tooLittleIsRefused() throws {
    try withTemporaryFolder { folder in
      try inputs(in: folder)
      let base = ["run", try model("unet-f16"), "-i", "in.npz", "-o", "out.npz"]
      let refused = try expectUnusable(
        base + ["--memory", "1M"],
        says: ["graph 'unet' needs ", " bytes of memory", "1000000 are allowed", "allow more"],
        in: folder)
      #expect(try folderListing(folder) == ["in.npz"])
      let match = try #require(refused.stderr.firstMatch(of: #/needs ([0-9]+) bytes/#))
      let needed = try #require(Int(match.1))
      // What the process itself takes differs from run to run.
      try expectGood(base + ["--memory", "\(needed + 16_000_000)"], in: folder)
      try expectUnusable(
        [
          "ground", try model(), "--image", picture(), "--phrase", "effusion", "--no-cache",
          "-o", folder + "/o", "--memory=1M",
        ] + quick, says: ["needs ", "1000000 are allowed"])
    }
  }

  @Test func damagedWeights() throws {
    try withTemporaryFolder { folder in
      var bad = try bytes(try model("unet-f16"))
      bad[bad.count / 2] ^= 0xff
      try writeFile(bad, to: folder + "/bad.plumb")
      try inputs(in: folder)
      let base = ["run", "bad.plumb", "-i", "in.npz", "-o", "o.npz"]
      var texts = Set<String>()
      for way in [[], ["--low-memory"], ["--memory", "1G"]] {
        for _ in 0..<2 {
          texts.insert(
            try expectUnusable(base + way, says: ["bad.plumb", "damaged"], in: folder).stderr)
        }
      }
      #expect(texts.count == 1)
      #expect(try folderListing(folder) == ["bad.plumb", "in.npz"])
    }
  }

  @Test(arguments: ["run", "ground", "verify", "bench"])
  func optionsThatDoNotFit(verb: String) throws {
    let operands = [
      "run": ["m", "-i", "a.npz", "-o", "b.npz"], "bench": ["m"], "verify": ["m", "g"],
      "ground": ["m", "--image", "i", "--phrase", "p", "-o", "/tmp/d"],
    ]
    let base = [verb] + (operands[verb] ?? [])
    for value in [
      "0", "", "x", "-5M", "1.5", "M", "1e9", "5 M", "5MM", "0x10M", "nan", "infG", "1..5G", ".G",
      "99999999999999999999T", "0.0000001k",
    ] {
      try expectUnusable(
        base + ["--memory=\(value)"],
        says: ["--memory takes a number of bytes such as 500M", "'\(value)'"])
    }
    try expectUnusable(base + ["--memory", "1G", "--low-memory"], says: ["exclude each other"])
    try expectUnusable(base + ["--low-memory=1"], says: ["takes no value"])
    #expect(try expectGood([verb, "--help"]).stdout.contains("--memory BYTES"))
  }
}
