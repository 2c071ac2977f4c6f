import ByteIO
import JSONText
import TensorBase
import TensorFiles
import TestSupport
import Testing

private typealias Named = (name: String, tensor: Tensor)

private func floats(_ values: [Float]) -> Tensor { Tensor(floats: values, shape: [values.count]) }

/// A TensorProto of float32.
private func proto(_ tensor: Tensor, name: String = "") -> [UInt8] {
  var bytes: [UInt8] = []
  for dimension in tensor.shape.dimensions { bytes += [0x08, UInt8(dimension)] }
  bytes += [0x10, 1]
  if !name.isEmpty { bytes += [0x42, UInt8(name.utf8.count)] + Array(name.utf8) }
  return bytes + [0x4a, UInt8(tensor.byteCount)] + tensor.bytes
}

@Suite struct DiffToleranceTests {
  private let a: [Named] = [
    ("enc.w", floats([1.1])), ("enc.b", floats([1.01])), ("dec.w", floats([2])),
  ]
  private let b: [Named] = [
    ("enc.w", floats([1])), ("enc.b", floats([1])), ("dec.w", floats([2])),
  ]

  private func diff(_ options: [String], file: String? = nil) throws -> ProcessResult {
    try withTemporaryFolder { folder in
      try writeSafetensors(a, to: folder + "/a.safetensors")
      try writeSafetensors(b, to: folder + "/b.safetensors")
      if let file { try writeFile(Array(file.utf8), to: folder + "/t.json") }
      return try runPlumb(["diff", "a.safetensors", "b.safetensors"] + options, in: folder)
    }
  }

  @Test func byPattern() throws {
    #expect(try diff([]).status == 1)
    #expect(try diff(["--tolerance", "enc.*=0.2,0"]).status == 0)
    // The last that matches counts.
    #expect(try diff(["--tolerance", "enc.*=0.2,0", "--tolerance", "enc.b=1e-3,0"]).status == 1)
    #expect(try diff(["--tolerance", "enc.b=1e-3,0", "--tolerance", "enc.*=0.2,0"]).status == 0)
    #expect(try diff(["--tolerance", "enc.w=0,0.2", "--atol", "0.011"]).status == 0)
    // 0.1 is more than either bound, and less than their sum.
    #expect(try diff(["--tolerance", "*=0.06,0.06"]).status == 0)
    #expect(try diff(["--tolerance", "*=0.06,0.06,either"]).status == 1)
    #expect(try diff(["--rule", "either", "--tolerance", "*=0.06,0.06"]).status == 1)
    #expect(try diff(["--rule", "either", "--tolerance", "*=0.06,0.06,sum"]).status == 0)
    #expect(try diff(["--rule", "either", "--atol", "0.06", "--rtol", "0.06"]).status == 1)
    #expect(try diff(["--only", "*.b", "--atol", "0.011"]).status == 0)
    let one = try diff(["--only", "dec.*"])
    #expect(one.status == 0 && one.stdout.contains("1 compared"))
  }

