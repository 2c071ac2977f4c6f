import GraphIR
import TensorBase

let attentionOperators: [ONNXOperator] = [
  ONNXOperator(
    "Attention", inputs: 3...7, outputs: 1...4,
    attributes: [
      "is_causal", "kv_num_heads", "left_window_size", "q_num_heads", "qk_matmul_output_mode",
      "right_window_size", "scale", "softcap", "softmax_precision",
    ], expand: expandAttention),
  ONNXOperator(
    "LinearAttention", inputs: 3...6, outputs: 1...2,
    attributes: ["chunk_size", "kv_num_heads", "q_num_heads", "scale", "update_rule"],
    expand: expandLinearAttention),
  ONNXOperator(
    "RotaryEmbedding", inputs: 3...4,
    attributes: ["interleaved", "num_heads", "rotary_embedding_dim"],
    expand: expandRotaryEmbedding),
]

private func expandAttention(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let inputs = (try x.input(0), try x.input(1), try x.input(2))
  try x.requireFloats(inputs.0, inputs.1, inputs.2)
  let isPacked = x[inputs.0].shape.rank == 3
  func heads(_ id: ValueID, _ attribute: String) throws(ExpansionFault) -> HeadVectors {
    isPacked
      ? try HeadVectors(x, packed: id, heads: try x.positive(attribute))
      : try HeadVectors(x, split: id)
  }
  let q = try heads(inputs.0, "q_num_heads")
  var k = try heads(inputs.1, "kv_num_heads"), v = try heads(inputs.2, "kv_num_heads")

  var past = 0
  let pasts = (x.optional(4), x.optional(5))
  guard (pasts.0 == nil) == (pasts.1 == nil) else {
    throw .misfit("of past keys and past values only one is there")
  }
  if let pastKey = pasts.0, let pastValue = pasts.1 {
    guard x[pastKey].shape.rank == 4 else { throw .misfit("past keys are \(x[pastKey])") }
    past = x[pastKey].shape[2]
    (k, v) = (try k.appended(&x, to: pastKey), try v.appended(&x, to: pastValue))
  }
  var present: (key: ValueID?, value: ValueID?)
  if x.isWanted(output: 1) || x.isWanted(output: 2) {
    (k, v) = (try k.split(&x), try v.split(&x))
    present = (k.id, v.id)
  }

  let type = x.commonFloat(inputs.0, inputs.1, inputs.2)
  var core = AttentionCore(
    scale: try AttentionCore.scale(x, q, zeroIsUsual: false),
    cap: try x.float("softcap", default: 0))
  try mask(&x, &core, q, k, past: past, type)
  if x.isWanted(output: 3) {
    core.wanted =
      switch try x.int("qk_matmul_output_mode", default: 0) {
      case 0: .product
      case 1: .capped
      case 2: .biased
      case 3: .probabilities
      case let mode: throw .misfit("there is no mode \(mode) of the scores' output")
      }
  }
  var (y, stage) = try core.write(
    &x, try q.cast(&x, to: type), try k.cast(&x, to: type), try v.cast(&x, to: type))
  y = try (isPacked ? y.packed(&x) : y.split(&x)).cast(&x, to: x[inputs.0].type)
  if let scores = stage { stage = try x.cast(scores, to: x[inputs.0].type) }
  return [y.id, present.key, present.value, stage]
}

