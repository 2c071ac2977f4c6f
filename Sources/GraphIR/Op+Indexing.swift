import TensorBase

/// Ops that pick, place and repeat elements without computing with them, and their kin. Any type
/// unless said otherwise. Indices are i32 or i64; negative ones count from the end; one outside its
/// axis stops the run.
package enum IndexingOp: Hashable, Sendable {
  /// x, indices → the entries of x at the indices along the axis.
  case take(axis: Int)
  /// x, indices → as the indices: the element of x whose coordinate along the axis the index
  /// replaces.
  case gatherElements(axis: Int)
  /// x, indices [b…, t…, k] → [b…, t…, x's other axes]: the slice of x that each k-tuple names;
  /// the first `batchAxes` axes, b, belong to both.
  case gatherND(batchAxes: Int)
  /// x, indices, updates as the indices → x with the elements that `gatherElements` would take
  /// combined with the updates.
  case scatterElements(axis: Int, Scatter)
  /// x, indices [t…, k], updates [t…, x's axes from k on] → x with the slices that `gatherND` would
  /// take combined with the updates.
  case scatterND(Scatter)
  /// x [batch, …], update like x but shorter along the axis, [starts i64 (batch)] → x with the
  /// update written over it from the starts on; when circular, on from the front at the end.
  case scatterRows(axis: Int, isCircular: Bool)
  case crop(Crop)
  /// x, [value: one element of x's type] → x with more, or less, around it.
  case pad(BorderPad)
  /// x → x repeated so many times along each axis.
  case tile([Int])
  /// x → x repeated to the shape by NumPy's rule.
  case expand([Int])
  /// x […, n, m] → x where column − row ≥ diagonal (upper) or ≤ diagonal (lower), else zero.
  case triangle(isUpper: Bool, diagonal: Int)
  /// x, lengths i64 [size of the batch axis] → x with the first entries along the time axis, as
  /// many as the batch entry's length says, in reverse order.
  case reverseSequence(batchAxis: Int, timeAxis: Int)
  /// x → the k largest or smallest elements along the axis, best first, and their indices, i64.
  case topK(TopK)
  /// indices of any type, values [2] → the indices' shape with an axis of size `depth` put in;
  /// values[1] where its coordinate is the index, else values[0].
  case oneHot(axis: Int, depth: Int)
  /// start, delta: one element each → start + i · delta, `count` of them.
  case range(count: Int)
  /// operands of one type → products of their elements, summed over labels.
  case einsum(Einsum)
  /// x […, n, n], a float type → […].
  case determinant
  /// x [n] or [rows, n], i32 or i64 → f32 [columns] or [rows, columns]: how often sequences occur.
  case countNGrams(NGramCount)
}

/// What becomes of an element that an update meets; on bool, sum and product are or and and.
package enum Scatter: String, CaseIterable, Sendable {
  case replace, add, multiply, minimum, maximum
}

/// out[i₀, i₁, …] = x[start₀ + i₀ · step₀, …]; steps may be negative but not 0.
package struct Crop: Hashable, Sendable {
  package var starts: [Int]
  package var steps: [Int]
  package var counts: [Int]

  package init(starts: [Int], steps: [Int], counts: [Int]) {
    self.starts = starts
    self.steps = steps
    self.counts = counts
  }
}

/// A count per axis; negative ones take elements away, before the rest is padded.
package struct BorderPad: Hashable, Sendable {
  package enum Mode: String, CaseIterable, Sendable {
    case constant
    /// The mirror image without its first element, back and forth.
    case reflect
    /// The outermost element.
    case edge
    /// The tensor again, as on a ring.
    case wrap
  }

  package var before: [Int]
  package var after: [Int]
  package var mode: Mode

  package init(before: [Int], after: [Int], mode: Mode) {
    self.before = before
    self.after = after
    self.mode = mode
  }
}

package struct TopK: Hashable, Sendable {
  package var axis: Int
  package var count: Int
  package var isLargest: Bool

  package init(axis: Int, count: Int, isLargest: Bool) {
    self.axis = axis
    self.count = count
    self.isLargest = isLargest
  }
}

/// out[its labels] = Σ over all other labels Π operands[their labels].
package struct Einsum: Hashable, Sendable {
  /// For each operand a label per axis, counted from 0 without gaps; a label twice in a term is
  /// the diagonal.
  package var terms: [[Int]]
  package var result: [Int]

  package init(terms: [[Int]], result: [Int]) {
    self.terms = terms
    self.result = result
  }
}

/// Sequences of numbers to be counted in rows of numbers.
package struct NGramCount: Hashable, Sendable {
  package struct Entry: Hashable, Sendable {
    package var sequence: [Int64]
    /// Where in the result the count goes.
    package var column: Int
    /// What the count is multiplied by.
    package var weight: Float

    package init(sequence: [Int64], column: Int, weight: Float) {
      self.sequence = sequence
      self.column = column
      self.weight = weight
    }
  }

  package var entries: [Entry]
  package var columns: Int
  /// Shortest and longest sequence.
  package var lengths: ClosedRange<Int>
  /// How many numbers may lie between two neighbours of a sequence, at most.
  package var longestSkip: Int
  /// A sequence counts once, however often it is found.
  package var countsOnce: Bool

  package init(
    entries: [Entry], columns: Int, lengths: ClosedRange<Int>, longestSkip: Int, countsOnce: Bool
  ) {
    self.entries = entries
    self.columns = columns
    self.lengths = lengths
    self.longestSkip = longestSkip
    self.countsOnce = countsOnce
  }
}

extension IndexingOp {
  package var name: String {
    switch self {
    case .take: "take"
    case .gatherElements: "gatherElements"
    case .gatherND: "gatherND"
    case .scatterElements: "scatterElements"
    case .scatterND: "scatterND"
    case .scatterRows: "scatterRows"
    case .crop: "crop"
    case .pad: "borderPad"
    case .tile: "tile"
    case .expand: "expand"
    case .triangle: "triangle"
    case .reverseSequence: "reverseSequence"
    case .topK: "topK"
    case .oneHot: "oneHot"
    case .range: "range"
    case .einsum: "einsum"
    case .determinant: "determinant"
    case .countNGrams: "countNGrams"
    }
  }

  package var inputCounts: ClosedRange<Int> {
    switch self {
    case .crop, .tile, .expand, .triangle, .topK, .determinant, .countNGrams: 1...1
    case .take, .gatherElements, .gatherND, .reverseSequence, .oneHot, .range: 2...2
    case .scatterElements, .scatterND: 3...3
    case .scatterRows: 2...3
    case .pad: 1...2
    case .einsum(let einsum): einsum.terms.count...max(einsum.terms.count, 1)
    }
  }

  package var requiredInputs: Int { inputCounts.lowerBound }

  package var outputCount: Int {
    switch self {
    case .topK: 2
    case .take, .gatherElements, .gatherND, .scatterElements, .scatterND, .scatterRows, .crop,
      .pad, .tile, .expand, .triangle, .reverseSequence, .oneHot, .range, .einsum,
      .determinant, .countNGrams:
      1
    }
  }
}
