import Glibc
import TensorBase

/// What a reduction of any type makes of the elements v it sees.
package enum AnyReductionKind: CaseIterable, Sendable {
  case sum, mean, product
  /// NaN when one of the elements is.
  case minimum, maximum
  /// Σv², Σ|v|, √Σv², log Σv, log Σexp(v).
  case sumOfSquares, norm1, norm2, logSum, logSumExp

  /// Whether integers, too, are reduced in double, because the result is no integer.
  fileprivate var isReal: Bool { self == .norm2 || self == .logSum || self == .logSumExp }
}

/// out = x reduced over `axes`; out has x's type and shape, these axes 1 or absent. Floats in
/// double; integers exact, keeping the low bits, a mean cut towards zero. Of no elements: 0 for
/// sums, 1 for products, the type's largest for the minimum, its lowest for the maximum.
package func reduceAny(
  _ out: MutableTensorView, _ x: TensorView, _ kind: AnyReductionKind, axes: [Int], threads: Int
) {
  let plan = ReductionPlan(x.shape, axes)
  precondition(out.type == x.type && out.shape.count == plan.results)
  let isFloating = x.type.isFloatingPoint || kind.isReal
  if plan.results == 0 { return }
  if plan.isByLine {
    parallelRanges(
      plan.results, minimum: max(1, 16_384 / max(plan.members, 1)), threads: threads
    ) { range in
      let buffers = LineBuffers(1)
      for result in range {
        if isFloating {
          let value = plan.foldLines(x, result, kind, buffers.doubles(0))
          Elements.store(value, out.base, result, out.type)
        } else {
          var value = plan.foldLines(x, result, kind, buffers.integers(0))
          writeLine(out.base, out.type, first: result, &value, count: 1)
        }
      }
    }
    return
  }
  let width = plan.outer.innerCount, pieces = (width - 1) / lineLength + 1
  parallelRanges(
    plan.outer.outerCount * pieces,
    minimum: max(1, 16_384 / (max(plan.members, 1) * min(width, lineLength))), threads: threads
  ) { range in
    let buffers = LineBuffers(3)
    for piece in range {
      let line = piece / pieces, column = piece % pieces * lineLength
      let count = min(lineLength, width - column)
      if isFloating {
        plan.foldRows(
          x, line, column, count, kind, buffers.doubles(0), buffers.doubles(1), buffers.doubles(2))
        writeLine(
          out.base, out.type, first: line * width + column, buffers.doubles(0), count: count)
      } else {
        plan.foldRows(x, line, column, count, kind, buffers.integers(0), buffers.integers(1))
        writeLine(
          out.base, out.type, first: line * width + column, buffers.integers(0), count: count)
      }
    }
  }
}

/// Which elements a result is made of.
private struct ReductionPlan {
  /// Over the results, and over the elements of one.
  let outer, inner: Walk
  let results, members: Int

  init(_ shape: Shape, _ axes: [Int]) {
    let axes = Set(axes)
    precondition(axes.allSatisfy { $0 >= 0 && $0 < shape.rank })
    let strides = shape.strides
    let kept = shape.dimensions.indices.filter { !axes.contains($0) }
    let gone = axes.sorted()
    outer = Walk(kept.map { shape[$0] }, [kept.map { strides[$0] }])
    inner = Walk(gone.map { shape[$0] }, [gone.map { strides[$0] }])
    results = kept.reduce(1) { $0 * shape[$1] }
    members = gone.reduce(1) { $0 * shape[$1] }
  }

  var outerStep: Int { outer.strides[0][outer.dimensions.count - 1] }
  var innerStep: Int { inner.strides[0][inner.dimensions.count - 1] }

  /// Whether the elements of one result lie side by side, rather than those of neighbours.
  var isByLine: Bool { innerStep == 1 || outer.innerCount < 8 }

  private func start(of result: Int) -> Int {
    outer.offset(0, result / outer.innerCount) + result % outer.innerCount * outerStep
  }

  /// Calls `body` with first element and count of every line of at most `lineLength` elements,
  /// `innerStep` apart, of what begins at `start`.
  private func forLines(from start: Int, _ body: (Int, Int) -> Void) {
    if members == 0 { return }
    for line in 0..<inner.outerCount {
      let first = start + inner.offset(0, line)
      for i in stride(from: 0, to: inner.innerCount, by: lineLength) {
        body(first + i * innerStep, min(lineLength, inner.innerCount - i))
      }
    }
  }

