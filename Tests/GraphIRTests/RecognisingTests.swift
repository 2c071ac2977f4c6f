import GraphIR
import TensorBase
import Testing

/// x f32 [2, 8, 4, 4] or as given, with room for constants and weights.
private struct Sketch {
  var builder = GraphBuilder(name: "g")
  let x: ValueID
  private var count = 0

  init(_ dimensions: [Int]) {
    x = builder.input("x", .f32, dimensions.map { .size($0) })
  }

  mutating func callAsFunction(_ op: Op, _ inputs: ValueID...) -> ValueID {
    count += 1
    return builder.node("n\(count)", op, inputs: inputs)
  }

  mutating func scalar(_ value: Float) -> ValueID {
    count += 1
    return builder.constant("c\(count)", Tensor(scalar: value))
  }

  mutating func filled(_ value: Float, _ size: Int) -> ValueID {
    count += 1
    return builder.constant(
      "c\(count)", Tensor(floats: [Float](repeating: value, count: size), shape: [size]))
  }

  /// What is left of the graph with `result` as its output, by name of op.
  mutating func recognised(_ result: ValueID) throws -> [String] {
    builder.output(result)
    let shape = Shape(
      (builder.graph.inputs[0].dimensions ?? []).compactMap {
        if case .size(let size) = $0 { size } else { nil }
      })
    return try ShapedGraph(builder.graph, inputs: ["x": shape]).recognised().graph.nodes.map(
      \.op.name)
  }
}

@Suite struct RecognisingTests {
  @Test func aNumberTimesItsSigmoidIsSiLU() throws {
    var sketch = Sketch([2, 8])
    let sigmoid = sketch(.unary(.sigmoid), sketch.x)
    let product = sketch(.binary(.multiply), sketch.x, sigmoid)
    #expect(try sketch.recognised(product) == ["silu"])
  }

  /// The two orders in which torch's exporters write it, and one in which the half comes first.
  @Test(arguments: 0..<3) func theErrorFunctionMakesGELU(order: Int) throws {
    var sketch = Sketch([2, 8])
    let argument =
      order == 1
      ? sketch(.binary(.multiply), sketch.x, sketch.scalar(0.70710677))
      : sketch(.binary(.divide), sketch.x, sketch.scalar(1.4142135))
    let sum = sketch(
      .binary(.add), sketch(.arithmetic(.map(.erf)), argument), sketch.scalar(1))
    let half = sketch.scalar(0.5)
    let result =
      order == 2
      ? sketch(.binary(.multiply), sketch(.binary(.multiply), sketch.x, half), sum)
      : sketch(.binary(.multiply), sketch(.binary(.multiply), sketch.x, sum), half)
    #expect(try sketch.recognised(result) == ["gelu"])
  }

  @Test func whatIsNearlyGELUStays() throws {
    var sketch = Sketch([2, 8])
    let argument = sketch(.binary(.divide), sketch.x, sketch.scalar(1.5))
    let sum = sketch(.binary(.add), sketch(.arithmetic(.map(.erf)), argument), sketch.scalar(1))
    let product = sketch(.binary(.multiply), sketch.x, sum)
    let result = sketch(.binary(.multiply), product, sketch.scalar(0.5))
    #expect(try !sketch.recognised(result).contains("gelu"))
  }

  @Test func halvesOfWhichOneIsGated() throws {
    var sketch = Sketch([2, 8])
    let first = sketch(.slice(Slice(axis: 1, start: 0, end: 4)), sketch.x)
    let second = sketch(.slice(Slice(axis: 1, start: 4, end: 8)), sketch.x)
    let result = sketch(.binary(.multiply), first, sketch(.unary(.gelu), second))
    #expect(try sketch.recognised(result) == ["gated"])
  }

  @Test func layerNormInSmallSteps() throws {
    var sketch = Sketch([2, 8])
    let mean = sketch(.reduce(Reduction(.mean, axes: [1], keepsAxes: true)), sketch.x)
    let difference = sketch(.binary(.subtract), sketch.x, mean)
    let squares = sketch(.binary(.multiply), difference, difference)
    let variance = sketch(.reduce(Reduction(.mean, axes: [1], keepsAxes: true)), squares)
    let root = sketch(
      .unary(.sqrt), sketch(.binary(.add), variance, sketch.scalar(1e-5)))
    let scaled = sketch(
      .binary(.multiply), sketch(.binary(.divide), difference, root), sketch.filled(2, 8))
    let result = sketch(.binary(.add), scaled, sketch.filled(3, 8))
    #expect(try sketch.recognised(result) == ["layerNorm"])
  }

  /// Torch's exporters write a group norm as a norm of instances of [batch, groups, rest].
  @Test(arguments: [Float(1), 2]) func groupNormByWayOfInstances(inner: Float) throws {
    var sketch = Sketch([2, 8, 4, 4])
    let folded = sketch(.reshape([.size(2), .size(4), .size(32), .size(1)]), sketch.x)
    let norm = sketch(
      .groupNorm(GroupNorm(groups: 4, epsilon: 1e-6)), folded, sketch.filled(inner, 4),
      sketch.filled(0, 4))
    let back = sketch(.reshape([.size(2), .size(8), .size(4), .size(4)]), norm)
    let scale = sketch(.reshape([.size(8), .size(1), .size(1)]), sketch.filled(5, 8))
    let shift = sketch(.reshape([.size(8), .size(1), .size(1)]), sketch.filled(7, 8))
    let result = sketch(.binary(.add), sketch(.binary(.multiply), back, scale), shift)
    let left = try sketch.recognised(result)
    // An inner scale that is not one would have to be kept.
    #expect(
      left.filter { $0 != "reshape" }
        == (inner == 1 ? ["groupNorm"] : ["groupNorm", "multiply", "add"]))
  }
}
