import CKernels
import Glibc
import TensorBase

/// Where a query lies among the keys: at its number + `fixed`, or + the item's length − queries.
package enum QueryOffset: Sendable {
  case fixed(Int)
  case fromLengths
}

/// out[b, 0, i, j] = 0 where query i sees key j, else −∞: with p = i + offset, j must be below the
/// item's length and p − before ≤ j ≤ p + after, where these are given.
///
/// lengths [B] (i64); out [B, 1, queries, keys], B = 1 without lengths; f32.
package func visibility(
  _ out: MutableTensorView, lengths: TensorView?, offset: QueryOffset, before: Int?, after: Int?
) {
  let (batch, queries, keys) = (out.shape[0], out.shape[2], out.shape[3])
  precondition(lengths == nil || lengths?.shape == [batch])
  for b in 0..<batch {
    // Beyond 2³¹ a length only has to stay large.
    let length = lengths.map { Int(min(max($0.int64s[b], 0), Int64(Int32.max))) }
    let start: Int
    switch offset {
    case .fixed(let fixed): start = fixed
    case .fromLengths: start = (length ?? keys) - queries
    }
    for i in 0..<queries {
      let line = out.floats + (b * queries + i) * keys
      line.update(repeating: -.infinity, count: keys)
      let place = i + start
      let first = before.map { max(0, place - min($0, Int(Int32.max))) } ?? 0
      var end = min(length ?? keys, keys)
      if let after, after < keys { end = min(end, place + after + 1) }
      if first < end { (line + first).update(repeating: 0, count: end - first) }
    }
  }
}

/// out = softmax of scores + addend along the last axis. A key whose addend is −∞ gets 0 whatever
/// its score is, and a row of only such keys is all 0.
///
/// scores and out […, keys], addend broadcastable to them; f32 or f64.
package func attentionWeights(
  _ out: MutableTensorView, _ scores: TensorView, addend: TensorView?, threads: Int
) {
  precondition(out.shape == scores.shape && out.type == scores.type)
  let keys = scores.shape[-1]
  if keys == 0 { return }
  let rows = scores.shape.count / keys
  let lead = Shape(Array(scores.shape.dimensions.dropLast()))
  let strides = addend.map { broadcastStrides($0.shape, to: scores.shape) }
  let keyStride = strides?.last ?? 0
  let starts = Walk(lead.dimensions, [strides.map { Array($0.dropLast()) } ?? lead.strides])
  let step = starts.strides[0][starts.dimensions.count - 1]
  func start(_ row: Int) -> Int {
    starts.offset(0, row / starts.innerCount) + row % starts.innerCount * step
  }
  if scores.type == .f32 {
    let from = scores.floats, to = out.floats, mask = addend?.floats
    parallelRanges(rows, minimum: max(1, 4096 / keys), threads: threads) { range in
      for row in range {
        let line = from + row * keys, target = to + row * keys
        guard let addends = mask.map({ $0 + start(row) }) else {
          plumb_softmax(line, target, keys, 1, nil)
          continue
        }
        for j in 0..<keys {
          let addend = addends[j * keyStride]
          target[j] = addend == -.infinity ? addend : line[j] + addend
        }
        if target.isMinusInfinity(keys) {
          target.update(repeating: 0, count: keys)
        } else {
          plumb_softmax(target, target, keys, 1, nil)
        }
      }
    }
    return
  }
  let values = Doubles(scores)
  let addends = addend.map { Array($0) }
  for row in 0..<rows {
    let line = values.base + row * keys
    var largest = -Double.infinity, sum = 0.0
    for j in 0..<keys {
      let addend = addends?[start(row) + j * keyStride] ?? 0
      line[j] = addend == -.infinity ? addend : line[j] + addend
      largest = line[j] > largest || line[j].isNaN ? line[j] : largest
    }
    if largest == -.infinity {
      line.update(repeating: 0, count: keys)
      continue
    }
    for j in 0..<keys {
      line[j] = exp(line[j] - largest)
      sum += line[j]
    }
    for j in 0..<keys { line[j] /= sum }
  }
  values.store(to: out)
}

extension UnsafeMutablePointer<Float> {
  /// Are all of the first `count` −∞?
  fileprivate func isMinusInfinity(_ count: Int) -> Bool {
    for i in 0..<count where self[i] != -.infinity { return false }
    return true
  }
}
