import TensorBase

/// Rotary position embedding (Su and others, 2021): of each head's first `width` elements, pairs
/// (a, b) → (a·cos − b·sin, a·sin + b·cos), with an angle for each position and pair; the other
/// elements stay. A pair is elements i and i + width/2, or 2i and 2i + 1 where interleaved.
///
/// x and out [B, T, heads·d] or [B, heads, T, d]; cosines and sines [B, T, width/2], or
/// [rows, width/2] with positions [B, T] (i64) that choose a row; f32.
///
/// - Throws: `KernelError.indexOutOfRange` for a position outside the rows; out is then undefined.
package func rotate(
  _ out: MutableTensorView, _ x: TensorView, cosines: TensorView, sines: TensorView,
  positions: TensorView?, heads: Int, width: Int, isInterleaved: Bool, threads: Int
) throws(KernelError) {
  let isPacked = x.shape.rank == 3, half = width / 2
  let (batch, steps) = (x.shape[0], isPacked ? x.shape[1] : x.shape[2])
  let size = isPacked ? x.shape[2] / max(1, heads) : x.shape[3]
  precondition(out.shape == x.shape && cosines.shape == sines.shape && width <= size)
  if let positions {
    let rows = cosines.shape[0]
    for i in 0..<positions.shape.count {
      let index = positions.int64s[i]
      guard index >= 0, index < rows else {
        throw .indexOutOfRange(index: index, position: i, size: rows)
      }
    }
  }
  let from = x.floats, to = out.floats, cosine = cosines.floats, sine = sines.floats
  let rows = positions?.int64s
  parallelRanges(batch * steps, minimum: 16, threads: threads) { range in
    for place in range {
      let row = rows.map { Int($0[place]) } ?? place
      let c = cosine + row * half, s = sine + row * half
      let (item, step) = (place / steps, place % steps)
      for head in 0..<heads {
        let start =
          (isPacked ? place * heads + head : (item * heads + head) * steps + step) * size
        let a = from + start, target = to + start
        if isInterleaved {
          for i in 0..<half {
            target[2 * i] = a[2 * i] * c[i] - a[2 * i + 1] * s[i]
            target[2 * i + 1] = a[2 * i] * s[i] + a[2 * i + 1] * c[i]
          }
        } else {
          for i in 0..<half {
            target[i] = a[i] * c[i] - a[half + i] * s[i]
            target[half + i] = a[i] * s[i] + a[half + i] * c[i]
          }
        }
        (target + width).update(from: a + width, count: size - width)
      }
    }
  }
}
