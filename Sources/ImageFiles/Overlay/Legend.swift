/// The lowest part of an overlay: the colour scale, and samples of the mask's and the box's line.
struct Legend {
  private enum Sample: CaseIterable {
    case mask, box, words

    var label: String {
      switch self {
      case .mask: "mask"
      case .box: "box"
      case .words: "words used"
      }
    }
  }

  private let style: OverlayStyle
  private let samples: [Sample]
  /// Where each sample begins, from the left padding.
  private var positions: [Double] = []
  private var barLength = 0.0
  /// Whether the samples stand below the colour scale, for want of room beside it.
  private var isStacked = false

  private var barHeight: Double { (style.labelSize * 0.8).rounded() }
  private var tickHeight: Double { (style.labelSize * 1.35).rounded() }
  private var rowHeight: Double { barHeight + tickHeight }
  private var chipWidth: Double { (style.labelSize * 1.7).rounded() }
  private var chipHeight: Double { (style.labelSize * 1.15).rounded() }
  private var chipGap: Double { (style.labelSize * 0.5).rounded() }
  private var titleGap: Double { (style.labelSize * 0.7).rounded() }

  init(_ content: OverlayContent, style: OverlayStyle, fonts: borrowing Fonts) {
    self.style = style
    samples = Sample.allCases.filter { sample in
      switch sample {
      case .mask: content.mask != nil
      case .box: content.box != nil
      case .words: !fonts.isEmpty && content.words.contains(where: \.isKept)
      }
    }
    let room = Double(style.width) - 2 * style.padding
    let title = fonts.width("map", size: style.labelSize)
    var end = 0.0
    for sample in samples {
      positions.append(end)
      let label = fonts.width(
        sample.label, size: style.labelSize, bold: sample == .words)
      end += (sample == .words ? 0 : chipWidth + chipGap) + label + style.labelSize * 1.5
    }
    let samplesWidth = samples.isEmpty ? 0 : end - style.labelSize * 1.5
    barLength = min(room - title - titleGap, max(160, room * 0.36)).rounded()
    isStacked = samplesWidth + 2 * style.padding + title + titleGap + barLength > room
    if !isStacked {
      // The samples stand at the right.
      positions = positions.map { $0 + room - samplesWidth }
    }
  }

  /// Pixels from top to bottom.
  var height: Double { rowHeight + (isStacked && !samples.isEmpty ? style.gap + chipHeight : 0) }

  func draw(top: Double, fonts: borrowing Fonts, on canvas: inout Canvas) {
    drawScale(top: top, fonts: fonts, on: &canvas)
    let samplesTop = isStacked ? top + rowHeight + style.gap : top + (barHeight - chipHeight) / 2
    for (sample, position) in zip(samples, positions) {
      drawSample(
        sample, x: style.padding + position, top: samplesTop.rounded(), fonts: fonts, on: &canvas)
    }
  }

  private func drawScale(top: Double, fonts: borrowing Fonts, on canvas: inout Canvas) {
    let size = style.labelSize
    let title = fonts.width("map", size: size)
    fonts.draw(
      "map", x: style.padding, baseline: top + barHeight / 2 + size * 0.36, size: size,
      colour: OverlayStyle.text, on: &canvas)
    let left = (style.padding + title + (title > 0 ? titleGap : 0)).rounded()
    let scale = HeatScale()
    let length = Int(barLength)
    for column in 0..<length {
      let value = Float(column) / Float(max(length - 1, 1))
      // As over a middle grey of the picture, so that the fading of low values shows.
      let colour = Colour(0x3A3F46).mixed(
        with: scale.colour(of: value), share: scale.opacity(of: value) / HeatScale.mostOpacity)
      for row in 0..<Int(barHeight) {
        canvas.blend(Int(left) + column, Int(top) + row, colour, 1)
      }
    }
    for (value, label) in [(0.0, "0"), (0.5, "0.5"), (1.0, "1")] {
      let x = left + value * (barLength - 1) + 0.5
      canvas.fill(
        ImageBox(x0: x - 0.5, y0: top + barHeight, x1: x + 0.5, y1: top + barHeight + 4),
        OverlayStyle.faint)
      let small = size * 0.9
      fonts.draw(
        label, x: x - fonts.width(label, size: small) / 2,
        baseline: top + barHeight + 4 + small, size: small, colour: OverlayStyle.faint,
        on: &canvas)
    }
  }

  private func drawSample(
    _ sample: Sample, x: Double, top: Double, fonts: borrowing Fonts, on canvas: inout Canvas
  ) {
    let size = style.labelSize
    var labelLeft = x
    if sample != .words {
      let tile = ImageBox(x0: x, y0: top, x1: x + chipWidth, y1: top + chipHeight)
      canvas.fill(tile, radius: 3, Colour(0x4A5058))
      let inset = (chipHeight * 0.26).rounded()
      let shape = ImageBox(
        x0: x + inset, y0: top + inset, x1: x + chipWidth - inset, y1: top + chipHeight - inset)
      if sample == .mask {
        canvas.stroke(shape, radius: chipHeight, Line(colour: OverlayStyle.mask, width: 2, halo: 1))
      } else {
        canvas.stroke(shape, radius: 1, Line(colour: OverlayStyle.box, width: 2, halo: 1))
      }
      labelLeft += chipWidth + chipGap
    }
    fonts.draw(
      sample.label, x: labelLeft, baseline: top + chipHeight / 2 + size * 0.36, size: size,
      bold: sample == .words, colour: OverlayStyle.text, on: &canvas)
  }
}
