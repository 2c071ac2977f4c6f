import GraphIR
import TensorBase
import Testing

/// A vocabulary of three operators: `Twice` (x → x + x), `ShapeOf` (x → its shape as i64) and
/// `View` (x, shape → x under that shape, which must be known).
private let tools = ShapingTools(
  expand: { x throws(ExpansionFault) in
    switch x.call.name {
    case "Twice":
      let input = try x.input(0)
      return [try x.binary(.add, input, input)]
    case "ShapeOf":
      let shape = x[try x.input(0)].shape
      return [x.constant(Tensor(int64s: shape.dimensions.map { Int64($0) }, shape: [shape.rank]))]
    case "View": return [try x.reshape(try x.input(0), try x.integers(of: 1))]
    case "Branch":
      let name = try x.integers(of: 0)[0] != 0 ? "then" : "else"
      try x.splice(try x.body(name), x.captures)
      return []
    default: throw .unsupported("there is no \(x.call.name)")
    }
  }, evaluate: nil)

private func call(
  _ name: String, _ inputs: [ValueID], into output: ValueID, bodies: [String: GraphBody] = [:],
  captures: Int = 0
) -> Node {
  Node(
    name: name,
    op: .call(OperatorCall(name: name, version: 1, bodies: bodies, captures: captures)),
    inputs: inputs, outputs: [output])
}

/// A graph with the inputs `x` [a, b] f32 and `shape` [n] i64.
private func emptyGraph() -> (graph: Graph, x: ValueID, shape: ValueID) {
  var graph = Graph(name: "g")
  let x = graph.append("x", .input)
  let shape = graph.append("shape", .input)
  graph.inputs = [
    GraphInput(value: x, type: .f32, dimensions: [.symbol("a"), .symbol("b")]),
    GraphInput(value: shape, type: .i64, dimensions: nil),
  ]
  return (graph, x, shape)
}

@Suite struct ShapingTests {
  @Test func callsBecomeOpsAndKeepTheirNames() throws {
    var (graph, x, _) = emptyGraph()
    let y = graph.append("y", .node)
    graph.nodes = [call("Twice", [x], into: y)]
    graph.outputs = [y]
    let shaped = try ShapedGraph(graph, inputs: ["x": [2, 3], "shape": [1]], tools: tools)
    #expect(shaped.graph.nodes.map(\.op) == [.binary(.add)])
    #expect(shaped.graph.outputs.map { shaped.graph[$0].name } == ["y"])
    #expect(shaped[shaped.graph.outputs[0]] == Fact(.f32, [2, 3]))
  }

  @Test func shapesWorkedOutFromShapesNeedNoRun() throws {
    var (graph, x, _) = emptyGraph()
    let sizes = graph.append("sizes", .node), y = graph.append("y", .node)
    graph.nodes = [call("ShapeOf", [x], into: sizes), call("View", [x, sizes], into: y)]
    graph.outputs = [y]
    let shaped = try ShapedGraph(graph, inputs: ["x": [2, 3], "shape": [1]], tools: tools)
    // The shape is that of x already: an output that is another value under its own name.
    #expect(shaped.graph.nodes.map(\.op.name) == ["reshape"])
  }

