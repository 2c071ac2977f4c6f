import CKernels
import TensorBase

/// `recurrentReference` for f32: the products of all inputs at once, then one product a step for
/// all items, with the recurrent weight packed once; directions run side by side.
package func recurrent(
  _ outputs: RecurrentOutputs, _ inputs: RecurrentInputs, _ parameters: RecurrentParameters,
  threads: Int
) {
  let plan = RecurrentPlan(inputs, outputs, parameters)
  let (hidden, rows) = (plan.hidden, plan.gates * plan.hidden)
  let lines = plan.steps * plan.batch
  let stateCount = plan.batch * hidden
  if let all = outputs.all { all.floats.initialize(repeating: 0, count: all.shape.count) }
  let products = UnsafeMutablePointer<Float>.allocate(
    capacity: max(1, plan.directions * lines * rows))
  defer { products.deallocate() }
  for direction in 0..<plan.directions {
    project(
      products + direction * lines * rows, inputs, plan, direction,
      addsAll: !parameters.needsOwnBias, threads: threads)
  }
  let packedCount = plumb_packed_count(hidden, rows)
  // Packed weight, state, cell state, products of a step, gated state.
  let scratch = PLUMB_PRODUCT_SCRATCH + packedCount + (3 + plan.gates) * (stateCount + 16)
  parallel(plan.directions, threads: threads, scratchCount: scratch) { direction, memory in
    let packed = memory + PLUMB_PRODUCT_SCRATCH
    plumb_pack(
      inputs.recurrence.floats + direction * rows * hidden, 1, hidden, hidden, rows, 0,
      packedCount / hidden / PLUMB_PANEL, packed)
    let run = RecurrentRun(
      plan: plan, parameters: parameters, direction: direction,
      products: products + direction * lines * rows,
      packed: plumb_packed(base: packed, type: PLUMB_F32), scratch: memory,
      recurrentBias: inputs.bias.map { $0.floats + (direction * 2 + 1) * rows },
      peepholes: inputs.peepholes.map { $0.floats + direction * 3 * hidden },
      state: packed + packedCount, cell: packed + packedCount + stateCount + 16,
      gated: packed + packedCount + 2 * (stateCount + 16),
      sums: packed + packedCount + 3 * (stateCount + 16))
    for item in 0..<plan.batch {
      let from = plan.state(direction, item)
      load(inputs.hidden, from, to: run.state + item * hidden, hidden)
      load(inputs.cell, from, to: run.cell + item * hidden, hidden)
    }
    let longest = plan.lengths.max() ?? 0
    for number in 0..<longest { run.advance(number, to: outputs.all?.floats) }
    for item in 0..<plan.batch {
      let to = plan.state(direction, item)
      (outputs.hidden.map { $0.floats + to })?.update(
        from: run.state + item * hidden, count: hidden)
      (outputs.cell.map { $0.floats + to })?.update(
        from: run.cell + item * hidden, count: hidden)
    }
  }
}

extension RecurrentParameters {
  /// The recurrent bias cannot be added to the inputs' products, since a gate multiplies it.
  fileprivate var needsOwnBias: Bool {
    if case .gated(resetsAfter: true) = cell { return true }
    return false
  }
}

private func load(
  _ view: TensorView?, _ from: Int, to: UnsafeMutablePointer<Float>, _ count: Int
) {
  if let view {
    to.update(from: view.floats + from, count: count)
  } else {
    to.update(repeating: 0, count: count)
  }
}

