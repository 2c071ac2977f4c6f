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
/// keys, and is accumulated as tiles pass: heads × queries × keys are never stored. A query whose
/// mask is −∞ for all keys has p = 0.
///
/// q [B, Tq, heads·d], k [Bk, Tk, heads·d], v [Bk, Tk, heads·dv] with Bk either B or 1 (keys that
/// all items share), mask broadcastable to [B, heads, Tq, Tk] given with rank 4, out [B, Tq,
/// heads·dv], tap [B, tokens, Tq]; all f32.
package func attention(
  _ out: MutableTensorView, tap: MutableTensorView? = nil, q: TensorView, k: TensorView,
  v: TensorView, mask: TensorView? = nil, _ parameters: AttentionParameters, threads: Int
) {
  let plan = AttentionPlan(out, tap, q, k, v, mask, parameters)
  if plan.keys == 0 || plan.queries == 0 { return fill(out, 0) }
  let heads = plan.heads, keyItems = plan.sharesKeys ? 1 : plan.batch
  let headCount = plan.packedKeyCount + plan.packedValueCount, block = ScoreLayout.block
  // Held while the pieces below take scratch of their own.
  let panels = takeScratch(floats: heads * headCount)
  defer { plumb_give_scratch(panels) }
  let kBase = k.floats, vBase = v.floats
  // One item's keys and values are packed at a time, for all queries that look at them.
  for item in 0..<keyItems {
    parallel(heads * 2, threads: threads) { piece in
      let h = piece / 2, head = panels + h * headCount
      if piece % 2 == 0 {
        plumb_pack(
          kBase + (item * plan.keys * heads + h) * plan.d, 1, heads * plan.d, plan.d, plan.keys,
          0, plan.packedKeyCount / plan.d / PLUMB_PANEL, head)
      } else {
        for first in stride(from: 0, to: plan.keys, by: block) {
          let count = min(block, plan.keys - first)
          plumb_pack(
            vBase + ((item * plan.keys + first) * heads + h) * plan.dv, heads * plan.dv, 1, count,
            plan.dv, 0, plan.packedValueCount / plan.keys / PLUMB_PANEL,
            head + plan.packedKeyCount + plan.packedValueCount / plan.keys * first)
        }
      }
    }
    let items = plan.sharesKeys ? 0..<plan.batch : item..<(item + 1)
    attend(
      plan, items: items, panels, out.floats, tap?.floats, q.floats, parameters, threads: threads)
  }
}

/// How a tile's scores lie: keys in blocks, a block's rows behind one another, so that the product
/// with the values reads them as they are.
private struct ScoreLayout {
  /// Keys of a block.
  static let block = PLUMB_SLICE
  /// Between the rows of a block.
  static let rowStride = PLUMB_ROW_STRIDE

  let rows, keys: Int

  var blocks: Int { (keys + Self.block - 1) / Self.block }
  var blockStride: Int { rows * Self.rowStride }
  var count: Int { blocks * blockStride }

  func keys(in block: Int) -> Int { min(Self.block, keys - block * Self.block) }

  func place(_ row: Int, _ key: Int) -> Int {
    key / Self.block * blockStride + row * Self.rowStride + key % Self.block
  }
}