  @Test func aShapeFromAnInputWaitsForItsElements() throws {
    var (graph, x, shape) = emptyGraph()
    let twice = graph.append("twice", .node), y = graph.append("y", .node)
    let z = graph.append("z", .node)
    graph.nodes = [
      call("Twice", [x], into: twice), call("View", [twice, shape], into: y),
      call("Twice", [y], into: z),
    ]
    graph.outputs = [z]
    let inputs: [String: Shape] = ["x": [2, 3], "shape": [1]]
    #expect(throws: GraphError.needsElements(graph: "g", node: "View", value: "shape")) {
      try ShapedGraph(graph, inputs: inputs, tools: tools)
    }
    // What can run meanwhile is told, and what is left.
    guard case .partial(let partial) = try GraphIR.shape(graph, inputs: inputs, tools: tools) else {
      Issue.record("the graph is complete")
      return
    }
    #expect(partial.ready.graph.outputs.map { partial.ready.graph[$0].name } == ["twice"])
    #expect(partial.rest.nodes.map(\.name) == ["View", "Twice"])
    // With the elements it is whole.
    let known = ["shape": Tensor(int64s: [6], shape: [1])]
    guard
      case .complete(let shaped) = try GraphIR.shape(
        graph, inputs: inputs, known: known, tools: tools)
    else {
      Issue.record("the graph is not complete")
      return
    }
    #expect(shaped[shaped.graph.outputs[0]] == Fact(.f32, [6]))
  }

  @Test func aBranchTakesThePlaceOfItsCall() throws {
    var (graph, x, _) = emptyGraph()
    let holds = graph.append("holds", .constant(Tensor(int64s: [0], shape: [])))
    let y = graph.append("y", .node)
    func body(_ operators: [String]) -> GraphBody {
      var body = Graph(name: "body")
      var last = body.append("x", .input)
      let parameter = last
      for (index, name) in operators.enumerated() {
        let next = body.append("v\(index)", .node)
        body.nodes.append(call(name, [last], into: next))
        last = next
      }
      body.outputs = [last]
      return GraphBody(graph: body, parameters: [parameter])
    }
    graph.nodes = [
      call(
        "Branch", [holds, x], into: y,
        bodies: ["then": body(["Twice"]), "else": body(["Twice", "Twice", "Twice"])], captures: 1)
    ]
    graph.outputs = [y]
    let shaped = try ShapedGraph(graph, inputs: ["x": [2, 3], "shape": [1]], tools: tools)
    #expect(shaped.graph.nodes.filter { $0.op == .binary(.add) }.count == 3)
    #expect(shaped[shaped.graph.outputs[0]] == Fact(.f32, [2, 3]))
  }

  @Test func aFaultNamesItsNode() throws {
    var (graph, x, _) = emptyGraph()
    let y = graph.append("y", .node)
    graph.nodes = [call("Thrice", [x], into: y)]
    graph.outputs = [y]
    #expect(
      throws: GraphError.misfit(
        graph: "g", node: "Thrice", op: "Thrice", reason: "there is no Thrice")
    ) {
      try ShapedGraph(graph, inputs: ["x": [2, 3], "shape": [1]], tools: tools)
    }
  }
}

@Suite struct SimplifyingTests {
  /// x [2, 3, 4] through the ops, which are followed by a negation that keeps them from being
  /// outputs.
  private func simplified(_ ops: [Op]) throws -> [Op] {
    var builder = GraphBuilder(name: "g")
    var last = builder.input("x", .f32, [.size(2), .size(3), .size(4)])
    for (index, op) in ops.enumerated() { last = builder.node("n\(index)", op, last) }
    builder.output(builder.node("end", .unary(.negate), last))
    return try ShapedGraph(builder.graph, inputs: ["x": [2, 3, 4]]).simplified().graph.nodes
      .dropLast().map(\.op)
  }

  @Test func movesThatCancelVanish() throws {
    #expect(try simplified([.transpose([1, 2, 0]), .transpose([2, 0, 1])]).isEmpty)
    #expect(
      try simplified([.reshape([.size(24)]), .reshape([.size(2), .size(3), .size(4)])]).isEmpty)
    #expect(
      try simplified([
        .reshape([.size(2), .size(3), .size(2), .size(2)]), .transpose([0, 2, 1, 3]),
        .transpose([0, 2, 1, 3]), .reshape([.size(2), .size(3), .size(4)]),
      ]).isEmpty)
  }

  /// Keys as an exporter turns them: heads apart, merged with the batch, turned, apart again.
  @Test func transpositionsReachThroughMergedAxes() throws {
    #expect(
      try simplified([
        .reshape([.size(2), .size(3), .size(2), .size(2)]), .transpose([0, 2, 1, 3]),
        .reshape([.size(4), .size(3), .size(2)]), .transpose([0, 2, 1]),
        .reshape([.size(2), .size(2), .size(2), .size(3)]), .transpose([0, 3, 1, 2]),
        .reshape([.size(2), .size(3), .size(4)]),
      ]).isEmpty)
  }

  @Test func movesThatDoNotCancelStay() throws {
    #expect(try simplified([.transpose([1, 0, 2])]) == [.transpose([1, 0, 2])])
    #expect(
      try simplified([.transpose([1, 0, 2]), .transpose([0, 2, 1])]) == [.transpose([1, 2, 0])])
  }

  @Test func movingAxesOfOneEntryIsAReshape() throws {
    #expect(
      try simplified([
        .reshape([.size(2), .size(1), .size(12)]), .transpose([1, 0, 2]),
      ]) == [.reshape([.size(1), .size(2), .size(12)])])
  }
}