  func foldLines(
    _ x: TensorView, _ result: Int, _ kind: AnyReductionKind, _ v: UnsafeMutablePointer<Double>
  ) -> Double {
    let first = start(of: result)
    var shift = 0.0
    if kind == .logSumExp {
      shift = -.infinity
      forLines(from: first) { element, count in
        readLine(v, x.base, x.type, first: element, step: innerStep, count: count)
        fold(v, count, .maximum, into: &shift, 0)
      }
      if !shift.isFinite { shift = 0 }
    }
    var total = start(kind)
    forLines(from: first) { element, count in
      readLine(v, x.base, x.type, first: element, step: innerStep, count: count)
      fold(v, count, kind, into: &total, shift)
    }
    return finish(total, kind, shift)
  }

  func foldLines(
    _ x: TensorView, _ result: Int, _ kind: AnyReductionKind, _ v: UnsafeMutablePointer<Int64>
  ) -> Int64 {
    var total = start(kind, x.type)
    forLines(from: start(of: result)) { element, count in
      readLine(v, x.base, x.type, first: element, step: innerStep, count: count)
      for i in 0..<count { fold(&total, v[i], kind, x.type) }
    }
    return finish(total, kind, x.type)
  }

  /// Leaves `count` results in `total`.
  func foldRows(
    _ x: TensorView, _ line: Int, _ column: Int, _ count: Int, _ kind: AnyReductionKind,
    _ total: UnsafeMutablePointer<Double>, _ v: UnsafeMutablePointer<Double>,
    _ shift: UnsafeMutablePointer<Double>
  ) {
    let first = outer.offset(0, line) + column * outerStep
    for c in 0..<count { shift[c] = kind == .logSumExp ? -.infinity : 0 }
    if kind == .logSumExp {
      forRows(from: first) { element in
        readLine(v, x.base, x.type, first: element, step: outerStep, count: count)
        foldRow(shift, v, count, .maximum, shift)
      }
      for c in 0..<count where !shift[c].isFinite { shift[c] = 0 }
    }
    for c in 0..<count { total[c] = start(kind) }
    forRows(from: first) { element in
      readLine(v, x.base, x.type, first: element, step: outerStep, count: count)
      foldRow(total, v, count, kind, shift)
    }
    for c in 0..<count { total[c] = finish(total[c], kind, shift[c]) }
  }

  func foldRows(
    _ x: TensorView, _ line: Int, _ column: Int, _ count: Int, _ kind: AnyReductionKind,
    _ total: UnsafeMutablePointer<Int64>, _ v: UnsafeMutablePointer<Int64>
  ) {
    for c in 0..<count { total[c] = start(kind, x.type) }
    forRows(from: outer.offset(0, line) + column * outerStep) { element in
      readLine(v, x.base, x.type, first: element, step: outerStep, count: count)
      for c in 0..<count { fold(&total[c], v[c], kind, x.type) }
    }
    for c in 0..<count { total[c] = finish(total[c], kind, x.type) }
  }

  /// Calls `body` with where each member of the results that begin at `start` lies.
  private func forRows(from start: Int, _ body: (Int) -> Void) {
    if members == 0 { return }
    for line in 0..<inner.outerCount {
      let first = start + inner.offset(0, line)
      for i in 0..<inner.innerCount { body(first + i * innerStep) }
    }
  }

  // MARK: in double

  private func start(_ kind: AnyReductionKind) -> Double {
    switch kind {
    case .sum, .mean, .sumOfSquares, .norm1, .norm2, .logSum, .logSumExp: 0
    case .product: 1
    case .minimum: .infinity
    case .maximum: -.infinity
    }
  }

  private func finish(_ total: Double, _ kind: AnyReductionKind, _ shift: Double) -> Double {
    switch kind {
    case .sum, .product, .minimum, .maximum, .sumOfSquares, .norm1: total
    case .mean: total / Double(members)
    case .norm2: total.squareRoot()
    case .logSum: log(total)
    case .logSumExp: shift + log(total)
    }
  }

