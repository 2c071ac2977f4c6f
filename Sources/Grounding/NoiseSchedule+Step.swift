extension NoiseSchedule {
  /// x_t = √ᾱ_t · z + √(1−ᾱ_t) · ε, elementwise.
  ///
  /// - Throws: `countMismatch`, `timestepOutOfRange`.
  package func addNoise(
    _ noise: [Float], to latent: [Float], timestep: Int
  ) throws(GroundingError) -> [Float] {
    try requireCount(noise, "The noise", like: latent)
    try requireVisitable(timestep)
    let alpha = try cumulativeAlpha(at: timestep)
    let keep = alpha.squareRoot()
    let add = (1 - alpha).squareRoot()
    return latent.indices.map { keep * latent[$0] + add * noise[$0] }
  }

  /// One deterministic DDIM step (η = 0) from `timestep` to the one `numTrainTimesteps / steps`
  /// before it:
  /// x₀ from the prediction, clipped or thresholded when the configuration says so, then
  /// √ᾱ_prev · x₀ + √(1−ᾱ_prev) · ε (arXiv 2010.02502, equation 12).
  ///
  /// - Parameters:
  ///   - prediction: what the UNet returned for `sample`, of `prediction_type`.
  ///   - sample: x_t of one image, any layout.
  ///   - steps: the number of inference steps that `timesteps(steps:)` was asked for.
  /// - Returns: the sample of the timestep before.
  /// - Throws: `countMismatch`, `timestepOutOfRange`, `unusableSteps`.
  package func step(
    prediction: [Float], sample: [Float], timestep: Int, steps: Int
  ) throws(GroundingError) -> [Float] {
    try requireCount(prediction, "The UNet's prediction", like: sample)
    try requireVisitable(timestep)
    guard steps >= 1, steps <= configuration.numTrainTimesteps else {
      throw .unusableSteps(steps: steps, reason: "it takes 1 to \(configuration.numTrainTimesteps)")
    }
    let alpha = try cumulativeAlpha(at: timestep)
    let previous = try cumulativeAlpha(
      at: timestep - configuration.numTrainTimesteps / steps)
    let rootAlpha = alpha.squareRoot()
    let rootBeta = (1 - alpha).squareRoot()

    var clean: [Float]
    var noise = prediction
    switch configuration.predictionType {
    case .epsilon:
      clean = sample.indices.map { (sample[$0] - rootBeta * prediction[$0]) / rootAlpha }
    case .sample:
      clean = prediction
      noise = sample.indices.map { (sample[$0] - rootAlpha * prediction[$0]) / rootBeta }
    case .velocity:
      clean = sample.indices.map { rootAlpha * sample[$0] - rootBeta * prediction[$0] }
      noise = sample.indices.map { rootAlpha * prediction[$0] + rootBeta * sample[$0] }
    }

    if configuration.thresholding {
      threshold(&clean)
    } else if configuration.clipSample {
      let range = Float(configuration.clipSampleRange)
      for i in clean.indices { clean[i] = min(max(clean[i], -range), range) }
    }

    let rootPrevious = previous.squareRoot()
    let direction = (1 - previous).squareRoot()
    return clean.indices.map { rootPrevious * clean[$0] + direction * noise[$0] }
  }

  /// Classifier-free guidance (Ho and Salimans, arXiv 2207.12598): ε_u + scale · (ε_t − ε_u).
  ///
  /// - Throws: `countMismatch`.
  package static func guided(
    unconditional: [Float], conditional: [Float], scale: Float
  ) throws(GroundingError) -> [Float] {
    try requireCount(unconditional, "The unconditional prediction", like: conditional)
    return conditional.indices.map {
      unconditional[$0] + scale * (conditional[$0] - unconditional[$0])
    }
  }

  /// Dynamic thresholding (Saharia et al., arXiv 2205.11487): s is the quantile of |x₀| between 1
  /// and `sample_max_value`; x₀ is clamped to ±s and divided by s.
  private func threshold(_ clean: inout [Float]) {
    guard !clean.isEmpty else { return }
    let magnitudes = clean.map { abs($0) }.sorted()
    let rank = Float(configuration.dynamicThresholdingRatio) * Float(magnitudes.count - 1)
    let below = min(Int(rank), magnitudes.count - 1)
    let above = min(below + 1, magnitudes.count - 1)
    let weight = rank - Float(below)
    let quantile = magnitudes[below] + weight * (magnitudes[above] - magnitudes[below])
    let bound = min(max(quantile, 1), Float(configuration.sampleMaxValue))
    for i in clean.indices { clean[i] = min(max(clean[i], -bound), bound) / bound }
  }

  private func requireVisitable(_ timestep: Int) throws(GroundingError) {
    guard cumulativeAlphas.indices.contains(timestep) else {
      throw .timestepOutOfRange(timestep: timestep, trainingSteps: cumulativeAlphas.count)
    }
  }
}

func requireCount(
  _ values: [Float], _ what: String, like other: [Float]
) throws(GroundingError) {
  guard values.count == other.count else {
    throw .countMismatch(what: what, found: values.count, expected: other.count)
  }
}
