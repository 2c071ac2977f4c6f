import GraphIR
import Kernels
import TensorBase

/// Runs one op of the indexing family.
func dispatch(
  _ op: IndexingOp, _ node: NodeInputs, _ outputs: [MutableTensorView?], _ options: ExecutionOptions
) throws(KernelError) {
  guard let out = outputs[0] else { return }
  let threads = options.threads
  switch op {
  case .take(let axis):
    try take(out, node[0], indices: node[1], axis: axis, threads: threads)
  case .gatherElements(let axis):
    try gatherElements(out, node[0], indices: node[1], axis: axis, threads: threads)
  case .gatherND(let batchAxes):
    try gatherND(out, node[0], indices: node[1], batchAxes: batchAxes, threads: threads)
  case .scatterElements(let axis, let function):
    try scatterElements(
      out, node[0], indices: node[1], updates: node[2], axis: axis, function.kernel)
  case .scatterND(let function):
    try scatterND(out, node[0], indices: node[1], updates: node[2], function.kernel)
  case .scatterRows(let axis, let isCircular):
    try scatterRows(
      out, node[0], update: node[1], starts: node.optional(2), axis: axis, isCircular: isCircular)
  case .crop(let attributes):
    crop(out, node[0], starts: attributes.starts, steps: attributes.steps, threads: threads)
  case .pad(let attributes):
    pad(
      out, node[0], before: attributes.before, after: attributes.after, value: node.optional(1),
      mode: attributes.mode.kernel, threads: threads)
  case .tile: tile(out, node[0], threads: threads)
  case .expand: broadcast(out, node[0], threads: threads)
  case .triangle(let isUpper, let diagonal):
    triangle(out, node[0], isUpper: isUpper, diagonal: diagonal)
  case .reverseSequence(let batchAxis, let timeAxis):
    try reverseSequence(
      out, node[0], lengths: node[1], batchAxis: batchAxis, timeAxis: timeAxis)
  case .topK(let attributes):
    topK(
      values: out, indices: outputs[1], node[0], axis: attributes.axis,
      isLargest: attributes.isLargest, threads: threads)
  case .oneHot(let axis, _): oneHot(out, indices: node[0], values: node[1], axis: axis)
  case .range: range(out, start: node[0], delta: node[1])
  case .einsum(let attributes):
    einsum(
      out, node.all, terms: attributes.terms, result: attributes.result, threads: threads)
  case .determinant: determinant(out, node[0])
  case .countNGrams(let attributes): countNGrams(out, node[0], attributes.kernel)
  }
}

/// Runs one op that picks elements by what they are.
func run(_ op: SelectionOp, _ inputs: [Tensor?]) throws(ExpansionFault) -> [Tensor] {
  do throws(Misfit) {
    try op.check(NodeFacts(inputs.map { $0.map { Fact($0.type, $0.shape) } }))
  } catch { throw .misfit(error.reason) }
  let node = NodeInputs(views: inputs.map { $0?.view })
  switch op {
  case .nonZero: return [nonZero(node[0])]
  case .compress(let axis):
    do throws(KernelError) {
      return [try compress(node[0], condition: node[1], axis: axis)]
    } catch { throw .misfit(error.description) }
  case .unique(let axis, let isSorted):
    let found = unique(node[0], axis: axis, isSorted: isSorted)
    return [found.values, found.first, found.inverse, found.counts]
  case .nonMaxSuppression(let isCentred):
    func number(_ index: Int) -> Tensor? { inputs.indices.contains(index) ? inputs[index] : nil }
    let parameters = SuppressionParameters(
      isCentred: isCentred, limit: number(2)?.integers?.first ?? 0,
      overlap: number(3)?.floats.first ?? 0, score: number(4)?.floats.first)
    return [nonMaxSuppression(boxes: node[0], scores: node[1], parameters)]
  }
}

extension Scatter {
  fileprivate var kernel: ScatterFunction {
    switch self {
    case .replace: .replace
    case .add: .add
    case .multiply: .multiply
    case .minimum: .minimum
    case .maximum: .maximum
    }
  }
}

extension BorderPad.Mode {
  fileprivate var kernel: PadMode {
    switch self {
    case .constant: .constant
    case .reflect: .reflect
    case .edge: .edge
    case .wrap: .wrap
    }
  }
}

extension NGramCount {
  fileprivate var kernel: NGramPool {
    var pool: [[Int64]: (column: Int, weight: Double)] = [:]
    for entry in entries { pool[entry.sequence] = (entry.column, Double(entry.weight)) }
    return NGramPool(
      entries: pool, lengths: lengths, longestSkip: longestSkip, countsOnce: countsOnce)
  }
}
