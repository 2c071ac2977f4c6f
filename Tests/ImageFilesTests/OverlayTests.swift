import Foundation
import ImageFiles
import Testing

@Suite struct OverlayTests {
  static let words: [OverlayWord] = [
    .init("Small", isKept: true), .init("effusion", isKept: true), .init("at", isKept: false),
    .init("the", isKept: false), .init("lung", isKept: true), .init("base.", isKept: false),
  ]

  /// A grey picture with a square of high values, its mask and its box.
  static func content(
    width: Int, height: Int, words: [OverlayWord] = words, side: Int = 64
  ) -> OverlayContent {
    let image = RGBImage(width: width, height: height, filledWith: (90, 90, 90))
    var map = [Float](repeating: 0.1, count: 16 * 16)
    for y in 4..<10 { for x in 6..<12 { map[y * 16 + x] = 0.9 } }
    var mask = [UInt8](repeating: 0, count: side * side)
    for y in side / 4..<side * 5 / 8 {
      for x in side * 3 / 8..<side * 3 / 4 { mask[y * side + x] = 1 }
    }
    let scale = Double(side) / 64
    return OverlayContent(
      image: image, crop: CropGeometry(width: width, height: height, side: side), map: map,
      mapSide: 16, mask: mask,
      box: ImageBox(x0: 24 * scale, y0: 16 * scale, x1: 48 * scale, y1: 40 * scale), words: words)
  }

  static func pixel(_ image: RGBImage, _ x: Int, _ y: Int) -> [UInt8] {
    Array(image.pixels[3 * (y * image.width + x)..<3 * (y * image.width + x) + 3])
  }

  /// Pictures are brought to a long side of 640…1600 and the overlay to a width of at least 480.
  @Test(arguments: [
    // picture, width of the overlay, height of the picture in it
    [100, 80, 640, 512], [80, 100, 512, 640], [1000, 900, 1000, 900], [3056, 2544, 1600, 1332],
    [100, 1000, 480, 1000], [1, 1, 640, 640], [4000, 2, 1600, 1],
  ])
  func hasTheSizeOfThePictureAndACaption(row: [Int]) throws {
    let overlay = renderOverlay(Self.content(width: row[0], height: row[1]))
    #expect(overlay.image.width == row[2])
    #expect(overlay.image.height > row[3] + 60)
    #expect(overlay.image.height < row[3] + 260)
    let decoded = try decodeImage(bytes: encodePNG(overlay.image), name: "overlay")
    #expect(decoded == overlay.image)
  }

  @Test func isTheSameTwice() throws {
    let content = Self.content(width: 700, height: 650)
    let first = renderOverlay(content)
    #expect(first == renderOverlay(content))
    #expect(try encodePNG(first.image) == encodePNG(first.image))
  }

  @Test func showsHeatBoxMaskAndTheCropsEnd() {
    let content = Self.content(width: 1000, height: 640)  // the crop is 180..<820
    let overlay = renderOverlay(content).image
    let hot = Self.pixel(overlay, 180 + 360, 280)
    #expect(hot[0] > 180 && hot[2] < 120, "warm in the middle of the box: \(hot)")
    #expect(Self.pixel(overlay, 200, 600) == [90, 90, 90], "untouched where the map is lowest")
    let dimmed = Self.pixel(overlay, 60, 300)
    #expect(dimmed.allSatisfy { $0 < 60 }, "dimmed outside of the crop: \(dimmed)")
    let box = Self.pixel(overlay, 180 + 240, 300)
    #expect(box[2] > 200 && box[0] < 120, "the box's left edge: \(box)")
  }

  @Test func drawsTheMasksOutline() {
    var content = Self.content(width: 640, height: 640)
    content.box = nil
    let overlay = renderOverlay(content).image
    for (x, y) in [(240, 280), (360, 160), (479, 280), (360, 399)] {
      let nearby = (-2...2).flatMap { dx in (-2...2).map { Self.pixel(overlay, x + dx, y + $0) } }
      #expect(nearby.contains { $0.allSatisfy { $0 > 240 } }, "white at \(x), \(y)")
      #expect(nearby.contains { $0 != nearby[0] })
    }
    #expect(Self.pixel(overlay, 100, 100) == [90, 90, 90])
  }

  /// A mask of a single pixel, a full one and an empty one.
  @Test func drawsOddMasks() {
    var content = Self.content(width: 640, height: 640)
    content.box = nil
    content.map = [Float](repeating: 0, count: 256)
    func white(_ mask: [UInt8]) -> Int {
      content.mask = mask
      let image = renderOverlay(content).image
      return (0..<640 * 640).filter { index in
        image.pixels[3 * index..<3 * index + 3].allSatisfy { $0 > 230 }
      }.count
    }
    var single = [UInt8](repeating: 0, count: 64 * 64)
    single[30 * 64 + 30] = 255
    #expect(white([UInt8](repeating: 0, count: 64 * 64)) == 0)
    #expect((10...200).contains(white(single)))
    #expect(white([UInt8](repeating: 1, count: 64 * 64)) > 2000)
  }

  @Test func takesMapsThatAreFlatOrNotFinite() {
    var content = Self.content(width: 640, height: 640)
    (content.mask, content.box) = (nil, nil)
    content.map = [Float](repeating: 3, count: 256)
    let flat = renderOverlay(content).image
    #expect(flat.pixels[..<(3 * 640 * 640)].allSatisfy { $0 == 90 })
    content.map[5] = .nan
    content.map[6] = .infinity
    content.map[7] = -.greatestFiniteMagnitude
    content.map[8] = .greatestFiniteMagnitude
    #expect(renderOverlay(content).image.width == 640)
  }

  @Test func wrapsAndKeepsLongPhrases() {
    let one = renderOverlay(Self.content(width: 600, height: 600)).image.height
    let many = renderOverlay(
      Self.content(
        width: 600, height: 600, words: Array(repeating: Self.words, count: 10).flatMap(\.self)))
    let endless = renderOverlay(
      Self.content(
        width: 600, height: 600,
        words: [.init(String(repeating: "Lungen", count: 5000), isKept: true)]))
    // On a machine without fonts there is nothing to wrap, and the warning says so.
    #expect(many.warning == nil ? many.image.height > one + 60 : many.image.height == one)
    #expect(endless.image.height < one + 400)
  }

  @Test func setsTextOfManyScripts() throws {
    let plain = renderOverlay(
      Self.content(width: 640, height: 640, words: [.init("", isKept: false)]))
    for text in ["épanchement", "плевральный", "μ ≈ 3", "e\u{301}", "\u{7}\n\u{200D}x"] {
      let overlay = renderOverlay(
        Self.content(width: 640, height: 640, words: [.init(text, isKept: true)]))
      if overlay.warning == nil {
        #expect(overlay.image.height > plain.image.height)
      } else {
        // Without any font the caption has no words, and the warning says what to do.
        #expect(overlay.warning?.contains("install") == true)
      }
    }
  }

  @Test func saysWhenTheFontAskedForIsNotThere() {
    let content = Self.content(width: 640, height: 640)
    let overlay = renderOverlay(content, fontPath: "/nowhere/font.ttf")
    #expect(overlay.warning?.isEmpty == false)
    #expect(renderOverlay(content, fontPath: packageRoot.path + "/Package.swift").warning != nil)
  }
}
