import GraphIR
import Kernels
import TensorBase

/// Runs one op on its inputs: the one place where ops meet kernels. Shapes were checked when the
/// graph was shaped; kernels trap on what does not hold, since it would be our bug.
func dispatch(
  _ op: Op, _ inputs: [TensorView?], _ outputs: [MutableTensorView?], _ options: ExecutionOptions
) throws(KernelError) {
  // Kernels need not know of outputs without elements, whatever the inputs are then.
  if outputs.allSatisfy({ $0.map { $0.shape.count == 0 } ?? true }) { return }
  let node = NodeInputs(views: inputs)
  // Of a recurrent layer only the last state may be wanted, not the first output.
  if case .sequence(let op) = op { return try dispatch(op, node, outputs, options) }
  guard let out = outputs[0] else { return }
  let threads = options.threads
  let isFast = options.kernels == .fast
  switch op {
  case .unary(let function):
    isFast
      ? unary(out, node[0], function.kernel, threads: threads)
      : unaryReference(out, node[0], function.kernel)
  case .binary(let function):
    isFast
      ? binary(out, node[0], node[1], function.kernel, threads: threads)
      : binaryReference(out, node[0], node[1], function.kernel)
  case .clamp(let lower, let upper):
    clamp(out, node[0], lower: lower, upper: upper, threads: threads)
  case .select:
    select(out, condition: node[0], node[1], node[2], threads: threads)
  case .convolution(let attributes): run(attributes, out, node, options)
  case .linear(let activation, packed: .some):
    linear(
      out, node[0], packed: node[1], bias: node.optional(2), residual: node.optional(3),
      activation: activation.kernel, threads: threads)
  case .packWeight: packWeight(out, node[0], threads: threads)
  case .packScaledWeight: packWeight(out, node[0], scales: node[1], threads: threads)
  case .linear(let activation, packed: nil):
    isFast
      ? linear(
        out, node[0], weight: node[1], bias: node.optional(2), residual: node.optional(3),
        activation: activation.kernel, threads: threads)
      : linearReference(
        out, node[0], weight: node[1], bias: node.optional(2), residual: node.optional(3),
        activation: activation.kernel)
  case .matMul:
    isFast
      ? matMul(out, node[0], node[1], threads: threads) : matMulReference(out, node[0], node[1])
  case .attention(let attributes):
    let parameters = AttentionParameters(
      heads: attributes.heads, scale: attributes.scale, isCausal: attributes.isCausal,
      tokens: attributes.tokens)
    isFast
      ? attention(
        out, tap: outputs[1], q: node[0], k: node[1], v: node[2], mask: node.optional(3),
        parameters, threads: threads)
      : attentionReference(
        out, tap: outputs[1], q: node[0], k: node[1], v: node[2], mask: node.optional(3),
        parameters)
  case .groupNorm(let attributes):
    isFast && attributes.layout == .channelsLast
      ? groupNorm(
        out, node[0], scale: node[1], shift: node[2], groups: attributes.groups,
        epsilon: attributes.epsilon, activation: attributes.activation.kernel, threads: threads)
      : groupNormReference(
        out, node[0], scale: node[1], shift: node[2], groups: attributes.groups,
        epsilon: attributes.epsilon, activation: attributes.activation.kernel,
        layout: attributes.layout.kernel)
  case .layerNorm(let epsilon):
    isFast
      ? layerNorm(
        out, node[0], scale: node[1], shift: node[2], epsilon: epsilon, threads: threads)
      : layerNormReference(out, node[0], scale: node[1], shift: node[2], epsilon: epsilon)
  case .softmax(let axis):
    isFast
      ? softmax(out, node[0], axis: axis, threads: threads)
      : softmaxReference(out, node[0], axis: axis)
  case .gated(let function):
    isFast
      ? gated(out, node[0], Unary?(function).kernel, threads: threads)
      : gatedReference(out, node[0], Unary?(function).kernel)
  case .gatedLinear(let function, _):
    gatedLinear(
      out, node[0], packed: node[1], bias: node.optional(2), Unary?(function).kernel,
      threads: threads)
  case .upsampleNearest(let attributes):
    upsampleNearest2D(out, node[0], layout: attributes.layout.kernel, threads: threads)
  case .gather(let axis): try gather(out, node[0], indices: node[1], axis: axis)
  case .transpose(let permutation):
    transpose(out, node[0], permutation, threads: threads)
  case .concat(let axis): concat(out, node.all, axis: axis, threads: threads)
  case .slice(let attributes):
    slice(
      out, node[0], axis: attributes.axis, start: attributes.start, step: attributes.step,
      threads: threads)
  // The planner lets a reshape share its input's memory; shaping turns a prefix into a slice.
  case .reshape: break
  case .prefix: preconditionFailure("a prefix is left in a shaped graph")
  case .pad(let attributes):
    pad(out, node[0], before: attributes.before, value: Double(attributes.value), threads: threads)
  case .cast: cast(out, node[0], threads: threads)
  case .reduce(let reduction):
    isFast
      ? reduceAny(
        out, node[0], reduction.kind.anyKernel, axes: reduction.axes, threads: threads)
      : reduce(out, node[0], reduction.kind.kernel, axes: reduction.axes)
  case .arithmetic(let op): try dispatch(op, node, outputs, options)
  case .indexing(let op): try dispatch(op, node, outputs, options)
  case .imaging(let op): try dispatch(op, node, outputs, options)
  case .sequence(let op): try dispatch(op, node, outputs, options)
  case .identity, .dynamic, .call: preconditionFailure("\(op.name) is left in a shaped graph")
  }
}

private func run(
  _ attributes: Convolution, _ out: MutableTensorView, _ node: NodeInputs,
  _ options: ExecutionOptions
) {
  let padding = attributes.padding
  let parameters = Convolution2DParameters(
    strides: (attributes.strides[0], attributes.strides[1]),
    padding: (top: padding[0], left: padding[1], bottom: padding[2], right: padding[3]),
    dilations: (attributes.dilations[0], attributes.dilations[1]), groups: attributes.groups,
    activation: attributes.activation.kernel, isExact: options.isExact)
  let addends = Convolution2DAddends(
    bias: node.optional(2), vector: node.optional(3), residual: node.optional(4))
  if let packed = attributes.packed {
    convolution2D(
      out, node[0], packed: node[1], window: (packed.window[0], packed.window[1]),
      adding: addends, parameters, threads: options.threads)
  } else if options.kernels == .fast && attributes.layout == .channelsLast {
    convolution2D(
      out, node[0], weight: node[1], adding: addends, parameters, threads: options.threads)
  } else {
    convolution2DReference(
      out, node[0], weight: node[1], adding: addends, parameters,
      layout: attributes.layout.kernel)
  }
}

/// A node's inputs; the ones its op requires are there.
struct NodeInputs {
  let views: [TensorView?]

  subscript(index: Int) -> TensorView {
    guard let view = views[index] else { preconditionFailure("input \(index) is absent") }
    return view
  }

  func optional(_ index: Int) -> TensorView? { views.indices.contains(index) ? views[index] : nil }

  var all: [TensorView] { views.compactMap { $0 } }
}
