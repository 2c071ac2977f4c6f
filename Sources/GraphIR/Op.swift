import TensorBase

/// What a node computes. A closed set: adding a case makes the compiler list every switch that
/// must learn it (docs/adding-an-op.md walks through one).
///
/// Images are [N, C, H, W] (`.channelsFirst`) as checkpoints and ONNX have them; the layout pass
/// rewrites to [N, H, W, C] (`.channelsLast`). Inputs in brackets may be absent (`nil`).
package enum Op: Hashable, Sendable {
  /// x → f(x), elementwise.
  case unary(Unary)
  /// a, b → f(a, b), elementwise with NumPy broadcasting.
  case binary(Binary)
  /// x → min(max(x, lower), upper).
  case clamp(lower: Float, upper: Float)
  /// condition (bool), a, b → a where the condition holds, else b; broadcasting.
  case select

  /// x, weight [O, I/groups, kh, kw], [bias O], [vector (N, O)], [residual as the output]
  /// → activation(convolution + bias + vector per image and channel + residual).
  case convolution(Convolution)
  /// x […, K], weight [M, K], [bias M], [residual …, M] → activation(x·weightᵀ + bias + residual).
  /// When `packed` is there, the weight is what `packWeight` made of it.
  case linear(activation: Unary?, packed: PackedWeight? = nil)
  /// weight [O, I] or [O, I, kh, kw] → [⌈O/32⌉, kh·kw·I, 32], the order in which products read it.
  case packWeight
  /// weight (i8) [O, I] or [O, I, kh, kw], scales [O] → i8, as `packWeight`, each panel behind its 32
  /// scales: [⌈O/32⌉, 4 + kh·kw·I, 32]. Only shaped graphs hold it.
  case packScaledWeight
  /// a […, n, k], b […, k, m] → […, n, m], leading dimensions broadcast.
  case matMul
  /// q [B, Tq, heads·d], k [B, Tk, heads·d], v [B, Tk, heads·dv], [mask broadcastable to
  /// (B, heads, Tq, Tk), added to the scores] → output [B, Tq, heads·dv],
  /// probabilities [B, tokens, Tq].
  case attention(Attention)

  /// x [N, C, …], scale [C], shift [C] → normalised over each group of channels.
  case groupNorm(GroupNorm)
  /// x […, C], scale [C], shift [C] → normalised over the last axis.
  case layerNorm(epsilon: Double)
  case softmax(axis: Int)
  /// x […, 2C] → first half · f(second half).
  case gated(Unary)

  /// x [N, C, H, W], [like] → each pixel repeated; the size is that of `like` when it is present
  /// (PyTorch's nearest rule), else `scale` times larger.
  case upsampleNearest(UpsampleNearest)
  /// x, indices (i32 or i64) → the entries of x at the indices along the axis.
  case gather(axis: Int)
  /// x, [like], … → the same elements under another shape.
  case reshape([ReshapeDimension])
  case transpose([Int])
  case concat(axis: Int)
  case slice(Slice)
  /// x, like → the first n entries of x along `axis`, n being the size of `like` along `likeAxis`.
  case prefix(axis: Int, likeAxis: Int)
  case pad(Pad)
  case cast(ElementType)
  case reduce(Reduction)
  /// x → x; shaping makes a reshape of it, which costs nothing.
  case identity

  /// x […, K], the weight [2M, K] of a linear as `packWeight` made it, [bias 2M] → `gated` of that
  /// linear, […, M]. Only shaped graphs hold it.
  case gatedLinear(Unary, packed: PackedWeight)

  // Families of ops that only shaped graphs hold: what operators of other vocabularies expand to.
  case arithmetic(ArithmeticOp)
  case indexing(IndexingOp)
  case imaging(ImagingOp)
  case sequence(SequenceOp)
  /// An op whose outputs have shapes that depend on the inputs' elements.
  case dynamic(DynamicOp)

  /// An operator of another vocabulary, before shapes are known.
  case call(OperatorCall)
}

package enum Unary: String, CaseIterable, Sendable {
  case sigmoid, silu, relu, tanh, exp, log, sqrt, reciprocal, negate, absolute, sine, cosine
  /// x·Φ(x) with the error function.
  case gelu
  /// GELU's tanh approximation.
  case geluTanh
  /// x·sigmoid(1.702·x), OpenAI CLIP's.
  case quickGelu
}

