import Glibc

/// How one axis is resized.
package struct ResizeAxis: Sendable {
  package var input, output: Int
  /// Result size by image size, which need not be the ratio of the two above.
  package var scale: Double
  /// The part of the axis that `cropAndResize` takes, 0 to 1 being all.
  package var start, end: Double

  package init(input: Int, output: Int, scale: Double, start: Double = 0, end: Double = 1) {
    self.input = input
    self.output = output
    self.scale = scale
    self.start = start
    self.end = end
  }

  var ratio: Double { Double(output) / Double(max(input, 1)) }

  /// Whether the axis stays as it is.
  var isIdentity: Bool { input == output && scale == 1 && start == 0 && end == 1 }
}

/// How a resize finds the place of a result in the image, and what it makes of its neighbours.
package struct ResizeRule: Sendable {
  package enum Mode: Sendable {
    case nearest(Rounding)
    case linear
    case cubic(a: Double)
  }

  package enum Rounding: Sendable {
    case preferFloor, preferCeiling, floor, ceiling
    /// Up where the axis shrinks, else down.
    case byScale
  }

  package enum Coordinates: Sendable {
    case halfPixel, halfPixelSymmetric, pytorchHalfPixel, alignCorners, asymmetric
    case halfPixelForNearest, cropAndResize
  }

  package var mode: Mode
  package var coordinates: Coordinates
  /// Widens the filter where the axis shrinks.
  package var isAntialiased: Bool
  /// Leaves neighbours outside of the image out instead of repeating the edge.
  package var excludesOutside: Bool
  /// The result where `cropAndResize` leaves the image.
  package var extrapolation: Double

  package init(
    mode: Mode, coordinates: Coordinates, isAntialiased: Bool = false,
    excludesOutside: Bool = false, extrapolation: Double = 0
  ) {
    self.mode = mode
    self.coordinates = coordinates
    self.isAntialiased = isAntialiased
    self.excludesOutside = excludesOutside
    self.extrapolation = extrapolation
  }
}

/// For each place of a resized axis the places of the image it is made of, with their weights.
struct ResizeTaps {
  /// Taps of each place.
  let count: Int
  /// [output, count]; −1 in the first tap of a place outside of the image.
  private(set) var sources: [Int] = []
  private(set) var weights: [Double] = []

  init(_ axis: ResizeAxis, _ rule: ResizeRule) {
    // Footprint: the neighbours `first`… of the pixel left of the place (that is ⌈x⌉ − 1).
    let narrowing = rule.isAntialiased ? min(axis.scale, 1) : 1
    let first: Int
    switch rule.mode {
    case .nearest: (first, count) = (0, 1)
    case .linear:
      first = Int((-1 / narrowing).rounded(.down)) + 1
      count = 2 - 2 * first
    case .cubic:
      first = Int((-2 / narrowing).rounded(.down)) + 1
      count = 2 - 2 * first
    }
    sources.reserveCapacity(axis.output * count)
    weights.reserveCapacity(axis.output * count)
    for place in 0..<axis.output {
      var x = axis.origin(place, rule.coordinates)
      let last = Double(axis.input - 1), slack = 1e-6 * Double(axis.input)
      if case .cropAndResize = rule.coordinates, x >= -slack && x <= last + slack {
        // A region that ends with the image does not leave it by a rounding.
        x = min(max(x, 0), last)
      } else if case .cropAndResize = rule.coordinates {
        sources.append(-1)
        weights.append(0)
        for _ in 1..<max(count, 1) {
          sources.append(0)
          weights.append(0)
        }
        continue
      }
      if case .nearest(let rounding) = rule.mode {
        sources.append(rounding(x, axis))
        weights.append(1)
        continue
      }
      let left = x.rounded(.up) - 1, ratio = x - left
      let base = weights.count
      var sum = 0.0
      for i in first..<(first + count) {
        let source = Int(left) + i
        var weight = rule.weight(narrowing * (Double(i) - ratio))
        if rule.excludesOutside && (source < 0 || source >= axis.input) { weight = 0 }
        sum += weight
        weights.append(weight)
        sources.append(min(max(source, 0), axis.input - 1))
      }
      if (rule.isAntialiased || rule.excludesOutside) && sum != 0 {
        for i in base..<weights.count { weights[i] /= sum }
      }
    }
  }
}

extension ResizeAxis {
  /// Where in the image a place of the result lies.
  fileprivate func origin(_ place: Int, _ coordinates: ResizeRule.Coordinates) -> Double {
    // In float, as other programs reckon, a place that is meant to be on a pixel or half between two
    // is there in spite of a scale that was rounded; any other is more exact in double.
    let rough = Double(roughOrigin(Float(place), coordinates))
    let x = fineOrigin(Double(place), coordinates)
    return (2 * rough).rounded() == 2 * rough && abs(rough - x) < 1e-5 * Double(input + 1)
      ? rough : x
  }

  private func fineOrigin(_ x: Double, _ coordinates: ResizeRule.Coordinates) -> Double {
    let size = Double(input), whole = scale * size
    switch coordinates {
    case .halfPixel: return (x + 0.5) / scale - 0.5
    case .halfPixelSymmetric:
      return size / 2 * (1 - Double(output) / whole) + (x + 0.5) / scale - 0.5
    case .pytorchHalfPixel: return output > 1 ? (x + 0.5) / scale - 0.5 : 0
    case .alignCorners: return whole == 1 ? 0 : x * (size - 1) / (whole - 1)
    case .asymmetric: return x / scale
    case .halfPixelForNearest: return (x + 0.5) / scale
    case .cropAndResize:
      return output <= 1
        ? (start + end) * (size - 1) / 2
        : start * (size - 1) + x * (end - start) * (size - 1) / Double(output - 1)
    }
  }

  private func roughOrigin(_ x: Float, _ coordinates: ResizeRule.Coordinates) -> Float {
    let size = Float(input), scale = Float(self.scale), whole = scale * size
    switch coordinates {
    case .halfPixel: return (x + 0.5) / scale - 0.5
    case .halfPixelSymmetric:
      return size / 2 * (1 - Float(output) / whole) + (x + 0.5) / scale - 0.5
    case .pytorchHalfPixel: return output > 1 ? (x + 0.5) / scale - 0.5 : 0
    case .alignCorners: return whole == 1 ? 0 : x * (size - 1) / (whole - 1)
    case .asymmetric: return x / scale
    case .halfPixelForNearest: return (x + 0.5) / scale
    case .cropAndResize:
      let (start, end) = (Float(self.start), Float(self.end))
      return output <= 1
        ? (start + end) * (size - 1) / 2
        : start * (size - 1) + x * (end - start) * (size - 1) / Float(output - 1)
    }
  }
}

extension ResizeRule {
  /// The filter at a distance from its middle.
  fileprivate func weight(_ distance: Double) -> Double {
    let x = abs(distance)
    switch mode {
    case .nearest: return 1
    case .linear: return max(0, 1 - x)
    case .cubic(let a):
      if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
    }
  }
}

extension ResizeRule.Rounding {
  fileprivate func callAsFunction(_ x: Double, _ axis: ResizeAxis) -> Int {
    let rounded =
      switch self {
      case .preferFloor: (x - 0.5).rounded(.up)
      case .preferCeiling: (x + 0.5).rounded(.down)
      case .floor: x.rounded(.down)
      case .ceiling: x.rounded(.up)
      case .byScale: x.rounded(axis.scale < 1 ? .up : .down)
      }
    return Int(min(max(rounded, 0), Double(axis.input - 1)))
  }
}
