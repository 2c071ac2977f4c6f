import TensorBase

/// Sequences of numbers to be counted, and where their counts go.
package struct NGramPool: Sendable {
  /// The sequences, each with the column of the result and the weight of its count.
  package var entries: [[Int64]: (column: Int, weight: Double)]
  /// Shortest and longest sequence.
  package var lengths: ClosedRange<Int>
  /// How many numbers may lie between two neighbours of a sequence, at most.
  package var longestSkip: Int
  /// A sequence counts once, however often it is found.
  package var countsOnce: Bool

  package init(
    entries: [[Int64]: (column: Int, weight: Double)], lengths: ClosedRange<Int>,
    longestSkip: Int, countsOnce: Bool
  ) {
    self.entries = entries
    self.lengths = lengths
    self.longestSkip = longestSkip
    self.countsOnce = countsOnce
  }
}

/// out[row, c] = weight · how often the sequence of column c occurs in the row of x [rows, n] (i32
/// or i64), with any equal number of numbers skipped between neighbours; single numbers count once;
/// out f32.
package func countNGrams(_ out: MutableTensorView, _ x: TensorView, _ pool: NGramPool) {
  let n = x.shape.rank == 0 ? 1 : x.shape[-1], columns = out.shape[-1]
  fill(out, 0)
  if x.shape.count == 0 { return }
  for row in 0..<(x.shape.count / n) {
    let numbers = (0..<n).map { Elements.integer(x.base, row * n + $0, x.type) }
    let to = out.floats + row * columns
    for distance in 1...(min(pool.longestSkip, n - 1) + 1) {
      for start in 0..<n {
        var sequence: [Int64] = []
        for at in stride(from: start, to: n, by: distance) {
          sequence.append(numbers[at])
          if sequence.count > pool.lengths.upperBound { break }
          if sequence.count < pool.lengths.lowerBound || sequence.count == 1 && distance > 1 {
            continue
          }
          if let entry = pool.entries[sequence] {
            let weight = Float(entry.weight)
            to[entry.column] = pool.countsOnce ? weight : to[entry.column] + weight
          }
        }
      }
    }
  }
}
