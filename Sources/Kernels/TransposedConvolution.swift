import CKernels
import TensorBase

/// The transpose of a convolution: out[n, o, q] = bias[o] + Σ of x[n, c, p] · weight[c, o, t] over
/// all c, p, t with p · stride + t · dilation − before = q.
///
/// Channels first, any number of spatial axes: x [N, I, …], weight [I, O/groups, …], bias [O], out
/// [N, O, …], all of one type; the window slides over out, and x has its places. f32 goes by matrix
/// products; other types are summed in double.
package func transposedConvolution(
  _ out: MutableTensorView, _ x: TensorView, weight: TensorView, bias: TensorView?,
  window: SlidingWindow, groups: Int, threads: Int
) {
  checkTransposed(out, x, weight, bias, window, groups)
  if out.type != .f32 {
    return transposedConvolutionReference(
      out, x, weight: weight, bias: bias, window: window, groups: groups, threads: threads)
  }
  let inputs = weight.shape[0] / groups, outputs = weight.shape[1]
  let taps = window.tapCount, places = window.placeCount, pixels = window.imageCount
  let to = out.floats, from = x.floats, w = weight.floats, added = bias?.floats
  // A piece computes some channels of a picture: weightᵀ · x gives what each tap adds, for some
  // lines of places at a time, or part of a line.
  let step = max(1, min(outputs, 4096 / max(1, taps)))
  let chunks = (outputs + step - 1) / step
  let block = max(1, min(places, 1_048_576 / max(1, step * taps)))
  parallel(x.shape[0] * groups * chunks, threads: threads, scratchCount: step * taps * block) {
    piece, columns in
    let chunk = piece % chunks, n = piece / chunks / groups, group = piece / chunks % groups
    let first = chunk * step, count = min(step, outputs - first)
    let image = to + (n * groups * outputs + group * outputs + first) * pixels
    for o in 0..<count {
      (image + o * pixels).update(
        repeating: added?[group * outputs + first + o] ?? 0, count: pixels)
    }
    for start in stride(from: 0, to: inputs == 0 ? 0 : places, by: block) {
      let range = start..<min(places, start + block)
      multiply(
        columns, stride: range.count,
        Matrix(
          base: w + (group * inputs * outputs + first) * taps, stride: outputs * taps,
          transposed: true),
        Matrix(base: from + (n * groups + group) * inputs * places + start, stride: places),
        m: count * taps, n: range.count, k: inputs)
      for row in 0..<(count * taps) {
        window.scatter(
          columns + row * range.count, row % taps, range, into: image + row / taps * pixels)
      }
    }
  }
}

/// `transposedConvolution` of any type with sums in double.
package func transposedConvolutionReference(
  _ out: MutableTensorView, _ x: TensorView, weight: TensorView, bias: TensorView?,
  window: SlidingWindow, groups: Int, threads: Int
) {
  checkTransposed(out, x, weight, bias, window, groups)
  let inputs = weight.shape[0] / groups, outputs = weight.shape[1]
  let places = window.placeCount, taps = window.tapCount
  let values = Doubles(x), weights = Doubles(weight), sums = Doubles(count: out.shape.count)
  let (from, w, to) = (values.base, weights.base, sums.base)
  parallel(x.shape[0] * groups * outputs, threads: threads) { piece in
    let channel = piece % (groups * outputs), n = piece / (groups * outputs)
    let group = channel / outputs, o = channel % outputs
    let target = to + piece * window.imageCount
    if let bias {
      target.update(
        repeating: Elements.load(bias.base, channel, bias.type), count: window.imageCount)
    }
    for c in 0..<inputs {
      let source = from + ((n * groups + group) * inputs + c) * places
      for tap in 0..<taps {
        let factor = w[((group * inputs + c) * outputs + o) * taps + tap]
        window.scatter(source, tap, factor: factor, into: target)
      }
    }
  }
  sums.store(to: out)
  withExtendedLifetime(values) {}
  withExtendedLifetime(weights) {}
}

extension SlidingWindow {
  /// Adds a value per place of `range` to what tap `tap` sees of the image from there.
  func scatter(
    _ values: UnsafePointer<Float>, _ tap: Int, _ range: Range<Int>,
    into image: UnsafeMutablePointer<Float>
  ) {
    var place = range.lowerBound
    while place < range.upperBound {
      let line = place / lineLength, column = place % lineLength
      let count = min(lineLength - column, range.upperBound - place)
      let run = run(line: line, tap: tap, columns: column..<(column + count))
      let source = values + (place - range.lowerBound + run.first - column)
      let target = image + run.source
      for i in 0..<(run.end - run.first) { target[i * run.step] += source[i] }
      place += count
    }
  }

  /// Adds a value per place times `factor` to what tap `tap` sees of the image from there.
  func scatter(
    _ values: UnsafePointer<Double>, _ tap: Int, factor: Double,
    into image: UnsafeMutablePointer<Double>
  ) {
    for line in 0..<lineCount {
      let run = run(line: line, tap: tap, columns: 0..<lineLength)
      let source = values + line * lineLength + run.first, target = image + run.source
      for i in 0..<(run.end - run.first) { target[i * run.step] += factor * source[i] }
    }
  }
}

