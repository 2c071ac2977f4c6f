import JSONText
import TestSupport
import Testing

private let verbs = ["convert", "inspect", "run", "ground", "eval", "diff", "verify", "bench"]

@Suite struct UsageTests {
  @Test func helpNamesEveryVerb() throws {
    for words in [["--help"], ["-h"], ["help"]] {
      let result = try expectGood(words)
      #expect(result.stderr.isEmpty)
      for verb in verbs { #expect(result.stdout.contains("\n  \(verb) ")) }
    }
  }

  @Test(arguments: verbs) func everyVerbHasHelp(_ verb: String) throws {
    let help = try expectGood([verb, "--help"])
    #expect(help.stderr.isEmpty)
    #expect(help.stdout.hasPrefix("usage: plumb \(verb)"))
    #expect(help.stdout.contains("example"), "\(verb) shows no example")
    for line in help.stdout.split(separator: "\n") {
      #expect(line.count <= 100, "too wide for a terminal: \(line)")
    }
    #expect(try runPlumb([verb, "-h"]).stdout == help.stdout)
    #expect(try runPlumb(["help", verb]).stdout == help.stdout)
    // Help wins over what else is wrong after it, and is not shown when it is a value.
    #expect(try runPlumb([verb, "--help", "--nonsense"]).stdout == help.stdout)
  }

  @Test(arguments: verbs) func everyVerbRefusesUnknownOptions(_ verb: String) throws {
    try expectUnusable(
      [verb, "--hepl"], says: ["plumb \(verb)", "--hepl", "did you mean --help?"])
    try expectUnusable([verb, "--zzzzzzzz"], says: ["there is no option --zzzzzzzz"])
    try expectUnusable([verb, "-x"], says: ["there is no option -x"])
  }

  @Test(arguments: [
    ("convert", "--ouptut", "--output"), ("convert", "--text-encodr", "--text-encoder"),
    ("inspect", "--jsn", "--json"), ("run", "--grph", "--graph"), ("ground", "--phrse", "--phrase"),
    ("ground", "--savetaps", "--save-taps"), ("ground", "--no-bmb", "--no-bbm"),
    ("diff", "--rtl", "--rtol"), ("verify", "--tolerence", "--tolerance"),
    ("bench", "--bach", "--batch"),
  ])
  func theNearestOptionIsSuggested(_ verb: String, _ slip: String, _ meant: String) throws {
    try expectUnusable(
      [verb, slip, "x"], says: ["there is no option \(slip); did you mean \(meant)?"])
    try expectUnusable([verb, slip + "=x"], says: ["did you mean \(meant)?"])
  }

  @Test func unknownVerbs() throws {
    try expectUnusable(["grond"], says: ["no verb 'grond'", "did you mean 'ground'?"])
    try expectUnusable(["help", "dif"], says: ["no verb 'dif'", "did you mean 'diff'?"])
    try expectUnusable(["xyzzy"], says: ["no verb 'xyzzy'", "plumb --help"])
    try expectUnusable(["--jsno"], says: ["'--jsno'"])
  }

  @Test func nothingAtAll() throws {
    let result = try runPlumb([])
    #expect(result.status == 2)
    #expect(result.stdout.isEmpty)
    #expect(result.stderr.contains("usage: plumb VERB"))
  }

  @Test func version() throws {
    #expect(try expectGood(["--version"]).stdout.wholeMatch(of: #/plumb \d+\.\d+\.\d+\n/#) != nil)
  }

  @Test func operands() throws {
    try expectUnusable(["inspect"], says: ["FILE is missing", "plumb inspect --help"])
    try expectUnusable(["inspect", "a", "b"], says: ["'b' is one word too many"])
    try expectUnusable(["diff", "a"], says: ["B is missing"])
    try expectUnusable(["verify", "a"], says: ["GOLDEN_DIR is missing"])
    try expectUnusable(["run", "a"], says: ["--input is missing"])
    try expectUnusable(["run", "a", "-i", "b"], says: ["--output is missing"])
    try expectUnusable(["convert", "a"], says: ["--output is missing"])
    try expectUnusable(["ground", "-o", "x"], says: ["FILE is missing"])
    try expectUnusable(["ground", "m", "-o", "x"], says: ["--image is missing"])
    try expectUnusable(["ground", "m", "-o", "x", "--image", "y"], says: ["--phrase is missing"])
    // Behind `--` a word with a dash is a file.
    try expectUnusable(["inspect", "--", "--json"], says: ["--json"])
  }

  @Test func values() throws {
    try expectUnusable(["convert", "a", "-o"], says: ["--output needs a value"])
    try expectUnusable(["inspect", "a", "--json=yes"], says: ["--json takes no value"])
    try expectUnusable(["convert", "a", "-o", "b", "-o", "c"], says: ["--output is given twice"])
    try expectUnusable(["inspect", "a", "--json", "--json"], says: ["--json is given twice"])
    try expectUnusable(["convert", "a", "--output=", "--level=1"], says: ["--output", "empty"])
    try expectUnusable(["inspect", ""], says: ["FILE", "empty"])
  }

  @Test(arguments: [
    ("convert", "--level", ["0", "23", "x", "1.5", "-1", "99999999999999999999"]),
    ("ground", "--steps", ["0", "1001", "x", "", "1e2"]),
    ("ground", "--last", ["0", "1001", "x"]),
    ("ground", "--seed", ["-1", "x", "99999999999999999999"]),
    ("ground", "--guidance", ["-1", "nan", "inf", "x", ""]),
    ("ground", "--threads", ["0", "1025", "x"]), ("run", "--threads", ["0"]),
    ("bench", "--batch", ["0", "1025"]), ("bench", "--runs", ["0", "1001"]),
    ("diff", "--rtol", ["-1", "nan", "x"]), ("diff", "--atol", ["-0.1", "inf"]),
    ("verify", "--tolerance", ["-1", "nan", "x"]),
  ])
  func ranges(_ verb: String, _ option: String, _ values: [String]) throws {
    let operands: [String: [String]] = [
      "convert": ["a", "-o", "b"], "ground": ["m", "--image", "i", "--phrase", "p", "-o", "d"],
      "run": ["m", "-i", "a.npz", "-o", "b.npz"], "bench": ["m"], "diff": ["a", "b"],
      "verify": ["m", "g"],
    ]
    for value in values {
      try expectUnusable(
        [verb] + (operands[verb] ?? []) + ["\(option)=\(value)"],
        says: ["\(option) takes a", "not '\(value)'"])
    }
  }

  @Test func optionsTakeTheirValueEitherWay() throws {
    let path = goldenFolder + "/checkpoints/loose/tensors.safetensors"
    let apart = try expectGood(["diff", path, path, "--rtol", "0.5"])
    #expect(try expectGood(["diff", path, path, "--rtol=0.5"]).stdout == apart.stdout)
    #expect(try expectGood(["diff", "--rtol=0.5", path, "--", path]).stdout == apart.stdout)
  }
}
