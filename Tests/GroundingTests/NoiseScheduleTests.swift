import Grounding
import Testing

/// Expected numbers are diffusers' DDIMScheduler's.
@Suite struct NoiseScheduleTests {
  /// Stable Diffusion 1.x's scheduler_config.json.
  static func stableDiffusion() -> NoiseScheduleConfiguration {
    var configuration = NoiseScheduleConfiguration()
    configuration.betaStart = 0.00085
    configuration.betaEnd = 0.012
    configuration.betaSchedule = .scaledLinear
    configuration.setAlphaToOne = false
    configuration.clipSample = false
    configuration.stepsOffset = 1
    return configuration
  }

  @Test func cumulativeAlphas() throws {
    let stable = try NoiseSchedule(Self.stableDiffusion())
    #expect(fingerprint(stable.cumulativeAlphas) == 0x6fa3_0677_e0e3_9d2e)
    #expect(stable.finalCumulativeAlpha == stable.cumulativeAlphas[0])

    let linear = try NoiseSchedule(NoiseScheduleConfiguration())
    #expect(fingerprint(linear.cumulativeAlphas) == 0x7c4c_5383_e09b_2bd1)
    #expect(linear.finalCumulativeAlpha == 1)

    var cosine = NoiseScheduleConfiguration()
    cosine.betaSchedule = .squaredCosineCap
    #expect(try fingerprint(NoiseSchedule(cosine).cumulativeAlphas) == 0xdeac_658a_583c_1c6d)
  }

