import TensorBase

/// out[…, m, n] = Σₖ (a[…, m, k] − aZero[…, m]) · (b[…, k, n] − bZero[…, n]) with NumPy's
/// broadcasting of the leading dimensions; a and b of 8-bit integers, zero points of their types
/// (one element, one per row or column, or one per line of k), out i32.
package func integerProduct(
  _ out: MutableTensorView, _ a: TensorView, _ b: TensorView, aZero: TensorView?,
  bZero: TensorView?, threads: Int
) {
  precondition(out.type == .i32)
  let plan = MatMulPlan(out, a, b)
  let (m, n, k) = (plan.m, plan.n, plan.k)
  if out.shape.count == 0 { return }
  let p = Floats(count: a.shape.count), q = Floats(count: b.shape.count)
  let (left, right) = (p.base, q.base)
  // a has a zero point per row, b one per column.
  parallelRanges(k == 0 ? 0 : a.shape.count / k, minimum: 64, threads: threads) { rows in
    for row in rows {
      let zero = aZero.map { shift($0, row % $0.shape.count) } ?? 0
      widen(left + row * k, a, row * k, count: k, minus: zero)
    }
  }
  parallelRanges(b.shape.count / n, minimum: 64, threads: threads) { rows in
    for row in rows {
      let target = right + row * n
      widen(target, b, row * n, count: n, minus: 0)
      guard let bZero else { continue }
      let count = bZero.shape.count
      for j in 0..<n { target[j] -= shift(bZero, (row / k * n + j) % count) }
    }
  }
  let to = out.base.assumingMemoryBound(to: Int32.self)
  let cut = Cut(rows: m, columns: n, threads: plan.batches >= threads ? 1 : threads)
  parallel(plan.batches * cut.count, threads: threads) { task in
    let batch = task / cut.count, (r, c) = cut[task % cut.count]
    let (aStart, bStart) = plan.starts[batch]
    exactProduct(
      to + batch * m * n + r.lowerBound * n + c.lowerBound, stride: n,
      Matrix(base: left + aStart + r.lowerBound * k, stride: k),
      Matrix(base: right + bStart + c.lowerBound, stride: n), m: r.count, n: c.count, k: k)
  }
}

/// Most products of two numbers of 9 bits (an 8-bit integer less its zero point) whose sum float32
/// holds exactly: 256 · 255² < 2²⁴.
private let exactCount = 256

/// c[m, n] = a[m, k] · b[k, n] of integers of at most 9 bits, exact but for wrapping at 32 bits.
private func exactProduct(
  _ c: UnsafeMutablePointer<Int32>, stride: Int, _ a: Matrix, _ b: Matrix, m: Int, n: Int, k: Int
) {
  for row in 0..<m { (c + row * stride).update(repeating: 0, count: n) }
  let part = Floats(count: m * n)
  for first in Swift.stride(from: 0, to: k, by: exactCount) {
    var (left, right) = (a, b)
    left.base += first
    right.base += first * b.stride
    multiply(part.base, stride: n, left, right, m: m, n: n, k: min(exactCount, k - first))
    for row in 0..<m {
      let to = c + row * stride, from = part.base + row * n
      for j in 0..<n { to[j] = to[j] &+ Int32(from[j]) }
    }
  }
}

private func shift(_ zero: TensorView, _ index: Int) -> Float {
  Float(Elements.integer(zero.base, index, zero.type))
}

/// to[i] = x[first + i] − zero; x of 8-bit integers.
private func widen(
  _ to: UnsafeMutablePointer<Float>, _ x: TensorView, _ first: Int, count: Int, minus zero: Float
) {
  if x.type == .u8 {
    let from = x.base.assumingMemoryBound(to: UInt8.self) + first
    for i in 0..<count { to[i] = Float(from[i]) - zero }
  } else {
    let from = x.base.assumingMemoryBound(to: Int8.self) + first
    for i in 0..<count { to[i] = Float(from[i]) - zero }
  }
}

/// Scratch of floats.
private struct Floats: ~Copyable {
  let base: UnsafeMutablePointer<Float>

  init(count: Int) { base = .allocate(capacity: max(count, 1)) }

  deinit { base.deallocate() }
}

/// How a window moves over the spatial axes, one entry per axis; `before` counts the padding in
/// front.
package struct WindowParameters: Sendable {
  package var strides, dilations, before: [Int]
  package var groups: Int

  package init(strides: [Int], dilations: [Int], before: [Int], groups: Int) {
    self.strides = strides
    self.dilations = dilations
    self.before = before
    self.groups = groups
  }
}