/// Which keys are seen, from mask, lengths, causality and windows.
private func mask(
  _ x: inout Expansion, _ core: inout AttentionCore, _ q: HeadVectors, _ k: HeadVectors,
  past: Int, _ type: ElementType
) throws(ExpansionFault) {
  let (queries, keys) = (q.tokens(x), k.tokens(x))
  if let mask = x.optional(3) {
    core.addend = try AttentionCore.addend(&x, mask, keys: keys, type)
  }
  let lengths = x.optional(6)
  guard lengths == nil || x.optional(4) == nil else {
    throw .misfit("lengths of keys and past keys exclude each other")
  }
  let isCausal = try x.flag("is_causal", default: false)
  let left = try x.int("left_window_size", default: -1)
  let right = try x.int("right_window_size", default: -1)
  guard left >= -1, right >= -1 else { throw .misfit("a window of \(left) and \(right) keys") }
  if isCausal && left < 0 && lengths == nil && past == 0 {
    core.isCausal = true
    return
  }
  let visibility = Visibility(
    queries: queries, keys: keys, offset: lengths == nil ? .fixed(past) : .fromLengths,
    before: left >= 0 ? left : nil,
    after: isCausal ? 0 : right >= 0 ? right : nil)
  // One query behind all other keys sees all of them.
  let seesAll = queries == 1 && past == keys - 1 && left < 0
  if lengths == nil && (seesAll || (left < 0 && !isCausal && right < 0)) { return }
  core.addend = try AttentionCore.sum(
    &x, core.addend, try AttentionCore.visibility(&x, visibility, lengths, type))
}

private func expandLinearAttention(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let query = try x.input(0)
  let (heads, keyHeads) = (try x.positive("q_num_heads"), try x.positive("kv_num_heads"))
  let rule = try x.string("update_rule", default: "gated_delta")
  let (isGated, corrects): (Bool, Bool)
  switch rule {
  case "linear": (isGated, corrects) = (false, false)
  case "gated": (isGated, corrects) = (true, false)
  case "delta": (isGated, corrects) = (false, true)
  case "gated_delta": (isGated, corrects) = (true, true)
  default: throw .misfit("there is no update rule '\(rule)'")
  }
  guard (x.optional(4) != nil) == isGated, (x.optional(5) != nil) == corrects else {
    throw .misfit("the rule '\(rule)' does not go with the inputs 'decay' and 'beta' as given")
  }
  guard x[query].shape.rank == 3, x[query].shape[2] >= heads else {
    throw .misfit("\(x[query]) does not split into \(heads) heads")
  }
  var scale = try x.float("scale", default: 0)
  if scale == 0 { scale = 1 / Float(x[query].shape[2] / heads).squareRoot() }
  var inputs: [ValueID?] = []
  for index in 0..<6 {
    guard let id = x.optional(index) else {
      inputs.append(nil)
      continue
    }
    try x.requireFloats(id)
    inputs.append(try x.cast(id, to: .f32))
  }
  let op = LinearAttention(
    heads: heads, keyHeads: keyHeads, scale: scale, correctsRecall: corrects)
  let outputs = try x.emitAll(.sequence(.linearAttention(op)), inputs)
  let stateType = x.optional(3).map { x[$0].type } ?? x[query].type
  return [
    try x.cast(outputs[0], to: x[query].type),
    x.isWanted(output: 1) ? try x.cast(outputs[1], to: stateType) : nil,
  ]
}

private func expandRotaryEmbedding(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let input = try x.input(0)
  let shape = x[input].shape
  guard shape.rank == 3 || shape.rank == 4 else { throw .misfit("\(x[input]) is turned") }
  let heads = shape.rank == 4 ? shape[1] : try x.positive("num_heads")
  return [
    try rotated(
      &x, input, cosines: try x.input(1), sines: try x.input(2), positions: x.optional(3),
      heads: heads, width: try x.int("rotary_embedding_dim", default: 0),
      isInterleaved: try x.flag("interleaved", default: false))
  ]
}

/// `Op.rotate` on any float type; a width of 0 means whole heads.
func rotated(
  _ x: inout Expansion, _ input: ValueID, cosines: ValueID, sines: ValueID, positions: ValueID?,
  heads: Int, width: Int, isInterleaved: Bool
) throws(ExpansionFault) -> ValueID {
  try x.requireFloats(input, cosines, sines)
  let shape = x[input].shape
  guard heads > 0 else { throw .misfit("\(heads) heads are turned") }
  let size = shape.rank == 3 ? shape[2] / heads : shape[3]
  let op = Rotation(
    heads: heads, width: width == 0 ? size : width, isInterleaved: isInterleaved)
  let output = try x.emit(
    .sequence(.rotate(op)), try x.cast(input, to: .f32), try x.cast(cosines, to: .f32),
    try x.cast(sines, to: .f32), positions)
  return try x.cast(output, to: x[input].type)
}
