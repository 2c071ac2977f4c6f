import CKernels
import Glibc
import TensorBase

/// What a pool makes of the elements its window sees.
package enum PoolFunction: Sendable {
  case maximum
  /// With `countsPadding` the sum is divided by how many taps lie in the padded image, else by how
  /// many lie in the image.
  case average(countsPadding: Bool)
  /// (Σ |x|ᵖ)^(1/p)
  case norm(p: Int)
}

/// A pool's window, and how far the image's padding reaches behind it.
package struct PoolWindow: Sendable {
  package var window: SlidingWindow
  package var after: [Int]

  package init(window: SlidingWindow, after: [Int]) {
    self.window = window
    self.after = after
  }

  /// How many taps of each place of an axis count for an average.
  fileprivate func counts(axis: Int, countsPadding: Bool) -> [Int] {
    countsPadding
      ? window.taps(
        axis: axis, from: -window.before[axis], to: window.image[axis] + after[axis]
      ).map(\.count)
      : window.seenTaps(axis: axis).map(\.count)
  }
}

/// out[n, c, p] = the function of what the window at place p sees of x[n, c]; `indices` is where in
/// x (counted over all of it, N and C included) each maximum lies, the first of equal ones; with
/// `isColumnMajor` the first spatial axis counts fastest.
///
/// Channels first, any number of spatial axes: x [N, C, …], out and indices [N, C, …]; x and out of
/// one type. Sums are in double. A maximum of nothing is the lowest value.
package func pool(
  _ out: MutableTensorView, indices: MutableTensorView? = nil, _ x: TensorView,
  _ function: PoolFunction, _ pool: PoolWindow, isColumnMajor: Bool = false, threads: Int
) {
  let window = pool.window
  precondition(
    out.type == x.type && x.shape.dimensions.dropFirst(2) == window.image[...]
      && out.shape.dimensions.dropFirst(2) == window.places[...]
      && x.shape.dimensions.prefix(2) == out.shape.dimensions.prefix(2))
  precondition(indices == nil || indices?.shape == out.shape)
  let pixels = window.imageCount, places = window.placeCount, length = window.lineLength
  let counts = averageCounts(function, pool)
  let found = indices?.int64s
  parallel(x.shape[0] * x.shape[1], threads: threads) { plane in
    let image = UnsafeMutablePointer<Double>.allocate(capacity: max(1, pixels))
    let line = UnsafeMutablePointer<Double>.allocate(capacity: max(1, length))
    let sources = UnsafeMutablePointer<Int>.allocate(capacity: max(1, length))
    defer {
      image.deallocate()
      line.deallocate()
      sources.deallocate()
    }
    for i in 0..<pixels { image[i] = Elements.load(x.base, plane * pixels + i, x.type) }
    if case .norm(let p) = function {
      for i in 0..<pixels { image[i] = power(abs(image[i]), p) }
    }
    for row in 0..<window.lineCount {
      let isMaximum = if case .maximum = function { true } else { false }
      line.update(repeating: isMaximum ? -.infinity : 0, count: length)
      sources.update(repeating: -1, count: length)
      for tap in 0..<window.tapCount {
        let run = window.run(line: row, tap: tap, columns: 0..<length)
        if isMaximum {
          for i in 0..<(run.end - run.first) {
            let value = image[run.source + i * run.step], best = line[run.first + i]
            if value > best || (value.isNaN && !best.isNaN) || sources[run.first + i] < 0 {
              line[run.first + i] = value
              sources[run.first + i] = run.source + i * run.step
            }
          }
        } else {
          for i in 0..<(run.end - run.first) {
            line[run.first + i] += image[run.source + i * run.step]
          }
        }
      }
      for column in 0..<length {
        let at = plane * places + row * length + column
        switch function {
        case .maximum: break
        case .average: line[column] /= Double(max(1, counts(row, column)))
        case .norm(let p): line[column] = root(line[column], p)
        }
        Elements.store(line[column], out.base, at, out.type)
        if let found {
          let source = isColumnMajor ? columnMajor(sources[column], window.image) : sources[column]
          found[at] = Int64(plane * pixels + source)
        }
      }
    }
  }
}

/// For a line and a column of the places how many taps an average divides by.
private func averageCounts(_ function: PoolFunction, _ pool: PoolWindow) -> (Int, Int) -> Int {
  guard case .average(let countsPadding) = function else { return { _, _ in 1 } }
  let places = pool.window.places
  let axes = places.indices.map { pool.counts(axis: $0, countsPadding: countsPadding) }
  return { row, column in
    var row = row, count = axes[axes.count - 1][column]
    for axis in (0..<(axes.count - 1)).reversed() {
      count *= axes[axis][row % places[axis]]
      row /= places[axis]
    }
    return count
  }
}

