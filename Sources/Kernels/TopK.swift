import TensorBase

/// The k best elements along `axis`, the best first, of equals the one with the lower index: values
/// and indices (i64) have x's shape with k at the axis. Any type; NaN is the largest number.
package func topK(
  values: MutableTensorView?, indices: MutableTensorView?, _ x: TensorView, axis: Int,
  isLargest: Bool, threads: Int
) {
  guard let shape = values?.shape ?? indices?.shape else { return }
  if shape.count == 0 { return }
  let n = x.shape[axis], k = shape[axis], inner = x.shape.strides[axis]
  precondition(k <= n && (values?.type ?? x.type) == x.type)
  let keys = OrderKeys(x)
  let from = keys.base, size = x.type.byteCount, flip: UInt64 = isLargest ? .max : 0
  let lines = x.shape.count / n
  parallelRanges(lines, minimum: max(1, 4096 / n), threads: threads) { range in
    var best: [Candidate] = []
    best.reserveCapacity(k)
    for line in range {
      let start = line / inner * n * inner + line % inner
      best.removeAll(keepingCapacity: true)
      for i in 0..<k { best.append(Candidate(key: from[start + i * inner] ^ flip, index: i)) }
      if n > k {
        for i in stride(from: k / 2 - 1, through: 0, by: -1) { sink(&best, i) }
        for i in k..<n {
          let next = Candidate(key: from[start + i * inner] ^ flip, index: i)
          if next < best[0] {
            best[0] = next
            sink(&best, 0)
          }
        }
      }
      best.sort(by: <)
      let target = line / inner * k * inner + line % inner
      for (place, candidate) in best.enumerated() {
        let to = target + place * inner
        if let values {
          copyElement(
            values.base + to * size, x.base + (start + candidate.index * inner) * size, size: size)
        }
        if let indices { indices.int64s[to] = Int64(candidate.index) }
      }
    }
  }
}

private struct Candidate {
  var key: UInt64
  var index: Int

  static func < (a: Candidate, b: Candidate) -> Bool {
    a.key < b.key || a.key == b.key && a.index < b.index
  }
}

/// Restores the heap (the worst on top) below `place`.
private func sink(_ heap: inout [Candidate], _ place: Int) {
  var place = place
  while true {
    var child = 2 * place + 1
    if child >= heap.count { return }
    if child + 1 < heap.count, heap[child] < heap[child + 1] { child += 1 }
    if !(heap[place] < heap[child]) { return }
    heap.swapAt(place, child)
    place = child
  }
}
