import TensorBase

/// x resized axis by axis, as `rule` and each axis say; any rank and type. What is not nearest is
/// interpolated: in float for f32, else in double; integers are cut towards zero, or rounded when
/// antialiased, as other programs have it.
package func resize(
  _ out: MutableTensorView, _ x: TensorView, axes: [ResizeAxis], _ rule: ResizeRule, threads: Int
) {
  precondition(
    out.type == x.type && axes.map(\.input) == x.shape.dimensions
      && axes.map(\.output) == out.shape.dimensions)
  if out.shape.count == 0 { return }
  // What shrinks goes first: then nothing between is larger than both ends.
  let steps = axes.indices.filter { !axes[$0].isIdentity }.sorted {
    axes[$0].ratio < axes[$1].ratio
  }
  if steps.isEmpty {
    out.base.copyMemory(from: x.base, byteCount: x.shape.count * x.type.byteCount)
    return
  }
  let isNearest = if case .nearest = rule.mode { true } else { false }
  if isNearest {
    resizeNearest(out, x, axes, steps, rule, threads: threads)
  } else if x.type == .f32 {
    interpolateFloats(out, x, axes, steps, rule, threads: threads)
  } else {
    interpolateDoubles(out, x, axes, steps, rule, threads: threads)
  }
}

/// One step: of [outer, axis, inner] the axis is resized.
private struct ResizeStep {
  let outer, input, output, inner: Int
  let taps: ResizeTaps

  init(_ dimensions: [Int], _ axis: ResizeAxis, at position: Int, _ rule: ResizeRule) {
    outer = dimensions[..<position].reduce(1, *)
    inner = dimensions[(position + 1)...].reduce(1, *)
    input = axis.input
    output = axis.output
    taps = ResizeTaps(axis, rule)
  }

  /// Rows of `inner` elements that the step writes.
  var rows: Int { outer * output }
  var count: Int { rows * inner }
}

/// Runs `body(step, source, target)` for each axis; all but the last target and the first source are
/// blocks of `size` bytes an element made for it.
private func forEachStep(
  _ out: MutableTensorView, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer,
  size: Int, _ axes: [ResizeAxis], _ steps: [Int], _ rule: ResizeRule,
  _ body: (ResizeStep, UnsafeRawPointer, UnsafeMutableRawPointer) -> Void
) {
  var dimensions = axes.map(\.input)
  var current = source
  var owned: UnsafeMutableRawPointer?
  for position in steps {
    let step = ResizeStep(dimensions, axes[position], at: position, rule)
    dimensions[position] = axes[position].output
    let isLast = position == steps.last
    let next =
      isLast
      ? target
      : UnsafeMutableRawPointer.allocate(byteCount: max(1, step.count * size), alignment: 64)
    body(step, current, next)
    owned?.deallocate()
    owned = isLast ? nil : next
    current = UnsafeRawPointer(next)
  }
}

private func resizeNearest(
  _ out: MutableTensorView, _ x: TensorView, _ axes: [ResizeAxis], _ steps: [Int],
  _ rule: ResizeRule, threads: Int
) {
  let size = x.type.byteCount, type = x.type
  forEachStep(out, x.base, out.base, size: size, axes, steps, rule) { step, from, to in
    let length = step.inner * size
    parallelRanges(step.rows, minimum: max(1, 16_384 / length), threads: threads) { range in
      for row in range {
        let source = step.taps.sources[row % step.output], target = to + row * length
        if source < 0 {
          for i in 0..<step.inner {
            Elements.store(rule.extrapolation, target, i, type)
          }
          continue
        }
        let at = from + (row / step.output * step.input + source) * length
        if length == 4 {
          target.storeBytes(of: at.loadUnaligned(as: UInt32.self), as: UInt32.self)
        } else {
          target.copyMemory(from: at, byteCount: length)
        }
      }
    }
  }
}

private func interpolateFloats(
  _ out: MutableTensorView, _ x: TensorView, _ axes: [ResizeAxis], _ steps: [Int],
  _ rule: ResizeRule, threads: Int
) {
  forEachStep(out, x.base, out.base, size: 4, axes, steps, rule) { step, from, to in
    let from = from.assumingMemoryBound(to: Float.self)
    let to = to.assumingMemoryBound(to: Float.self)
    let taps = step.taps.count, inner = step.inner
    parallelRanges(
      step.rows, minimum: max(1, 8192 / max(1, inner * taps)), threads: threads
    ) { range in
      step.taps.sources.withUnsafeBufferPointer { sources in
        step.taps.weights.withUnsafeBufferPointer { weights in
          for row in range {
            let place = row % step.output * taps
            let image = from + row / step.output * step.input * inner
            let target = to + row * inner
            if sources[place] < 0 {
              target.update(repeating: Float(rule.extrapolation), count: inner)
            } else if inner == 1 {
              var sum = 0.0
              for tap in place..<(place + taps) {
                sum += weights[tap] * Double(image[sources[tap]])
              }
              target[0] = Float(sum)
            } else {
              let first = image + sources[place] * inner, factor = Float(weights[place])
              for i in 0..<inner { target[i] = factor * first[i] }
              for tap in (place + 1)..<(place + taps) {
                let source = image + sources[tap] * inner, factor = Float(weights[tap])
                for i in 0..<inner { target[i] += factor * source[i] }
              }
            }
          }
        }
      }
    }
  }
}

private func interpolateDoubles(
  _ out: MutableTensorView, _ x: TensorView, _ axes: [ResizeAxis], _ steps: [Int],
  _ rule: ResizeRule, threads: Int
) {
  let values = Doubles(x), results = Doubles(count: out.shape.count)
  forEachStep(out, values.base, results.base, size: 8, axes, steps, rule) { step, from, to in
    let from = from.assumingMemoryBound(to: Double.self)
    let to = to.assumingMemoryBound(to: Double.self)
    let taps = step.taps.count, inner = step.inner
    parallelRanges(step.rows, minimum: max(1, 4096 / max(1, inner)), threads: threads) { range in
      for row in range {
        let place = row % step.output * taps
        let image = from + row / step.output * step.input * inner
        let target = to + row * inner
        target.update(
          repeating: step.taps.sources[place] < 0 ? rule.extrapolation : 0, count: inner)
        for tap in place..<(place + taps) where step.taps.sources[place] >= 0 {
          let source = image + step.taps.sources[tap] * inner, factor = step.taps.weights[tap]
          for i in 0..<inner { target[i] += factor * source[i] }
        }
      }
    }
  }
  if !out.type.isFloatingPoint {
    // A sum that misses a whole number by its rounding is that number.
    for i in 0..<results.count {
      let whole = results.base[i].rounded()
      if rule.isAntialiased || abs(results.base[i] - whole) <= 1e-6 * max(1, abs(whole)) {
        results.base[i] = whole
      }
    }
  }
  results.store(to: out)
  withExtendedLifetime(values) {}
}
