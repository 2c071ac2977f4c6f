#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The DDIM noise schedule (Song, Meng, Ermon, arXiv 2010.02502): ᾱ per training step, which
/// training steps an inference visits, and the arithmetic between them (method.md §4–§6).
///
/// Numbers are float32 in the order in which PyTorch computes them for diffusers' DDIMScheduler.
package struct NoiseSchedule: Sendable {
  package let configuration: NoiseScheduleConfiguration
  /// ᾱ_t, the running product of 1 − β, one per training step.
  package let cumulativeAlphas: [Float]
  /// ᾱ before the first training step.
  package let finalCumulativeAlpha: Float

  /// - Throws: `invalidSetting` for a number out of range.
  package init(_ configuration: NoiseScheduleConfiguration) throws(GroundingError) {
    try configuration.validate()
    self.configuration = configuration
    var betas = Self.betas(configuration)
    if configuration.rescaleBetasZeroSNR { betas = Self.rescaledToZeroSNR(betas) }
    cumulativeAlphas = Self.runningProduct(betas.map { 1 - $0 })
    finalCumulativeAlpha = configuration.setAlphaToOne ? 1 : cumulativeAlphas[0]
  }

  private static func betas(_ configuration: NoiseScheduleConfiguration) -> [Float] {
    let count = configuration.numTrainTimesteps
    if let trained = configuration.trainedBetas { return trained.map { Float($0) } }
    switch configuration.betaSchedule {
    case .linear:
      return evenlySpaced(
        from: Float(configuration.betaStart), to: Float(configuration.betaEnd), count: count)
    case .scaledLinear:
      return evenlySpaced(
        from: Float(configuration.betaStart.squareRoot()),
        to: Float(configuration.betaEnd.squareRoot()), count: count
      ).map { $0 * $0 }
    case .squaredCosineCap:
      // Nichol and Dhariwal, arXiv 2102.09672: ᾱ(t) = cos²((t + 0.008)/1.008 · π/2), β ≤ 0.999.
      func alphaBar(_ index: Int) -> Double {
        let root = cos((Double(index) / Double(count) + 0.008) / 1.008 * Double.pi / 2)
        return root * root
      }
      return (0..<count).map { Float(min(1 - alphaBar($0 + 1) / alphaBar($0), 0.999)) }
    }
  }

  /// `torch.linspace` in float32: counted from the start in the first half, from the end in the
  /// second, with fused multiply-adds.
  private static func evenlySpaced(from start: Float, to end: Float, count: Int) -> [Float] {
    let step = (end - start) / Float(count - 1)
    return (0..<count).map { i in
      i < count / 2
        ? start.addingProduct(step, Float(i)) : end.addingProduct(-step, Float(count - 1 - i))
    }
  }

  /// `torch.cumprod` of float32 on a CPU: the product runs in double, each term is rounded.
  private static func runningProduct(_ factors: [Float]) -> [Float] {
    var product = 1.0
    return factors.map { factor in
      product *= Double(factor)
      return Float(product)
    }
  }

  /// Lin et al., arXiv 2305.08891, algorithm 1: √ᾱ shifted so that the last is 0, scaled so that
  /// the first is kept.
  private static func rescaledToZeroSNR(_ betas: [Float]) -> [Float] {
    var roots = runningProduct(betas.map { 1 - $0 }).map { $0.squareRoot() }
    let first = roots[0]
    let last = roots[roots.count - 1]
    let scale = first / (first - last)
    for i in roots.indices { roots[i] = (roots[i] - last) * scale }
    let products = roots.map { $0 * $0 }
    return products.indices.map { i in
      1 - (i == 0 ? products[0] : products[i] / products[i - 1])
    }
  }

  /// The training steps that an inference of `steps` steps visits, from noisy to clean.
  ///
  /// - Throws: `unusableSteps` when there are none, more than training steps, or the configuration
  ///   leads outside the schedule.
  package func timesteps(steps: Int) throws(GroundingError) -> [Int] {
    let training = configuration.numTrainTimesteps
    guard steps >= 1, steps <= training else {
      throw .unusableSteps(steps: steps, reason: "it takes 1 to \(training)")
    }
    let visited: [Int]
    switch configuration.timestepSpacing {
    case .leading:
      let ratio = training / steps
      visited = (0..<steps).reversed().map { $0 * ratio + configuration.stepsOffset }
    case .linspace:
      let ratio = Double(training - 1) / Double(max(1, steps - 1))
      visited = (0..<steps).reversed().map { i in
        // The last point is the end itself, whatever the product rounds to.
        let point = steps > 1 && i == steps - 1 ? Double(training - 1) : Double(i) * ratio
        return Int(point.rounded(.toNearestOrEven))
      }
    case .trailing:
      // numpy.arange(training, 0, -training/steps) advances by the difference of its first two
      // values. For some step counts rounding makes it one longer, ending in timestep -1; that
      // one is left out here.
      let start = Double(training)
      let stride = (start - start / Double(steps)) - start
      visited = (0..<steps).map {
        Int((start + Double($0) * stride).rounded(.toNearestOrEven)) - 1
      }
    }
    for timestep in visited where !cumulativeAlphas.indices.contains(timestep) {
      throw .unusableSteps(
        steps: steps,
        reason: "steps_offset \(configuration.stepsOffset) leads to timestep \(timestep) of"
          + " \(training)")
    }
    if configuration.predictionType == .epsilon,
      visited.contains(where: { cumulativeAlphas[$0] == 0 })
    {
      throw .unusableSteps(
        steps: steps,
        reason: "it starts from pure noise, where prediction_type epsilon says nothing of the image"
      )
    }
    return visited
  }

  /// ᾱ of a timestep; before the first one it is `finalCumulativeAlpha`.
  func cumulativeAlpha(at timestep: Int) throws(GroundingError) -> Float {
    if timestep < 0 { return finalCumulativeAlpha }
    guard timestep < cumulativeAlphas.count else {
      throw .timestepOutOfRange(timestep: timestep, trainingSteps: cumulativeAlphas.count)
    }
    return cumulativeAlphas[timestep]
  }
}