  @Test func zeroSignalToNoise() throws {
    var configuration = Self.stableDiffusion()
    configuration.rescaleBetasZeroSNR = true
    configuration.predictionType = .velocity
    configuration.timestepSpacing = .trailing
    let schedule = try NoiseSchedule(configuration)
    let expected = floats([0x3f7f_c84b, 0x3f7f_8c3b, 0x3e76_cd97, 0])
    for (index, wanted) in zip([0, 1, 500, 999], expected) {
      #expect(abs(schedule.cumulativeAlphas[index] - wanted) <= 1e-6 * wanted)
    }
    #expect(try schedule.timesteps(steps: 7) == [999, 856, 713, 570, 428, 285, 142])
    configuration.predictionType = .epsilon
    #expect(throws: GroundingError.self) {
      try NoiseSchedule(configuration).timesteps(steps: 7)
    }
  }

  @Test func trainedBetasReplaceTheSchedule() throws {
    var configuration = NoiseScheduleConfiguration()
    configuration.numTrainTimesteps = 3
    configuration.trainedBetas = [0.5, 0.25, 0.5]
    #expect(try NoiseSchedule(configuration).cumulativeAlphas == [0.5, 0.375, 0.1875])
  }

  @Test(arguments: [
    (TimestepSpacing.leading, 7, [852, 710, 568, 426, 284, 142, 0]),
    (.leading, 1, [0]),
    (.trailing, 1, [999]),
    (.trailing, 10, [999, 899, 799, 699, 599, 499, 399, 299, 199, 99]),
    (.linspace, 1, [0]),
    (.linspace, 7, [999, 832, 666, 500, 333, 166, 0]),
    (.linspace, 10, [999, 888, 777, 666, 555, 444, 333, 222, 111, 0]),
  ])
  func timesteps(spacing: TimestepSpacing, steps: Int, expected: [Int]) throws {
    var configuration = Self.stableDiffusion()
    configuration.stepsOffset = 0
    configuration.timestepSpacing = spacing
    #expect(try NoiseSchedule(configuration).timesteps(steps: steps) == expected)
  }

  @Test func trailingRoundsAsNumpyDoes() throws {
    var configuration = Self.stableDiffusion()
    configuration.timestepSpacing = .trailing
    let visited = try NoiseSchedule(configuration).timesteps(steps: 48)
    #expect(visited.count == 48)
    #expect(
      Array(visited.prefix(12)) == [999, 978, 957, 936, 916, 895, 874, 853, 832, 811, 791, 770])
  }

  @Test func fiftyStepsOfStableDiffusion() throws {
    let visited = try NoiseSchedule(Self.stableDiffusion()).timesteps(steps: 50)
    #expect(visited == (0..<50).reversed().map { $0 * 20 + 1 })
  }

  @Test(
    arguments: [
      (981, [0xbf86_e7bd, 0xbf11_42d2, 0x3e30_8a50, 0x3f4d_0b6a, 0xc008_0b20, 0xbecb_6fc8]),
      (501, [0xbf85_bbd4, 0xbf09_ffce, 0x3db6_cdb0, 0x3f4d_bce6, 0xbff7_a7a4, 0xbeeb_254c]),
      (1, [0xbf85_5b47, 0xbf05_6d2f, 0x3d03_6878, 0x3f4e_e1ef, 0xbfe7_91b4, 0xbf00_e94b]),
    ] as [(Int, [UInt32])])
  func epsilonStep(timestep: Int, expected: [UInt32]) throws {
    try check(Self.stableDiffusion(), timestep: timestep, expected: expected)
  }

  @Test func stepsOfOtherPredictionTypes() throws {
    var velocity = Self.stableDiffusion()
    velocity.predictionType = .velocity
    try check(
      velocity, timestep: 501,
      expected: [0xbf82_d09f, 0xbf04_924f, 0x3d5e_fb80, 0x3f4a_3e60, 0xbfe9_5d3a, 0xbef3_7dd4])
    var sample = Self.stableDiffusion()
    sample.predictionType = .sample
    try check(
      sample, timestep: 501,
      expected: [0xbf89_2308, 0xbf04_c5ca, 0xbce0_3920, 0x3f56_937e, 0xbfdd_d13a, 0xbf10_f0b2])
  }

  @Test func clippedAndThresholdedSteps() throws {
    var clipped = Self.stableDiffusion()
    clipped.clipSample = true
    clipped.clipSampleRange = 0.5
    try check(
      clipped, timestep: 501,
      expected: [0xbf85_bbd4, 0xbed1_390e, 0xbf43_acda, 0x3f4d_bce6, 0x3ee6_7aba, 0xbf80_82a7])
    var thresholded = Self.stableDiffusion()
    thresholded.thresholding = true
    thresholded.sampleMaxValue = 1.7
    thresholded.dynamicThresholdingRatio = 0.8
    try check(
      thresholded, timestep: 981,
      expected: [0xbf86_a222, 0xbe7a_ba53, 0xbf93_c102, 0x3f60_f4da, 0x3f47_8ff2, 0xbfb8_575a])
    try check(
      thresholded, timestep: 501,
      expected: [0xbf7a_0445, 0xbebe_8bb8, 0xbefa_9918, 0x3f4e_37ec, 0x3e33_743c, 0xbf4b_f892])
  }

  private func check(
    _ configuration: NoiseScheduleConfiguration, timestep: Int, expected: [UInt32]
  ) throws {
    let schedule = try NoiseSchedule(configuration)
    let next = try schedule.step(
      prediction: congruential(6, seed: 2).map { $0 * 4 - 2 },
      sample: congruential(6, seed: 1).map { $0 * 4 - 2 }, timestep: timestep, steps: 50)
    // PyTorch takes √ᾱ and √(1−ᾱ) from a library whose last bit can be off; a step divides by √ᾱ.
    for (value, wanted) in zip(next, floats(expected)) {
      #expect(abs(value - wanted) <= 1e-6, "\(value) is not \(wanted)")
    }
    #expect(next.count == expected.count)
  }

  @Test func noiseIsAdded() throws {
    let noisy = try NoiseSchedule(Self.stableDiffusion()).addNoise(
      congruential(6, seed: 2).map { $0 * 4 - 2 },
      to: congruential(6, seed: 1).map { $0 * 4 - 2 }, timestep: 501)
    let expected: [UInt32] = [
      0xbfb9_7bf6, 0xbed2_3292, 0xbf86_76c7, 0x3fa0_7780, 0xbe50_9084, 0xbfc9_e750,
    ]
    #expect(noisy == floats(expected))
  }

  @Test func aTruePredictionLeadsBackToTheLatent() throws {
    let schedule = try NoiseSchedule(Self.stableDiffusion())
    let latent = congruential(32, seed: 8)
    let noise = congruential(32, seed: 9)
    var sample = try schedule.addNoise(noise, to: latent, timestep: 981)
    for timestep in try schedule.timesteps(steps: 50) {
      sample = try schedule.step(
        prediction: noise, sample: sample, timestep: timestep, steps: 50)
    }
    // The last step ends at ᾱ₀, which is not quite 1.
    let end = try schedule.addNoise(noise, to: latent, timestep: 0)
    for (a, b) in zip(sample, end) { #expect(abs(a - b) < 1e-4) }
  }

  @Test func guidance() throws {
    #expect(
      try NoiseSchedule.guided(unconditional: [1, -2], conditional: [1.5, 0], scale: 16) == [9, 30])
    #expect(throws: GroundingError.self) {
      try NoiseSchedule.guided(unconditional: [1], conditional: [1, 2], scale: 16)
    }
  }

  @Test func whatIsNotImplementedIsRefusedByKeyAndValue() {
    #expect(
      throws: GroundingError.unsupportedSetting(
        key: "prediction_type", value: "flow", supported: "epsilon, sample, v_prediction")
    ) { try PredictionType(named: "flow") }
    #expect(throws: GroundingError.self) { try BetaSchedule(named: "sigmoid") }
    #expect(throws: GroundingError.self) { try TimestepSpacing(named: "karras") }
    #expect(throws: Never.self) { try TimestepSpacing(named: "trailing") }
  }

  @Test func senselessSettingsAreRefused() {
    func refuses(_ change: (inout NoiseScheduleConfiguration) -> Void) {
      var configuration = Self.stableDiffusion()
      change(&configuration)
      #expect(throws: GroundingError.self) { try NoiseSchedule(configuration) }
    }
    refuses { $0.numTrainTimesteps = 0 }
    refuses { $0.numTrainTimesteps = .max }
    refuses { $0.betaStart = -1 }
    refuses { $0.betaEnd = .nan }
    refuses { $0.stepsOffset = -1 }
    refuses { $0.trainedBetas = [0.1] }
    refuses { $0.clipSampleRange = .infinity }
    refuses { $0.sampleMaxValue = 0 }
  }

  @Test func impossibleStepsAreRefused() throws {
    let schedule = try NoiseSchedule(Self.stableDiffusion())
    for steps in [0, -1, 1001, Int.max] {
      #expect(throws: GroundingError.self) { try schedule.timesteps(steps: steps) }
    }
    // With one step per training step the offset leads past the end.
    #expect(throws: GroundingError.self) { try schedule.timesteps(steps: 1000) }
    #expect(throws: GroundingError.self) {
      try schedule.step(prediction: [0], sample: [0], timestep: 1000, steps: 50)
    }
    #expect(throws: GroundingError.self) {
      try schedule.step(prediction: [0], sample: [0, 1], timestep: 1, steps: 50)
    }
    #expect(throws: GroundingError.self) {
      try schedule.addNoise([0], to: [0], timestep: -1)
    }
  }
}
