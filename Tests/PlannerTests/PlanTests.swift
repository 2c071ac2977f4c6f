import GraphIR
import Planner
import TensorBase
import Testing

/// A small generator with a fixed start, so that a failure repeats.
private struct Numbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ state >> 31
  }
}

@Test(arguments: 1...20) func noTwoBuffersShareBytesAtOneMoment(seed: UInt64) {
  var numbers = Numbers(state: seed)
  let buffers = (0..<200).map { _ in
    let first = Int.random(in: 0..<100, using: &numbers)
    return Buffer(
      byteCount: 64 * Int.random(in: 1...50, using: &numbers), first: first,
      last: min(99, first + Int.random(in: 0...20, using: &numbers)))
  }
  let offsets = place(buffers)
  var peak = 0
  for moment in 0..<100 {
    let alive = buffers.indices
      .filter { buffers[$0].first <= moment && moment <= buffers[$0].last }
      .sorted { offsets[$0] < offsets[$1] }
    peak = max(peak, alive.reduce(0) { $0 + buffers[$1].byteCount })
    for (a, b) in zip(alive, alive.dropFirst()) {
      #expect(offsets[a] + buffers[a].byteCount <= offsets[b])
    }
  }
  let size = zip(offsets, buffers).map { $0 + $1.byteCount }.max() ?? 0
  #expect(size >= peak)
  #expect(Double(size) <= 1.25 * Double(peak), "\(size) bytes where \(peak) are needed at once")
}

@Test func aChainOfElementwiseNodesStaysInPlace() throws {
  var builder = GraphBuilder(name: "chain")
  let x = builder.input("x", .f32, [.size(100)])
  let a = builder.node("a", .unary(.exp), x)
  let b = builder.node("b", .unary(.tanh), a)
  let c = builder.node("c", .reshape([.size(10), .size(10)]), b)
  let d = builder.node("d", .unary(.sigmoid), c)
  builder.output(d)
  let plan = Plan(try ShapedGraph(builder.graph, inputs: ["x": [100]]))
  #expect(plan.arenaByteCount == 448)
  #expect(plan.places[x.index] == .outside)
  for value in [a, b, c, d] { #expect(plan.places[value.index] == .arena(offset: 0)) }
}

@Test func aValueNeededLaterIsNotOverwritten() throws {
  var builder = GraphBuilder(name: "later")
  let x = builder.input("x", .f32, [.size(16)])
  let a = builder.node("a", .unary(.exp), x)
  let seen = builder.node("seen", .reshape([.size(4), .size(4)]), a)
  let b = builder.node("b", .unary(.tanh), a)
  let c = builder.node("c", .reshape([.size(4), .size(4)]), b)
  builder.output(builder.node("sum", .binary(.add), seen, c))
  let plan = Plan(try ShapedGraph(builder.graph, inputs: ["x": [16]]))
  #expect(plan.places[a.index] == plan.places[seen.index])
  #expect(plan.places[a.index] != plan.places[b.index])
}

@Test func aReshapedInputIsTheInput() throws {
  var builder = GraphBuilder(name: "same")
  let x = builder.input("x", .f32, [.size(16)])
  let y = builder.node("y", .reshape([.size(4), .size(4)]), x)
  let z = builder.node("z", .reshape([.size(2), .size(8)]), y)
  builder.output(z)
  let plan = Plan(try ShapedGraph(builder.graph, inputs: ["x": [16]]))
  #expect(plan.places[y.index] == .same(x))
  #expect(plan.places[z.index] == .same(x))
  #expect(plan.arenaByteCount == 0)
}
