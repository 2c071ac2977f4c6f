import Grounding
import JSONText

extension NoiseScheduleConfiguration {
  /// Reads `scheduler_config.json` as `DDIMScheduler.from_config` does: keys of other schedulers
  /// are ignored, missing keys have DDIM's defaults.
  ///
  /// - Throws: `PipelineError.badSetting` for a value of the wrong kind, `GroundingError` for one
  ///   that is not supported.
  package init(json: JSONValue) throws {
    self.init()
    guard let object = json.objectValue else {
      throw PipelineError.badSetting(
        file: "scheduler_config.json", key: "(top level)", expected: "an object")
    }
    func read<T>(_ key: String, _ expected: String, _ get: (JSONValue) -> T?) throws -> T? {
      guard let value = object[key], value != .null else { return nil }
      guard let result = get(value) else {
        throw PipelineError.badSetting(file: "scheduler_config.json", key: key, expected: expected)
      }
      return result
    }
    func integer(_ key: String, into target: inout Int) throws {
      target = try read(key, "a whole number") { $0.intValue } ?? target
    }
    func number(_ key: String, into target: inout Double) throws {
      target = try read(key, "a number") { $0.doubleValue } ?? target
    }
    func flag(_ key: String, into target: inout Bool) throws {
      target = try read(key, "true or false") { $0.boolValue } ?? target
    }
    func name(_ key: String) throws -> String? { try read(key, "a string") { $0.stringValue } }

    try integer("num_train_timesteps", into: &numTrainTimesteps)
    try number("beta_start", into: &betaStart)
    try number("beta_end", into: &betaEnd)
    if let text = try name("beta_schedule") { betaSchedule = try BetaSchedule(named: text) }
    trainedBetas = try read("trained_betas", "a list of numbers") { value in
      guard let list = value.arrayValue else { return nil }
      let numbers = list.compactMap(\.doubleValue)
      return numbers.count == list.count ? numbers : nil
    }
    try flag("clip_sample", into: &clipSample)
    try number("clip_sample_range", into: &clipSampleRange)
    try flag("set_alpha_to_one", into: &setAlphaToOne)
    try integer("steps_offset", into: &stepsOffset)
    if let text = try name("prediction_type") { predictionType = try PredictionType(named: text) }
    try flag("thresholding", into: &thresholding)
    try number("dynamic_thresholding_ratio", into: &dynamicThresholdingRatio)
    try number("sample_max_value", into: &sampleMaxValue)
    if let text = try name("timestep_spacing") {
      timestepSpacing = try TimestepSpacing(named: text)
    }
    try flag("rescale_betas_zero_snr", into: &rescaleBetasZeroSNR)
  }
}
