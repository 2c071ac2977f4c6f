import TensorBase

/// How `alignRegions` samples.
package struct RegionAlignment: Sendable {
  package var isMaximum: Bool
  /// Samples of a result along each axis; 0 for as many as it covers pixels.
  package var samples: Int
  package var scale: Double
  /// Whether regions are given with pixels' middles at halves; then they may be smaller than a pixel.
  package var isHalfPixel: Bool

  package init(isMaximum: Bool, samples: Int, scale: Double, isHalfPixel: Bool) {
    self.isMaximum = isMaximum
    self.samples = samples
    self.scale = scale
    self.isHalfPixel = isHalfPixel
  }
}

/// out[k, c] = region k of x[pictures[k], c] cut into bins; each bin the mean (or, with `isMaximum`,
/// the largest weighted pixel) of samples between pixels.
///
/// x [N, C, H, W], regions [K, 4] as x₁, y₁, x₂, y₂, out [K, C, h, w], of one float type; pictures [K]
/// of an integer type.
///
/// - Throws: `KernelError.indexOutOfRange` for a picture that is not there,
///   `KernelError.badValue` for a region that is no number or larger than any picture.
package func alignRegions(
  _ out: MutableTensorView, _ x: TensorView, regions: TensorView, pictures: TensorView,
  _ alignment: RegionAlignment, threads: Int
) throws(KernelError) {
  let count = regions.shape[0], channels = x.shape[1]
  let height = x.shape[2], width = x.shape[3], rows = out.shape[2], columns = out.shape[3]
  precondition(
    regions.shape == [count, 4] && pictures.shape == [count] && out.shape[0] == count
      && out.shape[1] == channels && out.type == x.type)
  let shift = alignment.isHalfPixel ? 0.5 : 0
  for k in 0..<count {
    let picture = Elements.integer(pictures.base, k, pictures.type)
    guard picture >= 0, picture < x.shape[0] else {
      throw .indexOutOfRange(index: picture, position: k, size: x.shape[0])
    }
    func edge(_ i: Int) -> Double {
      Elements.load(regions.base, 4 * k + i, regions.type) * alignment.scale - shift
    }
    let left = edge(0), top = edge(1)
    var regionWidth = edge(2) - left, regionHeight = edge(3) - top
    if !alignment.isHalfPixel {
      regionWidth = max(regionWidth, 1)
      regionHeight = max(regionHeight, 1)
    }
    let binHeight = regionHeight / Double(rows), binWidth = regionWidth / Double(columns)
    let down = alignment.samples > 0 ? Double(alignment.samples) : binHeight.rounded(.up)
    let across = alignment.samples > 0 ? Double(alignment.samples) : binWidth.rounded(.up)
    guard max(down, 1) * max(across, 1) < 4_194_304, abs(left) < 1e15, abs(top) < 1e15,
      !down.isNaN, !across.isNaN
    else {
      throw .badValue("region \(k) is no number or larger than any picture")
    }
    let (stepsDown, stepsAcross) = (Int(max(0, down)), Int(max(0, across)))
    parallel(rows * columns, threads: threads) { bin in
      let row = bin / columns, column = bin % columns
      var taps: [Bilinear] = []
      for i in 0..<stepsDown {
        let y = top + Double(row) * binHeight + (Double(i) + 0.5) * binHeight / down
        for j in 0..<stepsAcross {
          let across = left + Double(column) * binWidth + (Double(j) + 0.5) * binWidth / across
          taps.append(Bilinear(y: y, x: across, height: height, width: width))
        }
      }
      for c in 0..<channels {
        let image = (Int(picture) * channels + c) * height * width
        func pixel(_ offset: Int) -> Double { Elements.load(x.base, image + offset, x.type) }
        var result = 0.0
        for (number, tap) in taps.enumerated() {
          let parts = (
            tap.weights.0 * pixel(tap.offsets.0), tap.weights.1 * pixel(tap.offsets.1),
            tap.weights.2 * pixel(tap.offsets.2), tap.weights.3 * pixel(tap.offsets.3)
          )
          if alignment.isMaximum {
            let largest = max(max(parts.0, parts.1), max(parts.2, parts.3))
            result = number == 0 ? largest : max(result, largest)
          } else {
            result += parts.0 + parts.1 + parts.2 + parts.3
          }
        }
        if !alignment.isMaximum { result /= Double(max(taps.count, 1)) }
        Elements.store(result, out.base, (k * channels + c) * rows * columns + bin, out.type)
      }
    }
  }
}