package enum Binary: String, CaseIterable, Sendable {
  case add, subtract, multiply, divide, power, minimum, maximum
}

/// In which order an image's axes lie.
package enum ImageLayout: String, CaseIterable, Sendable {
  /// [N, C, H, W]; convolution weights [O, I, kh, kw].
  case channelsFirst
  /// [N, H, W, C]; convolution weights [kh, kw, I, O].
  case channelsLast
}

/// A two-dimensional convolution's attributes, vertical before horizontal.
package struct Convolution: Hashable, Sendable {
  package var strides: [Int]
  /// Zeros added: top, left, bottom, right.
  package var padding: [Int]
  package var dilations: [Int]
  package var groups: Int
  package var activation: Unary?
  package var layout: ImageLayout
  /// Set when the weight is what `packWeight` made of it; then `layout` is `.channelsLast` and
  /// `groups` is 1.
  package var packed: PackedWeight?

  package init(
    strides: [Int] = [1, 1], padding: [Int] = [0, 0, 0, 0], dilations: [Int] = [1, 1],
    groups: Int = 1, activation: Unary? = nil, layout: ImageLayout = .channelsFirst,
    packed: PackedWeight? = nil
  ) {
    self.strides = strides
    self.padding = padding
    self.dilations = dilations
    self.groups = groups
    self.activation = activation
    self.layout = layout
    self.packed = packed
  }
}

/// What the shape of a packed weight no longer says: the panels of 32 outputs hide how many
/// outputs there are, and the rows of a panel which window they come from.
package struct PackedWeight: Hashable, Sendable {
  /// Outputs of a panel.
  package static let panel = 32
  /// Rows of a panel of i8 before its elements: the outputs' scales, f32.
  package static let scaleRows = 4

  package var outputs: Int
  /// Height and width; [1, 1] for a linear's weight.
  package var window: [Int]

  package init(outputs: Int, window: [Int] = [1, 1]) {
    self.outputs = outputs
    self.window = window
  }
}

package struct Attention: Hashable, Sendable {
  package var heads: Int
  /// Factor of q·kᵀ; 1/√d in most models.
  package var scale: Float
  /// A query sees no key behind its own position.
  package var isCausal: Bool
  /// The keys whose probabilities the second output holds, in order; nil for all.
  package var tokens: [Int]?

  package init(heads: Int, scale: Float, isCausal: Bool = false, tokens: [Int]? = nil) {
    self.heads = heads
    self.scale = scale
    self.isCausal = isCausal
    self.tokens = tokens
  }
}

package struct GroupNorm: Hashable, Sendable {
  package var groups: Int
  package var epsilon: Double
  package var activation: Unary?
  package var layout: ImageLayout

  package init(
    groups: Int, epsilon: Double, activation: Unary? = nil, layout: ImageLayout = .channelsFirst
  ) {
    self.groups = groups
    self.epsilon = epsilon
    self.activation = activation
    self.layout = layout
  }
}

package struct UpsampleNearest: Hashable, Sendable {
  package var scale: Int
  package var layout: ImageLayout

  package init(scale: Int, layout: ImageLayout = .channelsFirst) {
    self.scale = scale
    self.layout = layout
  }
}

/// One dimension of a reshape's result.
package enum ReshapeDimension: Hashable, Sendable {
  case size(Int)
  /// What is left over; at most one.
  case rest
  /// The size of the node's input `input` along `axis`.
  case like(input: Int, axis: Int)
}

package struct Slice: Hashable, Sendable {
  package var axis: Int
  package var start: Int
  /// Exclusive; clamped to the axis. Negative `start` and `end` count from the end.
  package var end: Int
  package var step: Int

  package init(axis: Int, start: Int, end: Int, step: Int = 1) {
    self.axis = axis
    self.start = start
    self.end = end
    self.step = step
  }
}

/// Constant padding; a count per axis.
package struct Pad: Hashable, Sendable {
  package var before: [Int]
  package var after: [Int]
  package var value: Float

  package init(before: [Int], after: [Int], value: Float = 0) {
    self.before = before
    self.after = after
    self.value = value
  }
}

