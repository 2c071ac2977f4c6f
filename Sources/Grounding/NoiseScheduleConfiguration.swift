/// How β grows over the training steps (`beta_schedule`).
package enum BetaSchedule: String, CaseIterable, Sendable {
  case linear
  case scaledLinear = "scaled_linear"
  case squaredCosineCap = "squaredcos_cap_v2"

  /// - Throws: `unsupportedSetting` for a name that is not implemented.
  package init(named name: String) throws(GroundingError) {
    self = try supported(name, key: "beta_schedule")
  }
}

/// What the UNet was trained to predict (`prediction_type`).
package enum PredictionType: String, CaseIterable, Sendable {
  case epsilon
  case sample
  case velocity = "v_prediction"

  /// - Throws: `unsupportedSetting` for a name that is not implemented.
  package init(named name: String) throws(GroundingError) {
    self = try supported(name, key: "prediction_type")
  }
}

/// How inference steps are spread over the training steps (`timestep_spacing`).
package enum TimestepSpacing: String, CaseIterable, Sendable {
  case leading
  case trailing
  case linspace

  /// - Throws: `unsupportedSetting` for a name that is not implemented.
  package init(named name: String) throws(GroundingError) {
    self = try supported(name, key: "timestep_spacing")
  }
}

private func supported<Setting: RawRepresentable & CaseIterable>(
  _ name: String, key: String
) throws(GroundingError) -> Setting where Setting.RawValue == String {
  guard let setting = Setting(rawValue: name) else {
    throw .unsupportedSetting(
      key: key, value: name,
      supported: Setting.allCases.map(\.rawValue).joined(separator: ", "))
  }
  return setting
}

/// What diffusers' DDIMScheduler is built from; property names are the keys of
/// `scheduler_config.json` in camel case. A key that the file lacks has DDIM's default, also when
/// the file was written by another scheduler class such as PNDM: that is what
/// `DDIMScheduler.from_config` does. Note that a missing `clip_sample` means true.
package struct NoiseScheduleConfiguration: Sendable, Hashable {
  package var numTrainTimesteps = 1000
  package var betaStart = 0.0001
  package var betaEnd = 0.02
  package var betaSchedule = BetaSchedule.linear
  /// When given, these β replace the ones computed from the schedule.
  package var trainedBetas: [Double]?
  package var clipSample = true
  package var clipSampleRange = 1.0
  package var setAlphaToOne = true
  package var stepsOffset = 0
  package var predictionType = PredictionType.epsilon
  package var thresholding = false
  package var dynamicThresholdingRatio = 0.995
  package var sampleMaxValue = 1.0
  package var timestepSpacing = TimestepSpacing.leading
  package var rescaleBetasZeroSNR = false

  /// DDIM's defaults throughout.
  package init() {}
}

extension NoiseScheduleConfiguration {
  /// Checks every number before anything is computed from it.
  func validate() throws(GroundingError) {
    func check(
      _ holds: Bool, _ key: String, _ value: some CustomStringConvertible, _ expected: String
    ) throws(GroundingError) {
      if !holds {
        throw GroundingError.invalidSetting(
          key: key, value: value.description, expected: expected)
      }
    }
    try check(
      (2...1_000_000).contains(numTrainTimesteps), "num_train_timesteps", numTrainTimesteps,
      "2 to 1000000")
    try check(betaStart > 0 && betaStart < 1, "beta_start", betaStart, "a number between 0 and 1")
    try check(betaEnd > 0 && betaEnd < 1, "beta_end", betaEnd, "a number between 0 and 1")
    if let trainedBetas {
      try check(
        trainedBetas.count == numTrainTimesteps, "trained_betas", "\(trainedBetas.count) values",
        "\(numTrainTimesteps) values")
      for beta in trainedBetas {
        try check(beta >= 0 && beta < 1, "trained_betas", beta, "numbers from 0 to below 1")
      }
    }
    try check(
      clipSampleRange > 0 && clipSampleRange.isFinite, "clip_sample_range", clipSampleRange,
      "a positive number")
    try check(
      (0..<numTrainTimesteps).contains(stepsOffset), "steps_offset", stepsOffset,
      "0 to \(numTrainTimesteps - 1)")
    try check(
      dynamicThresholdingRatio >= 0 && dynamicThresholdingRatio <= 1,
      "dynamic_thresholding_ratio", dynamicThresholdingRatio, "a number from 0 to 1")
    try check(
      sampleMaxValue >= 1 && sampleMaxValue.isFinite, "sample_max_value", sampleMaxValue,
      "a number of at least 1")
  }
}
