import ImageFiles
import TestSupport
import Testing

/// golden/imageprep: pictures as OpenCV and PIL decode them and as PyTorch prepares them.
@Suite struct GoldenPictureTests {
  @Test func goldensAreThere() throws { #expect(try goldenCases("imageprep").count >= 25) }

  @Test(arguments: try goldenCases("imageprep")) func decodesAndPrepares(golden: GoldenCase) throws
  {
    let file = try bytes(path: goldenPath(try #require(golden.config["image"]?.stringValue)))
    let image = try decodeImage(bytes: file, name: golden.name)

    if let expected = golden.outputs["rgb"] {
      #expect([image.height, image.width, 3] == expected.shape.dimensions)
      // OpenCV turns CMYK into RGB with other roundings than PIL, whom we follow.
      let off = zip(image.pixels, expected.int64s).map { abs(Int64($0) - $1) }.max()
      #expect(try #require(off) <= (golden.name == "cmyk-jpg" ? 2 : 0))
    }
    if let expected = golden.outputs["rgb.pil"], !golden.name.hasPrefix("grey1") {
      let stored = try decodeImage(bytes: file, name: golden.name, appliesOrientation: false)
      #expect([stored.height, stored.width, 3] == expected.shape.dimensions)
      #expect(stored.pixels.map(Int64.init) == expected.int64s)
    }

    let side = try #require(golden.config["side"]?.intValue)
    let prepared = prepare(image, side: side)
    let expected = try golden.tensor("output.prepared")
    let step = golden.config["row_step"]?.intValue ?? 1
    var ours: [Float] = []
    for channel in 0..<expected.shape[1] {
      for row in stride(from: 0, to: side, by: step) {
        ours += prepared.values[(channel * side + row) * side..<(channel * side + row + 1) * side]
      }
    }
    #expect(ours.count == expected.shape.count)
    // The pixels are the same, so what PyTorch makes of them is the same; the case's tolerance
    // allows for other decoders.
    let tolerance = golden.name == "cmyk-jpg" ? Float(golden.absoluteTolerance) : 1e-5
    let worst = zip(ours, expected.floats).map { abs($0 - $1) }.max() ?? .infinity
    #expect(worst <= tolerance, "differs by \(worst)")
  }
}

@Suite struct OrientationTests {
  /// A 3 × 2 picture a b c / d e f in a PNG whose eXIf chunk has each orientation.
  @Test(arguments: [
    (1, "abc/def"), (2, "cba/fed"), (3, "fed/cba"), (4, "def/abc"), (5, "ad/be/cf"),
    (6, "da/eb/fc"), (7, "fc/eb/da"), (8, "cf/be/ad"), (0, "abc/def"), (9, "abc/def"),
  ])
  func turnsThePicture(value: UInt8, expected: String) throws {
    let letters = Array("abcdef".utf8)
    let image = RGBImage(width: 3, height: 2, pixels: letters.flatMap { [$0, $0, $0] })
    for isLittle in [true, false] {
      let block = exifBlock(value, isLittle: isLittle)
      let file = insertingChunk("eXIf", block, into: try encodePNG(image))
      let turned = try decodeImage(bytes: file, name: "x")
      let rows = (0..<turned.height).map { y in
        String(
          decoding: (0..<turned.width).map { turned.pixels[3 * (y * turned.width + $0)] },
          as: UTF8.self)
      }
      #expect(rows.joined(separator: "/") == expected)
      #expect(try decodeImage(bytes: file, name: "x", appliesOrientation: false) == image)
    }
  }

  /// Damaged EXIF blocks leave the picture as it is.
  @Test func ignoresWhatItCannotRead() throws {
    let image = randomImage(5, 4, seed: 11)
    let whole = exifBlock(6, isLittle: true)
    var blocks = (0..<20).map { Array(whole[..<$0]) }
    for (place, byte) in [(4, UInt8(200)), (7, 255), (8, 0), (12, 4), (14, 2), (0, 1)] {
      blocks.append(whole)
      blocks[blocks.count - 1][place] = byte
    }
    for block in blocks {
      let file = insertingChunk("eXIf", block, into: try encodePNG(image))
      #expect(try decodeImage(bytes: file, name: "x") == image, "\(block)")
    }
  }

  private func exifBlock(_ orientation: UInt8, isLittle: Bool) -> [UInt8] {
    isLittle
      ? [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]
        + [0, 0, 0, 0]
      : [0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]
        + [0, 0, 0, 0]
  }

  /// A PNG with a chunk put behind its header.
  private func insertingChunk(_ kind: String, _ body: [UInt8], into png: [UInt8]) -> [UInt8] {
    let data = Array(kind.utf8) + body
    var check: UInt32 = 0xFFFF_FFFF
    for byte in data {
      check ^= UInt32(byte)
      for _ in 0..<8 { check = check & 1 == 1 ? check >> 1 ^ 0xEDB8_8320 : check >> 1 }
    }
    let word = { (value: UInt32) in (0..<4).map { UInt8(value >> (24 - 8 * $0) & 255) } }
    return Array(png[..<33]) + word(UInt32(body.count)) + data + word(~check) + Array(png[33...])
  }
}
