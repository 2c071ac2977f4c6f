/// For each of some output positions along an axis, which input positions contribute with which
/// weights: a triangle filter between pixel centres at half-integers, as ATen's
/// `_upsample_bilinear2d_aa` on float32 (align_corners false, scale = input / output) computes it,
/// with its mixture of single and double precision, its limits of the span and its normalisation.
struct ResampledAxis {
  /// First input position, one for each output position.
  private(set) var starts: [Int] = []
  /// Number of input positions, one for each output position.
  private(set) var counts: [Int] = []
  /// `stride` weights for each output position, the first `counts` of which matter.
  private(set) var weights: [Float] = []
  let stride: Int

  /// - Parameters:
  ///   - input: pixels of the input, at least 1.
  ///   - output: pixels that the whole input becomes, at least 1.
  ///   - range: which of the output's pixels are wanted.
  ///   - antialiased: widen the filter with the ratio when the input is larger than the output.
  init(input: Int, output: Int, range: Range<Int>, antialiased: Bool = true) {
    precondition(input > 0 && output > 0 && range.lowerBound >= 0 && range.upperBound <= output)
    let scale = Float(input) / Float(output)
    let widened = antialiased && scale >= 1
    let support: Float = widened ? scale : 1
    let inverse: Float = widened ? Float(1 / Double(scale)) : 1
    let stride = Int(support.rounded(.up)) * 2 + 1
    self.stride = stride
    starts.reserveCapacity(range.count)
    counts.reserveCapacity(range.count)
    weights.reserveCapacity(range.count * stride)
    for position in range {
      let centre = Float(Double(scale) * (Double(position) + 0.5))
      let start = max(Int(Double(centre - support) + 0.5), 0)
      let end = min(Int(Double(centre + support) + 0.5), input)
      let count = min(max(end - start, 0), stride)
      var total: Float = 0
      for tap in 0..<stride {
        var weight: Float = 0
        if tap < count {
          let offset = Float((Double(Float(start + tap) - centre) + 0.5) * Double(inverse))
          weight = max(1 - abs(offset), 0)
          total += weight
        }
        weights.append(weight)
      }
      if total != 0 {
        for tap in weights.count - stride..<weights.count { weights[tap] /= total }
      }
      starts.append(start)
      counts.append(count)
    }
  }

  /// The input positions that any output position reads.
  var inputRange: Range<Int> {
    guard let first = starts.min(), let last = zip(starts, counts).map({ $0 + $1 }).max() else {
      return 0..<0
    }
    return first..<max(first, last)
  }
}

/// Resamples a plane of floats: horizontally, then vertically, in float32.
///
/// - Parameters:
///   - row: writes input row `y` into a buffer of `width` floats.
///   - width: pixels of an input row.
/// - Returns: `vertical.starts.count` rows of `horizontal.starts.count` floats.
func resample(
  width: Int, horizontal: ResampledAxis, vertical: ResampledAxis,
  row: (_ y: Int, _ into: UnsafeMutableBufferPointer<Float>) -> Void
) -> [Float] {
  let (columns, rows) = (horizontal.starts.count, vertical.starts.count)
  let inputRows = vertical.inputRange
  var line = [Float](repeating: 0, count: width)
  // [input rows that are read, columns]
  var narrowed = [Float](repeating: 0, count: inputRows.count * columns)
  narrowed.withUnsafeMutableBufferPointer { narrowed in
    line.withUnsafeMutableBufferPointer { line in
      horizontal.weights.withUnsafeBufferPointer { weights in
        for y in inputRows {
          row(y, line)
          let target = (y - inputRows.lowerBound) * columns
          for x in 0..<columns {
            let start = horizontal.starts[x]
            let first = x * horizontal.stride
            var sum: Float = 0
            for tap in 0..<horizontal.counts[x] { sum += line[start + tap] * weights[first + tap] }
            narrowed[target + x] = sum
          }
        }
      }
    }
  }
  var output = [Float](repeating: 0, count: rows * columns)
  output.withUnsafeMutableBufferPointer { output in
    narrowed.withUnsafeBufferPointer { narrowed in
      for y in 0..<rows {
        for tap in 0..<vertical.counts[y] {
          let weight = vertical.weights[y * vertical.stride + tap]
          let source = (vertical.starts[y] - inputRows.lowerBound + tap) * columns
          for x in 0..<columns { output[y * columns + x] += narrowed[source + x] * weight }
        }
      }
    }
  }
  return output
}

/// Resamples a plane bilinearly with half-pixel centres (`align_corners` false), edges repeated.
///
/// - Parameters:
///   - values: `[height, width]`.
///   - antialiased: widen the filter where the plane shrinks; without it, two taps a side, as
///     OpenCV's INTER_LINEAR takes them.
/// - Returns: `[outputHeight, outputWidth]`.
package func bilinearResize(
  _ values: [Float], width: Int, height: Int, outputWidth: Int, outputHeight: Int,
  antialiased: Bool = false
) -> [Float] {
  precondition(width > 0 && height > 0 && values.count == width * height)
  let horizontal = ResampledAxis(
    input: width, output: outputWidth, range: 0..<outputWidth, antialiased: antialiased)
  let vertical = ResampledAxis(
    input: height, output: outputHeight, range: 0..<outputHeight, antialiased: antialiased)
  return resample(width: width, horizontal: horizontal, vertical: vertical) { y, line in
    for x in 0..<width { line[x] = values[y * width + x] }
  }
}

/// Scales a picture to a new size, antialiased, rounding to the nearest level.
package func resized(_ image: RGBImage, width: Int, height: Int) -> RGBImage {
  if width == image.width && height == image.height { return image }
  let horizontal = ResampledAxis(input: image.width, output: width, range: 0..<width)
  let vertical = ResampledAxis(input: image.height, output: height, range: 0..<height)
  var pixels = [UInt8](repeating: 0, count: 3 * width * height)
  image.pixels.withUnsafeBufferPointer { source in
    pixels.withUnsafeMutableBufferPointer { target in
      for channel in 0..<3 {
        let plane = resample(width: image.width, horizontal: horizontal, vertical: vertical) {
          y, line in
          for x in 0..<line.count { line[x] = Float(source[3 * (y * line.count + x) + channel]) }
        }
        for index in 0..<width * height {
          target[3 * index + channel] = UInt8(min(max(plane[index] + 0.5, 0), 255))
        }
      }
    }
  }
  return RGBImage(width: width, height: height, pixels: pixels)
}
