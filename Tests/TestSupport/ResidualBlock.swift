import GraphIR
import TensorBase

/// A residual block of an image model with a time vector, as diffusers builds it, and a
/// cross-attention on what comes out; small.
package func residualBlock() -> Graph {
  var builder = GraphBuilder(name: "block")
  let sample = builder.input(
    "sample", .f32, [.symbol("batch"), .size(4), .symbol("height"), .symbol("width")])
  let time = builder.input("time", .f32, [.symbol("batch"), .size(6)])
  let text = builder.input("text", .f32, [.symbol("texts"), .symbol("tokens"), .size(5)])
  let scale = builder.weight("norm.weight", [4])
  let shift = builder.weight("norm.bias", [4])
  let norm = builder.node(
    "norm", .groupNorm(GroupNorm(groups: 2, epsilon: 1e-5)), sample, scale, shift)
  let active = builder.node("silu", .unary(.silu), norm)
  let conv = builder.node(
    "conv", .convolution(Convolution(padding: [1, 1, 1, 1])), active,
    builder.weight("conv.weight", [4, 4, 3, 3]), builder.weight("conv.bias", [4]))
  let vector = builder.node(
    "time_proj", .linear(activation: nil), time, builder.weight("time_proj.weight", [4, 6]))
  let image = builder.node(
    "time_image", .reshape([.like(input: 0, axis: 0), .size(4), .size(1), .size(1)]), vector)
  let timed = builder.node("timed", .binary(.add), conv, image)
  let conv2 = builder.node(
    "conv2", .convolution(Convolution(padding: [1, 1, 1, 1])), timed,
    builder.weight("conv2.weight", [4, 4, 3, 3]))
  let sum = builder.node("sum", .binary(.add), sample, conv2)
  let rows = builder.node("rows", .transpose([0, 2, 3, 1]), sum)
  let tokens = builder.node(
    "tokens", .reshape([.like(input: 0, axis: 0), .rest, .size(4)]), rows)
  let query = builder.node(
    "q", .linear(activation: nil), tokens, builder.weight("q.weight", [4, 4]))
  let key = builder.node("k", .linear(activation: nil), text, builder.weight("k.weight", [4, 5]))
  let value = builder.node("v", .linear(activation: nil), text, builder.weight("v.weight", [4, 5]))
  let own = builder.attention(
    "attn1", Attention(heads: 2, scale: 0.7), query: query, key: tokens, value: tokens)
  let crossed = builder.attention(
    "attn2", Attention(heads: 2, scale: 0.7), query: own, key: key, value: value)
  let grid = builder.node(
    "grid",
    .reshape([
      .like(input: 1, axis: 0), .like(input: 1, axis: 2), .like(input: 1, axis: 3), .size(4),
    ]), crossed, sum)
  let out = builder.node("out", .transpose([0, 3, 1, 2]), grid)
  builder.output(builder.node("result", .binary(.add), out, sum))
  return builder.graph
}

/// Shapes for `residualBlock`'s inputs.
package let blockInputs: [String: Shape] = [
  "sample": [3, 4, 5, 7], "time": [3, 6], "text": [1, 9, 5],
]
