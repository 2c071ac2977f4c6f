import ByteIO
import GraphIR
import JSONText
import Pipeline
import TensorBase
import TensorFiles
import TestSupport
import Testing

@Suite struct LayerwiseTests {
  /// x [1, 2] → a = x·Aᵀ → b = max(a, 0) → c = b·s → d = c·s.
  private func graph() -> Graph {
    var builder = GraphBuilder(name: "g")
    let x = builder.input("x", .f32, [.size(1), .size(2)])
    let a = builder.node("a", .linear(activation: nil), x, builder.weight("A", [2, 2]))
    let b = builder.node("b", .unary(.relu), a)
    let scale = builder.weight("s", [1])
    let c = builder.node("c", .binary(.multiply), b, scale)
    builder.output(builder.node("d", .binary(.multiply), c, scale))
    return builder.graph
  }

  private func weights(_ last: Float = 4, scale: Float = 1) -> [String: Tensor] {
    [
      "A": Tensor(floats: [1, 2, 3, last], shape: [2, 2]),
      "s": Tensor(floats: [scale], shape: [1]),
    ]
  }

  private func row(_ a: Float, _ b: Float) -> Tensor { Tensor(floats: [a, b], shape: [1, 2]) }

  /// What A = [[1, 2], [3, 4]] and s = 1 make of [1, 0.5].
  private var golden: [(name: String, tensor: Tensor)] {
    [
      ("input.x", row(1, 0.5)), ("inner.a", row(2, 5)), ("inner.b", row(2, 5)),
      ("inner.c", row(2, 5)), ("output.d", row(2, 5)),
    ]
  }

  private func verify(
    _ weights: [String: Tensor], _ tensors: [(name: String, tensor: Tensor)],
    tolerance: Double? = nil, replay: Bool = false, also: (String) throws -> Void = { _ in }
  ) throws -> (passed: Bool, text: String, json: JSONValue) {
    try withTemporaryFolder { folder in
      try writeModel(graph(), weights, to: folder + "/m.plumb")
      try makeFolder(folder + "/case")
      try writeSafetensors(tensors, to: folder + "/case/io.safetensors")
      try writeFile(Array("{\"config\": {}}".utf8), to: folder + "/case/case.json")
      let result = try verifyLayerwise(
        modelPath: folder + "/m.plumb", goldenFolder: folder + "/case",
        relativeToMaximum: tolerance, replayFolder: replay ? folder + "/replay" : nil)
      try also(folder)
      return (result.passed, result.text, try JSONValue(parsing: Array(result.jsonText.utf8)))
    }
  }

  private func layers(_ json: JSONValue) -> [JSONValue] {
    json["cases"]?.arrayValue?.first?["layers"]?.arrayValue ?? []
  }

  @Test func allIsWell() throws {
    let result = try verify(weights(), golden)
    #expect(result.passed)
    let layers = layers(result.json)
    #expect(layers.compactMap { $0["name"]?.stringValue } == ["a", "b", "c", "d"])
    #expect(layers.allSatisfy { $0["nodes"]?.arrayValue?.count == 1 })
    #expect(layers[1]["takes"]?.arrayValue?.first?["name"] == .string("a"))
    #expect(layers[1]["takes"]?.arrayValue?.first?["role"] == .string("computed"))
    #expect(result.json["cases"]?.arrayValue?.first?["first_own"] == .null)
  }

