import GraphIR

/// Activations by transformers' names.
let textActivations: [String: Unary] = [
  "gelu": .gelu, "gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh, "quick_gelu": .quickGelu,
  "relu": .relu, "silu": .silu, "swish": .silu,
]

/// Activations by diffusers' names.
let imageActivations: [String: Unary] = [
  "silu": .silu, "swish": .silu, "gelu": .gelu, "relu": .relu,
]

/// 1/√headWidth, rounded once.
func attentionScale(headWidth: Int) -> Float {
  Float(1 / Double(headWidth).squareRoot())
}

extension String {
  /// The string with `suffix` at its end replaced, or as it is.
  func replacingSuffix(_ suffix: String, by other: String) -> String {
    hasSuffix(suffix) ? dropLast(suffix.count) + other : self
  }
}