/// All queries of `items` against packed keys and values. Every piece does all heads of its
/// queries, so no two threads add to one element of the tap.
private func attend(
  _ plan: AttentionPlan, items: Range<Int>, _ panels: UnsafeMutablePointer<Float>,
  _ out: UnsafeMutablePointer<Float>, _ tap: UnsafeMutablePointer<Float>?,
  _ q: UnsafePointer<Float>, _ parameters: AttentionParameters, threads: Int
) {
  let (queries, keys, heads, d, dv) = (plan.queries, plan.keys, plan.heads, plan.d, plan.dv)
  let tiles = plan.tiles(items: items.count, threads: threads)
  let layout = ScoreLayout(rows: (queries + tiles - 1) / tiles, keys: keys)
  let headCount = plan.packedKeyCount + plan.packedValueCount
  parallel(
    items.count * tiles, threads: threads,
    scratchCount: PLUMB_PRODUCT_SCRATCH + layout.count + keys + layout.rows
  ) { piece, product in
    let b = items.lowerBound + piece / tiles
    let first = piece % tiles * queries / tiles
    let count = (piece % tiles + 1) * queries / tiles - first
    let scores = product + PLUMB_PRODUCT_SCRATCH, addend = scores + layout.count
    let shares = addend + keys
    for h in 0..<heads {
      let keyPanels = panels + h * headCount, valuePanels = keyPanels + plan.packedKeyCount
      for block in 0..<layout.blocks {
        multiply(
          scores + block * layout.blockStride, stride: ScoreLayout.rowStride,
          q + ((b * queries + first) * heads + h) * d, stride: heads * d, keyPanels,
          column: block * ScoreLayout.block, m: count, n: layout.keys(in: block), k: d, product)
      }
      for row in 0..<count {
        shares[row] = plan.powers(
          of: scores + row * ScoreLayout.rowStride, blockStride: layout.blockStride, b, h,
          first + row, addend, parameters)
      }
      let target = out + ((b * queries + first) * heads + h) * dv
      for block in 0..<layout.blocks {
        multiply(
          target, stride: heads * dv, scores + block * layout.blockStride,
          stride: ScoreLayout.rowStride,
          valuePanels + plan.packedValueCount / keys * block * ScoreLayout.block, column: 0,
          m: count, n: dv, k: layout.keys(in: block), addsUp: block > 0, product)
      }
      for row in 0..<count {
        let line = target + row * heads * dv
        plumb_binary(PLUMB_MULTIPLY, line, 1, shares + row, 0, line, dv)
      }
      guard let tap else { continue }
      for (slot, token) in plan.tokens.enumerated() {
        let line = tap + (b * plan.tokens.count + slot) * queries + first
        if h == 0 { line.update(repeating: 0, count: count) }
        for row in 0..<count {
          line[row] += shares[row] / Float(heads) * scores[layout.place(row, token)]
        }
      }
    }
  }
}

/// c[m, n] = a[m, k] · b, or that added to c, b packed and seen from `column` on; on the calling
/// thread; `scratch` as plumb_product wants it.
private func multiply(
  _ c: UnsafeMutablePointer<Float>, stride: Int, _ a: UnsafePointer<Float>, stride aStride: Int,
  _ b: UnsafePointer<Float>, column: Int, m: Int, n: Int, k: Int, addsUp: Bool = false,
  _ scratch: UnsafeMutablePointer<Float>
) {
  var rows = plumb_patches(
    base: a, picture_stride: 0, height: m, width: 1, channels: k, pixel_stride: aStride,
    window_height: 1, window_width: 1, stride_y: 1, stride_x: 1, dilation_y: 1, dilation_x: 1,
    top: 0, left: 0, result_height: m, result_width: 1)
  var addends = plumb_addends(
    bias: nil, added: nil, residual: addsUp ? UnsafePointer(c) : nil, added_stride: 0, ldr: stride)
  plumb_product(
    &rows, 0, m, plumb_packed(base: b, type: PLUMB_F32), column, n, c, stride, &addends,
    PLUMB_IDENTITY, scratch)
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
        for j in 0..<keys { p[j] = largest == -.infinity ? 0 : exp(p[j] - largest) }
        let sum = p.reduce(0, +)
        for j in 0..<keys where sum != 0 { p[j] /= sum }
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

struct AttentionPlan {
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
    precondition(d > 0 && dv > 0, "attention heads of no elements")
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

  /// Floats of one head's packed keys and values.
  var packedKeyCount: Int { plumb_packed_count(d, keys) }
  var packedValueCount: Int { plumb_packed_count(keys, dv) }

  /// Into how many pieces an item's queries are cut: their scores should fit the second-level
  /// cache beside what is multiplied, and all threads should have as much to do.
  func tiles(items: Int, threads: Int) -> Int {
    let fitting = max(14, min(224, 131_072 / max(1, keys) / 14 * 14))
    let least = (queries + fitting - 1) / fitting
    let even = (least * items + threads - 1) / threads * threads
    return min(queries, max(least, (even + items - 1) / items))
  }

  /// Turns a query's scores into exp(score − max), 0 for keys it does not see, and returns what
  /// makes probabilities of them: 1 / their sum, or 0 where it sees nothing.
  ///
  /// - Parameter line: the query's row in the first block of keys.
  func powers(
    of line: UnsafeMutablePointer<Float>, blockStride: Int, _ b: Int, _ h: Int, _ i: Int,
    _ row: UnsafeMutablePointer<Float>, _ parameters: AttentionParameters
  ) -> Float {
    let block = ScoreLayout.block, visible = parameters.isCausal ? min(keys, i + 1) : keys
    for (number, first) in stride(from: 0, to: keys, by: block).enumerated() {
      let seen = min(block, max(0, visible - first)), all = min(block, keys - first)
      (line + number * blockStride + seen).update(repeating: 0, count: all - seen)
    }
    let sum = plumb_exponentials(
      line, visible, block, blockStride, parameters.scale, addend(b, h, i, into: row))
    return sum == 0 ? 0 : 1 / sum
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
