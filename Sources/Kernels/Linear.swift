import CKernels
import TensorBase

/// out[…, n] = activation(Σₖ x[…, k] · weight[n, k] + bias[n] + residual[…, n]).
///
/// x [rows…, K], weight [N, K], bias [N], residual and out [rows…, N]; all f32.
package func linear(
  _ out: MutableTensorView, _ x: TensorView, weight: TensorView, bias: TensorView? = nil,
  residual: TensorView? = nil, activation: Activation = .identity, threads: Int
) {
  let (rows, n, k) = checkLinear(out, x, weight, bias, residual)
  let to = out.floats, from = x.floats, w = weight.floats
  let bias = bias?.floats, residual = residual?.floats
  let cut = Cut(rows: rows, columns: n, threads: threads)
  parallel(cut.count, threads: threads) { piece in
    let (r, c) = cut[piece]
    let target = to + r.lowerBound * n + c.lowerBound
    multiply(
      target, stride: n, Matrix(base: from + r.lowerBound * k, stride: k),
      Matrix(base: w + c.lowerBound * k, stride: k, transposed: true), m: r.count, n: c.count, k: k)
    guard bias != nil || residual != nil || activation != .identity else { return }
    plumb_epilogue(
      target, n, r.count, c.count, bias.map { $0 + c.lowerBound }, nil,
      residual.map { $0 + r.lowerBound * n + c.lowerBound }, n, activation.operation)
  }
}

/// `linear`, one element at a time with sums in double.
package func linearReference(
  _ out: MutableTensorView, _ x: TensorView, weight: TensorView, bias: TensorView? = nil,
  residual: TensorView? = nil, activation: Activation = .identity
) {
  let (rows, n, k) = checkLinear(out, x, weight, bias, residual)
  for row in 0..<rows {
    for column in 0..<n {
      var sum = 0.0
      for i in 0..<k {
        sum += Double(x.floats[row * k + i]) * Double(weight.floats[column * k + i])
      }
      if let bias { sum += Double(bias.floats[column]) }
      if let residual { sum += Double(residual.floats[row * n + column]) }
      out.floats[row * n + column] = Float(activation(sum))
    }
  }
}

private func checkLinear(
  _ out: MutableTensorView, _ x: TensorView, _ weight: TensorView, _ bias: TensorView?,
  _ residual: TensorView?
) -> (rows: Int, n: Int, k: Int) {
  precondition(weight.shape.rank == 2 && x.shape.rank >= 1, "linear of \(x.shape), \(weight.shape)")
  let n = weight.shape[0], k = weight.shape[1]
  precondition(x.shape[-1] == k, "linear of \(x.shape) with weight \(weight.shape)")
  precondition(out.shape.dimensions == x.shape.dimensions.dropLast() + [n])
  precondition(bias == nil || bias?.shape == [n])
  precondition(residual == nil || residual?.shape == out.shape)
  return (x.shape.dimensions.dropLast().reduce(1, *), n, k)
}

/// A result matrix cut into pieces for threads: by rows where there are enough, else by columns,
/// so that few rows against a large weight (its reading is the work) still use all threads.
struct Cut {
  private let rows, columns, pieces: Int
  private let byRows: Bool

  init(rows: Int, columns: Int, threads: Int) {
    self.rows = rows
    self.columns = columns
    byRows = rows >= columns || rows >= 512
    let length = byRows ? rows : columns
    pieces = length == 0 ? 0 : max(1, min(threads, length / 16))
  }

  var count: Int { pieces }

  subscript(piece: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    let length = byRows ? rows : columns
    let range = (piece * length / pieces)..<((piece + 1) * length / pieces)
    return byRows ? (range, 0..<columns) : (0..<rows, range)
  }
}
