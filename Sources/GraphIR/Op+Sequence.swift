import TensorBase

/// Ops on sequences: recurrent layers, Fourier transforms, normalisations and what attention needs
/// around its products. Inputs in brackets may be absent.
package enum SequenceOp: Hashable, Sendable {
  /// x [T, B, I], weight [D, G·H, I], recurrence [D, G·H, H], [bias [D, 2·G·H]], [lengths [B]],
  /// [hidden [D, B, H]], [cell [D, B, H]], [peepholes [D, 3·H]] → all hidden states
  /// [T, D, B, H], the last hidden state and the last cell state [D, B, H]. D directions, G gates;
  /// any float type. Batch first: x [B, T, I], all states [B, T, D, H], states [B, D, H].
  case recurrent(Recurrent)
  /// x with a last axis of 1 (real) or 2 (complex) → its discrete Fourier transform along an axis;
  /// any float type.
  case fourier(Fourier)
  /// x [rows, n], [scale n], [shift n] → x normalised along the last axis, [mean], [1 / deviation],
  /// the latter [rows, 1] and f32; x of any float type.
  case standardize(Standardization)
  /// x → x / its norm along an axis, 0 where that is 0; any float type.
  case scaleToNorm(ScaleToNorm)
  /// q [B, T, heads·d], k [B, T, keyHeads·d], v [B, T, keyHeads·dv], [state [B, keyHeads, d, dv]],
  /// [decay [B, T, keyHeads·d or keyHeads]], [rate [B, T, keyHeads or 1]] → output
  /// [B, T, heads·dv], last state; f32.
  case linearAttention(LinearAttention)
  /// x [B, T, heads·d] or [B, heads, T, d], cosines and sines [B, T, r/2], or [rows, r/2] with
  /// positions [B, T] → x with the first r elements of each head turned; f32, positions i64.
  case rotate(Rotation)
  /// x [N, C, …], labels [N, …], [weights C] → loss, [log-probabilities as x]; any float type.
  case logLikelihood(LogLikelihood)
  /// [lengths [B]] → what is added to scores of attention, 0 or −∞: f32 [B or 1, 1, queries, keys].
  case visibility(Visibility)
  /// scores […, keys], [addend, broadcastable] → softmax of the sum along the last axis, zeros
  /// where every key's addend is −∞ or there is no key; f32 or f64.
  case attentionWeights
  /// packed weight (u8) [outputs, blocks, bytes], scales [outputs, blocks], [zero points, f32
  /// [outputs, blocks] or packed like the weight (u8) [outputs, ⌈blocks · bits / 8⌉]]
  /// → the weight [outputs, inputs]; f32.
  case unpackBlocks(BlockWeight)

  package var name: String {
    switch self {
    case .recurrent: "recurrent"
    case .fourier: "fourier"
    case .standardize: "standardize"
    case .scaleToNorm: "scaleToNorm"
    case .linearAttention: "linearAttention"
    case .rotate: "rotate"
    case .logLikelihood: "logLikelihood"
    case .visibility: "visibility"
    case .attentionWeights: "attentionWeights"
    case .unpackBlocks: "unpackBlocks"
    }
  }

  package var inputCounts: ClosedRange<Int> {
    switch self {
    case .recurrent: 3...8
    case .fourier, .scaleToNorm: 1...1
    case .standardize: 1...3
    case .linearAttention: 3...6
    case .rotate: 3...4
    case .logLikelihood: 2...3
    case .visibility: 0...1
    case .attentionWeights: 1...2
    case .unpackBlocks: 2...3
    }
  }

  package var requiredInputs: Int { inputCounts.lowerBound }

  package var outputCount: Int {
    switch self {
    case .recurrent, .standardize: 3
    case .linearAttention, .logLikelihood: 2
    case .fourier, .scaleToNorm, .rotate, .visibility, .attentionWeights, .unpackBlocks: 1
    }
  }
}

