import GraphIR
import TensorBase

let microsoftAttentionOperators: [ONNXOperator] = [
  microsoft(
    "MultiHeadAttention", inputs: 1...10, outputs: 1...4,
    attributes: ["mask_filter_value", "num_heads", "scale", "unidirectional"],
    expand: expandMultiHeadAttention),
  microsoft(
    "Attention", inputs: 2...7, outputs: 1...2,
    attributes: [
      "do_rotary", "mask_filter_value", "num_heads", "past_present_share_buffer",
      "qkv_hidden_sizes", "rotary_embedding_dim", "scale", "unidirectional",
    ],
    lacks: { call in
      if call.attributes["do_rotary"].isSet { return "rotation within Attention" }
      return call.attributes["past_present_share_buffer"].isSet ? "a shared buffer of keys" : nil
    }, expand: expandProjectedAttention),
  microsoft(
    "RotaryEmbedding", inputs: 4...4,
    attributes: [
      "interleaved", "is_packed_batching", "num_heads", "rotary_embedding_dim", "scale",
    ],
    lacks: { $0.attributes["is_packed_batching"].isSet ? "packed batches" : nil },
    expand: expandRotary),
  microsoft(
    "GroupQueryAttention", inputs: 7...17, outputs: 1...4,
    attributes: groupQueryAttributes, lacks: groupQueryLacks, expand: expandGroupQueryAttention),
]

extension OperatorAttribute? {
  /// A flag that is there and not 0.
  var isSet: Bool {
    if case .int(let value) = self { return value != 0 }
    return false
  }
}

/// Queries, keys and values given apart, or packed into one or two tensors.
private func expandMultiHeadAttention(
  _ x: inout Expansion
) throws(ExpansionFault) -> [ValueID?] {
  for index in 8...9 where x.optional(index) != nil {
    throw .unsupported("a buffer of keys that past and present share")
  }
  let heads = try x.positive("num_heads")
  let input = try x.input(0)
  let type = x[input].type
  try x.requireFloats(input, x.optional(1), x.optional(2), x.optional(3))
  var q: HeadVectors, k: HeadVectors, v: HeadVectors
  switch (x.optional(1), x.optional(2)) {
  case (nil, nil):
    let parts = try unpacked(&x, input, heads, count: 3)
    (q, k, v) = (parts[0], parts[1], parts[2])
  case (let keys?, nil):
    q = try HeadVectors(x, packed: input, heads: heads).cast(&x, to: .f32)
    let parts = try unpacked(&x, keys, heads, count: 2)
    (k, v) = (parts[0], parts[1])
  case (let keys?, let values?):
    q = try HeadVectors(x, packed: input, heads: heads).cast(&x, to: .f32)
    func vectors(_ id: ValueID) throws(ExpansionFault) -> HeadVectors {
      let wide = try x.cast(id, to: .f32)
      return x[wide].shape.rank == 4
        ? try HeadVectors(x, split: wide) : try HeadVectors(x, packed: wide, heads: heads)
    }
    (k, v) = (try vectors(keys), try vectors(values))
  case (nil, _?): throw .misfit("there are values and no keys")
  }
  if let bias = x.optional(3) {
    let wide = try x.cast(bias, to: .f32)
    var start = 0
    func biased(_ vectors: HeadVectors) throws(ExpansionFault) -> HeadVectors {
      let width = vectors.heads * vectors.size(x)
      // Keys that come split are those of the past, which had their bias.
      guard vectors.isPacked else { return vectors }
      guard x[wide].shape.rank == 1, start + width <= x[wide].shape[0] else {
        throw .misfit("the bias \(x[bias]) is too short")
      }
      var copy = vectors
      let part = try x.slice(wide, axis: 0, from: start, to: start + width)
      copy.id = try x.pair(.add, vectors.id, part)
      start += width
      return copy
    }
    (q, k, v) = (try biased(q), try biased(k), try biased(v))
  }
  let (past, present) = try appended(&x, &k, &v, pasts: (x.optional(6), x.optional(7)), at: 1)
  var core = AttentionCore(scale: try AttentionCore.scale(x, q, zeroIsUsual: true))
  if x.isWanted(output: 3) { core.wanted = .probabilities }
  core.addend = try paddingAddend(&x, x.optional(4), q, k)
  try finish(&x, &core, q, k, past: past, bias: x.optional(5))
  let (y, stage) = try core.write(&x, q, k, v)
  return [
    try x.cast(try y.packed(&x).id, to: type),
    try present.map { id throws(ExpansionFault) in try x.cast(id.key, to: type) },
    try present.map { id throws(ExpansionFault) in try x.cast(id.value, to: type) },
    try stage.map { id throws(ExpansionFault) in try x.cast(id, to: type) },
  ]
}

