import Grounding
import Testing

/// Expected values are skimage.metrics.structural_similarity's.
@Suite struct StructuralSimilarityTests {
  private func images(_ height: Int, _ width: Int) throws -> (Raster<UInt8>, Raster<UInt8>) {
    let a = congruential(height * width, seed: 3).map { UInt8($0 * 255) }
    let b = zip(a, congruential(height * width, seed: 4)).map {
      UInt8(Float($0) * 0.5 + $1 * 100)
    }
    return (
      try Raster(height: height, width: width, values: a),
      try Raster(height: height, width: width, values: b)
    )
  }

  @Test(arguments: [
    (64, 64, 0.7139898847558305), (7, 9, 0.7584424095188167), (16, 16, 0.6646483857712607),
  ])
  func agrees(height: Int, width: Int, expected: Double) throws {
    let (a, b) = try images(height, width)
    #expect(abs(try structuralSimilarity(a, b) - expected) < 1e-12)
    #expect(abs(try structuralSimilarity(b, a) - expected) < 1e-12)
  }

  @Test func equalImagesScoreOneAndInvertedOnesLess() throws {
    let (a, _) = try images(16, 16)
    let inverted = try Raster(height: 16, width: 16, values: a.values.map { 255 - $0 })
    #expect(try structuralSimilarity(a, a) == 1)
    #expect(abs(try structuralSimilarity(a, inverted) - -0.9694391269518525) < 1e-12)
  }

  @Test func smallImagesGetASmallerWindow() throws {
    let a = try Raster(
      height: 5, width: 5, values: congruential(25, seed: 3).map { UInt8($0 * 255) })
    let b = try Raster(
      height: 5, width: 5, values: congruential(25, seed: 4).map { UInt8($0 * 255) })
    // win_size=5
    #expect(abs(try structuralSimilarity(a, b) - 0.2725833181604765) < 1e-12)
  }

  @Test func unfitImagesAreRefused() throws {
    let tiny = try Raster<UInt8>(height: 2, width: 9, values: Array(repeating: 0, count: 18))
    #expect(throws: GroundingError.imageTooSmall(height: 2, width: 9, minimum: 3)) {
      try structuralSimilarity(tiny, tiny)
    }
    let (a, _) = try images(7, 9)
    let (b, _) = try images(9, 7)
    #expect(throws: GroundingError.self) { try structuralSimilarity(a, b) }
  }
}
