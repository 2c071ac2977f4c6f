import CKernels
import Glibc
import TensorBase

/// Attention with a state of fixed size instead of all keys. Per item and key head, in the order of
/// the steps: S ← exp(decay) · S; v' = v, or rate · (v − Sᵀk) where recall is corrected;
/// S ← S + k ⊗ v'; for each query head of the group out = scale · Sᵀq.
///
/// q [B, T, heads·d], k [B, T, keyHeads·d], v [B, T, keyHeads·dv], decay [B, T, keyHeads·d or
/// keyHeads], rate [B, T, keyHeads or 1], out [B, T, heads·dv], first and last state
/// [B, keyHeads, d, dv]; f32.
package func linearAttention(
  _ out: MutableTensorView?, last: MutableTensorView?, q: TensorView, k: TensorView, v: TensorView,
  state first: TensorView?, decay: TensorView?, rate: TensorView?, heads: Int, keyHeads: Int,
  scale: Float, correctsRecall: Bool, threads: Int
) {
  let (batch, steps) = (q.shape[0], q.shape[1])
  let (d, dv) = (q.shape[2] / heads, v.shape[2] / keyHeads)
  let group = heads / keyHeads
  precondition(!correctsRecall || rate != nil)
  precondition(out == nil || out?.shape == [batch, steps, heads * dv])
  let queries = q.floats, keys = k.floats, values = v.floats, size = d * dv
  let decays = decay?.floats, rates = rate?.floats
  let decayWidth = decay?.shape[2] ?? 0, rateWidth = rate?.shape[2] ?? 0
  let start = first?.floats, end = last?.floats, to = out?.floats
  parallel(batch * keyHeads, threads: threads, scratchCount: size + dv) { piece, scratch in
    let (item, head) = (piece / keyHeads, piece % keyHeads)
    let state = scratch, stored = scratch + size
    if let start {
      state.update(from: start + piece * size, count: size)
    } else {
      state.update(repeating: 0, count: size)
    }
    for step in 0..<steps {
      let line = item * steps + step
      let key = keys + (line * keyHeads + head) * d
      if let decays = decays.map({ $0 + line * decayWidth }) {
        for i in 0..<d {
          let power = expf(decayWidth == keyHeads ? decays[head] : decays[head * d + i])
          plumb_binary(PLUMB_MULTIPLY, state + i * dv, 1, [power], 0, state + i * dv, dv)
        }
      }
      stored.update(from: values + (line * keyHeads + head) * dv, count: dv)
      if correctsRecall, let rates {
        for i in 0..<d { plumb_accumulate(stored, state + i * dv, -key[i], dv) }
        let rate = rates[line * rateWidth + (rateWidth == 1 ? 0 : head)]
        for j in 0..<dv { stored[j] *= rate }
      }
      for i in 0..<d { plumb_accumulate(state + i * dv, stored, key[i], dv) }
      guard let to else { continue }
      for h in (head * group)..<((head + 1) * group) {
        let query = queries + (line * heads + h) * d, target = to + (line * heads + h) * dv
        target.update(repeating: 0, count: dv)
        for i in 0..<d { plumb_accumulate(target, state + i * dv, scale * query[i], dv) }
      }
    }
    if let end { (end + piece * size).update(from: state, count: size) }
  }
}
