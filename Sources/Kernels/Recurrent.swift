import CKernels
import Glibc
import TensorBase

/// What a recurrent layer computes beside its shapes.
package struct RecurrentParameters: Sendable {
  package enum Cell: Sendable {
    case plain
    case gated(resetsAfter: Bool)
    case memory(isCoupled: Bool)
  }

  package var cell: Cell
  /// One for each direction: does it run from the end?
  package var isReverse: [Bool]
  package var hidden: Int
  /// Those of the first direction, then those of the second.
  package var activations: [RecurrentActivation]
  package var clip: Float?
  package var isBatchFirst: Bool
  /// Whether the state goes into its product as 8 bits hold it.
  package var roundsState: Bool

  package init(
    cell: Cell, isReverse: [Bool], hidden: Int, activations: [RecurrentActivation],
    clip: Float? = nil, isBatchFirst: Bool = false, roundsState: Bool = false
  ) {
    self.cell = cell
    self.isReverse = isReverse
    self.hidden = hidden
    self.activations = activations
    self.clip = clip
    self.isBatchFirst = isBatchFirst
    self.roundsState = roundsState
  }

  var gates: Int {
    switch cell {
    case .plain: 1
    case .gated: 3
    case .memory: 4
    }
  }
}

/// The tensors of a recurrent layer. D directions, G gates, H hidden; what is absent counts as 0,
/// absent lengths as T.
package struct RecurrentInputs {
  /// x [T, B, I], or [B, T, I] batch first; weight [D, G·H, I]; recurrence [D, G·H, H].
  package var x, weight, recurrence: TensorView
  /// [D, 2·G·H]: to be added to x's products, then to the state's.
  package var bias: TensorView?
  /// i32 [B].
  package var lengths: TensorView?
  /// [D, B, H], or [B, D, H] batch first.
  package var hidden, cell: TensorView?
  /// [D, 3·H], for gates i, o, f.
  package var peepholes: TensorView?

  package init(
    x: TensorView, weight: TensorView, recurrence: TensorView, bias: TensorView? = nil,
    lengths: TensorView? = nil, hidden: TensorView? = nil, cell: TensorView? = nil,
    peepholes: TensorView? = nil
  ) {
    self.x = x
    self.weight = weight
    self.recurrence = recurrence
    self.bias = bias
    self.lengths = lengths
    self.hidden = hidden
    self.cell = cell
    self.peepholes = peepholes
  }
}

/// Where a layer's results go; one that is not wanted is nil.
package struct RecurrentOutputs {
  /// [T, D, B, H], or [B, T, D, H] batch first; zeros behind a sequence's length.
  package var all: MutableTensorView?
  /// As `RecurrentInputs.hidden`.
  package var hidden, cell: MutableTensorView?

  package init(
    all: MutableTensorView?, hidden: MutableTensorView?, cell: MutableTensorView? = nil
  ) {
    self.all = all
    self.hidden = hidden
    self.cell = cell
  }
}

package struct RecurrentActivation: Sendable {
  package enum Curve: CaseIterable, Sendable {
    case relu, tanh, sigmoid
    /// alpha · x + beta.
    case affine
    case leakyRelu, thresholdedRelu
    /// alpha · tanh(beta · x).
    case scaledTanh
    case hardSigmoid, elu, softsign, softplus
  }

  package var curve: Curve
  package var alpha, beta: Float

  package init(_ curve: Curve, alpha: Float = 0, beta: Float = 0) {
    self.curve = curve
    self.alpha = alpha
    self.beta = beta
  }

  func callAsFunction(_ x: Double) -> Double {
    let alpha = Double(alpha), beta = Double(beta)
    return switch curve {
    case .relu: x < 0 ? 0 : x
    case .tanh: Glibc.tanh(x)
    case .sigmoid: 1 / (1 + exp(-x))
    case .affine: alpha * x + beta
    case .leakyRelu: x < 0 ? alpha * x : x
    case .thresholdedRelu: x >= alpha || x.isNaN ? x : 0
    case .scaledTanh: alpha * Glibc.tanh(beta * x)
    case .hardSigmoid: min(max(alpha * x + beta, 0), 1)
    case .elu: x < 0 ? alpha * expm1(x) : x
    case .softsign: x / (1 + abs(x))
    case .softplus: max(x, 0) + log1p(exp(-abs(x)))
    }
  }

  /// Applies the curve to `count` floats in place.
  func apply(_ x: UnsafeMutablePointer<Float>, _ count: Int) {
    switch curve {
    case .relu: plumb_unary(PLUMB_RELU, x, x, count)
    case .tanh: plumb_unary(PLUMB_TANH, x, x, count)
    case .sigmoid: plumb_unary(PLUMB_SIGMOID, x, x, count)
    case .affine, .leakyRelu, .thresholdedRelu, .scaledTanh, .hardSigmoid, .elu, .softsign,
      .softplus:
      for i in 0..<count { x[i] = Float(self(Double(x[i]))) }
    }
  }
}