  private func fold(
    _ v: UnsafePointer<Double>, _ count: Int, _ kind: AnyReductionKind, into total: inout Double,
    _ shift: Double
  ) {
    switch kind {
    case .sum, .mean, .logSum:
      // Four sums, so that additions need not wait for each other.
      var (a, b, c, d) = (0.0, 0.0, 0.0, 0.0)
      let whole = count & ~3
      for i in stride(from: 0, to: whole, by: 4) {
        a += v[i]
        b += v[i + 1]
        c += v[i + 2]
        d += v[i + 3]
      }
      for i in whole..<count { a += v[i] }
      total += (a + b) + (c + d)
    case .product: for i in 0..<count { total *= v[i] }
    case .minimum: for i in 0..<count { total = v[i] < total || v[i].isNaN ? v[i] : total }
    case .maximum: for i in 0..<count { total = v[i] > total || v[i].isNaN ? v[i] : total }
    case .sumOfSquares, .norm2: for i in 0..<count { total += v[i] * v[i] }
    case .norm1: for i in 0..<count { total += abs(v[i]) }
    case .logSumExp: for i in 0..<count { total += exp(v[i] - shift) }
    }
  }

  private func foldRow(
    _ total: UnsafeMutablePointer<Double>, _ v: UnsafePointer<Double>, _ count: Int,
    _ kind: AnyReductionKind, _ shift: UnsafePointer<Double>
  ) {
    switch kind {
    case .sum, .mean, .logSum: for c in 0..<count { total[c] += v[c] }
    case .product: for c in 0..<count { total[c] *= v[c] }
    case .minimum:
      for c in 0..<count { total[c] = v[c] < total[c] || v[c].isNaN ? v[c] : total[c] }
    case .maximum:
      for c in 0..<count { total[c] = v[c] > total[c] || v[c].isNaN ? v[c] : total[c] }
    case .sumOfSquares, .norm2: for c in 0..<count { total[c] += v[c] * v[c] }
    case .norm1: for c in 0..<count { total[c] += abs(v[c]) }
    case .logSumExp: for c in 0..<count { total[c] += exp(v[c] - shift[c]) }
    }
  }

  // MARK: in 64-bit integers

  private func start(_ kind: AnyReductionKind, _ type: ElementType) -> Int64 {
    switch kind {
    case .product: 1
    case .minimum: type.integerRange.last
    case .maximum: type.integerRange.first
    case .sum, .mean, .sumOfSquares, .norm1, .norm2, .logSum, .logSumExp: 0
    }
  }

  private func finish(_ total: Int64, _ kind: AnyReductionKind, _ type: ElementType) -> Int64 {
    guard kind == .mean else { return total }
    if members == 0 { return 0 }
    return type == .u64
      ? Int64(bitPattern: UInt64(bitPattern: total) / UInt64(members)) : total / Int64(members)
  }

  private func fold(
    _ total: inout Int64, _ v: Int64, _ kind: AnyReductionKind, _ type: ElementType
  ) {
    // Turning the sign over orders unsigned numbers as signed ones.
    let turn = type == .u64 ? Int64.min : 0
    switch kind {
    case .sum, .mean: total = total &+ v
    case .product: total = total &* v
    case .minimum: total = min(total ^ turn, v ^ turn) ^ turn
    case .maximum: total = max(total ^ turn, v ^ turn) ^ turn
    case .sumOfSquares: total = total &+ v &* v
    case .norm1: total = total &+ (type == .u64 || v >= 0 ? v : 0 &- v)
    case .norm2, .logSum, .logSumExp: preconditionFailure("\(kind) in integers")
    }
  }
}

extension ElementType {
  /// The lowest and the largest value of an integer type, u64 as bit patterns.
  fileprivate var integerRange: (first: Int64, last: Int64) {
    switch self {
    case .i8: (-128, 127)
    case .i16: (-32_768, 32_767)
    case .i32: (Int64(Int32.min), Int64(Int32.max))
    case .i64: (.min, .max)
    case .u8: (0, 255)
    case .u16: (0, 65_535)
    case .u32: (0, Int64(UInt32.max))
    case .u64: (0, -1)
    case .bool: (0, 1)
    case .f32, .f16, .bf16, .f64: preconditionFailure("\(self) is no integer type")
    }
  }
}
