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
  let headCount = plan.packedKeyCount + plan.packedValueCount, block = ScoreTile.block
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

/// The scores of a tile of queries, a block of keys at a time: a block's rows lie as the product
/// with the values reads them. For a tap all blocks are kept, otherwise one.
private struct ScoreTile {
  /// Keys of a block.
  static let block = PLUMB_SLICE
  /// Between the rows of a block.
  static let rowStride = PLUMB_ROW_STRIDE

  let rows, keys: Int
  let keepsAll: Bool

  var blocks: Int { (keys + Self.block - 1) / Self.block }
  private var kept: Int { keepsAll ? blocks : 1 }

  // In floats: the scores of every block that is kept, then a sum a row, then a peak a row for
  // every block.
  var count: Int { sums + (1 + kept) * rows }
  var sums: Int { kept * rows * Self.rowStride }
  func scores(of block: Int) -> Int { keepsAll ? block * rows * Self.rowStride : 0 }
  func peaks(of block: Int) -> Int { sums + (1 + (keepsAll ? block : 0)) * rows }
}

/// All queries of `items` against packed keys and values. Every piece does all heads of its
/// queries, so no two threads add to one element of the tap.
///
/// The softmax goes along with the blocks of keys (M. Milakov, N. Gimelshein, "Online normalizer
/// calculation for softmax", arXiv 1805.02867; T. Dao and others, "FlashAttention", arXiv
/// 2205.14135): when a block raises a row's largest score, what the blocks before made of it shrinks.
private func attend(
  _ plan: AttentionPlan, items: Range<Int>, _ panels: UnsafeMutablePointer<Float>,
  _ out: UnsafeMutablePointer<Float>, _ tap: UnsafeMutablePointer<Float>?,
  _ q: UnsafePointer<Float>, _ parameters: AttentionParameters, threads: Int
) {
  let (queries, keys, heads, d, dv) = (plan.queries, plan.keys, plan.heads, plan.d, plan.dv)
  let tiles = plan.tiles(items: items.count, threads: threads, keepsAll: tap != nil)
  let tile = ScoreTile(rows: (queries + tiles - 1) / tiles, keys: keys, keepsAll: tap != nil)
  let headCount = plan.packedKeyCount + plan.packedValueCount
  parallel(
    items.count * tiles, threads: threads,
    scratchCount: PLUMB_PRODUCT_SCRATCH + tile.count + ScoreTile.block
  ) { piece, product in
    let b = items.lowerBound + piece / tiles
    let first = piece % tiles * queries / tiles
    let count = (piece % tiles + 1) * queries / tiles - first
    let scores = product + PLUMB_PRODUCT_SCRATCH, sums = scores + tile.sums
    let addend = scores + tile.count
    for h in 0..<heads {
      let keyPanels = panels + h * headCount, valuePanels = keyPanels + plan.packedKeyCount
      let target = out + ((b * queries + first) * heads + h) * dv
      sums.update(repeating: 0, count: count)
      (scores + tile.peaks(of: 0)).update(repeating: -.infinity, count: count)
      // No query of the tile sees the blocks behind.
      let blocks =
        parameters.isCausal
        ? min(tile.blocks, (first + count - 1) / ScoreTile.block + 1) : tile.blocks
      for block in 0..<blocks {
        let start = block * ScoreTile.block, width = min(ScoreTile.block, keys - start)
        let lines = scores + tile.scores(of: block), peaks = scores + tile.peaks(of: block)
        if tile.keepsAll && block > 0 {
          peaks.update(from: scores + tile.peaks(of: block - 1), count: count)
        }
        multiply(
          lines, stride: ScoreTile.rowStride,
          q + ((b * queries + first) * heads + h) * d, stride: heads * d, keyPanels,
          column: start, m: count, n: width, k: d, product)
        for row in 0..<count {
          var shrinks = plan.exponentials(
            lines + row * ScoreTile.rowStride, start..<(start + width), b, h, first + row, addend,
            parameters, peak: peaks + row, sum: sums + row)
          if shrinks != 1 {
            let line = target + row * heads * dv
            plumb_binary(PLUMB_MULTIPLY, line, 1, &shrinks, 0, line, dv)
          }
        }
        multiply(
          target, stride: heads * dv, lines, stride: ScoreTile.rowStride,
          valuePanels + plan.packedValueCount / keys * start, column: 0,
          m: count, n: dv, k: width, addsUp: block > 0, product)
      }
      for row in 0..<count {
        // What sees no key is 0.
        sums[row] = sums[row] == 0 ? 0 : 1 / sums[row]
        let line = target + row * heads * dv
        plumb_binary(PLUMB_MULTIPLY, line, 1, sums + row, 0, line, dv)
      }
      if let tap {
        let line = tap + b * plan.tokens.count * queries + first
        for slot in plan.tokens.indices where h == 0 {
          (line + slot * queries).update(repeating: 0, count: count)
        }
        plan.add(tile, scores, blocks: blocks, rows: count, to: line)
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
  func tiles(items: Int, threads: Int, keepsAll: Bool) -> Int {
    let scores = max(1, keepsAll ? keys : min(keys, ScoreTile.block))
    let fitting = max(14, min(168, 65_536 / scores / 14 * 14))
    let least = (queries + fitting - 1) / fitting
    let even = (least * items + threads - 1) / threads * threads
    return min(queries, max(least, (even + items - 1) / items))
  }

  /// Turns a query's scores of a block of keys into exp(score − peak), 0 for keys it does not see,
  /// and adds them to its sum.
  ///
  /// - Returns: by what that which blocks before have made is to be multiplied, as the peak rose; 1
  ///   while they have made nothing.
  func exponentials(
    _ line: UnsafeMutablePointer<Float>, _ block: Range<Int>, _ b: Int, _ h: Int, _ i: Int,
    _ row: UnsafeMutablePointer<Float>, _ parameters: AttentionParameters,
    peak: UnsafeMutablePointer<Float>, sum: UnsafeMutablePointer<Float>
  ) -> Float {
    let visible =
      parameters.isCausal ? min(max(block.lowerBound, i + 1), block.upperBound) : block.upperBound
    let count = visible - block.lowerBound, before = peak.pointee
    (line + count).update(repeating: 0, count: block.upperBound - visible)
    let more = plumb_exponentials(
      line, count, parameters.scale, addend(b, h, i, block, into: row), peak)
    let isSame = peak.pointee == before || before == -.infinity
    let shrinks = isSame ? 1 : exp2(before - peak.pointee)
    sum.pointee = sum.pointee * shrinks + more
    return shrinks
  }

  /// Adds a head's part to the tap of a tile's first `rows` queries, which begins at `line`. Its
  /// first `blocks` blocks of keys are filled, and its sums are those that 1 was divided by; its
  /// peaks are gone afterwards.
  fileprivate func add(
    _ tile: ScoreTile, _ scores: UnsafeMutablePointer<Float>, blocks: Int, rows: Int,
    to line: UnsafeMutablePointer<Float>
  ) {
    let shares = scores + tile.sums, last = scores + tile.peaks(of: blocks - 1)
    for block in 0..<blocks {
      // From a block's peaks to what its scores count for.
      let weights = scores + tile.peaks(of: block)
      for row in 0..<rows {
        let since = weights[row] == last[row] ? 1 : exp2(weights[row] - last[row])
        weights[row] = shares[row] / Float(heads) * since
      }
    }
    for (slot, token) in tokens.enumerated() where token < blocks * ScoreTile.block {
      let block = token / ScoreTile.block, weights = scores + tile.peaks(of: block)
      let place = scores + tile.scores(of: block) + token % ScoreTile.block
      for row in 0..<rows {
        line[slot * queries + row] += weights[row] * place[row * ScoreTile.rowStride]
      }
    }
  }

  func maskValue(_ b: Int, _ h: Int, _ i: Int, _ j: Int) -> Double {
    guard let mask else { return 0 }
    let s = maskStrides
    return Double(mask[b * s[0] + h * s[1] + i * s[2] + j * s[3]])
  }

  /// The mask's row for a query and a block of keys: in the mask itself, or written to `row` when
  /// it repeats one value for all keys.
  func addend(
    _ b: Int, _ h: Int, _ i: Int, _ block: Range<Int>, into row: UnsafeMutablePointer<Float>
  ) -> UnsafePointer<Float>? {
    guard let mask else { return nil }
    let start = mask + b * maskStrides[0] + h * maskStrides[1] + i * maskStrides[2]
    if maskStrides[3] == 1 || keys == 1 { return start + block.lowerBound }
    row.update(repeating: start.pointee, count: block.count)
    return UnsafePointer(row)
  }
}
