import Architectures
import GraphIR
import JSONText
import TensorBase

extension Graph {
  /// Shapes of the inputs at the size the model was made for, one item at a time: to show a graph
  /// and to time it. Text is 77 tokens long, or as long as the encoder allows.
  ///
  /// - Parameter components: facts about the parts of the pipeline, by part.
  func typicalInputs(_ components: JSONObject) -> [String: Shape] {
    let facts = components.members.reduce(into: [String: ModelFacts]()) { facts, member in
      facts[member.key] = ModelFacts(member.value)
    }
    let vae = facts["vae"]
    let unet = facts["unet"]
    let factor = vae?.downsamplingFactor ?? 8
    let latent = unet?.sampleSize ?? vae?.sampleSize.map { $0.map { $0 / factor } } ?? [64, 64]
    let sides = name == "vae_encoder" ? latent.map { $0 * factor } : latent
    let tokens = min(77, facts["text_encoder"]?.maximumPositions ?? 77)
    var shapes: [String: Shape] = [:]
    for input in inputs {
      let dimensions = (input.dimensions ?? []).map { dimension in
        switch dimension {
        case .size(let size): size
        case .symbol("tokens"): tokens
        case .symbol("height"): sides[0]
        case .symbol("width"): sides[1]
        case .symbol: 1
        }
      }
      // A file can say sizes that no memory holds.
      shapes[self[input.value].name] = (try? Shape(checking: dimensions)) ?? [0]
    }
    return shapes
  }
}
