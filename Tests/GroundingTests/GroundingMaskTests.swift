import Grounding
import Testing

/// Expected values are those of scikit-learn, OpenCV and PyTorch on the same map.
@Suite struct GroundingMaskTests {
  static func bump() throws -> Raster<Float> {
    try Raster(height: 64, width: 64, values: GaussianMixtureTests.bump())
  }

  /// A rectangle of truth, rows 100..<260, columns 250..<420 of 512.
  static func truth() throws -> Raster<Bool> {
    try Raster(
      height: 512, width: 512,
      values: (0..<512 * 512).map {
        (100..<260).contains($0 / 512) && (250..<420).contains($0 % 512)
      })
  }

  @Test func agreesOnABump() throws {
    let mask = try GroundingMask(map: Self.bump(), side: 512)
    #expect(mask.small.values.count(where: { $0 }) == 671)
    #expect(mask.large.values.count(where: { $0 }) == 42920)
    #expect(
      mask.box == PixelBox(firstColumn: 208, firstRow: 48, lastColumn: 439, lastRow: 287))
    #expect(!mask.isEmpty)
  }

  @Test func scoresAgreeOnABump() throws {
    let map = try Self.bump()
    let mask = try GroundingMask(map: map, side: 512)
    let scores = try GroundingScores(map: map, mask: mask, truth: Self.truth(), boxes: 1)
    #expect(abs(scores.iou - 0.6169722126138592) < 1e-12)
    #expect(abs(scores.meanIoU - 0.7732040837825125) < 1e-12)
    #expect(abs(scores.boxIoU - 0.49267329602057636) < 1e-12)
    #expect(abs(scores.boxMeanIoU - 0.686728826571988) < 1e-12)
    #expect(abs(try #require(scores.contrastToNoise) - 3.143852949142456) < 1e-5)
    #expect(abs(scores.aucROC - 0.9920117776657917) < 1e-6)
    #expect(scores.pointing == 1)
    #expect(abs(try #require(scores.centreDistance) - 16.278820596099706) < 1e-9)
    let several = try GroundingScores(map: map, mask: mask, truth: Self.truth(), boxes: 2)
    #expect(several.centreDistance == nil)
  }

  @Test func aPerfectMapScoresNearlyOne() throws {
    let map = try Raster<Float>(
      height: 64, width: 64,
      values: (0..<4096).map { (8..<24).contains($0 / 64) && (30..<50).contains($0 % 64) ? 1 : 0 })
    let truth = try Raster(
      height: 512, width: 512,
      values: (0..<512 * 512).map {
        (64..<192).contains($0 / 512) && (240..<400).contains($0 % 512)
      })
    let mask = try GroundingMask(map: map, side: 512)
    let scores = try GroundingScores(map: map, mask: mask, truth: truth, boxes: 1)
    // The orphan filter takes the corners of the rectangle.
    #expect(scores.iou < 1 && scores.iou > 0.98)
    // The filled box leaves out its last row and column.
    #expect(mask.box == PixelBox(firstColumn: 240, firstRow: 64, lastColumn: 399, lastRow: 191))
    #expect(scores.boxIoU == 127.0 * 159 / (128 * 160))
    #expect(scores.pointing == 1)
    #expect(scores.centreDistance == 0)
    #expect(scores.aucROC > 0.99999)
  }

  @Test func anEmptyMaskScoresZero() throws {
    // Five isolated bright pixels: all are orphans.
    let map = try Raster<Float>(
      height: 16, width: 16,
      values: (0..<256).map { [34, 40, 100, 136, 200].contains($0) ? 1 : 0 })
    let mask = try GroundingMask(map: map, side: 128)
    #expect(mask.isEmpty)
    #expect(mask.box == nil)
    let truth = try Raster(height: 128, width: 128, values: (0..<128 * 128).map { $0 < 1000 })
    let scores = try GroundingScores(map: map, mask: mask, truth: truth, boxes: 1)
    #expect(scores.iou == 0 && scores.meanIoU == 0 && scores.aucROC == 0)
    #expect(scores.contrastToNoise == 0 && scores.centreDistance == 0)
  }

  @Test func orphansGoAndEdgesStay() throws {
    let mask = try Raster(
      height: 4, width: 5,
      values: [
        true, false, false, false, false,
        false, true, true, true, false,
        false, true, false, true, true,
        true, true, true, false, false,
      ])
    let expected = [
      true, false, false, false, false,
      false, false, true, false, false,
      false, true, true, true, true,
      true, true, true, false, false,
    ]
    // Counts of the inner neighbourhoods: 4, 5, 4 in row 1; 6, 7, 5 in row 2.
    #expect(mask.withoutOrphans().values == expected)
  }

  @Test func smallMasksHaveNoInside() throws {
    let mask = try Raster(height: 2, width: 2, values: [true, false, false, false])
    #expect(mask.withoutOrphans() == mask)
  }

  @Test func boxes() throws {
    let empty = try Raster(height: 3, width: 3, values: Array(repeating: false, count: 9))
    #expect(PixelBox(around: empty) == nil)
    let one = try Raster(height: 3, width: 3, values: (0..<9).map { $0 == 5 })
    let box = try #require(PixelBox(around: one))
    #expect(box == PixelBox(firstColumn: 2, firstRow: 1, lastColumn: 2, lastRow: 1))
    #expect(!box.filled(height: 3, width: 3).values.contains(true))
    let wide = PixelBox(firstColumn: 0, firstRow: 1, lastColumn: 2, lastRow: 2)
    #expect(
      wide.filled(height: 3, width: 3).values.map { $0 ? 1 : 0 } == [0, 0, 0, 1, 1, 0, 0, 0, 0])
    #expect(wide.centre == (1, 1.5))
  }

  @Test func enlargingInterpolatesBetweenPixelCentres() throws {
    let image = try Raster<Float>(height: 1, width: 2, values: [0, 1])
    #expect(try image.resized(height: 1, width: 4).values == [0, 0.25, 0.75, 1])
    #expect(try image.resized(height: 2, width: 2).values == [0, 1, 0, 1])
    #expect(try image.resized(height: 1, width: 2) == image)
    #expect(throws: GroundingError.self) { try image.resized(height: 0, width: 2) }
    #expect(throws: GroundingError.self) { try image.resized(height: .max, width: .max) }
  }

  @Test func flatBrokenAndMismatchedInputIsRefused() throws {
    let flat = try Raster<Float>(height: 4, width: 4, values: Array(repeating: 1, count: 16))
    #expect(throws: GroundingError.flatMap(.result)) { try GroundingMask(map: flat, side: 32) }
    var values = GaussianMixtureTests.bump()
    values[7] = .infinity
    let broken = try Raster(height: 64, width: 64, values: values)
    #expect(throws: GroundingError.notFinite(what: "The map", index: 7)) {
      try GroundingMask(map: broken, side: 512)
    }
    let map = try Self.bump()
    let mask = try GroundingMask(map: map, side: 512)
    let nothing = try Raster(
      height: 512, width: 512, values: Array(repeating: false, count: 512 * 512))
    #expect(throws: GroundingError.degenerateGroundTruth(foreground: 0, pixels: 512 * 512)) {
      try GroundingScores(map: map, mask: mask, truth: nothing, boxes: 1)
    }
    let small = try Raster(height: 2, width: 2, values: [true, false, false, false])
    #expect(throws: GroundingError.self) {
      try GroundingScores(map: map, mask: mask, truth: small, boxes: 1)
    }
    #expect(throws: GroundingError.self) { try Raster(height: -1, width: -1, values: [true]) }
    #expect(throws: GroundingError.self) { try Raster(height: .max, width: 2, values: [true]) }
  }

  @Test func averagesLeaveOutWhatIsNotThere() throws {
    let map = try Self.bump()
    let mask = try GroundingMask(map: map, side: 512)
    let one = try GroundingScores(map: map, mask: mask, truth: Self.truth(), boxes: 1)
    var other = one
    other.iou = 0
    other.centreDistance = nil
    let mean = try #require(GroundingScores.mean([one, other]))
    #expect(mean.iou == one.iou / 2)
    #expect(mean.centreDistance == one.centreDistance)
    #expect(GroundingScores.mean([]) == nil)
  }
}
