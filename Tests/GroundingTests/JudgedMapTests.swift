import Grounding
import TestSupport
import Testing

@Suite struct JudgedMapTests {
  /// A square of ones in zeros, [16, 16]; rows and columns 4 to 9.
  private let square: [Bool] = (0..<256).map { (place: Int) -> Bool in
    let side = 4..<10
    return side.contains(place / 16) && side.contains(place % 16)
  }

  private func truth() throws -> Raster<Bool> { try Raster(height: 16, width: 16, values: square) }

  /// The filter of orphans takes the four corners, and nothing else.
  @Test func byHand() throws {
    for scale in [Float(1), 0.125, 40] {
      let map = try Raster(
        height: 16, width: 16, values: square.map { $0 ? 3 * scale : scale })
      let judged = try JudgedMap(foreign: map, truth: truth(), boxes: 1)
      let (mask, box, maskOutside, boxOutside): (Double, Double, Double, Double) =
        (32 / 36, 25 / 36, 220 / 224, 220 / 231)
      #expect(judged.scores.iou == mask)
      #expect(judged.scores.meanIoU == (mask + maskOutside) / 2)
      #expect(judged.scores.boxIoU == box)
      #expect(judged.scores.boxMeanIoU == (box + boxOutside) / 2)
      #expect(judged.scores.aucROC == 1 && judged.scores.pointing == 1)
      #expect(judged.scores.contrastToNoise == nil && judged.scores.centreDistance == 0)
      #expect(
        judged.box == PixelBox(firstColumn: 4, firstRow: 4, lastColumn: 9, lastRow: 9))
      #expect(judged.confidence == 1 && !judged.isFlat)
    }
  }

  @Test func confidenceIsTheMaskMean() throws {
    var values = square.map { $0 ? Float(1) : 0 }
    for column in 5...8 { values[4 * 16 + column] = 0.75 }
    let map = try Raster(height: 16, width: 16, values: values)
    let mask = try GroundingMask(map: map, threshold: 0.5, side: 16)
    let judged = try JudgedMap(map: map, mask: mask, truth: truth(), boxes: 2)
    let mean: Double = (28 + 3) / 32
    #expect(judged.confidence == mean)
    #expect(judged.scores.centreDistance == nil)
  }

  @Test func flatMapsScoreAsEmptyMasks() throws {
    let map = try Raster(height: 16, width: 16, values: [Float](repeating: 0.5, count: 256))
    let judged = try JudgedMap(foreign: map, truth: truth(), boxes: 1)
    #expect(judged == .flat && judged.isFlat && judged.box == nil)
    for score in Score.allCases { #expect(judged.scores[score] == 0) }
  }

  @Test func whatCannotBeScored() throws {
    let map = try Raster(height: 16, width: 16, values: square.map { $0 ? Float(1) : 0 })
    let nothing = try Raster(height: 16, width: 16, values: [Bool](repeating: false, count: 256))
    #expect(throws: GroundingError.degenerateGroundTruth(foreground: 0, pixels: 256)) {
      try JudgedMap(foreign: map, truth: nothing, boxes: 1)
    }
  }

  @Test(arguments: try goldenCases("scores")) func goldens(golden: GoldenCase) throws {
    let side = try golden.tensor("input.truth").shape[0]
    let mapTensor = try golden.tensor("input.map")
    let maskTensor = try golden.tensor("input.mask")
    func booleans(_ values: [Float], _ side: Int) throws -> Raster<Bool> {
      try Raster(height: side, width: side, values: values.map { $0 != 0 })
    }
    let truth = try booleans(golden.tensor("input.truth").converted(to: .f32).floats, side)
    let map = try Raster(
      height: mapTensor.shape[0], width: mapTensor.shape[1],
      values: mapTensor.converted(to: .f32).floats)
    let mask = try GroundingMask(
      small: booleans(maskTensor.converted(to: .f32).floats, maskTensor.shape[0]), threshold: 0,
      side: side)
    let judged = try JudgedMap(map: map, mask: mask, truth: truth, boxes: 1)
    #expect(judged.scores == (try GroundingScores(map: map, mask: mask, truth: truth, boxes: 1)))
    #expect(judged.box == (mask.isEmpty ? nil : mask.box))
    #expect((0...1).contains(judged.confidence))
  }
}

@Suite struct TrivialMapTests {
  @Test func theHill() throws {
    // Offsets of 1/8 and 3/8 from the middle: exp(-(1/64 + 1/64) · 8) and so on.
    let map = TrivialMap.center.map(side: 4, seed: 1, pair: "x")
    #expect(abs(map[1, 2] - 0.7788008) < 1e-6)
    #expect(abs(map[0, 1] - 0.2865048) < 1e-6)
    #expect(abs(map[3, 0] - 0.1053992) < 1e-6)
    for row in 0..<4 {
      for column in 0..<4 {
        #expect(map[row, column] == map[3 - column, row])
      }
    }
    #expect(TrivialMap.center.map(side: 4, seed: 2, pair: "y") == map)
  }

  @Test func theNoise() throws {
    let map = TrivialMap.uniform.map(side: 64, seed: 1, pair: "12")
    #expect(map == TrivialMap.uniform.map(side: 64, seed: 1, pair: "12"))
    #expect(map != TrivialMap.uniform.map(side: 64, seed: 1, pair: "21"))
    #expect(map != TrivialMap.uniform.map(side: 64, seed: 2, pair: "12"))
    #expect(map.values.allSatisfy { (0..<1).contains($0) })
    let mean = map.values.reduce(0, +) / Float(map.count)
    #expect(abs(mean - 0.5) < 0.02)
    // FNV-1a of the empty text seeds MT19937; the low 24 bits of its first output.
    let first = TrivialMap.uniform.map(side: 1, seed: 0, pair: "").values
    #expect(first == [Float(11553747) * 0x1p-24])
  }
}
