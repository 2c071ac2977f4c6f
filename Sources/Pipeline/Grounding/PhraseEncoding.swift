import Executor
import GraphIR
import PhraseWords
import TensorBase
import TextTokens

/// A phrase as the model reads it.
struct PhraseEncoding: Sendable {
  let phrase: String
  /// Word by word, with which count.
  let words: [GroundedWord]
  /// The positions of the tokens that count, ascending.
  let kept: [Int]
  let ids: [Int]
  /// [1, tokens, width], the text encoder's last hidden state.
  let state: Tensor
  let warnings: [String]
}

/// A word of the phrase: what the tokeniser makes of it, and whether it counts.
public struct GroundedWord: Sendable, Hashable {
  /// The word as the phrase spells it.
  public let text: String
  /// Its sub-word tokens, as the vocabulary spells them.
  public let tokens: [String]
  /// The token's positions in the encoded phrase, [CLS] being 0.
  public let positions: [Int]
  /// Whether it makes the map.
  public let isKept: Bool
}

/// The frozen text encoder with its tokeniser.
struct TextEncoder {
  private var model: Model
  private var arena = Arena()
  /// Whether weights stay for the next phrase.
  private let keepsWeights: Bool
  private let options: ExecutionOptions
  let tokenizer: Tokenizer
  /// Tokens a phrase is padded or cut to.
  let length: Int

  init(
    _ model: Model, tokenizer: Tokenizer, length: Int, keepsWeights: Bool,
    options: ExecutionOptions
  ) throws {
    self.model = model
    self.tokenizer = tokenizer
    self.length = length
    self.keepsWeights = keepsWeights
    self.options = options
    for name in ["input_ids"]
    where !model.graph.inputs.contains(where: { model.graph[$0.value].name == name }) {
      throw PipelineError.wrongGraph(graph: model.graph.name, lacks: "the input '\(name)'")
    }
  }

  /// The last hidden state of token ids, [1, tokens, width].
  ///
  /// - Parameter mask: 1 where a token counts; nil runs without a mask, as diffusers does for the
  ///   empty string.
  mutating func state(ids: [Int], mask: [Int]?) throws -> Tensor {
    let graph = model.graph
    var inputs: [String: Tensor] = [:]
    for input in graph.inputs {
      let name = graph[input.value].name
      let shape: Shape = [1, ids.count]
      let given = name == "input_ids" ? ids : name == "attention_mask" ? mask : nil
      guard
        let tensor = given.map({ Tensor(int64s: $0.map { Int64($0) }, shape: shape) })
          ?? usualTextInput(name, shape: shape)
      else {
        throw PipelineError.wrongGraph(
          graph: graph.name, lacks: "a meaning for its input '\(name)'")
      }
      inputs[name] = tensor.converted(to: input.type)
        .repeated(try graph.fixedBatch(input) ?? 1)
    }
    let name = "last_hidden_state"
    guard let wanted = graph.value(named: name) else {
      throw PipelineError.wrongGraph(graph: graph.name, lacks: "the output '\(name)'")
    }
    // Weights are the model's that made the program.
    var running = model
    let program = try running.program(
      Model.Request(inputs: inputs.mapValues(\.shape), wanted: [wanted]), arena: arena,
      options: options)
    if keepsWeights { model = running }
    let outputs = try program.run(inputs, arena: &arena, options: options)
    guard let state = outputs[name] else { preconditionFailure("'\(name)' was wanted") }
    return state.first
  }

  /// The state that stands for no text: the empty string, padded, run without a mask.
  mutating func unconditionalState() throws -> Tensor {
    try state(ids: tokenizer.encode("", length: length).ids, mask: nil)
  }

  /// Encodes a phrase and finds the tokens that count.
  ///
  /// - Throws: `PhraseError` when the phrase is empty or no word of it counts.
  mutating func encode(_ phrase: String, words selection: WordSelection) throws -> PhraseEncoding {
    let selected = try selectWords(of: phrase, selection)
    let tokens = selected.words.map { tokenizer.tokens(of: $0).map(\.text) }
    let positions = try selectTokens(
      of: selected, subwordCounts: tokens.map(\.count), length: length)
    let encoding = tokenizer.encode(selected.text, length: length)
    let words = selected.words.indices.map { index in
      GroundedWord(
        text: selected.words[index], tokens: tokens[index],
        positions: Array(positions.wordPositions[index]), isKept: selected.isKept[index])
    }
    return PhraseEncoding(
      phrase: phrase, words: words, kept: positions.positions, ids: encoding.ids,
      state: try state(ids: encoding.ids, mask: encoding.attentionMask),
      warnings: (selected.warnings + positions.warnings).map(\.description))
  }
}