/// out[lines, rows] = x · weightᵀ + the first bias, and the second where `addsAll`.
private func project(
  _ out: UnsafeMutablePointer<Float>, _ inputs: RecurrentInputs, _ plan: RecurrentPlan,
  _ direction: Int, addsAll: Bool, threads: Int
) {
  let rows = plan.gates * plan.hidden, width = plan.inputs
  let x = inputs.x.floats, weight = inputs.weight.floats + direction * rows * width
  let bias = inputs.bias.map { $0.floats + direction * 2 * rows }
  let sum = UnsafeMutablePointer<Float>.allocate(capacity: rows)
  defer { sum.deallocate() }
  for row in 0..<rows {
    sum[row] = (bias?[row] ?? 0) + (addsAll ? bias?[rows + row] ?? 0 : 0)
  }
  let cut = Cut(rows: plan.steps * plan.batch, columns: rows, threads: threads)
  parallel(cut.count, threads: threads) { piece in
    let (r, c) = cut[piece]
    let target = out + r.lowerBound * rows + c.lowerBound
    multiply(
      target, stride: rows, Matrix(base: x + r.lowerBound * width, stride: max(1, width)),
      Matrix(base: weight + c.lowerBound * width, stride: max(1, width), transposed: true),
      m: r.count, n: c.count, k: width)
    plumb_epilogue(
      target, rows, r.count, c.count, sum + c.lowerBound, nil, nil, rows, PLUMB_IDENTITY)
  }
}

/// One direction under way.
private struct RecurrentRun {
  let plan: RecurrentPlan
  let parameters: RecurrentParameters
  let direction: Int
  /// [lines, gates·hidden].
  let products: UnsafeMutablePointer<Float>
  let packed: plumb_packed
  let scratch: UnsafeMutablePointer<Float>
  let recurrentBias, peepholes: UnsafePointer<Float>?
  /// [batch, hidden].
  let state, cell, gated: UnsafeMutablePointer<Float>
  /// [batch, gates·hidden].
  let sums: UnsafeMutablePointer<Float>

  /// Step `number` of all items that are long enough.
  func advance(_ number: Int, to all: UnsafeMutablePointer<Float>?) {
    let (hidden, rows) = (plan.hidden, plan.gates * plan.hidden)
    let perDirection = parameters.activations.count / plan.directions
    let first = direction * perDirection
    let f = parameters.activations[first]
    let g = perDirection > 1 ? parameters.activations[first + 1] : f
    let k = perDirection > 2 ? parameters.activations[first + 2] : f
    if case .gated(resetsAfter: false) = parameters.cell {
      multiply(by: state, rows: 0..<(2 * hidden))
      for item in 0..<plan.batch where number < plan.lengths[item] {
        gates(number, item, 0..<(2 * hidden), f)
        let reset = sums + item * rows + hidden
        plumb_binary(
          PLUMB_MULTIPLY, reset, 1, state + item * hidden, 1, gated + item * hidden, hidden)
      }
      multiply(by: gated, rows: (2 * hidden)..<rows)
    } else if parameters.roundsState {
      gated.update(from: state, count: plan.batch * hidden)
      roundToBytes(gated, plan.batch * hidden)
      multiply(by: gated, rows: 0..<rows)
    } else {
      multiply(by: state, rows: 0..<rows)
    }
    for item in 0..<plan.batch where number < plan.lengths[item] {
      let z = sums + item * rows, h = state + item * hidden, c = cell + item * hidden
      switch parameters.cell {
      case .plain:
        gates(number, item, 0..<hidden, f)
        h.update(from: z, count: hidden)
      case .gated(let resetsAfter):
        let n = z + 2 * hidden
        if resetsAfter {
          gates(number, item, 0..<(2 * hidden), f)
          if let recurrentBias {
            plumb_binary(PLUMB_ADD, n, 1, recurrentBias + 2 * hidden, 1, n, hidden)
          }
          plumb_binary(PLUMB_MULTIPLY, n, 1, z + hidden, 1, n, hidden)
        }
        gates(number, item, (2 * hidden)..<rows, g)
        for i in 0..<hidden { h[i] = (1 - z[i]) * n[i] + z[i] * h[i] }
      case .memory(let isCoupled):
        remember(number, item, z, h, c, (f, g, k), isCoupled)
      }
      if let all {
        let step = plan.step(number, item, isReverse: parameters.isReverse[direction])
        (all + plan.output(step, direction, item)).update(from: h, count: hidden)
      }
    }
  }

