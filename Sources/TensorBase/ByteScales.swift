// Weights in bytes: each stands for itself times the scale of its output.

/// The scales of a tensor in bytes (i8), one for each index of one of its axes.
package struct ByteScales: Sendable {
  package let scales: [Float]
  /// Elements in a row that have one scale.
  private let run: Int

  /// Precondition: as many scales as the shape has along the axis.
  package init(_ scales: [Float], shape: Shape, axis: Int) {
    precondition(shape[axis] == scales.count)
    self.scales = scales
    run = shape.dimensions[(axis + 1)...].reduce(1, *)
  }

  /// Scales by which the largest magnitude along each index becomes 127; a row of zeros has the
  /// scale 1.
  ///
  /// - Parameter tensor: f32, all finite; an infinite or undefined scale tells when it is not.
  package init(fitting tensor: Tensor, axis: Int) {
    let count = tensor.shape[axis], run = tensor.shape.dimensions[(axis + 1)...].reduce(1, *)
    var largest = [Float](repeating: 0, count: count)
    tensor.withUnsafeBytes { bytes in
      let floats = bytes.assumingMemoryBound(to: Float.self)
      eachRun(0..<floats.count, run, count) { channel, range in
        // As bit patterns, in which NaN is larger than all numbers.
        var most: UInt32 = 0
        for i in range { most = max(most, floats[i].magnitude.bitPattern) }
        largest[channel] = Float(bitPattern: max(most, largest[channel].bitPattern))
      }
    }
    // A subnormal scale would be too coarse.
    scales = largest.map { $0 == 0 ? 1 : $0.isNaN ? $0 : max($0 / 127, .leastNormalMagnitude) }
    self.run = run
  }

  /// The nearest bytes, −127 to 127, to the elements of the f32 tensor the scales were made for, and
  /// the largest error.
  package func bytes(of tensor: Tensor) -> (bytes: Tensor, largestError: Float) {
    var worst: Float = 0
    let bytes = Tensor.written(.i8, tensor.shape) { target in
      target.withUnsafeMutableBytes { target in
        tensor.withUnsafeBytes { source in
          let floats = source.assumingMemoryBound(to: Float.self)
          let bytes = target.assumingMemoryBound(to: Int8.self)
          eachRun(0..<floats.count, run, scales.count) { channel, range in
            let scale = scales[channel]
            var largest: Float = 0
            for i in range {
              // Adding 1.5 · 2²³ leaves no bit for a fraction: rounded to nearest, ties to even.
              let byte = min(max(floats[i] / scale, -127), 127) + 12_582_912 - 12_582_912
              bytes[i] = Int8(truncatingIfNeeded: Int32(byte))
              largest = max(largest, (floats[i] - byte * scale).magnitude)
            }
            worst = max(worst, largest)
          }
        }
      }
    }
    return (bytes, worst)
  }

  /// Bytes as the f32 they stand for: their products with the scales, rounded once.
  ///
  /// - Parameters:
  ///   - start: the place of the first byte in the tensor.
  ///   - target: four times as long as `source`.
  package func widen(_ source: RawSpan, from start: Int, into target: inout MutableRawSpan) {
    precondition(target.byteCount == 4 * source.byteCount)
    source.withUnsafeBytes { source in
      target.withUnsafeMutableBytes { target in
        let bytes = source.assumingMemoryBound(to: Int8.self)
        let floats = target.assumingMemoryBound(to: Float.self)
        eachRun(start..<start + bytes.count, run, scales.count) { channel, range in
          let scale = scales[channel]
          for i in range { floats[i - start] = Float(bytes[i - start]) * scale }
        }
      }
    }
  }
}

/// The parts of a range of elements that have one scale each.
@inline(__always)
private func eachRun(
  _ range: Range<Int>, _ run: Int, _ count: Int, _ body: (_ channel: Int, Range<Int>) -> Void
) {
  var start = range.lowerBound
  while start < range.upperBound {
    let end = min((start / run + 1) * run, range.upperBound)
    body(start / run % count, start..<end)
    start = end
  }
}