private func power(_ x: Double, _ p: Int) -> Double {
  p == 1 ? x : p == 2 ? x * x : pow(x, Double(p))
}

private func root(_ x: Double, _ p: Int) -> Double {
  p == 1 ? x : p == 2 ? x.squareRoot() : pow(x, 1 / Double(p))
}

/// A row-major offset in `sizes`, counted with the first axis fastest.
private func columnMajor(_ offset: Int, _ sizes: [Int]) -> Int {
  if offset < 0 { return offset }
  var offset = offset, result = 0
  for axis in sizes.indices.reversed() {
    result = result + offset % sizes[axis] * sizes[..<axis].reduce(1, *)
    offset /= sizes[axis]
  }
  return result
}

/// `pool` with two spatial axes, channels last, maximum or average: x [N, H, W, C], out [N, H', W',
/// C]; f32.
package func pool2D(
  _ out: MutableTensorView, _ x: TensorView, _ function: PoolFunction, _ pool: PoolWindow,
  threads: Int
) {
  let window = pool.window
  let channels = x.shape[3], width = window.image[1], height = window.image[0]
  precondition(
    window.image == [x.shape[1], x.shape[2]] && window.places == [out.shape[1], out.shape[2]]
      && out.shape[0] == x.shape[0] && out.shape[3] == channels)
  let to = out.floats, from = x.floats
  let rows = window.seenTaps(axis: 0), columns = window.seenTaps(axis: 1)
  var divisors: (rows: [Int], columns: [Int])?
  switch function {
  case .maximum: break
  case .average(let countsPadding):
    divisors = (
      pool.counts(axis: 0, countsPadding: countsPadding),
      pool.counts(axis: 1, countsPadding: countsPadding)
    )
  case .norm: preconditionFailure("a norm is pooled channels first")
  }
  let strideY = window.strides[0], strideX = window.strides[1]
  let (dilationY, dilationX) = (window.dilations[0], window.dilations[1])
  parallelRanges(
    x.shape[0] * window.placeCount,
    minimum: max(1, 16_384 / max(1, channels * window.tapCount)), threads: threads
  ) { range in
    for place in range {
      let n = place / window.placeCount, pixel = place % window.placeCount
      let row = pixel / window.places[1], column = pixel % window.places[1]
      let y = row * strideY - window.before[0] + rows[row].first * dilationY
      let left = column * strideX - window.before[1] + columns[column].first * dilationX
      let target = to + place * channels
      if rows[row].count == 0 || columns[column].count == 0 {
        target.update(repeating: divisors == nil ? -.infinity : 0, count: channels)
        continue
      }
      let source = from + ((n * height + y) * width + left) * channels
      if let divisors {
        plumb_window_sum(
          source, dilationY * width * channels, dilationX * channels, rows[row].count,
          columns[column].count, channels,
          1 / Float(max(1, divisors.rows[row] * divisors.columns[column])), target)
      } else {
        plumb_window_maximum(
          source, dilationY * width * channels, dilationX * channels, rows[row].count,
          columns[column].count, channels, target)
      }
    }
  }
}

/// Puts each element of x at its index in a tensor of `indexed`'s sizes full of zeros, and that into
/// the corner of out, whose rank is the same. x and out of one type, indices i64 of x's shape.
///
/// - Throws: `KernelError.indexOutOfRange` for an index outside of `indexed`.
package func maxUnpool(
  _ out: MutableTensorView, _ x: TensorView, indices: TensorView, indexed: Shape
) throws(KernelError) {
  precondition(indices.shape == x.shape && out.type == x.type && out.shape.rank == indexed.rank)
  let size = out.type.byteCount, found = indices.int64s, strides = out.shape.strides
  memset(out.base, 0, out.shape.count * size)
  for i in 0..<x.shape.count {
    guard found[i] >= 0, found[i] < indexed.count else {
      throw .indexOutOfRange(index: found[i], position: i, size: indexed.count)
    }
    var rest = Int(found[i]), target = 0, isInside = true
    for axis in (0..<indexed.rank).reversed() {
      let at = rest % indexed[axis]
      rest /= indexed[axis]
      if at >= out.shape[axis] { isInside = false }
      target += at * strides[axis]
    }
    if isInside {
      (out.base + target * size).copyMemory(from: x.base + i * size, byteCount: size)
    }
  }
}
