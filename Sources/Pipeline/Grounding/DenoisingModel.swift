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
    guard !layers.isEmpty else {
      throw PipelineError.wrongGraph(graph: model.graph.name, lacks: "cross-attention layers")
    }
  }

  /// The batched evaluations of one text.
  struct Evaluations {
    let program: Program
    let prepared: [String: Tensor]
    let batch: Int
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
    let request = Model.Request(
      inputs: [
        Self.sample: Shape([batch] + latent.dimensions.dropFirst()), Self.timestep: [batch],
        Self.text: text.shape,
      ], wanted: wanted, tapTokens: tokens, fixedInputs: [Self.text])
    let program = try model.program(request, options: options)
    let prepared = try program.prepare([Self.text: text], arena: &arena, options: options)
    return Evaluations(program: program, prepared: prepared, batch: batch, taps: taps)
  }

  /// Evaluates the UNet once.
  ///
  /// - Parameters:
  ///   - samples: row-major [batch, C, h, w].
  ///   - timesteps: one per sample.
  /// - Returns: the taps, each [batch, tokens, queries], and the prediction when it was wanted.
  mutating func run(
    _ evaluations: Evaluations, samples: [Float], latent: Shape, timesteps: [Int]
  ) throws -> (taps: [Tensor], prediction: Tensor?) {
    let outputs = try evaluations.program.run(
      [
        Self.sample: Tensor(
          floats: samples, shape: Shape([evaluations.batch] + latent.dimensions.dropFirst())),
        Self.timestep: Tensor(
          floats: timesteps.map { Float($0) }, shape: [evaluations.batch]),
      ], prepared: evaluations.prepared, arena: &arena, options: options)
    let taps = evaluations.taps.compactMap { outputs[$0] }
    precondition(taps.count == evaluations.taps.count)
    return (taps, outputs[Self.prediction])
  }
}