  /// One weight is wrong: its node is named, those behind it are right by themselves and drift.
  @Test func theFirstWrongNode() throws {
    let result = try verify(weights(5), golden, replay: true) { folder in
      // What was kept runs as a model of its own, and is wrong as it was.
      let (file, output) = (folder + "/replay/node.plumb", folder + "/replay/out.safetensors")
      let written = try runGraph(
        modelPath: file, graph: nil, inputPath: folder + "/replay/inputs.safetensors",
        outputPath: output)
      #expect(written.map(\.name) == ["a"] && written.map(\.shape) == [[1, 2]])
      let difference = try differences(
        of: output, from: folder + "/replay/expected.safetensors")
      #expect(!difference.passed && difference.text.contains("5.5, expected 5.0"))
    }
    #expect(!result.passed)
    let layers = layers(result.json)
    #expect(layers.map { $0["own"]?["passed"] == .bool(true) } == [false, true, true, true])
    #expect(layers.map { $0["drift"]?["passed"] == .bool(true) } == [false, false, false, false])
    #expect(result.json["cases"]?.arrayValue?.first?["first_own"] == .string("a"))
    #expect(result.text.contains("first wrong by itself: a: 1 of 2 elements"))
    for line in [
      "node   linear, activation null", "takes  x  f32 [1, 2]  input",
      "takes  A  f32 [2, 2]  weight", "gives  a  f32 [1, 2]", "  plumb run ",
      "has the nodes of a with their golden inputs",
    ] { #expect(result.text.contains(line), "no '\(line)': \(result.text)") }
  }

  /// No node is far off, but together they are.
  @Test func driftAlone() throws {
    let result = try verify(weights(scale: 1.00006), golden, replay: true) { folder in
      // The node that is first too far is kept with what it was given.
      let output = folder + "/replay/out.safetensors"
      _ = try runGraph(
        modelPath: folder + "/replay/node.plumb", graph: nil,
        inputPath: folder + "/replay/inputs.safetensors", outputPath: output)
      var options = DifferenceOptions()
      options.tolerancesPath = folder + "/replay/tolerances.json"
      let expected = folder + "/replay/expected.safetensors"
      #expect(try !differences(of: output, from: expected, options: options).passed)
    }
    #expect(result.json["replay"]?["value"] == .string("d"))
    #expect(result.json["replay"]?["inputs"] == .string("computed"))
    #expect(!result.passed)
    let layers = layers(result.json)
    #expect(layers.allSatisfy { $0["own"]?["passed"] == .bool(true) })
    #expect(layers.map { $0["drift"]?["passed"] == .bool(true) } == [true, true, true, false])
    #expect(result.text.contains("no node is wrong by itself"))
    #expect(try verify(weights(scale: 1.00006), golden, tolerance: 1e-3).passed)
  }

  /// Without all values in between, the nodes between two golden ones go together.
  @Test func severalNodesBetweenGoldenValues() throws {
    let tensors = golden.filter { !["inner.a", "inner.c"].contains($0.name) }
    let result = try verify(weights(), tensors + [("inner.other", row(0, 0))])
    #expect(result.passed)
    let layers = layers(result.json)
    #expect(layers.compactMap { $0["name"]?.stringValue } == ["b", "d"])
    #expect(layers.map { $0["nodes"]?.arrayValue?.count } == [2, 2])
    #expect(
      result.text.contains("since the graph has no such value: 1 golden values, other."))
  }

  @Test func anotherShape() throws {
    let tensors = golden.map { name, tensor in
      (name: name, tensor: name == "inner.b" ? tensor.reshaped([2, 1]) : tensor)
    }
    let result = try verify(weights(), tensors)
    #expect(!result.passed)
    #expect(result.json["cases"]?.arrayValue?.first?["first_own"] == .string("b"))
    // What comes after takes what was computed, which is right.
    #expect(
      layers(result.json).map { $0["passed"] == .bool(true) } == [true, false, true, true])
  }

  /// What is in the file and not computed is compared too.
  @Test func weightsAndConstants() throws {
    let held = [
      (name: "inner.A", tensor: Tensor(floats: [1, 2, 3, 4], shape: [2, 2])),
      (name: "inner.s", tensor: Tensor(floats: [1], shape: [1])),
    ]
    let good = try verify(weights(), golden + held)
    #expect(good.passed)
    #expect(
      layers(good.json).prefix(2).map { $0["role"] } == [.string("weight"), .string("weight")])
    #expect(good.text.contains("6 values"))

    let bad = try verify(weights(5), golden + held)
    let item = bad.json["cases"]?.arrayValue?.first
    #expect(item?["first_held"] == .string("A") && item?["first_own"] == .string("a"))
    #expect(
      bad.text.contains(
        "1 of what the file holds is not as recorded; first the weight A: 1 of 4 elements"))
  }

  /// Floats of another width are compared by value; whole numbers in their place are a fault.
  @Test func otherTypes() throws {
    func recorded(as type: ElementType) -> [(name: String, tensor: Tensor)] {
      golden.map { name, tensor in
        (name: name, tensor: name == "inner.b" ? tensor.converted(to: type) : tensor)
      }
    }
    #expect(try verify(weights(), recorded(as: .f16)).passed)
    let result = try verify(weights(), recorded(as: .i64))
    #expect(
      layers(result.json).map { $0["passed"] == .bool(true) } == [true, false, true, true])
    #expect(result.text.contains("b: the type is f32, expected i64; the values agree."))
  }

  @Test func unusableCases() throws {
    #expect(throws: (any Error).self) {
      try verify(weights(), [("input.x", row(1, 1)), ("output.other", row(1, 1))])
    }
    #expect(throws: (any Error).self) { try verify(weights(), [("input.x", row(1, 1))]) }
    #expect(throws: (any Error).self) { try verify(weights(), [("output.d", row(1, 1))]) }
  }
}