package struct Reduction: Hashable, Sendable {
  package enum Kind: String, CaseIterable, Sendable { case sum, mean, maximum, minimum }

  package var kind: Kind
  package var axes: [Int]
  package var keepsAxes: Bool

  package init(_ kind: Kind, axes: [Int], keepsAxes: Bool) {
    self.kind = kind
    self.axes = axes
    self.keepsAxes = keepsAxes
  }
}

extension Op {
  /// The name used in files, listings and errors.
  package var name: String {
    switch self {
    case .unary(let function): function.rawValue
    case .binary(let function): function.rawValue
    case .clamp: "clamp"
    case .select: "select"
    case .convolution: "convolution"
    case .linear: "linear"
    case .packWeight: "packWeight"
    case .packScaledWeight: "packScaledWeight"
    case .matMul: "matMul"
    case .attention: "attention"
    case .groupNorm: "groupNorm"
    case .layerNorm: "layerNorm"
    case .softmax: "softmax"
    case .gated: "gated"
    case .gatedLinear: "gatedLinear"
    case .upsampleNearest: "upsampleNearest"
    case .gather: "gather"
    case .reshape: "reshape"
    case .transpose: "transpose"
    case .concat: "concat"
    case .slice: "slice"
    case .prefix: "prefix"
    case .pad: "pad"
    case .cast: "cast"
    case .reduce: "reduce"
    case .identity: "identity"
    case .arithmetic(let op): op.name
    case .indexing(let op): op.name
    case .imaging(let op): op.name
    case .sequence(let op): op.name
    case .dynamic(let op): op.name
    case .call(let call): call.qualifiedName
    }
  }

  /// How many inputs a node of this op lists, present or not.
  package var inputCounts: ClosedRange<Int> {
    switch self {
    case .unary, .clamp, .packWeight, .softmax, .gated, .transpose, .slice, .pad, .cast, .reduce,
      .identity:
      1...1
    case .binary, .packScaledWeight, .matMul, .gather, .prefix: 2...2
    case .select, .groupNorm, .layerNorm: 3...3
    case .convolution: 2...5
    case .linear: 2...4
    case .gatedLinear: 2...3
    case .attention: 3...4
    case .upsampleNearest: 1...2
    case .reshape, .concat: 1...4096
    case .arithmetic(let op): op.inputCounts
    case .indexing(let op): op.inputCounts
    case .imaging(let op): op.inputCounts
    case .sequence(let op): op.inputCounts
    case .dynamic(let op): op.inputCounts
    // The vocabulary says more, when the call is expanded.
    case .call: 0...65_536
    }
  }

  /// How many of the first inputs must be present.
  package var requiredInputs: Int {
    switch self {
    case .convolution, .linear, .gatedLinear: 2
    case .attention: 3
    case .upsampleNearest: 1
    case .unary, .clamp, .packWeight, .softmax, .gated, .transpose, .slice, .pad, .cast, .reduce,
      .binary, .packScaledWeight, .matMul, .gather, .prefix, .select, .groupNorm, .layerNorm,
      .reshape, .concat,
      .identity:
      inputCounts.lowerBound
    case .arithmetic(let op): op.requiredInputs
    case .indexing(let op): op.requiredInputs
    case .imaging(let op): op.requiredInputs
    case .sequence(let op): op.requiredInputs
    case .dynamic(let op): op.requiredInputs
    case .call: 0
    }
  }

  /// How many outputs a node of this op lists; nil when that is the node's own matter.
  package var outputCount: Int? {
    switch self {
    case .attention: 2
    case .unary, .binary, .clamp, .select, .convolution, .linear, .packWeight, .packScaledWeight,
      .matMul, .groupNorm, .layerNorm, .softmax, .gated, .gatedLinear, .upsampleNearest, .gather,
      .reshape,
      .transpose, .concat, .slice, .prefix, .pad, .cast, .reduce, .identity:
      1
    case .arithmetic(let op): op.outputCount
    case .indexing(let op): op.outputCount
    case .imaging(let op): op.outputCount
    case .sequence(let op): op.outputCount
    case .dynamic(let op): op.outputCount
    case .call: nil
    }
  }
}
