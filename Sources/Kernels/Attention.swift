import CKernels
import Glibc
import TensorBase

/// What an attention kernel computes beside its shapes.
package struct AttentionParameters: Sendable {
  package var heads: Int
  /// Factor of q · kᵀ.
  package var scale: Float
  /// A query sees no key behind its own position.
  package var isCausal: Bool
  /// The keys whose probabilities the tap holds, in order; nil for all.
  package var tokens: [Int]?

  package init(heads: Int, scale: Float, isCausal: Bool = false, tokens: [Int]? = nil) {
    self.heads = heads
    self.scale = scale
    self.isCausal = isCausal
    self.tokens = tokens
  }
}

/// Attention per batch item b and head h, with p = softmax over keys of
/// scale · q kᵀ + mask: out[b, :, h] = p · v. The tap is the mean of p over the heads, for chosen
/// keys, and is accumulated as tiles pass: heads × queries × keys are never stored.
///
/// q [B, Tq, heads·d], k [Bk, Tk, heads·d], v [Bk, Tk, heads·dv] with Bk either B or 1 (keys that
/// all items share), mask broadcastable to [B, heads, Tq, Tk] given with rank 4, out [B, Tq,
/// heads·dv], tap [B, tokens, Tq]; all f32.
package func attention(
  _ out: MutableTensorView, tap: MutableTensorView? = nil, q: TensorView, k: TensorView,
  v: TensorView, mask: TensorView? = nil, _ parameters: AttentionParameters, threads: Int
) {
  let plan = AttentionPlan(out, tap, q, k, v, mask, parameters)
  let (queries, keys, heads, d, dv) = (plan.queries, plan.keys, plan.heads, plan.d, plan.dv)
  let to = out.floats, tapBase = tap?.floats, qBase = q.floats, kBase = k.floats, vBase = v.floats
  let tile = plan.tile(threads: threads)
  let tiles = (queries + tile - 1) / tile
  let tokens = plan.tokens
  // Every piece does all heads of its queries, so no two threads add to one tap element.
  parallel(plan.batch * tiles, threads: threads, scratchCount: tile * keys + keys) {
    piece, scores in
    let b = piece / tiles, first = piece % tiles * tile
    let count = min(tile, queries - first)
    let addend = scores + tile * keys
    let keyItem = plan.sharesKeys ? 0 : b
    for h in 0..<heads {
      multiply(
        scores, stride: keys,
        Matrix(base: qBase + (b * queries + first) * heads * d + h * d, stride: heads * d),
        Matrix(
          base: kBase + keyItem * keys * heads * d + h * d, stride: heads * d, transposed: true),
        m: count, n: keys, k: d)
      for row in 0..<count {
        let line = scores + row * keys
        let visible = parameters.isCausal ? min(keys, first + row + 1) : keys
        let added = plan.addend(b, h, first + row, into: addend)
        plumb_softmax(line, line, visible, parameters.scale, added)
        (line + visible).update(repeating: 0, count: keys - visible)
      }
      multiply(
        to + (b * queries + first) * heads * dv + h * dv, stride: heads * dv,
        Matrix(base: scores, stride: keys),
        Matrix(base: vBase + keyItem * keys * heads * dv + h * dv, stride: heads * dv),
        m: count, n: dv, k: keys)
      guard let tapBase else { continue }
      let share = 1 / Float(heads)
      for (slot, token) in tokens.enumerated() {
        let line = tapBase + (b * tokens.count + slot) * queries + first
        if h == 0 { line.update(repeating: 0, count: count) }
        for row in 0..<count { line[row] += share * scores[row * keys + token] }
      }
    }
  }
}

