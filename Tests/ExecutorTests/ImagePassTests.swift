import Executor
import GraphIR
import Kernels
import TensorBase
import TestSupport
import Testing

/// What convolutional networks are made of: a convolution with a batch norm's numbers, factors
/// written out, a pool, a norm before its convolution, two branches joined and shuffled, a mean over
/// the picture.
private func network() -> Graph {
  var builder = GraphBuilder(name: "network")
  let x = builder.input("x", .f32, [.symbol("batch"), .size(3), .size(12), .size(13)])
  func vector(_ name: String) -> ValueID { builder.weight(name, [8]) }
  let padded = Convolution(padding: [1, 1, 1, 1])
  var y = builder.node("conv", .convolution(padded), x, builder.weight("w", [8, 3, 3, 3]))
  y = builder.node(
    "norm", .imaging(.channelAffine(ChannelAffine())), y, vector("scale"), vector("shift"))
  y = builder.node("factor", .binary(.multiply), y, builder.weight("f", [8, 1, 1]))
  y = builder.node("addend", .binary(.add), builder.weight("a", [1, 8, 1, 1]), y)
  y = builder.node("relu", .unary(.relu), y)
  let window = ImageWindow(
    image: [12, 13], places: [6, 7], size: [3, 3], strides: [2, 2], dilations: [1, 1],
    before: [1, 1])
  y = builder.node("pool", .imaging(.pool(Pool(.maximum, window, after: [1, 1]))), y)
  var z = builder.node(
    "norm2", .imaging(.channelAffine(ChannelAffine())), y, vector("scale2"), vector("shift2"))
  z = builder.node("relu2", .unary(.relu), z)
  z = builder.node(
    "conv2", .convolution(padded), z, builder.weight("w2", [8, 8, 3, 3]), vector("bias2"))
  z = builder.node(
    "twice", .binary(.multiply), z, builder.constant("two", Tensor(scalar: Float(2))))
  y = builder.node("join", .concat(axis: 1), y, z)
  y = builder.node(
    "half", .binary(.multiply), y, builder.constant("by", Tensor(scalar: Float(0.5))))
  y = builder.node(
    "lrn",
    .imaging(.localResponseNorm(LocalResponseNorm(size: 5, alpha: 0.1, beta: 0.75, bias: 1))),
    y)
  let whole = ImageWindow(
    image: [6, 7], places: [1, 1], size: [6, 7], strides: [1, 1], dilations: [1, 1],
    before: [0, 0])
  let mean = builder.node(
    "mean", .imaging(.pool(Pool(.average(countsPadding: false), whole, after: [0, 0]))), y)
  builder.output(builder.node("flat", .reshape([.size(1), .rest]), mean))
  builder.output(
    builder.node("reduced", .reduce(Reduction(.mean, axes: [2, 3], keepsAxes: false)), y))
  return builder.graph
}

private func weight(_ name: String, in graph: Graph) -> Tensor {
  for value in graph.values {
    if case .weight(name, let fact) = value.origin {
      let seed = name.utf8.reduce(UInt64(3)) { $0 &* 31 &+ UInt64($1) }
      return randomTensor(fact.shape, seed: seed, scale: 0.5)
    }
  }
  preconditionFailure("there is no weight \(name)")
}

@Test func imageNetworksComputeTheSameWithPasses() throws {
  let graph = network()
  var model = Model(graph) { weight($0, in: graph) }
  let inputs = ["x": randomTensor([1, 3, 12, 13], seed: 1)]
  let shapes = inputs.mapValues(\.shape)
  var arena = Arena()
  let plainOptions = ExecutionOptions(threads: 1, kernels: .reference)
  let plain = try model.program(
    Model.Request(inputs: shapes, isOptimised: false), options: plainOptions
  ).run(inputs, arena: &arena, options: plainOptions)
  let options = ExecutionOptions(threads: 2)
  let program = try model.program(Model.Request(inputs: shapes), options: options)
  let fast = try program.run(inputs, arena: &arena, options: options)
  for name in ["flat", "reduced"] {
    expectClose(
      try #require(fast[name]), try #require(plain[name]), relativeToMaximum: 1e-5)
  }

  // The first convolution has taken norm, factor, addend and activation; the second its factor;
  // pictures are moved at the start, and shuffled where they lie.
  let names = program.varying.shaped.graph.nodes.map(\.op.name)
  func count(_ name: String) -> Int { names.count { $0 == name } }
  #expect(count("convolution") == 2)
  #expect(count("channelAffine") == 1)
  #expect(count("relu") == 0)
  #expect(count("add") == 0)
  #expect(count("multiply") == 1)
  #expect(count("transpose") <= 3)
}

/// Convolutions over one axis stand between reshapes; the passes bring them together.
@Test func convolutionsOverOneAxisAreJoined() throws {
  var builder = GraphBuilder(name: "row")
  let x = builder.input("x", .f32, [.size(2), .size(8), .size(20)])
  let row: [ReshapeDimension] = [.size(2), .size(8), .size(20)]
  let picture: [ReshapeDimension] = [.size(2), .size(8), .size(1), .size(20)]
  func convolve(_ input: ValueID, _ name: String) -> ValueID {
    let raised = builder.node("\(name).picture", .reshape(picture), input)
    let result = builder.node(
      name, .convolution(Convolution(padding: [0, 1, 0, 1])), raised,
      builder.weight("\(name).weight", [8, 8, 1, 3]))
    return builder.node("\(name).row", .reshape(row), result)
  }
  let first = builder.node("relu", .unary(.relu), convolve(x, "first"))
  let second = convolve(first, "second")
  let half = builder.node(
    "half", .binary(.multiply), second, builder.constant("by", Tensor(scalar: Float(0.5))))
  builder.output(builder.node("tanh", .unary(.tanh), half))
  let graph = builder.graph
  var model = Model(graph) { weight($0, in: graph) }
  let inputs = ["x": randomTensor([2, 8, 20], seed: 2)]
  let shapes = inputs.mapValues(\.shape)
  var arena = Arena()
  let plainOptions = ExecutionOptions(threads: 1, kernels: .reference)
  let plain = try model.program(
    Model.Request(inputs: shapes, isOptimised: false), options: plainOptions
  ).run(inputs, arena: &arena, options: plainOptions)
  let options = ExecutionOptions(threads: 1)
  let program = try model.program(Model.Request(inputs: shapes), options: options)
  let fast = try program.run(inputs, arena: &arena, options: options)
  expectClose(try #require(fast["tanh"]), try #require(plain["tanh"]), relativeToMaximum: 1e-5)
  let names = program.varying.shaped.graph.nodes.map(\.op.name)
  #expect(names.filter { $0 == "convolution" }.count == 2)
  #expect(!names.contains("relu") && !names.contains("tanh") && !names.contains("multiply"))
}
