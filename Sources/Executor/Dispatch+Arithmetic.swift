import GraphIR
import Kernels
import TensorBase

/// Runs one op of the arithmetic family.
func dispatch(
  _ op: ArithmeticOp, _ node: NodeInputs, _ outputs: [MutableTensorView?],
  _ options: ExecutionOptions
) throws(KernelError) {
  let threads = options.threads
  if case .dynamicQuantize = op {
    dynamicQuantize(
      outputs[0], scale: outputs[1], zero: outputs[2], node[0], threads: threads)
    return
  }
  guard let out = outputs[0] else { return }
  switch op {
  case .map(let function): map(out, node[0], function.kernel, threads: threads)
  case .classify(.isNaN): isNaN(out, node[0], threads: threads)
  case .classify(.isInfinite(let negative, let positive)):
    isInfinite(out, node[0], negative: negative, positive: positive, threads: threads)
  case .pair(let function): pairwise(out, node[0], node[1], function.kernel, threads: threads)
  case .compare(let kind): compare(out, node[0], node[1], kind.kernel, threads: threads)
  case .clip:
    clip(out, node[0], lower: node.optional(1), upper: node.optional(2), threads: threads)
  case .bitCast: bitCast(out, node[0])
  case .reduce(let reduction):
    reduceAny(out, node[0], reduction.kind.kernel, axes: reduction.axes, threads: threads)
  case .argExtreme(let attributes):
    if out.shape.count == 0 { return }
    argExtreme(
      out, node[0], axis: attributes.axis, isMaximum: attributes.isMaximum,
      takesLast: attributes.takesLast, threads: threads)
  case .cumulate(let attributes):
    cumulate(
      out, node[0], axis: attributes.axis, isProduct: attributes.isProduct,
      isExclusive: attributes.isExclusive, isReversed: attributes.isReversed)
  case .normalise(let kind, let axis):
    normalise(out, node[0], kind.kernel, axis: axis, threads: threads)
  case .quantize(let attributes):
    quantize(
      out, node[0], scale: node[1], zero: node.optional(2), attributes.layout,
      precision: attributes.precision, threads: threads)
  case .dequantize(let attributes):
    dequantize(
      out, node[0], scale: node[1], zero: node.optional(2), attributes.layout, threads: threads)
  case .dynamicQuantize: break
  case .product: productAny(out, node[0], node[1], threads: threads)
  case .integerProduct:
    integerProduct(
      out, node[0], node[1], aZero: node.optional(2), bZero: node.optional(3), threads: threads)
  case .integerConvolution(let window):
    integerConvolution(
      out, node[0], weight: node[1], xZero: node.optional(2), weightZero: node.optional(3),
      WindowParameters(
        strides: window.strides, dilations: window.dilations, before: window.before,
        groups: window.groups), threads: threads)
  }
}

extension Quantization {
  fileprivate var layout: ScaleLayout { ScaleLayout(axis: axis, block: block) }
}