/// One input, projected to queries, keys and values by one weight.
private func expandProjectedAttention(
  _ x: inout Expansion
) throws(ExpansionFault) -> [ValueID?] {
  let (input, weight) = (try x.input(0), try x.input(1))
  if x.optional(6) != nil { throw .unsupported("a shared buffer of keys") }
  try x.requireFloats(input, weight)
  let type = x[input].type
  var projected = try x.matrixProduct(try x.cast(input, to: .f32), try x.cast(weight, to: .f32))
  if let bias = x.optional(2) { projected = try x.added(projected, bias) }
  let (y, present) = try attendProjected(
    &x, projected, sizes: try x.ints("qkv_hidden_sizes") ?? [], mask: x.optional(3),
    past: x.optional(4), bias: x.optional(5))
  return [
    try x.cast(y, to: type),
    try present.map { id throws(ExpansionFault) in try x.cast(id, to: type) },
  ]
}

/// Attention of queries, keys and values that lie side by side, [batch, tokens, widths].
func attendProjected(
  _ x: inout Expansion, _ projected: ValueID, sizes: [Int], mask: ValueID?, past: ValueID?,
  bias: ValueID?
) throws(ExpansionFault) -> (ValueID, present: ValueID?) {
  let heads = try x.positive("num_heads")
  guard x[projected].shape.rank == 3 else { throw .misfit("\(x[projected]) is no sequence") }
  let width = x[projected].shape[2]
  let widths = sizes.isEmpty ? [width / 3, width / 3, width / 3] : sizes
  guard widths.count == 3, widths.allSatisfy({ (1...width).contains($0) }),
    widths.reduce(0, +) == width
  else { throw .misfit("\(width) elements do not split into \(widths)") }
  var parts: [HeadVectors] = [], start = 0
  for width in widths {
    let part = try x.slice(projected, axis: 2, from: start, to: start + width)
    parts.append(try HeadVectors(x, packed: part, heads: heads))
    start += width
  }
  let q = parts[0]
  var (k, v) = (parts[1], parts[2])
  var pasts: (ValueID?, ValueID?) = (nil, nil)
  if let past {
    let shape = x[past].shape
    guard shape.rank == 5, shape[0] == 2 else { throw .misfit("past keys and values \(x[past])") }
    func half(_ index: Int) throws(ExpansionFault) -> ValueID {
      try x.reshape(
        try x.slice(past, axis: 0, from: index, to: index + 1), Array(shape.dimensions.dropFirst()))
    }
    pasts = (try half(0), try half(1))
  }
  let (count, present) = try appended(&x, &k, &v, pasts: pasts, at: 1)
  var core = AttentionCore(scale: try AttentionCore.scale(x, q, zeroIsUsual: true))
  core.addend = try paddingAddend(&x, mask, q, k)
  try finish(&x, &core, q, k, past: count, bias: bias)
  let (y, _) = try core.write(&x, q, k, v)
  var stacked: ValueID?
  if x.isWanted(output: 1), let present {
    let shape = [1] + x[present.key].shape.dimensions
    stacked = try x.emitAll(
      .concat(axis: 0), [try x.reshape(present.key, shape), try x.reshape(present.value, shape)])[0]
  }
  return (try y.packed(&x).id, stacked)
}

/// [batch, tokens, heads, count, size] taken apart.
private func unpacked(
  _ x: inout Expansion, _ id: ValueID, _ heads: Int, count: Int
) throws(ExpansionFault) -> [HeadVectors] {
  let shape = x[id].shape
  guard shape.rank == 5, shape[2] == heads, shape[3] == count else {
    throw .misfit("\(x[id]) is no [batch, tokens, \(heads), \(count), size]")
  }
  let wide = try x.cast(id, to: .f32)
  var parts: [HeadVectors] = []
  for index in 0..<count {
    let part = try x.slice(wide, axis: 3, from: index, to: index + 1)
    let packed = try x.reshape(part, [shape[0], shape[1], heads * shape[4]])
    parts.append(try HeadVectors(x, packed: packed, heads: heads))
  }
  return parts
}

/// Puts keys and values behind those of the past; split when the present is wanted as an output.
func appended(
  _ x: inout Expansion, _ k: inout HeadVectors, _ v: inout HeadVectors,
  pasts: (ValueID?, ValueID?), at output: Int
) throws(ExpansionFault) -> (past: Int, present: (key: ValueID, value: ValueID)?) {
  var past = 0
  if let key = pasts.0, let value = pasts.1 {
    guard x[key].shape.rank == 4 else { throw .misfit("past keys are \(x[key])") }
    past = x[key].shape[2]
    (k, v) = (try k.appended(&x, to: key), try v.appended(&x, to: value))
  }
  guard x.isWanted(output: output) || x.isWanted(output: output + 1) else { return (past, nil) }
  (k, v) = (try k.split(&x), try v.split(&x))
  return (past, (k.id, v.id))
}

