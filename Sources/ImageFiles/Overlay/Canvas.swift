/// A picture being drawn. Coordinates are pixels with edges at integers; what lies outside of the
/// picture is clipped.
struct Canvas {
  private(set) var image: RGBImage

  init(width: Int, height: Int, background: Colour) {
    let parts = [background.red, background.green, background.blue].map { UInt8($0 * 255 + 0.5) }
    image = RGBImage(width: width, height: height, filledWith: (parts[0], parts[1], parts[2]))
  }

  /// Mixes a colour into a pixel; `share` is 0…1.
  mutating func blend(_ x: Int, _ y: Int, _ colour: Colour, _ share: Float) {
    guard share > 0, x >= 0, y >= 0, x < image.width, y < image.height else { return }
    let index = 3 * (y * image.width + x)
    let share = min(share, 1)
    image.pixels[index] = mixed(image.pixels[index], colour.red, share)
    image.pixels[index + 1] = mixed(image.pixels[index + 1], colour.green, share)
    image.pixels[index + 2] = mixed(image.pixels[index + 2], colour.blue, share)
  }

  /// Copies a picture with its upper left corner at (x, y).
  mutating func place(_ other: RGBImage, x: Int, y: Int) {
    precondition(x >= 0 && y >= 0 && x + other.width <= image.width)
    precondition(y + other.height <= image.height)
    for row in 0..<other.height {
      let target = 3 * ((y + row) * image.width + x)
      let source = 3 * row * other.width
      image.pixels.replaceSubrange(
        target..<target + 3 * other.width, with: other.pixels[source..<source + 3 * other.width])
    }
  }

  /// Fills a rounded rectangle, antialiased.
  mutating func fill(_ box: ImageBox, radius: Double = 0, _ colour: Colour, _ share: Float = 1) {
    forEachPixel(of: box, margin: 1) { canvas, x, y in
      let distance = box.signedDistance(Double(x) + 0.5, Double(y) + 0.5, radius: radius)
      canvas.blend(x, y, colour, share * Float(min(max(0.5 - distance, 0), 1)))
    }
  }

  /// Strokes a rounded rectangle along its edge, with a dark halo.
  mutating func stroke(_ box: ImageBox, radius: Double, _ line: Line) {
    forEachPixel(of: box, margin: line.width / 2 + line.halo + 1) { canvas, x, y in
      let distance = abs(box.signedDistance(Double(x) + 0.5, Double(y) + 0.5, radius: radius))
      canvas.draw(line, x, y, distance: distance)
    }
  }

  /// Strokes line segments as one shape, with a dark halo.
  mutating func stroke(_ segments: [Segment], _ line: Line) {
    let reach = line.width / 2 + line.halo + 1
    var distances = [Double](repeating: .infinity, count: image.width * image.height)
    for segment in segments {
      let left = Int(max((min(segment.x0, segment.x1) - reach).rounded(.down), 0))
      let top = Int(max((min(segment.y0, segment.y1) - reach).rounded(.down), 0))
      let right = Int(min(max(segment.x0, segment.x1) + reach, Double(image.width)))
      let bottom = Int(min(max(segment.y0, segment.y1) + reach, Double(image.height)))
      guard left < right, top < bottom else { continue }
      for y in top..<bottom {
        for x in left..<right {
          let distance = segment.distance(Double(x) + 0.5, Double(y) + 0.5)
          let index = y * image.width + x
          if distance < distances[index] { distances[index] = distance }
        }
      }
    }
    for y in 0..<image.height {
      for x in 0..<image.width where distances[y * image.width + x] < reach {
        draw(line, x, y, distance: distances[y * image.width + x])
      }
    }
  }

  private mutating func draw(_ line: Line, _ x: Int, _ y: Int, distance: Double) {
    let core = Float(min(max(line.width / 2 + 0.5 - distance, 0), 1))
    let halo = Float(min(max((line.width / 2 + line.halo + 0.5 - distance) / line.halo, 0), 1))
    blend(x, y, Colour(0x000000), 0.7 * halo * (1 - core))
    blend(x, y, line.colour, core)
  }

  private mutating func forEachPixel(
    of box: ImageBox, margin: Double, _ body: (inout Canvas, Int, Int) -> Void
  ) {
    let left = Int(max(box.x0 - margin, 0))
    let top = Int(max(box.y0 - margin, 0))
    let right = Int(min(box.x1 + margin + 1, Double(image.width)))
    let bottom = Int(min(box.y1 + margin + 1, Double(image.height)))
    guard left < right, top < bottom else { return }
    for y in top..<bottom {
      for x in left..<right { body(&self, x, y) }
    }
  }
}

/// A level with a share of a colour part in 0…1 mixed in, rounded.
private func mixed(_ level: UInt8, _ part: Float, _ share: Float) -> UInt8 {
  let old = Float(level)
  return UInt8(min(max(old + (part * 255 - old) * share + 0.5, 0), 255))
}

/// How a line looks: its width and the width of the dark halo on either side, in pixels.
struct Line {
  var colour: Colour
  var width: Double
  var halo: Double
}

struct Segment: Equatable {
  var x0: Double
  var y0: Double
  var x1: Double
  var y1: Double

  /// Distance of a point to the segment.
  func distance(_ x: Double, _ y: Double) -> Double {
    let (dx, dy) = (x1 - x0, y1 - y0)
    let length = dx * dx + dy * dy
    let along = length > 0 ? min(max(((x - x0) * dx + (y - y0) * dy) / length, 0), 1) : 0
    let (ex, ey) = (x - x0 - along * dx, y - y0 - along * dy)
    return (ex * ex + ey * ey).squareRoot()
  }
}

extension ImageBox {
  /// Distance of a point to the edge of the box with rounded corners; negative inside.
  fileprivate func signedDistance(_ x: Double, _ y: Double, radius: Double) -> Double {
    let radius = min(radius, (x1 - x0) / 2, (y1 - y0) / 2)
    let dx = abs(x - (x0 + x1) / 2) - (x1 - x0) / 2 + radius
    let dy = abs(y - (y0 + y1) / 2) - (y1 - y0) / 2 + radius
    let outside = (max(dx, 0) * max(dx, 0) + max(dy, 0) * max(dy, 0)).squareRoot()
    return outside + min(max(dx, dy), 0) - radius
  }
}