/// Shapes and strides of a recurrent layer.
struct RecurrentPlan {
  let steps, batch, inputs, hidden, gates, directions: Int
  let lengths: [Int]
  private let isBatchFirst: Bool

  init(_ inputs: RecurrentInputs, _ outputs: RecurrentOutputs, _ parameters: RecurrentParameters) {
    let x = inputs.x.shape
    precondition(x.rank == 3)
    isBatchFirst = parameters.isBatchFirst
    (batch, steps) = isBatchFirst ? (x[0], x[1]) : (x[1], x[0])
    self.inputs = x[2]
    hidden = parameters.hidden
    gates = parameters.gates
    directions = parameters.isReverse.count
    let rows = gates * hidden
    precondition(inputs.weight.shape == [directions, rows, x[2]])
    precondition(inputs.recurrence.shape == [directions, rows, hidden])
    precondition(inputs.bias == nil || inputs.bias?.shape == [directions, 2 * rows])
    precondition(inputs.peepholes == nil || inputs.peepholes?.shape == [directions, 3 * hidden])
    let state: Shape =
      isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
    for view in [inputs.hidden, inputs.cell] { precondition(view == nil || view?.shape == state) }
    for view in [outputs.hidden, outputs.cell] {
      precondition(view == nil || view?.shape == state)
    }
    let all: Shape =
      isBatchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden]
    precondition(outputs.all == nil || outputs.all?.shape == all)
    precondition(inputs.lengths == nil || inputs.lengths?.shape == [batch])
    let steps = steps
    lengths = (0..<batch).map { item in
      guard let view = inputs.lengths else { return steps }
      return Int(min(max(Elements.integer(view.base, item, view.type), 0), Int64(steps)))
    }
  }

  /// The row of x (and of its products) for a step of an item.
  func row(_ step: Int, _ item: Int) -> Int {
    isBatchFirst ? item * steps + step : step * batch + item
  }

  /// Where an item's state begins.
  func state(_ direction: Int, _ item: Int) -> Int {
    (isBatchFirst ? item * directions + direction : direction * batch + item) * hidden
  }

  /// Where the state after a step begins among all states.
  func output(_ step: Int, _ direction: Int, _ item: Int) -> Int {
    (isBatchFirst
      ? (item * steps + step) * directions + direction
      : (step * directions + direction) * batch + item) * hidden
  }

  /// The step that comes `number`-th for an item.
  func step(_ number: Int, _ item: Int, isReverse: Bool) -> Int {
    isReverse ? lengths[item] - 1 - number : number
  }
}

