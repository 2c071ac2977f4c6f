import GraphIR
import TensorBase

let lossOperators: [ONNXOperator] = [
  ONNXOperator(
    "NegativeLogLikelihoodLoss", inputs: 2...3, attributes: ["ignore_index", "reduction"]
  ) { x throws(ExpansionFault) in
    Array(try loss(&x, takesScores: false).prefix(1))
  },
  ONNXOperator(
    "SoftmaxCrossEntropyLoss", inputs: 2...3, outputs: 1...2,
    attributes: ["ignore_index", "reduction"]
  ) { x throws(ExpansionFault) in try loss(&x, takesScores: true) },
]

private func loss(
  _ x: inout Expansion, takesScores: Bool
) throws(ExpansionFault) -> [ValueID?] {
  let name = try x.string("reduction", default: "mean")
  guard let reduction = LogLikelihood.Reduction(rawValue: name) else {
    throw .misfit("there is no reduction '\(name)'")
  }
  let op = LogLikelihood(
    reduction: reduction, ignored: try x.int("ignore_index"), takesScores: takesScores)
  return try x.emitAll(
    .sequence(.logLikelihood(op)), [try x.input(0), try x.input(1), x.optional(2)])
}
