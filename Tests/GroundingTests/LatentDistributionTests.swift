import Grounding
import Testing

@Suite struct LatentDistributionTests {
  @Test func varianceIsClamped() throws {
    let latent = try LatentDistribution(
      mean: [1, 2, 3], logVariance: [0, 100, -.infinity])
    #expect(latent.deviation[0] == 1)
    #expect(abs(latent.deviation[1] - 22026.465) < 0.01)
    #expect(abs(latent.deviation[2] - 3.0590232e-7) < 1e-12)
  }

  @Test func sampleIsScaled() throws {
    let latent = try LatentDistribution(mean: [1, -1], logVariance: [0, 0])
    #expect(try latent.sample(noise: [0.5, 2], scalingFactor: 0.5) == [0.75, 0.5])
  }

  @Test func brokenInputIsRefused() throws {
    #expect(throws: GroundingError.self) {
      try LatentDistribution(mean: [1], logVariance: [0, 0])
    }
    #expect(throws: GroundingError.notFinite(what: "The latent's mean", index: 1)) {
      try LatentDistribution(mean: [1, .nan], logVariance: [0, 0])
    }
    #expect(throws: GroundingError.notFinite(what: "The latent's log-variance", index: 0)) {
      try LatentDistribution(mean: [1, 1], logVariance: [.nan, 0])
    }
    let latent = try LatentDistribution(mean: [1], logVariance: [0])
    #expect(throws: GroundingError.self) { try latent.sample(noise: [], scalingFactor: 1) }
  }
}