/// `attention`, one query at a time with sums in double.
package func attentionReference(
  _ out: MutableTensorView, tap: MutableTensorView? = nil, q: TensorView, k: TensorView,
  v: TensorView, mask: TensorView? = nil, _ parameters: AttentionParameters
) {
  let plan = AttentionPlan(out, tap, q, k, v, mask, parameters)
  let (queries, keys, heads, d, dv) = (plan.queries, plan.keys, plan.heads, plan.d, plan.dv)
  var shares = [Double](repeating: 0, count: plan.batch * plan.tokens.count * queries)
  for b in 0..<plan.batch {
    let keyItem = plan.sharesKeys ? 0 : b
    for h in 0..<heads {
      for i in 0..<queries {
        let query = q.floats + ((b * queries + i) * heads + h) * d
        var p = (0..<keys).map { j in
          let key = k.floats + ((keyItem * keys + j) * heads + h) * d
          let dot = (0..<d).reduce(0.0) { $0 + Double(query[$1]) * Double(key[$1]) }
          let seen = !parameters.isCausal || j <= i
          return seen
            ? Double(parameters.scale) * dot + plan.maskValue(b, h, i, j) : -Double.infinity
        }
        let largest = p.max() ?? 0
        for j in 0..<keys { p[j] = exp(p[j] - largest) }
        let sum = p.reduce(0, +)
        for j in 0..<keys { p[j] /= sum }
        for c in 0..<dv {
          out.floats[((b * queries + i) * heads + h) * dv + c] = Float(
            (0..<keys).reduce(0.0) { sum, j in
              sum + p[j] * Double(v.floats[((keyItem * keys + j) * heads + h) * dv + c])
            })
        }
        for (slot, token) in plan.tokens.enumerated() {
          shares[(b * plan.tokens.count + slot) * queries + i] += p[token] / Double(heads)
        }
      }
    }
  }
  if let tap {
    for i in shares.indices { tap.floats[i] = Float(shares[i]) }
  }
}

private struct AttentionPlan {
  let batch, queries, keys, heads, d, dv: Int
  let sharesKeys: Bool
  let tokens: [Int]
  private let mask: UnsafePointer<Float>?
  private let maskStrides: [Int]

  init(
    _ out: MutableTensorView, _ tap: MutableTensorView?, _ q: TensorView, _ k: TensorView,
    _ v: TensorView, _ mask: TensorView?, _ parameters: AttentionParameters
  ) {
    precondition(q.shape.rank == 3 && k.shape.rank == 3 && v.shape.rank == 3)
    heads = parameters.heads
    batch = q.shape[0]
    queries = q.shape[1]
    keys = k.shape[1]
    precondition(heads > 0 && q.shape[2] % heads == 0 && v.shape[2] % heads == 0)
    d = q.shape[2] / heads
    dv = v.shape[2] / heads
    precondition(k.shape[2] == heads * d, "attention of \(q.shape) to \(k.shape)")
    precondition((k.shape[0] == batch || k.shape[0] == 1) && v.shape[0] == k.shape[0])
    precondition(v.shape[1] == keys && out.shape == [batch, queries, heads * dv])
    sharesKeys = k.shape[0] == 1
    tokens = parameters.tokens ?? Array(0..<keys)
    if let mask {
      precondition(mask.shape.rank == 4)
      maskStrides = broadcastStrides(mask.shape, to: [batch, heads, queries, keys])
      self.mask = mask.floats
    } else {
      maskStrides = [0, 0, 0, 0]
      self.mask = nil
    }
    let keys = keys
    precondition(tokens.allSatisfy { $0 >= 0 && $0 < keys }, "tap of a key behind the \(keys)")
    precondition(tap == nil || tap?.shape == [batch, tokens.count, queries])
  }

  /// Queries a piece: their scores should fit the second-level cache, and every thread should
  /// have work.
  func tile(threads: Int) -> Int {
    let fitting = max(16, 131_072 / max(1, keys))
    let even = (queries * batch + threads - 1) / max(1, threads)
    return max(1, min(fitting, even, 256, queries))
  }

  func maskValue(_ b: Int, _ h: Int, _ i: Int, _ j: Int) -> Double {
    guard let mask else { return 0 }
    let s = maskStrides
    return Double(mask[b * s[0] + h * s[1] + i * s[2] + j * s[3]])
  }

  /// The mask's row for a query: in the mask itself, or written to `row` when it repeats one
  /// value for all keys.
  func addend(
    _ b: Int, _ h: Int, _ i: Int, into row: UnsafeMutablePointer<Float>
  ) -> UnsafePointer<Float>? {
    guard let mask else { return nil }
    let start = mask + b * maskStrides[0] + h * maskStrides[1] + i * maskStrides[2]
    if maskStrides[3] == 1 || keys == 1 { return start }
    row.update(repeating: start.pointee, count: keys)
    return UnsafePointer(row)
  }
}
