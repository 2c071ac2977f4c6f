import ByteIO
import JSONText
import TensorBase
import TensorFiles
import TestSupport
import Testing

private let tensorsOfRun = ["map.npy", "overlay.png"]

/// A first run with every word's taps, in the folder `first`.
private func groundFirst(
  _ options: [String] = [], in folder: String, saving: Bool = true
) throws {
  try expectGood(
    [
      "ground", try model(), "--image", picture(), "--phrase", "left pleural effusion", "-o",
      "first",
    ]
      + quick + (saving ? ["--save-taps"] : []) + ["--no-cache"] + options, in: folder)
}

private func document(_ path: String) throws -> JSONValue {
  try JSONValue(parsing: try bytes(path))
}

@Suite struct GroundAgainTests {
  private let from = ["ground", "--from", "first/maps.safetensors"]

  @Test(arguments: [[], ["--no-bbm"], ["--last", "1"], ["--layers", "mid_block.*"]])
  func theRedoEqualsTheRun(_ options: [String]) throws {
    try withTemporaryFolder { folder in
      let isLast = options.first == "--last"
      let usual = ["--steps=3"] + (isLast ? [] : ["--last=2"]) + options
      try expectGood(
        ["ground", try model(), "--image", picture(), "--phrase=left pleural effusion", "-o=x"]
          .dropLast() + ["-o", "first", "--save-taps", "--no-cache"] + usual, in: folder)
      let redo = options.first == "--no-bbm" ? options : []
      let run = try expectGood(from + ["-o", "second", "--save-taps"] + redo, in: folder)
      #expect(run.stderr.isEmpty)
      for file in tensorsOfRun + ["maps.safetensors"] {
        #expect(
          try bytes("\(folder)/first/\(file)") == bytes("\(folder)/second/\(file)"), "\(file)")
      }
      let (one, two) = (
        try document(folder + "/first/result.json"), try document(folder + "/second/result.json")
      )
      for key in one.objectValue?.keys ?? [] where key != "seconds" {
        #expect(one[key] == two[key], "\(key)")
      }
    }
  }

  /// What is chosen anew gives what a run with that choice gives.
  @Test(arguments: [
    ["--no-bbm"], ["--last", "1"], ["--layers", "mid_block.*"], ["--words", "1"],
  ])
  func whatIsChosenAnew(_ options: [String]) throws {
    try withTemporaryFolder { folder in
      try groundFirst(["--words", "all"], in: folder)
      try expectGood(from + ["-o", "again"] + options, in: folder)
      let steps = options.first == "--last" ? ["--steps=3"] : quick
      let words = options.first == "--words" ? [] : ["--words", "all"]
      try expectGood(
        [
          "ground", try model(), "--image", picture(), "--phrase", "left pleural effusion", "-o",
          "direct", "--no-cache",
        ] + steps + words + options, in: folder)
      #expect(try bytes(folder + "/again/map.npy") == bytes(folder + "/direct/map.npy"))
    }
  }

  @Test func refusals() throws {
    try withTemporaryFolder { folder in
      try groundFirst(in: folder)
      for option in ["--phrase=x", "--steps=3", "--guidance=2", "--seed=1", "--cache=c"] {
        try expectUnusable(
          from + ["-o", "o", option],
          says: [String(option.prefix { $0 != "=" }), "cannot be changed with --from"], in: folder)
      }
      try expectUnusable(
        from + [try model(), "-o", "o"], says: ["FILE or --from, not both"], in: folder)
      try expectUnusable(
        ["ground", "--from", "none", "-o", "o"], says: ["no file none"], in: folder)
      try expectUnusable(
        ["ground", "--from", try model(), "-o", "o"], says: ["sd1-tiny.plumb"], in: folder)
      try expectUnusable(
        ["ground", "--from", checkpoint("loose/tensors.safetensors"), "-o", "o"],
        says: ["tensors.safetensors", "not a maps.safetensors"], in: folder)
      try expectUnusable(
        from + ["-o", "o", "--image", picture("grey.png")], says: ["grey.png", "not the picture"],
        in: folder)
      try expectUnusable(
        from + ["-o", "o", "--layers", "nope"], says: ["'nope'"], in: folder)
      try expectUnusable(from + ["-o", "o", "--words", "9"], says: ["word 9"], in: folder)
      #expect(!folderExists(folder + "/o"))

      try groundFirst(in: folder, saving: false)
      try expectUnusable(from + ["-o", "o"], says: ["has no taps", "--save-taps"], in: folder)
      try groundFirst(["--no-bbm"], in: folder)
      try expectUnusable(
        from + ["-o", "o"], says: ["no taps of a text pass", "--no-bbm"], in: folder)
    }
  }

  /// Metadata comes from a file that anyone can have written.
  @Test(arguments: [
    ("steps", "0"), ("steps", "4"), ("steps", "x"), ("last", "0"), ("last", "-3"),
    ("last", "99999999999999999999"), ("layers", "[]"), ("layers", "{"), ("layers", "[\"x\"]"),
    ("tokens", "[]"), ("tokens", "[0]"), ("tokens", "[-1,5]"), ("tokens", "[9223372036854775807]"),
    ("words", "3"), ("words", "[{}]"), ("crop_side", "0"), ("crop_side", "7"),
    ("crop_side", "99999999"), ("seed", "-1"), ("guidance", "x"), ("format", "plumb maps 9"),
    ("image", "/none"),
  ])
  func hostileMetadata(_ key: String, _ value: String) throws {
    try withTemporaryFolder { folder in
      try groundFirst(in: folder)
      let file = try TensorFile.open(folder + "/first/maps.safetensors")
      var metadata = file.metadata
      metadata[key] = value
      try writeSafetensors(
        try file.names.map { (name: $0, tensor: try file.tensor(named: $0)) }, metadata: metadata,
        to: folder + "/bad.safetensors")
      try expectUnusable(
        ["ground", "--from", "bad.safetensors", "-o", "o"],
        says: [key == "image" ? "/none" : "bad.safetensors"], in: folder)
    }
  }

  @Test func hostileTensors() throws {
    try withTemporaryFolder { folder in
      try groundFirst(in: folder)
      let file = try TensorFile.open(folder + "/first/maps.safetensors")
      let tap = try #require(file.names.first { $0.hasPrefix("image/") })
      let other = try #require(file.names.first { $0.hasPrefix("text/") })
      let shape = try file.descriptor(named: tap).shape
      let cases: [(String, Tensor?)] = [
        (tap, nil), (tap, Tensor(zeros: [3, 2], type: .f32)),
        (tap, Tensor(zeros: Shape([3, shape[1], 5, 5]), type: .f32)),
        (tap, Tensor(zeros: Shape([3, 0, 16, 16]), type: .f32)),
        (tap, Tensor(floats: Array(repeating: .nan, count: shape.count), shape: shape)),
        (other, Tensor(zeros: shape, type: .f64)), ("latent_mean", Tensor(zeros: [4], type: .f32)),
        ("latent_mean", Tensor(zeros: [1, 4, 0, 0], type: .f32)),
      ]
      for (name, tensor) in cases {
        let tensors = try file.names.compactMap { each in
          let own = try file.tensor(named: each)
          return (each == name ? tensor : own).map { (name: each, tensor: $0) }
        }
        try writeSafetensors(tensors, metadata: file.metadata, to: folder + "/bad.safetensors")
        try expectUnusable(
          ["ground", "--from", "bad.safetensors", "-o", "o"], says: [], in: folder)
      }
      try truncateFile(folder + "/first/maps.safetensors", to: 3000)
      try expectUnusable(from + ["-o", "o"], says: ["maps.safetensors"], in: folder)
    }
  }
}