package struct Recurrent: Hashable, Sendable {
  package enum Cell: Hashable, Sendable {
    /// h = f(x·wᵀ + h·rᵀ + b).
    case plain
    /// GRU, gates z, r, h. `resetsAfter`: the reset gate multiplies h·rᵀ, not h.
    case gated(resetsAfter: Bool)
    /// LSTM, gates i, o, f, c. `isCoupled`: the forget gate is 1 − i.
    case memory(isCoupled: Bool)

    package var gates: Int {
      switch self {
      case .plain: 1
      case .gated: 3
      case .memory: 4
      }
    }

    package var activations: Int {
      switch self {
      case .plain: 1
      case .gated: 2
      case .memory: 3
      }
    }
  }

  package enum Direction: Hashable, Sendable { case forward, reverse, bidirectional }

  package enum Curve: String, CaseIterable, Sendable {
    case relu, tanh, sigmoid, affine, leakyRelu, thresholdedRelu, scaledTanh, hardSigmoid, elu
    case softsign, softplus
  }

  package struct Activation: Hashable, Sendable {
    package var curve: Curve
    package var alpha: Float
    package var beta: Float

    package init(_ curve: Curve, alpha: Float = 0, beta: Float = 0) {
      self.curve = curve
      self.alpha = alpha
      self.beta = beta
    }
  }

  package var cell: Cell
  package var direction: Direction
  package var hidden: Int
  /// Those of the first direction, then those of the second.
  package var activations: [Activation]
  /// Arguments of activations are cut to ± this.
  package var clip: Float?
  package var isBatchFirst: Bool
  /// Whether the state goes into its product as 8 bits hold it.
  package var roundsState: Bool

  package init(
    cell: Cell, direction: Direction = .forward, hidden: Int, activations: [Activation],
    clip: Float? = nil, isBatchFirst: Bool = false, roundsState: Bool = false
  ) {
    self.cell = cell
    self.direction = direction
    self.hidden = hidden
    self.activations = activations
    self.clip = clip
    self.isBatchFirst = isBatchFirst
    self.roundsState = roundsState
  }

  package var directions: Int { direction == .bidirectional ? 2 : 1 }
}

package struct Fourier: Hashable, Sendable {
  package var axis: Int
  /// The input is cut or filled with zeros to so many entries.
  package var length: Int
  package var isInverse: Bool
  /// Only the entries up to length / 2: of the output of a forward transform, of the input of an
  /// inverse one, whose output is then real.
  package var isHalf: Bool

  package init(axis: Int, length: Int, isInverse: Bool = false, isHalf: Bool = false) {
    self.axis = axis
    self.length = length
    self.isInverse = isInverse
    self.isHalf = isHalf
  }
}

package struct Standardization: Hashable, Sendable {
  package var epsilon: Double
  /// Takes the mean away; else only divides by the root of the mean square.
  package var isCentred: Bool

  package init(epsilon: Double, isCentred: Bool = true) {
    self.epsilon = epsilon
    self.isCentred = isCentred
  }
}

package struct ScaleToNorm: Hashable, Sendable {
  package var axis: Int
  /// 1: the sum of absolute values; 2: the root of the sum of squares.
  package var power: Int

  package init(axis: Int, power: Int) {
    self.axis = axis
    self.power = power
  }
}

package struct LinearAttention: Hashable, Sendable {
  package var heads: Int
  package var keyHeads: Int
  package var scale: Float
  /// What is stored is the difference from what the key already recalls.
  package var correctsRecall: Bool

  package init(heads: Int, keyHeads: Int, scale: Float, correctsRecall: Bool) {
    self.heads = heads
    self.keyHeads = keyHeads
    self.scale = scale
    self.correctsRecall = correctsRecall
  }
}

package struct Rotation: Hashable, Sendable {
  package var heads: Int
  /// Elements of a head that are turned; the others stay.
  package var width: Int
  /// Neighbours make a pair, else element i and i + width / 2.
  package var isInterleaved: Bool

  package init(heads: Int, width: Int, isInterleaved: Bool) {
    self.heads = heads
    self.width = width
    self.isInterleaved = isInterleaved
  }
}

package struct LogLikelihood: Hashable, Sendable {
  package enum Reduction: String, CaseIterable, Sendable { case none, sum, mean }

  package var reduction: Reduction
  /// Labels that do not count.
  package var ignored: Int?
  /// x holds scores, whose log-softmax along axis 1 is taken first; else log-probabilities.
  package var takesScores: Bool

  package init(reduction: Reduction, ignored: Int?, takesScores: Bool) {
    self.reduction = reduction
    self.ignored = ignored
    self.takesScores = takesScores
  }
}

/// Which keys a query sees: key j from query i at position p = i + offset when j < length,
/// p − before ≤ j ≤ p + after.
package struct Visibility: Hashable, Sendable {
  package enum Offset: Hashable, Sendable {
    case fixed(Int)
    /// The item's length less the number of queries.
    case fromLengths
  }

  package var queries: Int
  package var keys: Int
  package var offset: Offset
  package var before: Int?
  package var after: Int?

  package init(queries: Int, keys: Int, offset: Offset, before: Int? = nil, after: Int? = nil) {
    self.queries = queries
    self.keys = keys
    self.offset = offset
    self.before = before
    self.after = after
  }
}

/// A weight of `bits` an element, lowest bits first; `block` neighbouring inputs of an output share
/// a scale and a zero point, without which the middle of the range stands for 0.
package struct BlockWeight: Hashable, Sendable {
  package var outputs: Int
  package var inputs: Int
  package var bits: Int
  package var block: Int

  package init(outputs: Int, inputs: Int, bits: Int, block: Int) {
    self.outputs = outputs
    self.inputs = inputs
    self.bits = bits
    self.block = block
  }
}
