import Executor
import GraphIR
import TensorBase

/// The UNet as grounding uses it: evaluations on batches of latents under a fixed text, with the
/// taps of chosen cross-attention layers and tokens.
struct DenoisingModel {
  /// The graph's inputs and output, by role.
  static let sample = "sample"
  static let timestep = "timestep"
  static let text = "encoder_hidden_states"
  static let prediction = "out_sample"

  private var model: Model
  private var arena = Arena()
  private let options: ExecutionOptions
  /// How the graph takes timesteps, and how many latents at once.
  private let intake: Intake
  /// Cross-attention layers in the order in which they run.
  let layers: [AttentionLayer]

  init(_ model: Model, options: ExecutionOptions) throws {
    self.model = model
    self.options = options
    layers = model.graph.attentionLayers.filter { $0.kind == .cross }
    for name in [Self.sample, Self.timestep, Self.text]
    where !model.graph.inputs.contains(where: { model.graph[$0.value].name == name }) {
      throw PipelineError.wrongGraph(graph: model.graph.name, lacks: "the input '\(name)'")
    }
    intake = try Intake(model.graph)
    guard !layers.isEmpty else {
      throw PipelineError.wrongGraph(graph: model.graph.name, lacks: "cross-attention layers")
    }
  }

  /// What a graph allows its callers: our own take everything, graphs from elsewhere may be fixed
  /// to a batch, take one timestep for all latents, or want a text for each.
  private struct Intake {
    /// The only batch there is, when there is only one.
    let batch: Int?
    let timestepType: ElementType
    /// The timesteps' shape when there is one for all latents.
    let sharedTimestep: Shape?
    /// Whether one text serves a whole batch.
    let sharesText: Bool

    init(_ graph: Graph) throws {
      func input(_ name: String) throws -> GraphInput {
        guard let input = graph.inputs.first(where: { graph[$0.value].name == name }) else {
          throw PipelineError.wrongGraph(graph: graph.name, lacks: "the input '\(name)'")
        }
        return input
      }
      func first(_ input: GraphInput) -> Dimension? { input.dimensions?.first }
      let sample = try input(DenoisingModel.sample)
      let timestep = try input(DenoisingModel.timestep)
      let text = try input(DenoisingModel.text)
      batch = try graph.fixedBatch(sample)
      timestepType = timestep.type
      switch timestep.dimensions?.first {
      case nil: sharedTimestep = timestep.dimensions == nil ? nil : []
      case .size(1): sharedTimestep = [1]
      case .size: sharedTimestep = nil
      case .symbol: sharedTimestep = first(timestep) == first(sample) ? nil : [1]
      }
      sharesText = first(text) != first(sample)
    }
  }

  /// How many latents one evaluation takes, of so many that are there: fewer where the graph is
  /// fixed to a batch, or where their timesteps would differ.
  func batch(of count: Int, timestepsDiffer: Bool) -> Int {
    if timestepsDiffer && intake.sharedTimestep != nil { return 1 }
    return min(count, intake.batch ?? count)
  }

  /// The batched evaluations of one text.
  struct Evaluations {
    let program: Program
    let prepared: [String: Tensor]
    let batch: Int
    /// Latents that the graph takes: where it is fixed to more, the last one stands in for the rest.
    fileprivate let intake: Int
    let taps: [String]
  }

  /// Specialises the UNet to a batch of latents under `text` and computes what depends on the text
  /// alone: its keys and values.
  ///
  /// - Parameters:
  ///   - latent: [1, C, h, w].
  ///   - text: [1 or batch, tokens, width].
  ///   - layers: places in `layers` of the taps to take, ascending.
  ///   - tokens: the positions whose maps to take.
  ///   - predicts: whether the predicted noise is wanted; without it nothing behind the last tap
  ///     runs.
  mutating func evaluations(
    batch: Int, latent: Shape, text: Tensor, layers chosen: [Int], tokens: [Int], predicts: Bool
  ) throws -> Evaluations {
    let graph = model.graph
    var wanted: [ValueID] = []
    var taps: [String] = []
    for index in chosen {
      guard let probabilities = layers[index].probabilities else {
        throw PipelineError.wrongGraph(
          graph: graph.name, lacks: "the probabilities of '\(layers[index].name)'")
      }
      wanted.append(probabilities)
      taps.append(graph[probabilities].name)
    }
    if predicts {
      guard let prediction = graph.outputs.first(where: { graph[$0].name == Self.prediction })
      else {
        throw PipelineError.wrongGraph(graph: graph.name, lacks: "the output '\(Self.prediction)'")
      }
      wanted.append(prediction)
    }
    let size = intake.batch ?? batch
    var text = text
    if !intake.sharesText, text.shape[0] < size {
      let given = text.floats
      let last = Array(given.suffix(given.count / max(text.shape[0], 1)))
      text = Tensor(
        floats: given + (text.shape[0]..<size).flatMap { _ in last },
        shape: Shape([size] + text.shape.dimensions.dropFirst()))
    }
    let request = Model.Request(
      inputs: [
        Self.sample: Shape([size] + latent.dimensions.dropFirst()),
        Self.timestep: intake.sharedTimestep ?? [size], Self.text: text.shape,
      ], wanted: wanted, tapTokens: tokens, fixedInputs: [Self.text])
    let program = try model.program(request, arena: arena, options: options)
    let prepared = try program.prepare([Self.text: text], arena: &arena, options: options)
    return Evaluations(
      program: program, prepared: prepared, batch: batch, intake: size, taps: taps)
  }

  /// Evaluates the UNet once.
  ///
  /// - Parameters:
  ///   - samples: row-major [batch, C, h, w].
  ///   - timesteps: one per sample.
  /// - Returns: the taps, each [batch or more, tokens, queries], and the prediction when it was
  ///   wanted.
  mutating func run(
    _ evaluations: Evaluations, samples: [Float], latent: Shape, timesteps: [Int]
  ) throws -> (taps: [Tensor], prediction: Tensor?) {
    let count = evaluations.intake, missing = count - evaluations.batch
    let filled = samples + (0..<missing).flatMap { _ in samples.suffix(latent.count) }
    precondition(intake.sharedTimestep == nil || timesteps.allSatisfy { $0 == timesteps[0] })
    let times =
      intake.sharedTimestep == nil
      ? timesteps + (0..<missing).map { _ in timesteps[timesteps.count - 1] }
      : [timesteps[0]]
    let outputs = try evaluations.program.run(
      [
        Self.sample: Tensor(
          floats: filled, shape: Shape([count] + latent.dimensions.dropFirst())),
        Self.timestep: Tensor(
          floats: times.map { Float($0) }, shape: intake.sharedTimestep ?? [count]
        ).converted(to: intake.timestepType),
      ], prepared: evaluations.prepared, arena: &arena, options: options)
    let taps = evaluations.taps.compactMap { outputs[$0] }
    precondition(taps.count == evaluations.taps.count)
    return (taps, outputs[Self.prediction])
  }
}