  @Test func byFile() throws {
    let file = #"{"default": {"atol": 0.02}, "tensors": {"enc.w": {"rtol": 0.2, "rule": "sum"}}}"#
    #expect(try diff(["--tolerances", "t.json"], file: file).status == 0)
    #expect(
      try diff(["--tolerances", "t.json", "--tolerance", "enc.w=0,0"], file: file).status == 1)
    let scaled = #"{"tensors": {"enc.*": {"of_largest": 0.11}, "no.such": {"atol": 1}}}"#
    #expect(try diff(["--tolerances", "t.json"], file: scaled).status == 0)
    #expect(
      try diff(["--tolerances", "t.json"], file: scaled.replacing("0.11", with: "0.09")).status == 1
    )
  }

  @Test(arguments: [
    "*", "=1,1", "a=1", "a=-1,0", "a=nan,0", "a=1,inf", "a=1,0,often", "a=x,y",
  ])
  func badTolerances(_ text: String) throws {
    try expectUnusable(
      ["diff", "a", "b", "--tolerance", text], says: ["'\(text)' is not GLOB=ATOL,RTOL"])
  }

  @Test(arguments: [
    ("[]", "a JSON object"), (#"{"tensor": {}}"#, "tensors"), (#"{"tensors": []}"#, "patterns"),
    (#"{"tensors": {"a": {"atol": -1}}}"#, "at least 0"),
    (#"{"tensors": {"a": {"tol": 1}}}"#, "tol"), (#"{"default": {"rule": "or"}}"#, "sum or either"),
    (#"{"default": {"rtol": 1, "of_largest": 1}}"#, "either rtol or of_largest"), ("{", "t.json"),
  ])
  func badFiles(_ text: String, _ part: String) throws {
    let result = try diff(["--tolerances", "t.json"], file: text)
    #expect(result.status == 2 && result.stderr.contains(part), "\(result)")
  }

  @Test func patternsThatMatchNothing() throws {
    for options in [["--tolerance", "end.*=1,1"], ["--only", "end.w"]] {
      let result = try diff(options)
      #expect(result.status == 2 && result.stderr.contains("no tensor is called"), "\(result)")
    }
    #expect(try diff(["--only", "emc.w"]).stderr.contains("did you mean 'enc.w'"))
    #expect(try diff(["--rule", "and"]).status == 2)
    #expect(try diff(["--rule", "either"]).stderr.contains("--rule goes with bounds"))
    // A file of tolerances may serve several comparisons: what it has too many is said.
    let noted = try diff(["--tolerances", "t.json"], file: #"{"tensors": {"no.*": {"atol": 1}}}"#)
    #expect(noted.stdout.contains("t.json has tolerances for tensors that are not here: no.*"))
  }

  @Test func nanAndTypesOnlyWhenAsked() throws {
    func diff(_ a: Tensor, _ b: Tensor, _ options: [String]) throws -> Int32 {
      try withTemporaryFolder { folder in
        try writeSafetensors([("x", a)], to: folder + "/a.safetensors")
        try writeSafetensors([("x", b)], to: folder + "/b.safetensors")
        return try runPlumb(["diff", "a.safetensors", "b.safetensors"] + options, in: folder).status
      }
    }
    let nan = floats([.nan, 1])
    #expect(try diff(nan, nan, []) == 1)
    #expect(try diff(nan, nan, ["--atol", "1e30"]) == 1)
    #expect(try diff(nan, nan, ["--equal-nan"]) == 0)
    #expect(try diff(nan, nan, ["--tolerance", "x=0,0,equal-nan"]) == 0)
    #expect(try diff(nan, floats([2, 1]), ["--equal-nan", "--atol", "9"]) == 1)
    let half = floats([1, 2]).converted(to: .f16)
    #expect(try diff(half, floats([1, 2]), []) == 1)
    #expect(try diff(half, floats([1, 2]), ["--any-type"]) == 0)
    #expect(try diff(half, floats([1, 2.5]), ["--any-type"]) == 1)
  }
}

@Suite struct DiffOutputTests {
  @Test func details() throws {
    try withTemporaryFolder { folder in
      try writeSafetensors([("x", floats([1, 2, 3, 4]))], to: folder + "/a.safetensors")
      try writeSafetensors([("x", floats([1, 2.5, 3, 8]))], to: folder + "/b.safetensors")
      let result = try runPlumb(
        ["diff", "a.safetensors", "b.safetensors", "--details"], in: folder)
      for part in [
        "x  f32 [4]: 2 of 4 elements differ", "50 % 0  90 % 4.00e+00", "worst", "at [3]: 4.0",
        "first off", "at [1]: 2.0, expected 2.5", "ULP", "SQNR", "PSNR",
        "from atol 4.00e+00 with rtol 1.30e-06", "5.00e-01 of the largest", "1e-1…1e0", "█",
      ] {
        #expect(result.stdout.contains(part), "no \(part) in \(result.stdout)")
      }
      // Without details, what would do is said all the same.
      let brief = try runPlumb(["diff", "a.safetensors", "b.safetensors"], in: folder)
      #expect(brief.stdout.contains("it passes from atol 4.00e+00"))
      #expect(!brief.stdout.contains("SQNR"))
    }
  }

  @Test func files() throws {
    try withTemporaryFolder { folder in
      let wide = Tensor(floats: [1, 2, 3, 4, 5, 6], shape: [2, 3])
      let other = Tensor(floats: [1, 2, 3, 4, .nan, 7], shape: [2, 3])
      try writeSafetensors(
        [("<a & \"b\">", other), ("same", wide), ("extra", wide)], to: folder + "/a.safetensors")
      try writeSafetensors(
        [("<a & \"b\">", wide), ("same", wide), ("gone", wide)], to: folder + "/b.safetensors")
      let result = try runPlumb(
        [
          "diff", "a.safetensors", "b.safetensors", "--junit", "r.xml", "--html", "r.html",
          "--json",
        ], in: folder)
      #expect(result.status == 1)
      let document = try json(result)
      let first = try #require(document["tensors"]?.arrayValue?.first)
      #expect(first["statistics"]?["finite"] == .integer(5))
      #expect(first["statistics"]?["ulp"]?["max_index"] == .array([.integer(1), .integer(2)]))
      #expect(first["passes_with"]?["atol"] == .null)
      let xml = String(decoding: try bytes(folder + "/r.xml"), as: UTF8.self)
      #expect(xml.hasPrefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites"))
      for part in [
        "tests=\"4\" failures=\"3\"", "name=\"&lt;a &amp; &quot;b&quot;&gt;\">",
        "name=\"same\"/>", "type=\"missing\" message=\"gone is missing\"", "type=\"extra\"",
        "type=\"tolerance\"",
      ] {
        #expect(xml.contains(part), "no \(part) in \(xml)")
      }
      let page = String(decoding: try bytes(folder + "/r.html"), as: UTF8.self)
      for part in [
        "<!doctype html>", "&lt;a &amp; &quot;b&quot;&gt;", "data:image/png;base64,iVBORw0KGgo",
        "blue is NaN", "<li>gone</li>", "2 × 3 elements",
      ] {
        #expect(page.contains(part), "no \(part) in the page")
      }
      #expect(!page.contains("http"))
      // No file is begun where none can be written.
      let refused = try runPlumb(
        ["diff", "a.safetensors", "b.safetensors", "--html", "none/r.html"], in: folder)
      #expect(refused.status == 2 && refused.stdout.isEmpty)
    }
  }

  /// Python's own parser takes the XML, whatever tensors are called.
  @Test func wellFormedXML() throws {
    try withTemporaryFolder { folder in
      try writeSafetensors([("a\u{1}\u{b}<>&'\"é", floats([1]))], to: folder + "/a.safetensors")
      try writeSafetensors([("b]]>", floats([1]))], to: folder + "/b.safetensors")
      _ = try runPlumb(
        ["diff", "a.safetensors", "b.safetensors", "--junit", "r.xml"], in: folder)
      let check = try runProcess(
        "python3", ["-c", "import xml.dom.minidom as m; print(m.parse('r.xml').nodeName)"],
        in: folder)
      #expect(check.status == 0, "\(check)")
    }
  }
}

@Suite struct DiffFolderTests {
  private let x = Tensor(floats: [1, 2, 3, 4], shape: [2, 2])

  @Test func protosAgainstArrays() throws {
    try withTemporaryFolder { folder in
      for name in ["ours", "theirs/more"] { try makeFolder(folder + "/" + name) }
      try writeFile(proto(x, name: "y"), to: folder + "/theirs/output_0.pb")
      try writeFile(proto(x), to: folder + "/theirs/input_0.pb")
      try writeSafetensors([("a", x), ("b", x)], to: folder + "/theirs/more/taps.safetensors")
      try writeFile(Array("not a tensor".utf8), to: folder + "/theirs/README.txt")
      try writeNPY(x, to: folder + "/ours/output_0.npy")
      let missing = try runPlumb(["diff", "ours", "theirs"], in: folder)
      #expect(missing.status == 1)
      for name in ["input_0", "more/taps/a", "more/taps/b"] {
        #expect(missing.stdout.contains("FAIL  \(name): missing."), "\(missing)")
      }
      #expect(missing.stdout.contains("theirs: no files of tensors, and not looked at: README.txt"))
      try expectGood(["diff", "ours", "theirs", "--only", "output_*"], in: folder)
      // A single proto goes by its own name, or by its file's without one.
      try writeSafetensors([("y", x), ("input_0", x)], to: folder + "/s.safetensors")
      try expectGood(["diff", "theirs/output_0.pb", "s.safetensors", "--only", "y"], in: folder)
      try expectGood(
        ["diff", "theirs/input_0.pb", "s.safetensors", "--only", "input_0"], in: folder)
    }
  }

  /// Arrays have no names of their own; some of a folder's files by number.
  @Test func arraysAndRanges() throws {
    try withTemporaryFolder { folder in
      for name in ["ours", "theirs"] { try makeFolder(folder + "/" + name) }
      for step in 0..<12 {
        try writeNPY(x, to: folder + "/ours/step\(step).npy")
        let theirs = step == 11 ? Tensor(floats: [1, 2, 3, 5], shape: [2, 2]) : x
        try writeNPY(theirs, to: folder + "/theirs/step\(step).npy")
      }
      try expectGood(["diff", "ours/step0.npy", "theirs/step1.npy"], in: folder)
      let some = try expectGood(["diff", "ours", "theirs", "--only", "step{2..10}"], in: folder)
      #expect(some.stdout.contains("9 compared"))
      let more = try runPlumb(["diff", "ours", "theirs", "--only", "step{2..11}"], in: folder)
      #expect(more.status == 1 && more.stdout.contains("10 compared, 1 out of tolerance"))
    }
  }

  @Test func unusableFolders() throws {
    try withTemporaryFolder { folder in
      try makeFolder(folder + "/empty")
      try makeFolder(folder + "/double")
      try writeNPY(x, to: folder + "/double/a.npy")
      try writeFile(proto(x), to: folder + "/double/a.pb")
      try expectUnusable(
        ["diff", folder + "/empty", folder + "/double"], says: ["holds no file of tensors"])
      try expectUnusable(
        ["diff", folder + "/double", folder + "/double"], says: ["two of its files", "'a'"])
      try writeFile([0x0a, 0xff], to: folder + "/double/a.pb")
      try expectUnusable(["diff", folder + "/double", folder + "/double"], says: ["a.pb"])
    }
  }

  /// Nothing but an ONNX file on either side: its weights and nodes.
  @Test func modelsOfONNX() throws {
    let path = goldenFolder + "/onnx-runtime/gelu/model.onnx"
    let result = try expectGood(["diff", path, path])
    #expect(result.stdout.contains("graphs are the same"))
    let other = try runPlumb(["diff", path, goldenFolder + "/onnx-runtime/fast_gelu/model.onnx"])
    #expect(other.status == 1 && other.stdout.contains("FAIL  graph"))
  }
}