  private func remember(
    _ number: Int, _ item: Int, _ z: UnsafeMutablePointer<Float>, _ h: UnsafeMutablePointer<Float>,
    _ c: UnsafeMutablePointer<Float>,
    _ f: (RecurrentActivation, RecurrentActivation, RecurrentActivation), _ isCoupled: Bool
  ) {
    let hidden = plan.hidden
    let (output, forget, candidate) = (z + hidden, z + 2 * hidden, z + 3 * hidden)
    if let p = peepholes {
      for i in 0..<hidden {
        z[i] += p[i] * c[i]
        forget[i] += p[2 * hidden + i] * c[i]
      }
      gates(number, item, 0..<hidden, f.0)
      gates(number, item, (2 * hidden)..<(3 * hidden), f.0)
    } else {
      gates(number, item, 0..<(3 * hidden), f.0)
    }
    gates(number, item, (3 * hidden)..<(4 * hidden), f.1)
    if isCoupled {
      for i in 0..<hidden { forget[i] = 1 - z[i] }
    }
    for i in 0..<hidden { c[i] = forget[i] * c[i] + z[i] * candidate[i] }
    if let p = peepholes {
      for i in 0..<hidden { output[i] += p[hidden + i] * c[i] }
      gates(number, item, hidden..<(2 * hidden), f.0)
    }
    h.update(from: c, count: hidden)
    f.2.apply(h, hidden)
    plumb_binary(PLUMB_MULTIPLY, h, 1, output, 1, h, hidden)
  }

  /// sums[:, rows] = vectors · recurrenceᵀ.
  private func multiply(by vectors: UnsafePointer<Float>, rows: Range<Int>) {
    let all = plan.gates * plan.hidden
    var patches = plumb_patches(
      base: vectors, picture_stride: 0, height: plan.batch, width: 1, channels: plan.hidden,
      pixel_stride: plan.hidden, window_height: 1, window_width: 1, stride_y: 1, stride_x: 1,
      dilation_y: 1, dilation_x: 1, top: 0, left: 0, result_height: plan.batch, result_width: 1)
    var nothing = plumb_addends(bias: nil, added: nil, residual: nil, added_stride: 0, ldr: 0)
    // A product begins at a panel: the few columns before the first row wanted are computed too,
    // aside, since gates were made of them already.
    let skipped = rows.lowerBound % PLUMB_PANEL
    if skipped == 0 {
      plumb_product(
        &patches, 0, plan.batch, packed, rows.lowerBound, rows.count, sums + rows.lowerBound, all,
        &nothing, PLUMB_IDENTITY, scratch)
      return
    }
    let columns = rows.count + skipped
    withUnsafeTemporaryAllocation(of: Float.self, capacity: plan.batch * columns) { aside in
      guard let base = aside.baseAddress else { return }
      plumb_product(
        &patches, 0, plan.batch, packed, rows.lowerBound - skipped, columns, base, columns,
        &nothing, PLUMB_IDENTITY, scratch)
      for item in 0..<plan.batch {
        (sums + item * all + rows.lowerBound).update(
          from: base + item * columns + skipped, count: rows.count)
      }
    }
  }

  /// Makes gates of sums: adds the input's products, cuts, and applies the activation.
  private func gates(
    _ number: Int, _ item: Int, _ range: Range<Int>, _ activation: RecurrentActivation
  ) {
    let rows = plan.gates * plan.hidden
    let step = plan.step(number, item, isReverse: parameters.isReverse[direction])
    let z = sums + item * rows + range.lowerBound
    plumb_binary(
      PLUMB_ADD, z, 1, products + plan.row(step, item) * rows + range.lowerBound, 1, z,
      range.count)
    if parameters.needsOwnBias, range.lowerBound == 0, let recurrentBias {
      plumb_binary(PLUMB_ADD, z, 1, recurrentBias, 1, z, range.count)
    }
    clip(z, range.count)
    activation.apply(z, range.count)
  }

  private func clip(_ x: UnsafeMutablePointer<Float>, _ count: Int) {
    guard let limit = parameters.clip else { return }
    for i in 0..<count { x[i] = min(max(x[i], -limit), limit) }
  }
}
