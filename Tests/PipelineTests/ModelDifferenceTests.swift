import ByteIO
import GraphIR
import JSONText
import NativeFormat
import Pipeline
import TensorBase
import TestSupport
import Testing

/// Writes a model of one graph called `g`.
func writeModel(
  _ graph: Graph, _ weights: [String: Tensor] = [:], settings: JSONValue? = nil, to path: String
) throws {
  var writer = try NativeWriter(path: path, options: StorageOptions())
  for (name, tensor) in weights.sorted(by: { $0.key < $1.key }) { try writer.add(name, tensor) }
  var content = NativeContent()
  content.graphs = [graph]
  content.scheduler = settings
  try writer.finish(content)
}

@Suite struct ModelDifferenceTests {
  /// x [n, 2] → linear → softmax → plus a constant.
  private func graph(
    axis: Int = -1, constant: Float = 1, hasSoftmax: Bool = true, hasReLU: Bool = false,
    type: ElementType = .f32
  ) -> Graph {
    var builder = GraphBuilder(name: "g")
    let x = builder.input("x", type, [.symbol("n"), .size(2)])
    let weight = builder.weight("fc.weight", [2, 2])
    var value = builder.node("fc", .linear(activation: nil), x, weight)
    if hasSoftmax { value = builder.node("soft", .softmax(axis: axis), value) }
    if hasReLU { value = builder.node("relu", .unary(.relu), value) }
    let one = builder.constant("one", Tensor(floats: [constant], shape: [1]))
    builder.output(builder.node("sum", .binary(.add), value, one))
    return builder.graph
  }

  private let weight = Tensor(floats: [1, 2, 3, 4], shape: [2, 2])

  private func difference(
    _ actual: Graph, _ expected: Graph, weight changed: Tensor? = nil,
    settings: (JSONValue?, JSONValue?) = (nil, nil)
  ) throws -> (passed: Bool, text: String, json: JSONValue, junit: String) {
    try withTemporaryFolder { folder in
      try writeModel(
        actual, ["fc.weight": changed ?? weight], settings: settings.0, to: folder + "/a.plumb")
      try writeModel(
        expected, ["fc.weight": weight], settings: settings.1, to: folder + "/b.plumb")
      let result = try differences(of: folder + "/a.plumb", from: folder + "/b.plumb")
      return (
        result.passed, result.text, try JSONValue(parsing: Array(result.jsonText.utf8)),
        result.junitText
      )
    }
  }

  /// `kind what name: details` of every change.
  private func changes(_ json: JSONValue) -> [String] {
    (json["graphs"]?.arrayValue ?? []).flatMap { $0["changes"]?.arrayValue ?? [] }.map { change in
      let words = ["kind", "what", "name"].map { change[$0]?.stringValue ?? "-" }
      let details = (change["details"]?.arrayValue ?? []).compactMap(\.stringValue)
      return words.joined(separator: " ") + ": " + details.joined(separator: "; ")
    }
  }

  @Test func same() throws {
    let result = try difference(graph(), graph())
    #expect(result.passed && result.text.hasPrefix("graphs are the same: g\n"))
    #expect(changes(result.json).isEmpty && result.json["passed"] == .bool(true))
    #expect(result.junit.contains("tests=\"2\" failures=\"0\""))
  }

  @Test func changedAttributeAndConstant() throws {
    let result = try difference(graph(axis: 0, constant: 2), graph())
    #expect(!result.passed && result.json["passed"] == .bool(false))
    #expect(
      changes(result.json) == [
        "changed node soft (softmax): axis -1 → 0",
        "changed constant one: f32 [1] [1] → f32 [1] [2]",
      ])
    #expect(result.text.contains("FAIL  graph g\n  changed  node soft (softmax): axis -1 → 0"))
    #expect(result.text.contains("2 differences between the graphs."))
    #expect(result.junit.contains("<failure type=\"graph\" message=\"2 differences\">"))
  }

  @Test func addedRemovedAndRewired() throws {
    let result = try difference(graph(hasSoftmax: false, hasReLU: true), graph())
    #expect(
      changes(result.json) == [
        "removed node soft: softmax", "changed node sum (add): input 0 soft → relu",
        "added node relu: relu",
      ])
  }

  @Test func inputsWeightsAndSettings() throws {
    let wide = Tensor(floats: [1, 2, 3, 4, 5, 6], shape: [3, 2])
    var builder = GraphBuilder(name: "g")
    let x = builder.input("x", .f16, [.size(4), .size(2)])
    let y = builder.node(
      "fc", .linear(activation: nil), x, builder.weight("fc.weight", [3, 2]))
    builder.output(y)
    let settings: (JSONValue, JSONValue) = (
      .object(["steps": .integer(5), "new": .bool(true)]), .object(["steps": .integer(4)])
    )
    let result = try difference(
      builder.graph, graph(hasSoftmax: false), weight: wide, settings: settings)
    let found = changes(result.json)
    for line in [
      "changed input x: f32 [n, 2] → f16 [4, 2]", "removed node sum: add",
      "changed weight fc.weight: f32 [2, 2] → f32 [3, 2]",
      "removed constant one: f32 [1] [1]", "changed outputs : sum → fc",
      "changed setting scheduler.steps: 4 → 5", "added setting scheduler.new: true",
    ] {
      #expect(found.contains(line), "\(line) is not in \(found)")
    }
    #expect(found.count == 7)
  }

  @Test func weightsCountToo() throws {
    let result = try difference(
      graph(), graph(), weight: Tensor(floats: [1, 2, 3, 5], shape: [2, 2]))
    #expect(!result.passed && result.text.contains("FAIL  fc.weight"))
    #expect(result.json["graphs"]?.arrayValue?.first?["same"] == .bool(true))
  }
}
