/// What an overlay shows.
package struct OverlayContent: Sendable {
  /// The picture as read.
  package var image: RGBImage
  /// How `image` became the crop that the map, mask and box speak of.
  package var crop: CropGeometry
  /// `[mapSide, mapSide]` over the crop; drawn from its lowest (0 on the scale) to its highest
  /// value (1). Values that are not finite are drawn as the lowest.
  package var map: [Float]
  package var mapSide: Int
  /// `[crop.side, crop.side]`, foreground where not 0.
  package var mask: [UInt8]?
  /// In crop pixels.
  package var box: ImageBox?
  /// The phrase.
  package var words: [OverlayWord]

  /// Precondition: sizes as said, and `crop` made for `image`.
  package init(
    image: RGBImage, crop: CropGeometry, map: [Float], mapSide: Int, mask: [UInt8]? = nil,
    box: ImageBox? = nil, words: [OverlayWord] = []
  ) {
    precondition(mapSide > 0 && map.count == mapSide * mapSide)
    precondition(mask.map { $0.count == crop.side * crop.side } ?? true)
    precondition(crop.originalWidth == image.width && crop.originalHeight == image.height)
    self.image = image
    self.crop = crop
    self.map = map
    self.mapSide = mapSide
    self.mask = mask
    self.box = box
    self.words = words
  }
}

/// A drawn overlay.
package struct Overlay: Equatable, Sendable {
  package let image: RGBImage
  /// Set when text is missing or in another font than asked for: what to install.
  package let warning: String?
}

/// Draws the picture with the heat map, the mask's outline and the box, and below it the phrase, a
/// legend and a colour scale. What the model did not see (outside of the crop) is dimmed. The
/// picture's long side is brought to 640…1600 pixels.
///
/// - Parameter fontPath: a font file to use first; nil takes the environment's PLUMB_FONT.
package func renderOverlay(_ content: OverlayContent, fontPath: String? = nil) -> Overlay {
  let fonts = Fonts(preferred: fontPath ?? fontOfEnvironment())
  let picture = OverlayPicture(content)
  let drawn = picture.draw(content)
  let style = OverlayStyle(width: drawn.image.width)
  let caption = Caption(
    content.words, width: Double(style.width) - 2 * style.padding, size: style.phraseSize,
    fonts: fonts)
  let legend = Legend(content, style: style, fonts: fonts)
  let captionTop = Double(drawn.image.height) + style.padding
  let captionHeight = Double(caption.lines.count) * style.lineHeight
  let legendTop = captionTop + captionHeight + (caption.lines.isEmpty ? 0 : style.gap)
  let height = Int((legendTop + legend.height + style.padding).rounded(.up))

  var canvas = Canvas(width: style.width, height: height, background: OverlayStyle.background)
  canvas.place(drawn.image, x: (style.width - drawn.image.width) / 2, y: 0)
  for (index, line) in caption.lines.enumerated() {
    let baseline = captionTop + (Double(index) + 0.76) * style.lineHeight
    for piece in line {
      fonts.draw(
        piece.text, x: style.padding + piece.x, baseline: baseline, size: style.phraseSize,
        bold: piece.isKept, colour: piece.isKept ? OverlayStyle.text : OverlayStyle.faint,
        on: &canvas)
    }
  }
  legend.draw(top: legendTop, fonts: fonts, on: &canvas)
  return Overlay(image: canvas.image, warning: fonts.warning(for: content.words.map(\.text)))
}

/// Sizes and colours; sizes follow the picture's width.
struct OverlayStyle {
  /// Pixels of the whole overlay.
  let width: Int
  let phraseSize: Double
  let labelSize: Double
  let padding: Double

  init(width pictureWidth: Int) {
    width = max(pictureWidth, 480)
    phraseSize = (min(max(Double(width) * 0.024, 16), 32)).rounded()
    labelSize = (phraseSize * 0.78).rounded()
    padding = (phraseSize * 1.1).rounded()
  }

  var lineHeight: Double { (phraseSize * 1.4).rounded() }
  var gap: Double { (phraseSize * 0.9).rounded() }

  /// A line over a crop that is drawn `side` pixels wide.
  static func line(_ colour: Colour, side: Double) -> Line {
    let width = min(max(side / 400, 2), 3.5)
    return Line(colour: colour, width: width, halo: width * 0.75)
  }

  static let background = Colour(0x0F1216)
  static let text = Colour(0xF4F6F8)
  static let faint = Colour(0x98A2AE)
  static let mask = Colour(0xFFFFFF)
  static let box = Colour(0x3DDCFF)
}