/// `transposedConvolution` with two spatial axes and one group, channels last: x [N, H, W, I], weight
/// [I, kh, kw, O], out [N, H', W', O]; f32.
package func transposedConvolution2D(
  _ out: MutableTensorView, _ x: TensorView, weight: TensorView, bias: TensorView?,
  window: SlidingWindow, threads: Int
) {
  let inputs = x.shape[3], outputs = out.shape[3]
  let taps = window.tapCount, places = window.placeCount
  precondition(
    weight.shape.dimensions == [inputs] + window.size + [outputs]
      && x.shape.dimensions[1...2] == window.places[...]
      && out.shape.dimensions[1...2] == window.image[...] && out.shape[0] == x.shape[0])
  precondition(bias == nil || bias?.shape == [outputs])
  if out.shape.count == 0 { return }
  let to = out.floats, from = x.floats, w = weight.floats, added = bias?.floats
  // A piece computes some outputs of a picture: what every tap adds to them, some places at a time.
  let chunks = min(max(1, outputs / 16), (threads + x.shape[0] - 1) / x.shape[0])
  let step = (outputs + chunks - 1) / chunks
  let block = max(1, min(places, 256, 262_144 / max(1, taps * step)))
  parallel(x.shape[0] * chunks, threads: threads, scratchCount: block * taps * step) {
    piece, columns in
    let n = piece / chunks, first = piece % chunks * step, count = min(step, outputs - first)
    if count <= 0 { return }
    let image = to + n * window.imageCount * outputs + first
    for pixel in 0..<window.imageCount {
      if let added {
        (image + pixel * outputs).update(from: added + first, count: count)
      } else {
        (image + pixel * outputs).update(repeating: 0, count: count)
      }
    }
    for start in stride(from: 0, to: inputs == 0 ? 0 : places, by: block) {
      let rows = min(block, places - start)
      for tap in 0..<taps {
        multiply(
          columns + tap * count, stride: taps * count,
          Matrix(base: from + (n * places + start) * inputs, stride: inputs),
          Matrix(base: w + tap * outputs + first, stride: taps * outputs), m: rows, n: count,
          k: inputs)
      }
      for tap in 0..<taps {
        var place = start
        while place < start + rows {
          let line = place / window.lineLength, column = place % window.lineLength
          let length = min(window.lineLength - column, start + rows - place)
          let run = window.run(line: line, tap: tap, columns: column..<(column + length))
          for i in 0..<(run.end - run.first) {
            let row = place - start + run.first - column + i
            plumb_accumulate(
              image + (run.source + i * run.step) * outputs, columns + (row * taps + tap) * count,
              1, count)
          }
          place += length
        }
      }
    }
  }
}

private func checkTransposed(
  _ out: MutableTensorView, _ x: TensorView, _ weight: TensorView, _ bias: TensorView?,
  _ window: SlidingWindow, _ groups: Int
) {
  precondition(
    x.shape.dimensions.dropFirst(2) == window.places[...]
      && out.shape.dimensions.dropFirst(2) == window.image[...]
      && weight.shape.dimensions.dropFirst(2) == window.size[...])
  precondition(
    groups > 0 && weight.shape[0] == x.shape[1] && weight.shape[0] % groups == 0
      && weight.shape[1] * groups == out.shape[1] && out.shape[0] == x.shape[0])
  precondition(out.type == x.type && weight.type == x.type)
  precondition(bias == nil || bias?.shape == [out.shape[1]])
}

/// Adds up columns of patches to an image, as a transposed convolution does with its products:
/// out[n, c, q] = Σ of columns[n, c · taps + t, p] over all p, t with p · stride + t · dilation −
/// before = q.
///
/// Columns [N, C · taps, places], out [N, C, …], of one type. Floats are added in double.
package func columnsToImage(
  _ out: MutableTensorView, _ columns: TensorView, window: SlidingWindow, threads: Int
) {
  let channels = out.shape[1], taps = window.tapCount, places = window.placeCount
  precondition(
    out.type == columns.type && out.shape.dimensions.dropFirst(2) == window.image[...]
      && columns.shape == [out.shape[0], channels * taps, places])
  if out.type.isFloatingPoint {
    let values = Doubles(columns), sums = Doubles(count: out.shape.count)
    let (from, to) = (values.base, sums.base)
    parallel(out.shape[0] * channels, threads: threads) { piece in
      for tap in 0..<taps {
        window.scatter(
          from + (piece * taps + tap) * places, tap, factor: 1,
          into: to + piece * window.imageCount)
      }
    }
    sums.store(to: out)
    withExtendedLifetime(values) {}
  } else {
    let values = Integers(columns), sums = Integers(count: out.shape.count)
    for plane in 0..<(out.shape[0] * channels * taps) {
      let source = values.base + plane * places
      let target = sums.base + plane / taps * window.imageCount
      for line in 0..<window.lineCount {
        let run = window.run(line: line, tap: plane % taps, columns: 0..<window.lineLength)
        for i in 0..<(run.end - run.first) {
          target[run.source + i * run.step] &+= source[line * window.lineLength + run.first + i]
        }
      }
    }
    sums.store(to: out)
    withExtendedLifetime(values) {}
  }
}
