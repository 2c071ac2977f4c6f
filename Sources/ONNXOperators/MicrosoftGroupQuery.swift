import GraphIR
import TensorBase

let groupQueryAttributes: Set<String> = [
  "causal", "do_rotary", "k_norm_epsilon", "k_quant_type", "kv_cache_bit_width", "kv_num_heads",
  "local_window_size", "num_heads", "q_norm_epsilon", "qk_norm_epsilon", "qk_output",
  "rotary_interleaved", "scale", "sliding_window_cache", "smooth_softmax", "softcap",
  "v_quant_type",
]

@Sendable func groupQueryLacks(_ call: OperatorCall) -> String? {
  for name in ["k_quant_type", "v_quant_type"] {
    if case .string(let text) = call.attributes[name], text != "NONE" { return "quantised keys" }
  }
  return call.attributes["sliding_window_cache"].isSet ? "'sliding_window_cache'" : nil
}

/// Attention whose keys and values have fewer heads than its queries, with rotation inside and
/// keys kept from call to call.
func expandGroupQueryAttention(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  for index in [12, 13, 16] where x.optional(index) != nil {
    throw .unsupported("input \(index): quantised keys or padded queries")
  }
  let (heads, keyHeads) = (try x.positive("num_heads"), try x.positive("kv_num_heads"))
  var (q, k, v) = try vectors(&x, heads, keyHeads)
  (q, k) = (try normed(&x, q, 14, "q_norm_epsilon"), try normed(&x, k, 15, "k_norm_epsilon"))
  let (batch, steps) = (q.batch(x), q.tokens(x))
  let type = x[try x.input(0)].type

  // How many keys are there already: all sequences must have as many, since what is padding lies
  // behind the new keys.
  let buffer = x.optional(3).map { x[$0].shape.rank == 4 ? x[$0].shape[2] : 0 } ?? 0
  var past = 0
  if buffer > 0 {
    let lengths = try x.integers(of: 5)
    guard lengths.count == batch, let first = lengths.first, lengths.allSatisfy({ $0 == first })
    else { throw .unsupported("sequences of different lengths behind past keys") }
    past = first + 1 - steps
    guard (0...buffer).contains(past) else {
      throw .misfit("\(first + 1) keys are there with \(steps) new and \(buffer) past ones")
    }
  }
  if try x.flag("do_rotary", default: false) {
    let first = x.constant(Tensor(int64s: [Int64(past)], shape: [1]))
    let rows = try rowPositions(&x, x.optional(9) ?? first, batch: batch, steps: steps)
    for turn in 0..<2 {
      var vectors = turn == 0 ? q : k
      let cosines = try x.input(7)
      guard x[cosines].shape.rank == 2 else { throw .misfit("cosines \(x[cosines])") }
      vectors.id = try rotated(
        &x, vectors.id, cosines: cosines, sines: try x.input(8), positions: rows,
        heads: vectors.heads, width: 2 * x[cosines].shape[1],
        isInterleaved: try x.flag("rotary_interleaved", default: false))
      if turn == 0 { q = vectors } else { k = vectors }
    }
  }
  if past > 0, let key = x.optional(3), let value = x.optional(4) {
    guard x[value].shape.rank == 4, x[value].shape[2] == buffer else {
      throw .misfit("past values are \(x[value])")
    }
    k = try k.appended(&x, to: try x.slice(key, axis: 2, from: 0, to: past))
    v = try v.appended(&x, to: try x.slice(value, axis: 2, from: 0, to: past))
  }
  var present: [ValueID?] = [nil, nil]
  if x.isWanted(output: 1) || x.isWanted(output: 2) {
    (k, v) = (try k.split(&x), try v.split(&x))
    for (index, vectors) in [k, v].enumerated() {
      var all = try x.cast(vectors.id, to: type)
      // A buffer stays as long as it is.
      let free = buffer - vectors.tokens(x)
      if free > 0 {
        var shape = x[all].shape.dimensions
        shape[2] = free
        all = try x.emitAll(.concat(axis: 2), [all, try x.filled(0, shape, type)])[0]
      }
      present[index] = all
    }
  }
  var core = AttentionCore(
    scale: try AttentionCore.scale(x, q, zeroIsUsual: true),
    cap: try x.float("softcap", default: 0))
  if let sink = x.optional(11) {
    core.sink = try x.cast(sink, to: .f32)
  } else if try x.flag("smooth_softmax", default: false) {
    core.sink = try x.filled(0, [heads], .f32)
  }
  switch try x.int("qk_output", default: 0) {
  case 1 where x.isWanted(output: 3): core.wanted = .biased
  case 2 where x.isWanted(output: 3): core.wanted = .probabilities
  default: break
  }
  try mask(&x, &core, q, k, past: past)
  let (y, stage) = try core.write(&x, q, k, v)
  return [
    try x.cast(try y.packed(&x).id, to: type), present[0], present[1],
    try stage.map { id throws(ExpansionFault) in try x.cast(id, to: type) },
  ]
}

