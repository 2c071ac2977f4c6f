import TensorBase

/// What a deformable convolution reads beside the image.
package struct DeformableAddends {
  /// [N, groups · taps · axes, places…]: how far each tap is shifted.
  package var offsets: TensorView
  /// [N, groups · taps, places…]: a factor for each tap.
  package var mask: TensorView?
  package var bias: TensorView?
  /// Groups of neighbouring channels, each with shifts of its own.
  package var groups: Int

  package init(offsets: TensorView, mask: TensorView?, bias: TensorView?, groups: Int) {
    self.offsets = offsets
    self.mask = mask
    self.bias = bias
    self.groups = groups
  }
}

/// `convolution` whose taps are shifted, place by place, and read between pixels: linearly, 0 beyond
/// the image.
///
/// x [N, I, …], weight [O, I/groups, …], out [N, O, …], all of one float type. Samples are made in
/// double; f32 goes on by matrix products, other types in double.
package func deformableConvolution(
  _ out: MutableTensorView, _ x: TensorView, weight: TensorView, _ addends: DeformableAddends,
  window: SlidingWindow, groups: Int, threads: Int
) {
  let channels = x.shape[1], inputs = weight.shape[1], outputs = weight.shape[0] / groups
  let taps = window.tapCount, places = window.placeCount, rank = window.image.count
  precondition(
    inputs * groups == channels && channels % addends.groups == 0
      && addends.offsets.shape.dimensions
        == [x.shape[0], addends.groups * taps * rank] + window.places
      && out.shape.dimensions == [x.shape[0], weight.shape[0]] + window.places)
  let images = Doubles(x), weights = Doubles(weight)
  let (from, w) = (images.base, weights.base)
  let isFloat = out.type == .f32
  let depth = inputs * taps
  // A line of places of all channels of a picture at a time.
  let length = window.lineLength
  parallel(x.shape[0] * window.lineCount, threads: threads) { piece in
    let n = piece / window.lineCount, line = piece % window.lineCount
    let columns = UnsafeMutablePointer<Double>.allocate(capacity: max(1, channels * taps * length))
    defer { columns.deallocate() }
    addends.sample(from + n * channels * window.imageCount, channels, n, line, window, columns)
    for group in 0..<groups {
      let patches = columns + group * depth * length
      if isFloat {
        let narrow = UnsafeMutablePointer<Float>.allocate(capacity: max(1, depth * length))
        defer { narrow.deallocate() }
        for i in 0..<(depth * length) { narrow[i] = Float(patches[i]) }
        let target = out.floats + (n * groups + group) * outputs * places + line * length
        if depth > 0 {
          multiply(
            target, stride: places,
            Matrix(base: weight.floats + group * outputs * depth, stride: depth),
            Matrix(base: narrow, stride: length), m: outputs, n: length, k: depth)
        }
        for o in 0..<outputs {
          let bias = addends.bias.map { $0.floats[group * outputs + o] } ?? 0
          let row = target + o * places
          for i in 0..<length { row[i] = (depth > 0 ? row[i] : 0) + bias }
        }
        continue
      }
      for o in 0..<outputs {
        let channel = group * outputs + o
        let bias = addends.bias.map { Elements.load($0.base, channel, $0.type) } ?? 0
        for i in 0..<length {
          var sum = bias
          for k in 0..<depth { sum += w[channel * depth + k] * patches[k * length + i] }
          Elements.store(
            sum, out.base, (n * groups * outputs + channel) * places + line * length + i, out.type)
        }
      }
    }
  }
  withExtendedLifetime(images) {}
  withExtendedLifetime(weights) {}
}

extension DeformableAddends {
  /// Writes what each tap sees from a line of places: columns [channels, taps, line].
  fileprivate func sample(
    _ picture: UnsafePointer<Double>, _ channels: Int, _ n: Int, _ line: Int,
    _ window: SlidingWindow, _ columns: UnsafeMutablePointer<Double>
  ) {
    let taps = window.tapCount, rank = window.image.count, length = window.lineLength
    let own = channels / groups
    var corner = [Double](repeating: 0, count: rank)
    for group in 0..<groups {
      for tap in 0..<taps {
        for column in 0..<length {
          let place = line * length + column
          var restPlace = place, restTap = tap
          for axis in (0..<rank).reversed() {
            let at = restPlace % window.places[axis], inner = restTap % window.size[axis]
            restPlace /= window.places[axis]
            restTap /= window.size[axis]
            let shift = Elements.load(
              offsets.base,
              (((n * groups + group) * taps + tap) * rank + axis) * window.placeCount + place,
              offsets.type)
            corner[axis] =
              Double(
                at * window.strides[axis] + inner * window.dilations[axis] - window.before[axis])
              + shift
          }
          let factor =
            mask.map {
              Elements.load(
                $0.base, ((n * groups + group) * taps + tap) * window.placeCount + place, $0.type)
            } ?? 1
          let target = columns + (group * own * taps + tap) * length + column
          for c in 0..<own { target[c * taps * length] = 0 }
          for choice in 0..<(1 << rank) {
            guard let (offset, weight) = neighbour(corner, choice, window.image) else { continue }
            let source = picture + group * own * window.imageCount + offset
            for c in 0..<own {
              target[c * taps * length] += factor * weight * source[c * window.imageCount]
            }
          }
        }
      }
    }
  }
}

/// One of the pixels around a place, each bit of `choice` being the further one along an axis, and
/// its weight; nil where it has none or is outside of the image.
private func neighbour(
  _ corner: [Double], _ choice: Int, _ image: [Int]
) -> (offset: Int, weight: Double)? {
  var offset = 0, weight = 1.0
  for axis in image.indices {
    let low = corner[axis].rounded(.down), ratio = corner[axis] - low
    let isFar = choice >> axis & 1 == 1
    weight *= isFar ? ratio : 1 - ratio
    let at = isFar ? low + 1 : low
    guard at >= 0, at < Double(image[axis]), weight != 0 else { return nil }
    offset = offset * image[axis] + Int(at)
  }
  return (offset, weight)
}
