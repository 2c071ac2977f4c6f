import TensorBase

/// Comparisons of two numbers; with NaN none holds.
package enum ComparisonKind: CaseIterable, Sendable {
  case equal, less, lessOrEqual, greater, greaterOrEqual
}

/// out = whether a compares to b so, with NumPy's broadcasting to out's shape; a and b of one type,
/// out bool.
package func compare(
  _ out: MutableTensorView, _ a: TensorView, _ b: TensorView, _ kind: ComparisonKind, threads: Int
) {
  precondition(a.type == b.type && out.type == .bool)
  let to = out.base.assumingMemoryBound(to: UInt8.self), type = a.type
  forPairLines(out.shape, a.shape, b.shape, threads: threads) { line, buffers in
    let target = to + line.first, count = line.count
    switch type {
    case .f32 where line.a.step <= 1 && line.b.step <= 1:
      compareFloats(
        target, a.floats + line.a.first, line.a.step, b.floats + line.b.first, line.b.step, count,
        kind)
    case .f32, .f16, .bf16, .f64:
      let (p, q) = (buffers.doubles(0), buffers.doubles(1))
      readLine(p, a.base, type, first: line.a.first, step: line.a.step, count: count)
      readLine(q, b.base, type, first: line.b.first, step: line.b.step, count: count)
      switch kind {
      case .equal: for i in 0..<count { target[i] = p[i] == q[i] ? 1 : 0 }
      case .less: for i in 0..<count { target[i] = p[i] < q[i] ? 1 : 0 }
      case .lessOrEqual: for i in 0..<count { target[i] = p[i] <= q[i] ? 1 : 0 }
      case .greater: for i in 0..<count { target[i] = p[i] > q[i] ? 1 : 0 }
      case .greaterOrEqual: for i in 0..<count { target[i] = p[i] >= q[i] ? 1 : 0 }
      }
    case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool:
      let (p, q) = (buffers.integers(0), buffers.integers(1))
      readLine(p, a.base, type, first: line.a.first, step: line.a.step, count: count)
      readLine(q, b.base, type, first: line.b.first, step: line.b.step, count: count)
      // Turning the sign over orders unsigned numbers as signed ones.
      let turn = type == .u64 ? Int64.min : 0
      switch kind {
      case .equal: for i in 0..<count { target[i] = p[i] == q[i] ? 1 : 0 }
      case .less: for i in 0..<count { target[i] = p[i] ^ turn < q[i] ^ turn ? 1 : 0 }
      case .lessOrEqual: for i in 0..<count { target[i] = p[i] ^ turn <= q[i] ^ turn ? 1 : 0 }
      case .greater: for i in 0..<count { target[i] = p[i] ^ turn > q[i] ^ turn ? 1 : 0 }
      case .greaterOrEqual: for i in 0..<count { target[i] = p[i] ^ turn >= q[i] ^ turn ? 1 : 0 }
      }
    }
  }
}

private func compareFloats(
  _ out: UnsafeMutablePointer<UInt8>, _ a: UnsafePointer<Float>, _ aStep: Int,
  _ b: UnsafePointer<Float>, _ bStep: Int, _ count: Int, _ kind: ComparisonKind
) {
  switch kind {
  case .equal: for i in 0..<count { out[i] = a[i * aStep] == b[i * bStep] ? 1 : 0 }
  case .less: for i in 0..<count { out[i] = a[i * aStep] < b[i * bStep] ? 1 : 0 }
  case .lessOrEqual: for i in 0..<count { out[i] = a[i * aStep] <= b[i * bStep] ? 1 : 0 }
  case .greater: for i in 0..<count { out[i] = a[i * aStep] > b[i * bStep] ? 1 : 0 }
  case .greaterOrEqual: for i in 0..<count { out[i] = a[i * aStep] >= b[i * bStep] ? 1 : 0 }
  }
}