private func vectors(
  _ x: inout Expansion, _ heads: Int, _ keyHeads: Int
) throws(ExpansionFault) -> (HeadVectors, HeadVectors, HeadVectors) {
  let input = try x.input(0)
  try x.requireFloats(input, x.optional(1), x.optional(2))
  let wide = try x.cast(input, to: .f32)
  if let keys = x.optional(1), let values = x.optional(2) {
    let (key, value) = (try x.cast(keys, to: .f32), try x.cast(values, to: .f32))
    return (
      try HeadVectors(x, packed: wide, heads: heads),
      try HeadVectors(x, packed: key, heads: keyHeads),
      try HeadVectors(x, packed: value, heads: keyHeads)
    )
  }
  let shape = x[wide].shape
  let (all, overflow) = heads.addingReportingOverflow(keyHeads &* 2)
  guard shape.rank == 3, !overflow, all > 0, keyHeads < 1 << 30, shape[2] % all == 0 else {
    throw .misfit("\(x[input]) does not split into \(heads) and twice \(keyHeads) heads")
  }
  let size = shape[2] / all
  var parts: [HeadVectors] = [], start = 0
  for count in [heads, keyHeads, keyHeads] {
    let part = try x.slice(wide, axis: 2, from: start, to: start + count * size)
    parts.append(try HeadVectors(x, packed: part, heads: count))
    start += count * size
  }
  return (parts[0], parts[1], parts[2])
}

/// Each head divided by the root of its mean square, where there is a weight for that.
private func normed(
  _ x: inout Expansion, _ vectors: HeadVectors, _ index: Int, _ epsilon: String
) throws(ExpansionFault) -> HeadVectors {
  guard let weight = x.optional(index) else { return vectors }
  let usual = try x.float("qk_norm_epsilon", default: 1e-6)
  let shape = x[vectors.id].shape.dimensions
  let four = try x.reshape(
    vectors.id, Array(shape.dropLast()) + [vectors.heads, vectors.size(x)])
  let layer = LayerNormalization(
    axis: 3, epsilon: Double(try x.float(epsilon, default: usual)), isCentred: false)
  let (y, _, _) = try layer.write(
    &x, four, scale: try x.cast(weight, to: .f32), shift: nil, wantsStatistics: false)
  var copy = vectors
  copy.id = try x.reshape(y, shape)
  return copy
}

private func mask(
  _ x: inout Expansion, _ core: inout AttentionCore, _ q: HeadVectors, _ k: HeadVectors, past: Int
) throws(ExpansionFault) {
  if let bias = x.optional(10) {
    var addend = try x.cast(bias, to: .f32)
    guard x[addend].shape.rank == 4 else { throw .misfit("the bias is \(x[bias])") }
    if x[addend].shape[3] > k.tokens(x) {
      addend = try x.slice(addend, axis: 3, from: 0, to: k.tokens(x))
    }
    core.addend = addend
  }
  guard try x.flag("causal", default: true) else { return }
  let window = try x.int("local_window_size", default: -1)
  if window < 0 && past == 0 {
    core.isCausal = true
  } else if window >= 0 || q.tokens(x) > 1 {
    let triangle = Visibility(
      queries: q.tokens(x), keys: k.tokens(x), offset: .fixed(past),
      before: window > 0 ? window - 1 : nil, after: 0)
    core.addend = try AttentionCore.sum(
      &x, core.addend, try AttentionCore.visibility(&x, triangle, nil, .f32))
  }
}