/// out[b, o, p…] = Σ (x[b, c, p·stride + w·dilation − before] − xZero) · (weight[o, c, w…] −
/// weightZero[o]); outside of x there is nothing. x [N, C, …] and weight [O, C/groups, …] of 8-bit
/// integers, zero points of one element or O, out i32.
package func integerConvolution(
  _ out: MutableTensorView, _ x: TensorView, weight: TensorView, xZero: TensorView?,
  weightZero: TensorView?, _ window: WindowParameters, threads: Int
) {
  precondition(out.type == .i32)
  if out.shape.count == 0 { return }
  let kernel = Array(weight.shape.dimensions.dropFirst(2))
  let size = Array(x.shape.dimensions.dropFirst(2))
  let result = Array(out.shape.dimensions.dropFirst(2))
  let places = result.reduce(1, *), planeCount = size.reduce(1, *)
  let outputs = weight.shape[0] / window.groups, channels = weight.shape[1]
  let k = channels * kernel.reduce(1, *)
  let filters = Floats(count: weight.shape.count), pixels = Floats(count: x.shape.count)
  for o in 0..<weight.shape[0] {
    let zero = weightZero.map { shift($0, $0.shape.count == 1 ? 0 : o) } ?? 0
    widen(filters.base + o * k, weight, o * k, count: k, minus: zero)
  }
  let zero = xZero.map { shift($0, 0) } ?? 0
  let to = out.base.assumingMemoryBound(to: Int32.self)
  let (left, from) = (filters.base, pixels.base)
  parallelRanges(x.shape.count, minimum: 16_384, threads: threads) { range in
    widen(from + range.lowerBound, x, range.lowerBound, count: range.count, minus: zero)
  }
  // A window of one pixel at every pixel sees the picture as it lies.
  let isPlain =
    kernel.allSatisfy { $0 == 1 } && window.strides.allSatisfy { $0 == 1 } && result == size
    && window.before.allSatisfy { $0 == 0 }
  // Patches of a window take up to 16 MB at a time.
  let block = max(8, min(256, (1 << 22) / max(k, 1))), blocks = (places + block - 1) / block
  parallel(
    x.shape[0] * window.groups * blocks, threads: threads, scratchCount: isPlain ? 0 : k * block
  ) { task, patches in
    let picture = task / (window.groups * blocks), group = task / blocks % window.groups
    let first = task % blocks * block, count = min(block, places - first)
    let plane = from + (picture * x.shape[1] + group * channels) * planeCount
    var right = Matrix(base: plane + first, stride: planeCount)
    if !isPlain {
      gatherPatches(
        patches, plane, channels, size, first..<first + count, result, kernel, window)
      right = Matrix(base: patches, stride: count)
    }
    exactProduct(
      to + (picture * weight.shape[0] + group * outputs) * places + first, stride: places,
      Matrix(base: left + group * outputs * k, stride: k), right, m: outputs, n: count, k: k)
  }
}

/// patches[(c, w…), place] = what the window's tap w sees of channel c there, 0 outside.
private func gatherPatches(
  _ patches: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ channels: Int,
  _ size: [Int], _ places: Range<Int>, _ result: [Int], _ kernel: [Int],
  _ window: WindowParameters
) {
  let planeCount = size.reduce(1, *), taps = kernel.reduce(1, *)
  var sources = [Int](repeating: -1, count: places.count)
  for tap in 0..<taps {
    for (column, place) in places.enumerated() {
      var offset = 0, rest = place, restOfTap = tap, stride = 1
      for axis in kernel.indices.reversed() {
        let at =
          rest % result[axis] * window.strides[axis]
          + restOfTap % kernel[axis] * window.dilations[axis] - window.before[axis]
        if at < 0 || at >= size[axis] || offset < 0 {
          offset = -1
        } else {
          offset += at * stride
        }
        stride *= size[axis]
        rest /= result[axis]
        restOfTap /= kernel[axis]
      }
      sources[column] = offset
    }
    sources.withUnsafeBufferPointer { sources in
      for c in 0..<channels {
        let line = patches + (c * taps + tap) * places.count, plane = x + c * planeCount
        for column in 0..<places.count {
          let offset = sources[column]
          line[column] = offset < 0 ? 0 : plane[offset]
        }
      }
    }
  }
}