/// The four pixels around a place, and their weights; none beyond a pixel outside of the picture.
private struct Bilinear {
  var offsets = (0, 0, 0, 0)
  var weights = (0.0, 0.0, 0.0, 0.0)

  init(y: Double, x: Double, height: Int, width: Int) {
    guard y >= -1, y <= Double(height), x >= -1, x <= Double(width), height > 0, width > 0 else {
      return
    }
    let (top, bottom, v) = neighbours(max(y, 0), height)
    let (left, right, u) = neighbours(max(x, 0), width)
    offsets = (
      top * width + left, top * width + right, bottom * width + left, bottom * width + right
    )
    weights = ((1 - v) * (1 - u), (1 - v) * u, v * (1 - u), v * u)
  }
}

private func neighbours(_ x: Double, _ size: Int) -> (Int, Int, Double) {
  let low = Int(x)
  return low >= size - 1 ? (size - 1, size - 1, 0) : (low, low + 1, x - Double(low))
}

/// out[k, c] = the largest pixel of each bin of region k, whose edges are rounded to pixels; 0 for a
/// bin without a pixel.
///
/// x [N, C, H, W], regions [K, 5] as picture, x₁, y₁, x₂, y₂, out [K, C, h, w], of one float type.
///
/// - Throws: `KernelError` as `alignRegions`.
package func maxRegionPool(
  _ out: MutableTensorView, _ x: TensorView, regions: TensorView, scale: Double
) throws(KernelError) {
  let count = regions.shape[0], channels = x.shape[1]
  let height = x.shape[2], width = x.shape[3], rows = out.shape[2], columns = out.shape[3]
  precondition(
    regions.shape == [count, 5] && out.shape[0] == count && out.shape[1] == channels
      && out.type == x.type)
  for k in 0..<count {
    func number(_ i: Int) -> Double { Elements.load(regions.base, 5 * k + i, regions.type) }
    let picture = Elements.integer(regions.base, 5 * k, regions.type)
    guard picture >= 0, picture < x.shape[0] else {
      throw .indexOutOfRange(index: picture, position: k, size: x.shape[0])
    }
    var edges: [Int] = []
    for i in 1...4 {
      let edge = (number(i) * scale).rounded(.toNearestOrAwayFromZero)
      guard abs(edge) < 1e15 else {
        throw .badValue("region \(k) is no number or larger than any picture")
      }
      edges.append(Int(edge))
    }
    let (left, top) = (edges[0], edges[1])
    let binHeight = Double(max(edges[3] - top + 1, 1)) / Double(rows)
    let binWidth = Double(max(edges[2] - left + 1, 1)) / Double(columns)
    func bounds(_ bin: Int, _ step: Double, _ start: Int, _ size: Int) -> Range<Int> {
      let first = min(max(Int((Double(bin) * step).rounded(.down)) + start, 0), size)
      let end = min(max(Int((Double(bin + 1) * step).rounded(.up)) + start, 0), size)
      return first..<max(first, end)
    }
    for c in 0..<channels {
      let image = (Int(picture) * channels + c) * height * width
      for row in 0..<rows {
        let lines = bounds(row, binHeight, top, height)
        for column in 0..<columns {
          let span = bounds(column, binWidth, left, width)
          var best = lines.isEmpty || span.isEmpty ? 0 : -Double.infinity
          for y in lines {
            for column in span {
              best = max(best, Elements.load(x.base, image + y * width + column, x.type))
            }
          }
          Elements.store(
            best, out.base, ((k * channels + c) * rows + row) * columns + column, out.type)
        }
      }
    }
  }
}
