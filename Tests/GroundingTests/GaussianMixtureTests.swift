import Grounding
import Testing

/// Expected values are sklearn.mixture.GaussianMixture(n_components=2)'s.
@Suite struct GaussianMixtureTests {
  /// A bump on a noisy ground, rounded to float16.
  static func bump() -> [Float] {
    let noise = congruential(4096, seed: 5)
    return noise.indices.map { index in
      let (row, column) = index.quotientAndRemainder(dividingBy: 64)
      let distance =
        (Double(row) - 20) * (Double(row) - 20)
        + (Double(column) - 40) * (Double(column) - 40)
      let value = 0.2 * Double(noise[index]) + 0.8 * max(0, 1 - distance / 300)
      return Float(Float16(Float(value)))
    }
  }

  @Test func agreesOnABump() throws {
    let mixture = try GaussianMixture(fitting: Self.bump())
    #expect(abs(mixture.means[0] - 0.10425873364237852) < 1e-9)
    #expect(abs(mixture.means[1] - 0.576734116046945) < 1e-9)
    #expect(abs(mixture.threshold - 0.34049642484466175) < 1e-9)
    #expect(abs(mixture.variances[0] - 0.00380371) < 1e-7)
    #expect(abs(mixture.weights[1] - 0.18559775) < 1e-7)
    #expect(mixture.iterations == 5)
    #expect(mixture.converged)
  }

  @Test func agreesOnEvenlySpreadValues() throws {
    // Here scikit-learn's random start changes the fit: 0.5029 for two of three seeds, 0.5041.
    let values = congruential(4096, seed: 5).map { Float(Float16($0)) }
    let mixture = try GaussianMixture(fitting: values)
    #expect(abs(mixture.threshold - 0.5035) < 2e-3)
  }

  @Test func orderDoesNotMatter() throws {
    let values = Self.bump()
    let mixture = try GaussianMixture(fitting: values)
    #expect(try GaussianMixture(fitting: values.reversed()) == mixture)
    #expect(try GaussianMixture(fitting: values.sorted()) == mixture)
  }

  @Test func twoValuesAreTheirOwnComponents() throws {
    let mixture = try GaussianMixture(fitting: [0, 0, 0, 1])
    #expect(abs(mixture.means[0]) < 1e-6)
    #expect(abs(mixture.means[1] - 1) < 1e-6)
    #expect(abs(mixture.threshold - 0.5) < 1e-6)
  }

  @Test func flatAndBrokenMapsAreRefused() {
    #expect(throws: GroundingError.flatMap(.result)) {
      try GaussianMixture(fitting: [0.5, 0.5, 0.5])
    }
    #expect(throws: GroundingError.flatMap(.result)) { try GaussianMixture(fitting: []) }
    #expect(throws: GroundingError.notFinite(what: "The map", index: 1)) {
      try GaussianMixture(fitting: [0.5, .nan, 0.5])
    }
  }
}
