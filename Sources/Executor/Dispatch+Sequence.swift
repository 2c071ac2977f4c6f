import GraphIR
import Kernels
import TensorBase

/// Runs one op of the sequence family.
func dispatch(
  _ op: SequenceOp, _ node: NodeInputs, _ outputs: [MutableTensorView?], _ options: ExecutionOptions
) throws(KernelError) {
  let threads = options.threads
  func out(_ index: Int) -> MutableTensorView {
    guard let view = outputs[index] else { preconditionFailure("output \(index) is not wanted") }
    return view
  }
  switch op {
  case .recurrent(let attributes):
    let results = RecurrentOutputs(all: outputs[0], hidden: outputs[1], cell: outputs[2])
    let inputs = RecurrentInputs(
      x: node[0], weight: node[1], recurrence: node[2], bias: node.optional(3),
      lengths: node.optional(4), hidden: node.optional(5), cell: node.optional(6),
      peepholes: node.optional(7))
    options.kernels == .fast && node[0].type == .f32
      ? recurrent(results, inputs, attributes.kernel, threads: threads)
      : recurrentReference(results, inputs, attributes.kernel)
  case .fourier(let attributes):
    fourier(
      out(0), node[0],
      FourierParameters(
        axis: attributes.axis, length: attributes.length, isInverse: attributes.isInverse,
        isHalf: attributes.isHalf), threads: threads)
  case .standardize(let attributes):
    standardize(
      outputs[0], mean: outputs[1], inverse: outputs[2], node[0], scale: node.optional(1),
      shift: node.optional(2), epsilon: attributes.epsilon, isCentred: attributes.isCentred,
      threads: threads)
  case .scaleToNorm(let attributes):
    scaleToNorm(out(0), node[0], axis: attributes.axis, power: attributes.power)
  case .linearAttention(let attributes):
    linearAttention(
      outputs[0], last: outputs[1], q: node[0], k: node[1], v: node[2], state: node.optional(3),
      decay: node.optional(4), rate: node.optional(5), heads: attributes.heads,
      keyHeads: attributes.keyHeads, scale: attributes.scale,
      correctsRecall: attributes.correctsRecall, threads: threads)
  case .rotate(let attributes):
    try rotate(
      out(0), node[0], cosines: node[1], sines: node[2], positions: node.optional(3),
      heads: attributes.heads, width: attributes.width, isInterleaved: attributes.isInterleaved,
      threads: threads)
  case .logLikelihood(let attributes):
    try logLikelihood(
      outputs[0], logProbabilities: outputs[1], node[0], labels: node[1],
      weights: node.optional(2), reduction: attributes.reduction.kernel,
      ignored: attributes.ignored, takesScores: attributes.takesScores)
  case .visibility(let attributes):
    visibility(
      out(0), lengths: node.optional(0), offset: attributes.offset.kernel,
      before: attributes.before, after: attributes.after)
  case .attentionWeights:
    attentionWeights(out(0), node[0], addend: node.optional(1), threads: threads)
  case .unpackBlocks(let attributes):
    unpackBlocks(
      out(0), node[0], scales: node[1], zeroPoints: node.optional(2), bits: attributes.bits,
      block: attributes.block, threads: threads)
  }
}

extension Recurrent {
  fileprivate var kernel: RecurrentParameters {
    RecurrentParameters(
      cell: cell.kernel,
      isReverse: direction == .bidirectional ? [false, true] : [direction == .reverse],
      hidden: hidden,
      activations: activations.map {
        RecurrentActivation($0.curve.kernel, alpha: $0.alpha, beta: $0.beta)
      }, clip: clip, isBatchFirst: isBatchFirst, roundsState: roundsState)
  }
}

extension Recurrent.Cell {
  fileprivate var kernel: RecurrentParameters.Cell {
    switch self {
    case .plain: .plain
    case .gated(let resetsAfter): .gated(resetsAfter: resetsAfter)
    case .memory(let isCoupled): .memory(isCoupled: isCoupled)
    }
  }
}

extension Recurrent.Curve {
  fileprivate var kernel: RecurrentActivation.Curve {
    switch self {
    case .relu: .relu
    case .tanh: .tanh
    case .sigmoid: .sigmoid
    case .affine: .affine
    case .leakyRelu: .leakyRelu
    case .thresholdedRelu: .thresholdedRelu
    case .scaledTanh: .scaledTanh
    case .hardSigmoid: .hardSigmoid
    case .elu: .elu
    case .softsign: .softsign
    case .softplus: .softplus
    }
  }
}

extension LogLikelihood.Reduction {
  fileprivate var kernel: LossReduction {
    switch self {
    case .none: .none
    case .sum: .sum
    case .mean: .mean
    }
  }
}

extension Visibility.Offset {
  fileprivate var kernel: QueryOffset {
    switch self {
    case .fixed(let offset): .fixed(offset)
    case .fromLengths: .fromLengths
    }
  }
}
