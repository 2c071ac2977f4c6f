import GraphIR
import TensorBase

/// Operators that exchange axes, and what else takes a tensor as a whole.
let rearrangingOperators: [ONNXOperator] = [
  ONNXOperator("Transpose", inputs: 1...1, attributes: ["perm"], expand: expandTranspose),
  ONNXOperator(
    "DepthToSpace", inputs: 1...1, attributes: ["blocksize", "mode"], expand: expandDepthToSpace),
  ONNXOperator(
    "SpaceToDepth", inputs: 1...1, attributes: ["blocksize", "mode"], expand: expandSpaceToDepth),
  ONNXOperator("Det", inputs: 1...1) { x throws(ExpansionFault) in
    [try x.emit(.indexing(.determinant), try x.input(0))]
  },
  ONNXOperator(
    "TfIdfVectorizer", inputs: 1...1,
    attributes: [
      "max_gram_length", "max_skip_count", "min_gram_length", "mode", "ngram_counts",
      "ngram_indexes", "pool_int64s", "weights",
    ], expand: expandTfIdf),
]

private func expandTranspose(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let data = try x.input(0), shape = x[data].shape
  let permutation = try x.ints("perm") ?? Array(shape.dimensions.indices.reversed())
  guard permutation.sorted() == Array(shape.dimensions.indices) else {
    throw .misfit("\(permutation) does not permute the axes of \(shape)")
  }
  // Axes of size 1 go anywhere without anything being copied.
  let moved = permutation.filter { shape[$0] != 1 }
  if moved == moved.sorted() {
    return [try x.reshape(data, permutation.map { shape[$0] })]
  }
  return [try x.transpose(data, permutation)]
}

/// The block size, whether the depth is the outermost of what a channel is made of, and the shape.
private func blocks(
  _ x: borrowing Expansion, _ data: ValueID
) throws(ExpansionFault) -> (size: Int, isDepthLast: Bool, shape: Shape) {
  let shape = x[data].shape
  guard shape.rank == 4 else { throw .misfit("\(x[data]) has not four axes") }
  guard let size = try x.int("blocksize"), (1...(1 << 20)).contains(size) else {
    throw .misfit("the block size is no positive number")
  }
  switch try x.string("mode", default: "DCR") {
  case "DCR": return (size, true, shape)
  case "CRD": return (size, false, shape)
  case let other: throw .misfit("the mode '\(other)' is neither DCR nor CRD")
  }
}

private func expandDepthToSpace(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let data = try x.input(0)
  let (size, isDepthLast, shape) = try blocks(x, data)
  let (batch, height, width) = (shape[0], shape[2], shape[3])
  guard shape[1] % (size * size) == 0 else {
    throw .misfit("\(shape[1]) channels do not make blocks of \(size) by \(size)")
  }
  let depth = shape[1] / (size * size)
  let parts = try x.reshape(
    data,
    isDepthLast
      ? [batch, size, size, depth, height, width] : [batch, depth, size, size, height, width])
  let moved = try x.transpose(parts, isDepthLast ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3])
  let rows = try x.checked([height, size]).count, columns = try x.checked([width, size]).count
  return [try x.reshape(moved, [batch, depth, rows, columns])]
}

private func expandSpaceToDepth(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let data = try x.input(0)
  let (size, isDepthLast, shape) = try blocks(x, data)
  let (batch, depth) = (shape[0], shape[1])
  guard shape[2] % size == 0, shape[3] % size == 0 else {
    throw .misfit("\(shape) does not split into blocks of \(size) by \(size)")
  }
  let (height, width) = (shape[2] / size, shape[3] / size)
  let parts = try x.reshape(data, [batch, depth, height, size, width, size])
  let moved = try x.transpose(parts, isDepthLast ? [0, 3, 5, 1, 2, 4] : [0, 1, 3, 5, 2, 4])
  let channels = try x.checked([depth, size, size]).count
  return [try x.reshape(moved, [batch, channels, height, width])]
}

private func expandTfIdf(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  guard let pool = try x.ints("pool_int64s") else {
    throw .unsupported("sequences of strings")
  }
  guard let starts = try x.ints("ngram_counts"), let columns = try x.ints("ngram_indexes"),
    let shortest = try x.int("min_gram_length"), let longest = try x.int("max_gram_length"),
    let skip = try x.int("max_skip_count")
  else { throw .misfit("an attribute that it needs is missing") }
  let mode = try x.string("mode", default: "")
  guard ["TF", "IDF", "TFIDF"].contains(mode) else {
    throw .misfit("the mode '\(mode)' is none of TF, IDF and TFIDF")
  }
  let weights = mode == "TF" ? nil : try x.floats("weights")
  guard shortest > 0, longest >= shortest, longest <= starts.count, skip >= 0,
    columns.allSatisfy({ (0..<(1 << 40)).contains($0) })
  else { throw .misfit("its sequence lengths, skips and columns do not fit each other") }
  // The sequences of one number come first, then those of two, and so on.
  var entries: [NGramCount.Entry] = []
  for (index, start) in starts.enumerated() {
    let length = index + 1
    let end = index + 1 < starts.count ? starts[index + 1] : pool.count
    guard start >= 0, start <= end, end <= pool.count, (end - start) % length == 0 else {
      throw .misfit("the sequences of \(length) numbers do not fit the pool of \(pool.count)")
    }
    for place in stride(from: start, to: end, by: length) {
      let number = entries.count
      guard number < columns.count, number < (weights?.count ?? .max) else {
        throw .misfit("there are more sequences than columns or weights for them")
      }
      entries.append(
        NGramCount.Entry(
          sequence: pool[place..<(place + length)].map(Int64.init), column: columns[number],
          weight: weights?[number] ?? 1))
    }
  }
  let count = NGramCount(
    entries: entries, columns: (columns.max() ?? -1) + 1, lengths: shortest...longest,
    longestSkip: skip, countsOnce: mode == "IDF")
  return [try x.emit(.indexing(.countNGrams(count)), try x.input(0))]
}
