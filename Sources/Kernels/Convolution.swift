import TensorBase

/// out[n, o, p] = bias[o] + Σ over c, t of x[n, c, p · stride + t · dilation − before] ·
/// weight[o, c, t]; outside the image x is 0.
///
/// Channels first, any number of spatial axes: x [N, I, …], weight [O, I/groups, …], bias [O], out
/// [N, O, …], all of one type. f32 goes by matrix products; other types are summed in double.
package func convolution(
  _ out: MutableTensorView, _ x: TensorView, weight: TensorView, bias: TensorView?,
  window: SlidingWindow, groups: Int, threads: Int
) {
  checkConvolution(out, x, weight, bias, window, groups)
  if out.type == .f32 {
    convolveFloats(out, x, weight, bias, window, groups, threads: threads)
  } else {
    convolutionReference(
      out, x, weight: weight, bias: bias, window: window, groups: groups, threads: threads)
  }
}

/// Blocks of places: their patches, [I/groups · taps, places], times the weight.
private func convolveFloats(
  _ out: MutableTensorView, _ x: TensorView, _ weight: TensorView, _ bias: TensorView?,
  _ window: SlidingWindow, _ groups: Int, threads: Int
) {
  let inputs = weight.shape[1], outputs = weight.shape[0] / groups
  let depth = inputs * window.tapCount, places = window.placeCount
  let to = out.floats, from = x.floats, w = weight.floats, added = bias?.floats
  if places == 0 { return }
  let block = max(16, min(1024, 1_048_576 / max(depth, 1), (places + threads - 1) / threads))
  let blocks = (places + block - 1) / block
  parallel(x.shape[0] * groups * blocks, threads: threads, scratchCount: depth * block) {
    piece, patches in
    let first = piece % blocks * block, count = min(block, places - first)
    let group = piece / blocks % groups, n = piece / blocks / groups
    let image = from + (n * groups + group) * inputs * window.imageCount
    for c in 0..<inputs {
      for tap in 0..<window.tapCount {
        window.gather(
          image + c * window.imageCount, tap, first..<(first + count),
          into: patches + (c * window.tapCount + tap) * count)
      }
    }
    let target = to + (n * groups + group) * outputs * places + first
    if depth == 0 {
      for o in 0..<outputs { (target + o * places).update(repeating: 0, count: count) }
    } else {
      multiply(
        target, stride: places, Matrix(base: w + group * outputs * depth, stride: depth),
        Matrix(base: patches, stride: count), m: outputs, n: count, k: depth)
    }
    if let added {
      for o in 0..<outputs {
        let value = added[group * outputs + o], row = target + o * places
        for i in 0..<count { row[i] += value }
      }
    }
  }
}

extension SlidingWindow {
  /// What tap `tap` sees of one channel's image from the places `range`, zeros where that is
  /// outside.
  func gather(
    _ image: UnsafePointer<Float>, _ tap: Int, _ range: Range<Int>,
    into row: UnsafeMutablePointer<Float>
  ) {
    var place = range.lowerBound, to = row
    while place < range.upperBound {
      let line = place / lineLength, column = place % lineLength
      let count = min(lineLength - column, range.upperBound - place)
      let run = run(line: line, tap: tap, columns: column..<(column + count))
      if run.first > column { to.update(repeating: 0, count: run.first - column) }
      let target = to + (run.first - column), source = image + run.source
      let seen = run.end - run.first
      if run.step == 1 {
        target.update(from: source, count: seen)
      } else {
        for i in 0..<seen { target[i] = source[i * run.step] }
      }
      let rest = column + count - run.end
      if rest > 0 { (to + (run.end - column)).update(repeating: 0, count: rest) }
      to += count
      place += count
    }
  }
}

/// `convolution` of any type with sums in double.
package func convolutionReference(
  _ out: MutableTensorView, _ x: TensorView, weight: TensorView, bias: TensorView?,
  window: SlidingWindow, groups: Int, threads: Int
) {
  checkConvolution(out, x, weight, bias, window, groups)
  let inputs = weight.shape[1], outputs = weight.shape[0]
  let images = Doubles(x), weights = Doubles(weight), sums = Doubles(count: out.shape.count)
  let (from, w, to) = (images.base, weights.base, sums.base)
  let taps = window.tapCount
  parallel(x.shape[0] * outputs, threads: threads) { piece in
    let n = piece / outputs, o = piece % outputs, group = o / (outputs / groups)
    let target = to + piece * window.placeCount
    if let bias {
      target.update(repeating: Elements.load(bias.base, o, bias.type), count: window.placeCount)
    }
    for c in 0..<inputs {
      let image = from + ((n * groups + group) * inputs + c) * window.imageCount
      for tap in 0..<taps {
        let factor = w[(o * inputs + c) * taps + tap]
        for line in 0..<window.lineCount {
          let run = window.run(line: line, tap: tap, columns: 0..<window.lineLength)
          let row = target + line * window.lineLength + run.first, source = image + run.source
          for i in 0..<(run.end - run.first) { row[i] += factor * source[i * run.step] }
        }
      }
    }
  }
  sums.store(to: out)
  withExtendedLifetime(images) {}
  withExtendedLifetime(weights) {}
}

private func checkConvolution(
  _ out: MutableTensorView, _ x: TensorView, _ weight: TensorView, _ bias: TensorView?,
  _ window: SlidingWindow, _ groups: Int
) {
  precondition(
    x.shape.dimensions.dropFirst(2) == window.image[...]
      && out.shape.dimensions.dropFirst(2) == window.places[...]
      && weight.shape.dimensions.dropFirst(2) == window.size[...])
  precondition(
    groups > 0 && weight.shape[1] * groups == x.shape[1] && weight.shape[0] == out.shape[1]
      && weight.shape[0] % groups == 0 && out.shape[0] == x.shape[0])
  precondition(out.type == x.type && weight.type == x.type)
  precondition(bias == nil || bias?.shape == [out.shape[1]])
}