/// Adds bias and causality to what hides keys.
private func finish(
  _ x: inout Expansion, _ core: inout AttentionCore, _ q: HeadVectors, _ k: HeadVectors,
  past: Int, bias: ValueID?
) throws(ExpansionFault) {
  if let bias {
    core.addend = try AttentionCore.sum(&x, core.addend, try x.cast(bias, to: .f32))
  }
  guard try x.flag("unidirectional", default: false) else { return }
  if past == 0 {
    core.isCausal = true
  } else if q.tokens(x) > 1 {
    let triangle = Visibility(
      queries: q.tokens(x), keys: k.tokens(x), offset: .fixed(past), after: 0)
    core.addend = try AttentionCore.sum(
      &x, core.addend, try AttentionCore.visibility(&x, triangle, nil, .f32))
  }
}

/// A mask of whole numbers as an addend: lengths [batch], ends and starts [2·batch], or 1 for keys
/// that are seen, [batch, keys] or [batch, queries, keys].
private func paddingAddend(
  _ x: inout Expansion, _ mask: ValueID?, _ q: HeadVectors, _ k: HeadVectors
) throws(ExpansionFault) -> ValueID? {
  guard let mask else { return nil }
  let (batch, queries, keys) = (q.batch(x), q.tokens(x), k.tokens(x))
  let wide = try x.cast(mask, to: .f32)
  let unit = Op.clamp(lower: 0, upper: 1)
  let seen: ValueID
  switch x[mask].shape.dimensions {
  case [batch, keys]: seen = try x.reshape(try x.emit(unit, wide), [batch, 1, 1, keys])
  case [batch, queries, keys]:
    seen = try x.reshape(try x.emit(unit, wide), [batch, 1, queries, keys])
  case [batch], [2 * batch]:
    let row = try x.writable([1, 1, 1, keys])
    let places = x.constant(
      Tensor(doubles: (0..<keys).map(Double.init), shape: row).converted(to: .f32))
    func bound(_ index: Int) throws(ExpansionFault) -> ValueID {
      try x.reshape(
        try x.slice(wide, axis: 0, from: index * batch, to: (index + 1) * batch),
        [batch, 1, 1, 1])
    }
    var inside = try x.emit(unit, try x.pair(.subtract, try bound(0), places))
    if x[mask].shape.dimensions == [2 * batch], batch > 0 {
      let fromStart = try x.pair(.subtract, places, try bound(1))
      let begun = try x.emit(unit, try x.pair(.add, fromStart, x.scalar(1, .f32)))
      inside = try x.pair(.multiply, inside, begun)
    }
    seen = inside
  default: throw .unsupported("a mask of shape \(x[mask].shape)")
  }
  let hidden = -Double(try x.float("mask_filter_value", default: -10_000))
  let less = try x.pair(.subtract, seen, x.scalar(1, .f32))
  return try x.pair(.multiply, less, x.scalar(hidden, .f32))
}

private func expandRotary(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let (input, cosines) = (try x.input(0), try x.input(2))
  let shape = x[input].shape
  guard shape.rank == 3 || shape.rank == 4, x[cosines].shape.rank == 2 else {
    throw .misfit("\(x[input]) is turned by \(x[cosines])")
  }
  let width = try x.int("rotary_embedding_dim", default: 0)
  var heads = shape.rank == 4 ? shape[1] : try x.int("num_heads", default: 0)
  // Without a count of heads the cosines tell how wide one is.
  if heads == 0, x[cosines].shape[1] > 0 { heads = shape[2] / (2 * x[cosines].shape[1]) }
  let steps = shape.rank == 4 ? shape[2] : shape[1]
  let positions = try rowPositions(&x, try x.input(1), batch: shape[0], steps: steps)
  return [
    try rotated(
      &x, input, cosines: cosines, sines: try x.input(3), positions: positions, heads: heads,
      width: width, isInterleaved: try x.flag("interleaved", default: false))
  ]
}

/// Positions [batch, steps], from those or from the first one.
func rowPositions(
  _ x: inout Expansion, _ id: ValueID, batch: Int, steps: Int
) throws(ExpansionFault) -> ValueID {
  let wide = try x.cast(id, to: .i64)
  guard x[wide].shape.count == 1, x[wide].shape.rank <= 1 else { return wide }
  let shape = try x.writable([batch, steps])
  let counts = (0..<shape.count).map { Int64($0 % max(1, steps)) }
  return try x.pair(.add, wide, x.constant(Tensor(int64s: counts, shape: shape)))
}
