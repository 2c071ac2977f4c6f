/// The upper part of an overlay: the picture with what was found in it.
struct OverlayPicture {
  /// Pixels as drawn.
  let width: Int
  let height: Int
  /// The crop as drawn.
  let region: ImageBox
  /// Drawn pixels for one pixel of the crop.
  let scaleX: Double
  let scaleY: Double

  /// The long side as drawn, at least and at most.
  private static let sides = 640...1600

  init(_ content: OverlayContent) {
    let crop = content.crop
    let long = max(crop.originalWidth, crop.originalHeight)
    let wanted = min(max(long, Self.sides.lowerBound), Self.sides.upperBound)
    let scaled = { (side: Int) in
      max(1, Int((Double(side) * Double(wanted) / Double(long)).rounded()))
    }
    width = scaled(crop.originalWidth)
    height = scaled(crop.originalHeight)
    scaleX = crop.scaleX * Double(width) / Double(crop.originalWidth)
    scaleY = crop.scaleY * Double(height) / Double(crop.originalHeight)
    let (left, top) = (Double(crop.left) * scaleX, Double(crop.top) * scaleY)
    region = ImageBox(
      x0: left, y0: top, x1: left + Double(crop.side) * scaleX,
      y1: top + Double(crop.side) * scaleY)
  }

  func draw(_ content: OverlayContent) -> Canvas {
    var canvas = Canvas(width: width, height: height, background: OverlayStyle.background)
    canvas.place(resized(content.image, width: width, height: height), x: 0, y: 0)
    drawHeat(content, on: &canvas)
    drawCropEdges(on: &canvas)
    if let mask = content.mask {
      let outline = contour(of: mask, side: content.crop.side).map { segment in
        Segment(
          x0: x(segment.x0), y0: y(segment.y0), x1: x(segment.x1), y1: y(segment.y1))
      }
      canvas.stroke(outline, OverlayStyle.line(OverlayStyle.mask, side: region.y1 - region.y0))
    }
    if let box = content.box {
      canvas.stroke(
        ImageBox(x0: x(box.x0), y0: y(box.y0), x1: x(box.x1), y1: y(box.y1)), radius: 3,
        OverlayStyle.line(OverlayStyle.box, side: region.y1 - region.y0))
    }
    return canvas
  }

  /// A position in the crop as drawn, kept off the picture's edges so that lines stay visible.
  private func x(_ crop: Double) -> Double {
    let margin = min(2.5, Double(width) / 4)
    return min(max(region.x0 + crop * scaleX, margin), Double(width) - margin)
  }
  private func y(_ crop: Double) -> Double {
    let margin = min(2.5, Double(height) / 4)
    return min(max(region.y0 + crop * scaleY, margin), Double(height) - margin)
  }

  private func drawHeat(_ content: OverlayContent, on canvas: inout Canvas) {
    let map = shownValues(content.map)
    let scale = HeatScale()
    let cells = Double(content.mapSide) / Double(content.crop.side)
    let side = content.crop.side
    let columns = (0..<width).map { x in
      MapSample((Double(x) + 0.5 - region.x0) / scaleX, side: side, cells: cells)
    }
    map.withUnsafeBufferPointer { map in
      for y in 0..<height {
        let row = MapSample((Double(y) + 0.5 - region.y0) / scaleY, side: side, cells: cells)
        for x in 0..<width {
          guard let row, let column = columns[x] else {
            canvas.blend(x, y, OverlayStyle.background, 0.62)
            continue
          }
          let upper = column.mix(map, row: row.first * content.mapSide)
          let lower = column.mix(map, row: row.second * content.mapSide)
          let value = upper + (lower - upper) * row.fraction
          canvas.blend(x, y, scale.colour(of: value), scale.opacity(of: value))
        }
      }
    }
  }

  /// A fine line where the crop ends inside the picture.
  private func drawCropEdges(on canvas: inout Canvas) {
    for edge in [region.x0, region.x1] where edge >= 1 && edge <= Double(width) - 1 {
      canvas.fill(
        ImageBox(x0: edge - 0.5, y0: 0, x1: edge + 0.5, y1: Double(height)),
        OverlayStyle.text, 0.4)
    }
    for edge in [region.y0, region.y1] where edge >= 1 && edge <= Double(height) - 1 {
      canvas.fill(
        ImageBox(x0: 0, y0: edge - 0.5, x1: Double(width), y1: edge + 0.5),
        OverlayStyle.text, 0.4)
    }
  }

  /// A map from its lowest to its highest finite value as 0…1; a flat map as 0 everywhere.
  private func shownValues(_ map: [Float]) -> [Float] {
    let finite = map.filter(\.isFinite)
    // Halved, so that the span of the largest floats does not overflow.
    guard let low = finite.min(), let high = finite.max(), high / 2 - low / 2 > 0 else {
      return [Float](repeating: 0, count: map.count)
    }
    return map.map { value in
      value.isFinite ? (value / 2 - low / 2) / (high / 2 - low / 2) : 0
    }
  }
}
