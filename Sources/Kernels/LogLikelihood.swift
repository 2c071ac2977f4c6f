import Glibc
import TensorBase

/// How a loss's parts are made one.
package enum LossReduction: CaseIterable, Sendable {
  case none, sum
  /// The sum divided by the sum of the weights that count.
  case mean
}

/// loss[n, …] = −weights[label] · x[n, label, …], 0 where the label is the ignored one; then
/// reduced. Where x holds scores, their log-softmax along axis 1 takes x's place; it is the second
/// output.
///
/// x and logProbabilities [N, C, …], labels [N, …] (i32 or i64), weights [C], loss [N, …] or [];
/// one float type, in double.
///
/// - Throws: `KernelError.indexOutOfRange` for a label that is no class; out is then undefined.
package func logLikelihood(
  _ loss: MutableTensorView?, logProbabilities: MutableTensorView?, _ x: TensorView,
  labels: TensorView, weights: TensorView?, reduction: LossReduction, ignored: Int?,
  takesScores: Bool
) throws(KernelError) {
  let (items, classes) = (x.shape[0], x.shape[1])
  let places = x.shape.dimensions.dropFirst(2).reduce(1, *)
  precondition(labels.shape.count == items * places)
  let values = Doubles(x)
  if takesScores {
    for line in 0..<(items * places) {
      let base = values.base + line / places * classes * places + line % places
      var largest = -Double.infinity, sum = 0.0
      for c in 0..<classes { largest = max(largest, base[c * places]) }
      for c in 0..<classes { sum += exp(base[c * places] - largest) }
      let shift = largest + log(sum)
      for c in 0..<classes { base[c * places] -= shift }
    }
    if let logProbabilities { values.store(to: logProbabilities) }
  }
  guard let loss else { return }
  let factors = weights.map { Array($0) }
  let parts = Doubles(count: items * places)
  var total = 0.0, weight = 0.0
  for line in 0..<(items * places) {
    let label = Elements.integer(labels.base, line, labels.type)
    if let ignored, label == Int64(ignored) { continue }
    guard label >= 0, label < classes else {
      throw .indexOutOfRange(index: label, position: line, size: classes)
    }
    let own = factors?[Int(label)] ?? 1
    let place = (line / places * classes + Int(label)) * places + line % places
    parts.base[line] = -own * values.base[place]
    total += parts.base[line]
    weight += own
  }
  if reduction == .none { return parts.store(to: loss) }
  let result = Doubles(count: 1)
  result.base[0] = reduction == .mean ? total / weight : total
  result.store(to: loss)
}
