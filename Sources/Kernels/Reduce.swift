import TensorBase

/// What a reduction makes of the elements it sees.
package enum ReductionKind: CaseIterable, Sendable {
  case sum, mean
  /// NaN when one of the elements is.
  case minimum, maximum
}

/// out = x reduced over `axes`; out has x's shape with these axes 1 or absent; f32, sums in
/// double.
package func reduce(_ out: MutableTensorView, _ x: TensorView, _ kind: ReductionKind, axes: [Int]) {
  let axes = Set(axes.map { $0 < 0 ? $0 + x.shape.rank : $0 })
  precondition(axes.allSatisfy { $0 >= 0 && $0 < x.shape.rank })
  let strides = x.shape.strides
  let kept = x.shape.dimensions.indices.filter { !axes.contains($0) }
  let gone = axes.sorted()
  let outer = Walk(kept.map { x.shape[$0] }, [kept.map { strides[$0] }])
  let inner = Walk(gone.map { x.shape[$0] }, [gone.map { strides[$0] }])
  let results = kept.reduce(1) { $0 * x.shape[$1] }
  let members = gone.reduce(1) { $0 * x.shape[$1] }
  precondition(out.shape.count == results)
  precondition(
    members > 0 || results == 0 || kind == .sum || kind == .mean, "extreme of no elements")
  let outerStep = outer.strides[0][outer.dimensions.count - 1]
  let innerStep = inner.strides[0][inner.dimensions.count - 1]
  for result in 0..<results {
    let start =
      outer.offset(0, result / outer.innerCount) + result % outer.innerCount * outerStep
    var value = 0.0
    if members > 0 && kind != .sum && kind != .mean { value = Double(x.floats[start]) }
    for line in 0..<(members == 0 ? 0 : inner.outerCount) {
      let from = x.floats + start + inner.offset(0, line)
      for i in 0..<inner.innerCount {
        let element = Double(from[i * innerStep])
        switch kind {
        case .sum, .mean: value += element
        case .minimum: value = BinaryFunction.minimum(value, element)
        case .maximum: value = BinaryFunction.maximum(value, element)
        }
      }
    }
    out.floats[result] = Float(kind == .mean ? value / Double(members) : value)
  }
}

/// out = the position along `axis` of the largest element, the first of equals, NaN counting as
/// largest; x f32, out i64 with x's shape less the axis (or 1 there).
package func argMax(_ out: MutableTensorView, _ x: TensorView, axis: Int) {
  let axis = axis < 0 ? axis + x.shape.rank : axis
  let n = x.shape[axis], step = x.shape.strides[axis]
  precondition(n > 0 && out.shape.count == x.shape.count / n)
  for line in 0..<(x.shape.count / n) {
    let start = line / step * step * n + line % step
    var best = 0
    for i in 1..<max(1, n) {
      let value = x.floats[start + i * step], champion = x.floats[start + best * step]
      if value > champion || (value.isNaN && !champion.isNaN) { best = i }
    }
    out.int64s[line] = Int64(best)
  }
}
