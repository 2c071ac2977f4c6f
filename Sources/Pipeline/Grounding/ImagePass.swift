import Grounding
import TensorBase

/// The pass over the image (method.md §5): for each step the latent is sampled and noised afresh,
/// the UNet evaluated, and its taps kept. No step depends on another, so they run in batches; the
/// prediction is not wanted, so nothing behind the last tap runs.
struct ImagePass {
  let schedule: NoiseSchedule
  let distribution: LatentDistribution
  /// [1, C, h, w].
  let latent: Shape
  let scalingFactor: Float
  let steps: Int
  let seed: UInt64
  /// The first step whose taps are wanted; the ones before draw their noise and nothing more.
  let firstStep: Int

  /// Latents a batch may hold: four of Stable Diffusion's 64 × 64, more of smaller ones.
  private var batch: Int {
    max(1, min(steps - firstStep, 4 * 64 * 64 / max(latent[2] * latent[3], 1)))
  }

  /// - Parameters:
  ///   - text: [1, tokens, width].
  ///   - progress: told after each batch how many steps of how many are done.
  func run(
    _ unet: inout DenoisingModel, text: Tensor, layers: [Int], tokens: [Int],
    progress: (Int, Int) -> Void
  ) throws -> TapRecord {
    let timesteps = try schedule.timesteps(steps: steps)
    var noise = NoiseGenerator(seed: seed)
    var collector = TapCollector(layers: layers.count, tokens: tokens.count)
    for _ in 0..<firstStep {
      _ = noise.normal(count: latent.count)
      _ = noise.normal(count: latent.count)
    }
    var evaluations: DenoisingModel.Evaluations?
    var step = firstStep
    while step < steps {
      let count = unet.batch(of: min(batch, steps - step), timestepsDiffer: true)
      var samples: [Float] = []
      samples.reserveCapacity(count * latent.count)
      for timestep in timesteps[step..<step + count] {
        let z = try distribution.sample(
          noise: noise.normal(count: latent.count), scalingFactor: scalingFactor)
        samples += try schedule.addNoise(
          noise.normal(count: latent.count), to: z, timestep: timestep)
      }
      if evaluations?.batch != count {
        evaluations = try unet.evaluations(
          batch: count, latent: latent, text: text, layers: layers, tokens: tokens,
          predicts: false)
      }
      guard let evaluations else { preconditionFailure() }
      let (taps, _) = try unet.run(
        evaluations, samples: samples, latent: latent,
        timesteps: Array(timesteps[step..<step + count]))
      collector.add(taps, entries: 0..<count)
      step += count
      progress(step - firstStep, steps - firstStep)
    }
    return try collector.record(latent: latent)
  }
}
