import Grounding
import TensorBase

/// The pass over the text alone (method.md §6): DDIM sampling from noise with classifier-free
/// guidance; the taps of the conditional half. It knows nothing of the image.
struct TextPass {
  let schedule: NoiseSchedule
  /// [1, C, h, w].
  let latent: Shape
  let steps: Int
  let seed: UInt64
  let guidance: Double

  /// - Parameters:
  ///   - text: [1, tokens, width], the phrase.
  ///   - unconditional: [1, tokens, width], the empty string.
  ///   - progress: told after each step how many of how many are done.
  func run(
    _ unet: inout DenoisingModel, text: Tensor, unconditional: Tensor, layers: [Int],
    tokens: [Int], progress: (Int, Int) -> Void
  ) throws -> TapRecord {
    // Both halves in one evaluation, or one after the other where the graph takes no two.
    let isTogether = unet.batch(of: 2, timestepsDiffer: false) == 2
    let both = Tensor(
      floats: unconditional.floats + text.floats,
      shape: Shape([2] + text.shape.dimensions.dropFirst()))
    let evaluations = try unet.evaluations(
      batch: isTogether ? 2 : 1, latent: latent, text: isTogether ? both : text, layers: layers,
      tokens: tokens, predicts: true)
    let unguided =
      try isTogether
      ? nil
      : unet.evaluations(
        batch: 1, latent: latent, text: unconditional, layers: [], tokens: tokens, predicts: true)
    var noise = NoiseGenerator(seed: seed)
    var sample = noise.normal(count: latent.count)
    var collector = TapCollector(layers: layers.count, tokens: tokens.count)
    let timesteps = try schedule.timesteps(steps: steps)
    for (step, timestep) in timesteps.enumerated() {
      let (taps, prediction) = try unet.run(
        evaluations, samples: isTogether ? sample + sample : sample, latent: latent,
        timesteps: isTogether ? [timestep, timestep] : [timestep])
      collector.add(taps, entries: isTogether ? 1..<2 : 0..<1)
      guard var halves = prediction?.floats else {
        preconditionFailure("the prediction was wanted")
      }
      if let unguided {
        let (_, other) = try unet.run(
          unguided, samples: sample, latent: latent, timesteps: [timestep])
        halves = (other?.floats ?? []).prefix(latent.count) + halves
      }
      let guided = try NoiseSchedule.guided(
        unconditional: Array(halves[..<latent.count]),
        conditional: Array(halves[latent.count..<2 * latent.count]),
        scale: Float(guidance))
      sample = try schedule.step(
        prediction: guided, sample: sample, timestep: timestep, steps: steps)
      progress(step + 1, steps)
    }
    return try collector.record(latent: latent)
  }
}
