import GraphIR
import JSONText

/// Keys that transformers' base class writes into every config.json and that change nothing in
/// what a forward pass computes: bookkeeping, training, generation, tokenizer.
private let bookkeepingKeys = [
  "architectures", "auto_map", "model_type", "transformers_version", "torch_dtype", "dtype",
  "name_or_path", "attn_implementation", "output_attentions", "output_hidden_states",
  "return_dict", "return_dict_in_generate", "torchscript", "use_bfloat16", "use_cache",
  "chunk_size_feed_forward", "tie_word_embeddings", "tie_encoder_decoder", "gradient_checkpointing",
  "initializer_range", "initializer_factor", "classifier_dropout", "dropout",
  "attention_dropout", "hidden_dropout_prob", "attention_probs_dropout_prob", "finetuning_task",
  "id2label", "label2id", "num_labels", "problem_type", "task_specific_params", "tokenizer_class",
  "prefix", "bos_token_id", "pad_token_id", "eos_token_id", "sep_token_id",
  "decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id", "begin_suppress_tokens",
  "suppress_tokens", "bad_words_ids", "exponential_decay_length_penalty", "max_length",
  "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups",
  "num_return_sequences", "diversity_penalty", "temperature", "top_k", "top_p", "typical_p",
  "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
  "encoder_no_repeat_ngram_size", "output_scores", "remove_invalid_values", "tf_legacy_loss",
  "projection_dim", "projection_size",
  "directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers",
  "pooler_size_per_head", "pooler_type",
]

/// What the configurations of the text encoders have in common.
struct TextConfiguration {
  var width: Int
  var layers: Int
  var heads: Int
  var innerWidth: Int
  var positions: Int
  var vocabulary: Int
  var activation: Unary
  var epsilon: Double

  /// - Parameter standard: what a configuration means that leaves keys out; transformers' own
  ///   defaults.
  init(
    _ config: inout Configuration, standard: TextConfiguration
  ) throws(ArchitectureError) {
    width = try config.int("hidden_size", default: standard.width)
    layers = try config.int("num_hidden_layers", default: standard.layers, in: 1...1024)
    heads = try config.int("num_attention_heads", default: standard.heads)
    guard width % heads == 0 else {
      throw config.refusal("num_attention_heads", "a divisor of hidden_size, \(width)")
    }
    innerWidth = try config.int("intermediate_size", default: standard.innerWidth)
    positions = try config.int("max_position_embeddings", default: standard.positions)
    vocabulary = try config.int("vocab_size", default: standard.vocabulary, in: 1...1 << 24)
    epsilon = try config.epsilon("layer_norm_eps", default: standard.epsilon)
    if let name = config.value("hidden_act") {
      guard let activation = name.stringValue.flatMap(activationFunction) else {
        throw config.refusal(
          "hidden_act", "gelu, gelu_new, gelu_pytorch_tanh, quick_gelu, relu, silu or swish")
      }
      self.activation = activation
    } else {
      activation = standard.activation
    }
    try config.expect("is_decoder", .bool(false))
    try config.expect("is_encoder_decoder", .bool(false))
    try config.expect("add_cross_attention", .bool(false))
    try config.expect("cross_attention_hidden_size")
    try config.expect("pruned_heads", .object(JSONObject()))
    config.ignore(bookkeepingKeys)
  }

  private init(
    width: Int, layers: Int, heads: Int, innerWidth: Int, positions: Int, vocabulary: Int,
    activation: Unary, epsilon: Double
  ) {
    self.width = width
    self.layers = layers
    self.heads = heads
    self.innerWidth = innerWidth
    self.positions = positions
    self.vocabulary = vocabulary
    self.activation = activation
    self.epsilon = epsilon
  }

  static let bert = TextConfiguration(
    width: 768, layers: 12, heads: 12, innerWidth: 3072, positions: 512, vocabulary: 30_522,
    activation: .gelu, epsilon: 1e-12)

  static let clipText = TextConfiguration(
    width: 512, layers: 12, heads: 8, innerWidth: 2048, positions: 77, vocabulary: 49_408,
    activation: .quickGelu, epsilon: 1e-5)

  var facts: ModelFacts {
    var facts = ModelFacts()
    facts.maximumPositions = positions
    facts.textWidth = width
    facts.vocabularySize = vocabulary
    return facts
  }
}

/// The function transformers has under that name.
private func activationFunction(_ name: String) -> Unary? {
  switch name {
  case "gelu": .gelu
  case "gelu_new", "gelu_pytorch_tanh": .geluTanh
  case "quick_gelu": .quickGelu
  case "relu": .relu
  case "silu", "swish": .silu
  default: nil
  }
}

/// Finds what a checkpoint writes before the names of the model's own modules, by the one tensor
/// every such model has.
///
/// - Parameter suffix: the name of the token embedding in the model itself.
func weightPrefix(
  _ weights: [String: Fact], suffix: String, model: ArchitectureKind
) throws(ArchitectureError) -> String {
  let names = weights.keys.filter { $0 == suffix || $0.hasSuffix("." + suffix) }.sorted()
  guard let name = names.first else {
    throw .noEmbedding(model: model.rawValue, suffix: suffix)
  }
  guard names.count == 1 else {
    throw .severalEmbeddings(
      model: model.rawValue, names: Array(names.prefix(WeightProblem.mostShown)))
  }
  return String(name.dropLast(suffix.count))
}