/// A recurrent layer, one element at a time with sums in double; any float type. With z the sum of
/// x · weightᵀ, h · recurrenceᵀ and both biases, cut to ± clip, and f, g, k the activations:
///
/// - plain: h ← f(z)
/// - gated: u = f(z_u), r = f(z_r), n = g(z_n) with r multiplied to h, or to h's product and bias,
///   h ← (1 − u) · n + u · h
/// - memory: i = f(z_i + p_i · c), q = f(z_q + p_q · c) or 1 − i, c ← q · c + i · g(z_c),
///   h ← f(z_o + p_o · c) · k(c)
///
/// Where the state is rounded, h in the products is `roundToBytes` of all items' states.
package func recurrentReference(
  _ outputs: RecurrentOutputs, _ inputs: RecurrentInputs, _ parameters: RecurrentParameters
) {
  let plan = RecurrentPlan(inputs, outputs, parameters)
  let (hidden, rows) = (plan.hidden, plan.gates * plan.hidden)
  let x = Doubles(inputs.x), weight = Doubles(inputs.weight)
  let recurrence = Doubles(inputs.recurrence)
  let bias = wide(inputs.bias, count: plan.directions * 2 * rows)
  let peepholes = wide(inputs.peepholes, count: plan.directions * 3 * hidden)
  let stateCount = plan.directions * plan.batch * hidden
  let h = wide(inputs.hidden, count: stateCount), c = wide(inputs.cell, count: stateCount)
  let all = Doubles(count: plan.steps * stateCount)
  let z = Doubles(count: rows), gated = Doubles(count: hidden)
  let rounded = Doubles(count: parameters.roundsState ? plan.batch * hidden : 0)
  let limit = Double(parameters.clip ?? .infinity)
  let perDirection = parameters.activations.count / plan.directions
  func cut(_ value: Double) -> Double { min(max(value, -limit), limit) }
  for direction in 0..<plan.directions {
    let f = Array(parameters.activations[(direction * perDirection)...])
    let w = weight.base + direction * rows * plan.inputs
    let r = recurrence.base + direction * rows * hidden
    let wb = bias.base + direction * 2 * rows, rb = wb + rows
    let p = peepholes.base + direction * 3 * hidden
    func product(_ row: Int, _ state: UnsafePointer<Double>) -> Double {
      (0..<hidden).reduce(0.0) { $0 + state[$1] * r[row * hidden + $1] }
    }
    for number in 0..<(plan.lengths.max() ?? 0) {
      if parameters.roundsState {
        for item in 0..<plan.batch {
          (rounded.base + item * hidden).update(
            from: h.base + plan.state(direction, item), count: hidden)
        }
        roundToBytes(rounded.base, plan.batch * hidden)
      }
      for item in 0..<plan.batch where number < plan.lengths[item] {
        let state = h.base + plan.state(direction, item)
        let cell = c.base + plan.state(direction, item)
        let seen = parameters.roundsState ? rounded.base + item * hidden : state
        let step = plan.step(number, item, isReverse: parameters.isReverse[direction])
        let input = x.base + plan.row(step, item) * plan.inputs
        for row in 0..<rows {
          z.base[row] = (0..<plan.inputs).reduce(wb[row]) {
            $0 + input[$1] * w[row * plan.inputs + $1]
          }
        }
        switch parameters.cell {
        case .plain:
          for i in 0..<hidden { z.base[i] = f[0](cut(z.base[i] + product(i, seen) + rb[i])) }
          state.update(from: z.base, count: hidden)
        case .gated(let resetsAfter):
          for i in 0..<(2 * hidden) {
            z.base[i] = f[0](cut(z.base[i] + product(i, seen) + rb[i]))
          }
          for i in 0..<hidden { gated.base[i] = z.base[hidden + i] * state[i] }
          for i in 0..<hidden {
            let row = 2 * hidden + i
            z.base[row] +=
              resetsAfter
              ? z.base[hidden + i] * (product(row, seen) + rb[row])
              : product(row, gated.base) + rb[row]
          }
          for i in 0..<hidden {
            let update = z.base[i]
            state[i] = (1 - update) * f[1](cut(z.base[2 * hidden + i])) + update * state[i]
          }
        case .memory(let isCoupled):
          for row in 0..<rows { z.base[row] += product(row, seen) + rb[row] }
          for i in 0..<hidden {
            let entry = f[0](cut(z.base[i] + p[i] * cell[i]))
            let keep =
              isCoupled
              ? 1 - entry : f[0](cut(z.base[2 * hidden + i] + p[2 * hidden + i] * cell[i]))
            cell[i] = keep * cell[i] + entry * f[1](cut(z.base[3 * hidden + i]))
            state[i] = f[0](cut(z.base[hidden + i] + p[hidden + i] * cell[i])) * f[2](cell[i])
          }
        }
        (all.base + plan.output(step, direction, item)).update(from: state, count: hidden)
      }
    }
  }
  if let view = outputs.all { all.store(to: view) }
  if let view = outputs.hidden { h.store(to: view) }
  if let view = outputs.cell { c.store(to: view) }
}

/// A tensor as doubles, or zeros in its place.
private func wide(_ view: TensorView?, count: Int) -> Doubles {
  if let view { return Doubles(view) }
  return Doubles(count: count)
}

/// Rounds in place to 256 steps from the smallest value to the largest, 0 among them: what
/// quantizing to u8 and back gives.
func roundToBytes(_ x: UnsafeMutablePointer<Float>, _ count: Int) {
  var (low, high): (Float, Float) = (0, 0)
  for i in 0..<count { (low, high) = (min(low, x[i]), max(high, x[i])) }
  guard high > low else { return }
  let step = (high - low) / 255
  let zero = min(max(-low / step, 0), 255).rounded(.toNearestOrEven)
  for i in 0..<count {
    let place = min(max((x[i] / step).rounded(.toNearestOrEven) + zero, 0), 255)
    x[i] = (place - zero) * step
  }
}

/// As above.
private func roundToBytes(_ x: UnsafeMutablePointer<Double>, _ count: Int) {
  withUnsafeTemporaryAllocation(of: Float.self, capacity: max(1, count)) { floats in
    guard let base = floats.baseAddress else { return }
    for i in 0..<count { base[i] = Float(x[i]) }
    roundToBytes(base, count)
    for i in 0..<count { x[i] = Double(base[i]) }
  }
}
