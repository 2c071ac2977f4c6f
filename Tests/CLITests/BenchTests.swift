import JSONText
import TensorBase
import TensorFiles
import TestSupport
import Testing

/// What `plumb bench --json` says of a graph.
private func benched(_ arguments: [String], _ path: String? = nil) throws -> JSONValue {
  try json(try expectGood(["bench", try path ?? model(), "--json"] + arguments))
}

/// The model that ships here: its channels are many enough for Winograd's algorithm.
private func phantom() throws -> String { try goldenPath("phantom/phantom.plumb") }

@Suite struct BenchTests {
  @Test func json() throws {
    let document = try benched(
      ["--graph", "text_encoder", "--runs=3", "--batch=3", "--threads=1"])
    #expect(document["graph"]?.stringValue == "text_encoder")
    #expect(document["batch"]?.intValue == 3)
    #expect(document["runs"]?.intValue == 3)
    #expect(document["threads"]?.intValue == 1)
    let seconds = try ["min", "median", "max"].map { key in
      try #require(document["seconds"]?[key]?.doubleValue, "\(key)")
    }
    #expect(seconds[0] > 0)
    #expect(seconds == seconds.sorted())
    for key in ["gflop", "gflops", "peak_gflops", "peak_fraction", "peak_memory_bytes"] {
      #expect(document[key]?.doubleValue ?? 0 > 0, "\(key)")
    }
    // Other processes of this test may disturb the peak's measurement, so that it is no bound.
    let (gflop, gflops) = (document["gflop"]?.doubleValue, document["gflops"]?.doubleValue)
    let rate = try #require(gflop) / seconds[1]
    #expect(abs(try #require(gflops) - rate) <= 1e-9 * rate)
    #expect(try #require(document["peak_memory_bytes"]?.intValue) > 1 << 20)
    for key in ["blas", "kernels"] { #expect(document[key]?.stringValue?.isEmpty == false) }
    #expect(document["profile"] == nil)
  }

  /// Twice the items are twice the work.
  @Test(arguments: ["vae_encoder", "vae_decoder", "text_encoder"])
  func workGrowsWithTheBatch(_ graph: String) throws {
    let one = try benched(["--graph", graph, "--runs=1"])
    #expect(one["batch"]?.intValue == 1)
    let two = try benched(["--graph", graph, "--runs=1", "--batch=2"])
    let (least, most) = (one["gflop"]?.doubleValue ?? 0, two["gflop"]?.doubleValue ?? 0)
    #expect(abs(most - 2 * least) <= 1e-9 * most && least > 0)
  }

  /// The UNet takes one text for all items, or one for each: inputs from a file say which.
  @Test func inputsFromAFile() throws {
    try withTemporaryFolder { folder in
      func work(texts: Int) throws -> Double {
        let path = folder + "/\(texts).npz"
        try writeNPZ(
          [
            (name: "sample", tensor: Tensor(zeros: [3, 4, 16, 24], type: .f32)),
            (name: "timestep", tensor: Tensor(int64s: [1, 2, 3], shape: [3])),
            (
              name: "encoder_hidden_states",
              tensor: Tensor(zeros: Shape([texts, 77, 24]), type: .f32)
            ),
          ], to: path)
        let document = try benched(["--graph", "unet", "--runs=1", "-i", path])
        #expect(document["batch"]?.intValue == 3)
        return try #require(document["gflop"]?.doubleValue)
      }
      let (shared, own) = (try work(texts: 1), try work(texts: 3))
      #expect(own > shared && own < 1.5 * shared, "\(own) \(shared)")
      let path = folder + "/1.npz"
      try expectUnusable(
        ["bench", try model(), "--graph=unet", "-i", path, "--batch=2"],
        says: ["--input and --batch"])
      try expectUnusable(
        ["bench", try model(), "--graph=text_encoder", "-i", path],
        says: ["1.npz", "does not take"])
      try expectUnusable(
        ["bench", try model(), "--graph=unet", "-i", "/none.npz"], says: ["/none.npz"])
    }
  }

  @Test func text() throws {
    let result = try expectGood(["bench", try model("unet-f16"), "--runs", "1", "--threads", "1"])
    for part in ["graph unet", "1 thread", "median", "GFLOP/s", "kernels"] {
      #expect(result.stdout.contains(part), "no \(part)")
    }
    #expect(!result.stdout.contains(" 0.0 median"), "\(result.stdout)")
    #expect(!result.stdout.contains("share"))
    try expectUnusable(["bench", try model()], says: ["several graphs"])
    try expectUnusable(["bench", try model(), "--graph", "x"], says: ["no graph 'x'"])
    try expectUnusable(["bench", "/none"], says: ["/none"])
  }

  @Test func onnx() throws {
    let document = try benched(
      ["--runs=1", "--batch=2"],
      try goldenPath(
        "onnx/grounding/unet-old.onnx"))
    #expect(document["batch"]?.intValue == 2)
    #expect(document["gflop"]?.doubleValue ?? 0 > 0)
  }

  /// The rows of a table of the profile: those with a share, without its header.
  private func rows(_ text: String) -> [[Substring]] {
    text.split(separator: "\n").filter { $0.contains(" %") && !$0.contains("peak") }
      .map { $0.split(separator: " ") }
  }

  @Test func profile() throws {
    let base = ["bench", try model(), "--graph", "unet", "--runs", "1"]
    let byOp = try expectGood(base + ["--profile"]).stdout
    #expect(byOp.contains(#/\n +op +calls +ms +share +GFLOP +GFLOP/s +MB\n/#))
    let ops = rows(byOp)
    for op in ["convolution", "attention", "groupNorm", "linear"] {
      #expect(ops.contains { $0[0] == op }, "no \(op)")
    }
    // Costliest first, and shares of a whole.
    let costs = ops.compactMap { Double($0[2]) }
    #expect(costs.count == ops.count && costs == costs.sorted(by: >))
    let shares = ops.compactMap { Double($0[3]) }
    #expect(abs(shares.reduce(0, +) - 100) < 0.1 * Double(shares.count), "\(shares)")

    let tables = try expectGood(base + ["--nodes"]).stdout.split(separator: "\n\n")
    #expect(tables.count == 3)
    let nodes = rows(String(tables[2]))
    #expect(nodes.count == rows(String(tables[1])).reduce(0) { $0 + (Int($1[1]) ?? 0) })
    #expect(tables[2].contains("down_blocks.0.attentions.0.transformer_blocks.0.attn2"))
  }

  @Test func profileAsJSON() throws {
    let document = try benched(["--graph", "unet", "--runs", "2", "--profile"])
    let nodes = try #require(document["profile"]?.arrayValue)
    for node in nodes {
      #expect(node["name"]?.stringValue?.isEmpty == false)
      #expect(node["op"]?.stringValue?.isEmpty == false)
      #expect(node["seconds"]?.doubleValue ?? -1 >= 0)
      #expect(node["bytes"]?.intValue ?? 0 > 0)
    }
    // The nodes hold the graph's work, in running order.
    let flop = nodes.reduce(0) { $0 + ($1["flop"]?.doubleValue ?? 0) }
    let gflop = try #require(document["gflop"]?.doubleValue)
    #expect(abs(flop / 1e9 - gflop) <= 0.02 * gflop, "\(flop) \(gflop)")
    let ops = nodes.compactMap { $0["op"]?.stringValue }
    #expect(ops.contains("convolution") && ops.contains("attention"))
  }

  @Test func trace() throws {
    try withTemporaryFolder { folder in
      let result = try expectGood(
        ["bench", try model(), "--graph", "unet", "--runs=2", "--profile", "--json"]
          + ["--trace", "trace.json"], in: folder)
      let nodes = try #require(try CLITests.json(result)["profile"]?.arrayValue)
      let trace = try JSONValue(parsing: try bytes(folder + "/trace.json"))
      let events = try #require(trace["traceEvents"]?.arrayValue)
      #expect(events.map { $0["name"]?.stringValue } == nodes.map { $0["name"]?.stringValue })
      #expect(events.map { $0["cat"]?.stringValue } == nodes.map { $0["op"]?.stringValue })
      var end = 0.0
      for event in events {
        #expect(event["ph"]?.stringValue == "X")
        #expect(event["pid"]?.intValue != nil && event["tid"]?.intValue != nil)
        let begin = try #require(event["ts"]?.doubleValue)
        let duration = try #require(event["dur"]?.doubleValue)
        // Microseconds; one node after the other.
        #expect(begin >= end - 1e-3 && duration >= 0)
        end = begin + duration
      }
      #expect(end > 0)

      // A trace alone, with the text, and one that cannot be written.
      let plain = try expectGood(
        ["bench", try model(), "--graph=text_encoder", "--runs=1", "--trace", "b.json"], in: folder)
      #expect(!plain.stdout.contains("share"))
      #expect(try JSONValue(parsing: try bytes(folder + "/b.json"))["traceEvents"] != nil)
      let failed = try runPlumb(
        ["bench", try model(), "--graph=text_encoder", "--runs=1", "--trace", "none/b.json"],
        in: folder)
      #expect(failed.status == 2 && failed.stderr.contains("none"))
    }
  }

  /// Without Winograd's algorithm the last digits are others, and only they.
  @Test func exact() throws {
    let inputs = [
      "sample": Shape([1, 4, 32, 32]), "timestep": [1], "encoder_hidden_states": [1, 77, 128],
    ]
    try withTemporaryFolder { folder in
      let tensors = inputs.sorted { $0.key < $1.key }.map { name, shape in
        (
          name: name,
          tensor: Tensor(
            floats: (0..<shape.count).map { index in
              Float((index * 37 + 11) % 101) / 50 - 1
            }, shape: shape)
        )
      }
      try writeNPZ(tensors, to: folder + "/in.npz")
      let base = ["run", try phantom(), "--graph", "unet", "-i", "in.npz", "-o"]
      try expectGood(base + ["fast.npz"], in: folder)
      try expectGood(base + ["exact.npz", "--exact"], in: folder)
      let fast = try TensorFile.open(folder + "/fast.npz").tensor(named: "out_sample")
      let exact = try TensorFile.open(folder + "/exact.npz").tensor(named: "out_sample")
      #expect(fast.floats != exact.floats)
      expectClose(fast, exact, relativeToMaximum: 1e-4, "out_sample")
    }
    // The work is counted as it is defined, by whichever algorithm it is done.
    let runs = try [[], ["--exact"]].map { more in
      try benched(["--graph", "unet", "--runs", "1"] + more, try phantom())
    }
    #expect(runs[0]["gflop"]?.doubleValue == runs[1]["gflop"]?.doubleValue)
  }
}
