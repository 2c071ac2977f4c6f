import ImageFiles
import Testing

@Suite struct CropGeometryTests {
  /// Sizes as torchvision gives them: long = int(512 · long / short), offsets rounded half to even.
  @Test(arguments: [
    // width, height, resized width, resized height, left, top
    [2544, 3056, 512, 615, 0, 52], [3056, 2544, 615, 512, 52, 0], [512, 512, 512, 512, 0, 0],
    [512, 513, 512, 513, 0, 0], [515, 512, 515, 512, 2, 0], [512, 517, 512, 517, 0, 2],
    [100, 37, 1383, 512, 436, 0], [1, 1, 512, 512, 0, 0], [3, 1, 1536, 512, 512, 0],
  ])
  func sizesAndOffsets(row: [Int]) {
    let crop = CropGeometry(width: row[0], height: row[1], side: 512)
    #expect([crop.resizedWidth, crop.resizedHeight, crop.left, crop.top] == Array(row[2...]))
  }

  @Test(arguments: [(2544, 3056), (3056, 2544), (600, 600), (37, 100), (511, 513)])
  func pointsAndBoxesGoBothWays(width: Int, height: Int) throws {
    let crop = CropGeometry(width: width, height: height, side: 512)
    for (x, y) in [(0.0, 0.0), (12.25, 500.5), (512, 512), (256, 1)] {
      let there = crop.originalPoint(fromCrop: (x, y))
      let back = crop.cropPoint(fromOriginal: there)
      #expect(abs(back.x - x) < 1e-9 && abs(back.y - y) < 1e-9)
    }
    let box = ImageBox(x0: 10, y0: 20, x1: 300, y1: 512)
    let there = crop.originalBox(fromCrop: box)
    #expect(there.x0 >= 0 && there.x1 <= Double(width) && there.y1 <= Double(height))
    let back = try #require(crop.cropBox(fromOriginal: there))
    #expect(abs(back.x0 - box.x0) < 1e-9 && abs(back.y1 - box.y1) < 1e-9)
  }

  @Test func boxesAreClipped() {
    let crop = CropGeometry(width: 1000, height: 500, side: 100)  // the middle 500 columns
    #expect(
      crop.cropBox(fromOriginal: ImageBox(x0: 0, y0: 0, x1: 500, y1: 500))
        == ImageBox(x0: 0, y0: 0, x1: 50, y1: 100))
    #expect(crop.cropBox(fromOriginal: ImageBox(x0: 0, y0: 0, x1: 250, y1: 500)) == nil)
    #expect(
      crop.originalBox(fromCrop: ImageBox(x0: -100, y0: 0, x1: 100, y1: 100))
        == ImageBox(x0: 0, y0: 0, x1: 750, y1: 500))
  }

  @Test func mapsLandWhereTheirBoxesLand() {
    let crop = CropGeometry(width: 300, height: 200, side: 64)
    var map = [Float](repeating: 0, count: 64 * 64)
    for y in 16..<48 { for x in 8..<24 { map[y * 64 + x] = 1 } }
    let original = crop.originalMap(fromCrop: map, mapSide: 64, outside: -1)
    let box = crop.originalBox(fromCrop: ImageBox(x0: 8, y0: 16, x1: 24, y1: 48))
    var wrong = 0
    for y in 0..<200 {
      for x in 0..<300 {
        let value = original[y * 300 + x]
        let (cx, cy) = (Double(x) + 0.5, Double(y) + 0.5)
        let inside = cx > box.x0 && cx < box.x1 && cy > box.y0 && cy < box.y1
        let inCrop = crop.cropPoint(fromOriginal: (cx, cy))
        if inCrop.x < 0 || inCrop.x > 64 {
          if value != -1 { wrong += 1 }
        } else if value != 0.5 && (value > 0.5) != inside {
          wrong += 1
        }
      }
    }
    #expect(wrong <= 4, "only the four corners are rounded off")
    let back = crop.cropMap(fromOriginal: original.map { max($0, 0) })
    let error = zip(back, map).map { abs($0 - $1) }
    #expect(error.reduce(0, +) / Float(error.count) < 0.03)
  }
}

@Suite struct PreparationTests {
  @Test func aPictureOfTheRightSizeIsOnlyNormalised() {
    let image = randomImage(48, 48, seed: 1)
    let prepared = prepare(image, side: 48)
    for channel in 0..<3 {
      for index in 0..<48 * 48 {
        let expected = Float(image.pixels[3 * index + channel]) / 127.5 - 1
        #expect(prepared.values[channel * 48 * 48 + index] == expected)
      }
    }
  }

  @Test(arguments: [(1, 1), (7, 3), (640, 480), (481, 1023), (4096, 1), (1, 4096)])
  func aFlatPictureStaysFlat(width: Int, height: Int) {
    let image = RGBImage(width: width, height: height, filledWith: (0, 51, 255))
    let prepared = prepare(image, side: 64)
    #expect(prepared.values.count == 3 * 64 * 64)
    for (channel, level) in [Float(-1), -0.6, 1].enumerated() {
      let plane = prepared.values[channel * 4096..<(channel + 1) * 4096]
      #expect(plane.allSatisfy { abs($0 - level) < 1e-6 })
    }
  }

  /// Halving weighs four neighbours 1/8, 3/8, 3/8, 1/8: a triangle of support 2.
  @Test func halvingHasTheTriangleWeights() {
    var pixels = [UInt8](repeating: 0, count: 3 * 64 * 64)
    pixels[3 * (20 * 64 + 20)] = 255
    let prepared = prepare(RGBImage(width: 64, height: 64, pixels: pixels), side: 32)
    let at = { (x: Int, y: Int) in (prepared.values[y * 32 + x] + 1) / 2 }
    #expect(abs(at(10, 10) - 9 / 64) < 1e-6)
    #expect(abs(at(9, 10) - 3 / 64) < 1e-6)
    #expect(abs(at(9, 9) - 1 / 64) < 1e-6)
    #expect(at(11, 10) == 0 && at(8, 10) == 0)
  }

  @Test func bilinearWithoutAntialiasingTakesTwoTapsASide() {
    let plane: [Float] = [0, 1, 2, 3, 4, 5, 6, 7]
    let half = bilinearResize(plane, width: 8, height: 1, outputWidth: 4, outputHeight: 1)
    #expect(half == [0.5, 2.5, 4.5, 6.5])
    let twice = bilinearResize([0, 1], width: 2, height: 1, outputWidth: 4, outputHeight: 1)
    #expect(twice == [0, 0.25, 0.75, 1])
  }
}
