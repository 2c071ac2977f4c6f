import TensorBase

/// out[…, m, n] = Σₖ a[…, m, k] · b[…, k, n] with numpy's broadcasting of the leading dimensions.
/// Both operands have rank 2 or more; f32.
package func matMul(_ out: MutableTensorView, _ a: TensorView, _ b: TensorView, threads: Int) {
  let plan = MatMulPlan(out, a, b)
  let to = out.floats, p = a.floats, q = b.floats
  let cut = Cut(rows: plan.m, columns: plan.n, threads: plan.batches >= threads ? 1 : threads)
  parallel(plan.batches * cut.count, threads: threads) { task in
    let batch = task / cut.count, (r, c) = cut[task % cut.count]
    let (aStart, bStart) = plan.starts[batch]
    multiply(
      to + batch * plan.m * plan.n + r.lowerBound * plan.n + c.lowerBound, stride: plan.n,
      Matrix(base: p + aStart + r.lowerBound * plan.k, stride: plan.k),
      Matrix(base: q + bStart + c.lowerBound, stride: plan.n), m: r.count, n: c.count, k: plan.k)
  }
}

/// `matMul`, one element at a time with sums in double.
package func matMulReference(_ out: MutableTensorView, _ a: TensorView, _ b: TensorView) {
  let plan = MatMulPlan(out, a, b)
  for batch in 0..<plan.batches {
    let (aStart, bStart) = plan.starts[batch]
    for row in 0..<plan.m {
      for column in 0..<plan.n {
        var sum = 0.0
        for i in 0..<plan.k {
          sum +=
            Double(a.floats[aStart + row * plan.k + i])
            * Double(b.floats[bStart + i * plan.n + column])
        }
        out.floats[(batch * plan.m + row) * plan.n + column] = Float(sum)
      }
    }
  }
}

/// The products that a matrix product with leading dimensions is made of.
struct MatMulPlan {
  let m, n, k, batches: Int
  let starts: [(a: Int, b: Int)]

  init(_ out: MutableTensorView, _ a: TensorView, _ b: TensorView) {
    precondition(a.shape.rank >= 2 && b.shape.rank >= 2 && a.shape[-1] == b.shape[-2])
    m = a.shape[-2]
    n = b.shape[-1]
    k = a.shape[-1]
    let aLead = Shape(Array(a.shape.dimensions.dropLast(2)))
    let bLead = Shape(Array(b.shape.dimensions.dropLast(2)))
    let lead = Shape(Array(out.shape.dimensions.dropLast(2)))
    precondition(broadcastShape(aLead, bLead) == lead && out.shape.dimensions.suffix(2) == [m, n])
    batches = lead.count
    let aStrides = broadcastStrides(aLead, to: lead), bStrides = broadcastStrides(bLead, to: lead)
    let (m, n, k) = (m, n, k)
    starts = (0..<batches).map { batch in
      var rest = batch, i = 0, j = 0
      for axis in stride(from: lead.rank - 1, through: 0, by: -1) {
        i += rest % lead[axis] * aStrides[axis]
        j += rest % lead[axis] * bStrides[axis]
        rest /= lead[axis]
      }
      return (i * m * k, j * k * n)
    }
  }
}
