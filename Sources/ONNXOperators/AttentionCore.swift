import GraphIR
import TensorBase

/// Vectors of several heads: packed, [batch, tokens, heads·size], or split, [batch, heads, tokens,
/// size].
struct HeadVectors {
  var id: ValueID
  var heads: Int
  var isPacked: Bool

  init(_ x: Expansion, packed id: ValueID, heads: Int) throws(ExpansionFault) {
    let shape = x[id].shape
    guard shape.rank == 3, heads > 0, shape[2] % heads == 0 else {
      throw .misfit("\(x[id]) does not split into \(heads) heads")
    }
    self.id = id
    self.heads = heads
    isPacked = true
  }

  init(_ x: Expansion, split id: ValueID) throws(ExpansionFault) {
    guard x[id].shape.rank == 4, x[id].shape[1] > 0 else {
      throw .misfit("\(x[id]) is no [batch, heads, tokens, size]")
    }
    self.id = id
    heads = x[id].shape[1]
    isPacked = false
  }

  func batch(_ x: Expansion) -> Int { x[id].shape[0] }
  func tokens(_ x: Expansion) -> Int { isPacked ? x[id].shape[1] : x[id].shape[2] }
  func size(_ x: Expansion) -> Int { isPacked ? x[id].shape[2] / heads : x[id].shape[3] }

  func packed(_ x: inout Expansion) throws(ExpansionFault) -> HeadVectors {
    if isPacked { return self }
    var copy = self
    let turned = try x.transpose(id, [0, 2, 1, 3])
    copy.id = try x.reshape(turned, [batch(x), tokens(x), heads * size(x)])
    copy.isPacked = true
    return copy
  }

  func split(_ x: inout Expansion) throws(ExpansionFault) -> HeadVectors {
    if !isPacked { return self }
    var copy = self
    let four = try x.reshape(id, [batch(x), tokens(x), heads, size(x)])
    copy.id = try x.transpose(four, [0, 2, 1, 3])
    copy.isPacked = false
    return copy
  }

  func cast(_ x: inout Expansion, to type: ElementType) throws(ExpansionFault) -> HeadVectors {
    var copy = self
    copy.id = try x.cast(id, to: type)
    return copy
  }

  /// Each head as often as it takes for `count` of them, copies side by side.
  func repeated(_ x: inout Expansion, to count: Int) throws(ExpansionFault) -> HeadVectors {
    if count == heads { return self }
    guard count > 0, count % heads == 0 else {
      throw .misfit("\(count) heads of queries do not share \(heads) heads of keys")
    }
    var copy = self
    let row = try x.writable([count])
    let places = x.constant(
      Tensor(int64s: (0..<count).map { Int64($0 / (count / heads)) }, shape: row))
    if isPacked {
      let four = try x.reshape(id, [batch(x), tokens(x), heads, size(x)])
      let more = try x.emit(.gather(axis: 2), four, places)
      let (width, overflow) = count.multipliedReportingOverflow(by: size(x))
      guard !overflow else { throw .misfit("\(count) heads of \(size(x)) elements") }
      copy.id = try x.reshape(more, [batch(x), tokens(x), width])
    } else {
      copy.id = try x.emit(.gather(axis: 1), id, places)
    }
    copy.heads = count
    return copy
  }

  /// These tokens behind those of `past`, split.
  func appended(
    _ x: inout Expansion, to past: ValueID
  ) throws(ExpansionFault) -> HeadVectors {
    var all = try split(&x)
    let earlier = try x.cast(past, to: x[id].type)
    all.id = try x.emitAll(.concat(axis: 2), [earlier, all.id])[0]
    return all
  }
}

/// Attention as all operators of that name have it: softmax(scale · q kᵀ, capped, + addend) · v.
struct AttentionCore {
  /// Which stage of the scores is wanted beside the result.
  enum Stage { case product, capped, biased, probabilities }

  var scale: Double
  /// Scores become cap · tanh(score / cap).
  var cap: Float = 0
  /// Query i sees keys 0 to i.
  var isCausal = false
  /// f32 or f64 as the vectors, broadcastable to [batch, heads, queries, keys], four axes.
  var addend: ValueID?
  var wanted: Stage?
  /// [heads]: what each head adds to its scores as one more, of a key that has no value; f32 or f64
  /// as the vectors.
  var sink: ValueID?

  /// - Parameters: f32 all, or f64 all; keys and values may have fewer heads.
  /// - Returns: the result, packed or split as is convenient, and the stage wanted.
  func write(
    _ x: inout Expansion, _ q: HeadVectors, _ k: HeadVectors, _ v: HeadVectors
  ) throws(ExpansionFault) -> (HeadVectors, stage: ValueID?) {
    guard q.size(x) > 0, v.size(x) > 0, q.size(x) == k.size(x), k.heads == v.heads,
      k.tokens(x) == v.tokens(x), k.batch(x) == q.batch(x), v.batch(x) == q.batch(x)
    else { throw .misfit("queries \(x[q.id]), keys \(x[k.id]), values \(x[v.id]) do not fit") }
    if wanted == nil && cap == 0 && sink == nil && x[q.id].type == .f32 {
      let query = try q.packed(&x)
      let key = try k.packed(&x).repeated(&x, to: q.heads)
      let value = try v.packed(&x).repeated(&x, to: q.heads)
      let op = Attention(heads: q.heads, scale: Float(scale), isCausal: isCausal)
      let result = try x.emitAll(.attention(op), [query.id, key.id, value.id, addend])[0]
      return (try HeadVectors(x, packed: result, heads: q.heads), nil)
    }
    return try writeParts(&x, q, k, v)
  }

  private func writeParts(
    _ x: inout Expansion, _ q: HeadVectors, _ k: HeadVectors, _ v: HeadVectors
  ) throws(ExpansionFault) -> (HeadVectors, stage: ValueID?) {
    let type = x[q.id].type
    let product = try Self.scores(&x, q, k, scale: scale)
    var scores = product
    if cap != 0 {
      let small = try x.pair(.divide, scores, x.scalar(Double(cap), type))
      scores = try x.pair(.multiply, try x.apply(.plain(.tanh), small), x.scalar(Double(cap), type))
    }
    let capped = scores
    var addend = addend
    if isCausal {
      let triangle = Visibility(
        queries: q.tokens(x), keys: k.tokens(x), offset: .fixed(0), after: 0)
      addend = try Self.sum(&x, addend, try Self.visibility(&x, triangle, nil, type))
    }
    let probabilities =
      sink == nil
      ? try x.emit(.sequence(.attentionWeights), scores, addend)
      : try probabilitiesBesideSink(&x, try Self.sum(&x, scores, addend) ?? scores)
    let result = try Self.gathered(&x, probabilities, v)
    let stage: ValueID? =
      switch wanted {
      case nil: nil
      case .product: product
      case .capped: capped
      case .biased:
        try addend.map { id throws(ExpansionFault) in try x.pair(.add, capped, id) } ?? capped
      case .probabilities: probabilities
      }
    return (result, stage)
  }

  private func probabilitiesBesideSink(
    _ x: inout Expansion, _ scores: ValueID
  ) throws(ExpansionFault) -> ValueID {
    guard let sink else { return scores }
    let shape = x[scores].shape
    guard x[sink].shape == [shape[1]] else { throw .misfit("the sinks are \(x[sink])") }
    let column = try x.broadcast(
      try x.reshape(sink, [1, shape[1], 1, 1]), to: [shape[0], shape[1], shape[2], 1])
    let all = try x.emitAll(.concat(axis: 3), [scores, column])[0]
    let shares = try x.emitAll(.sequence(.attentionWeights), [all])[0]
    return try x.slice(shares, axis: 3, from: 0, to: shape[3])
  }

  /// The attribute `scale`, or 1 / √size. Where `zeroIsUsual`, a scale of 0 says nothing.
  static func scale(
    _ x: Expansion, _ q: HeadVectors, zeroIsUsual: Bool
  ) throws(ExpansionFault) -> Double {
    guard q.size(x) > 0 else { throw .misfit("heads of no elements") }
    if let given = try x.float("scale"), given != 0 || !zeroIsUsual { return Double(given) }
    return 1 / Double(q.size(x)).squareRoot()
  }

  /// scale · q kᵀ, [batch, heads, queries, keys].
  static func scores(
    _ x: inout Expansion, _ q: HeadVectors, _ k: HeadVectors, scale: Double
  ) throws(ExpansionFault) -> ValueID {
    let query = try q.split(&x).id
    let scaled = try x.pair(.multiply, query, x.scalar(scale, x[query].type))
    let key = try k.split(&x).repeated(&x, to: q.heads).id
    return try x.matrixProduct(scaled, try x.transpose(key, [0, 1, 3, 2]))
  }

  /// probabilities · v.
  static func gathered(
    _ x: inout Expansion, _ probabilities: ValueID, _ v: HeadVectors
  ) throws(ExpansionFault) -> HeadVectors {
    let value = try v.split(&x).repeated(&x, to: x[probabilities].shape[1]).id
    let result = try x.matrixProduct(probabilities, value)
    return try HeadVectors(x, split: result)
  }

  /// What hides keys, to be added to scores.
  static func visibility(
    _ x: inout Expansion, _ visibility: Visibility, _ lengths: ValueID?, _ type: ElementType
  ) throws(ExpansionFault) -> ValueID {
    let inputs: [ValueID?] = lengths == nil ? [] : [lengths]
    return try x.cast(try x.emitAll(.sequence(.visibility(visibility)), inputs)[0], to: type)
  }

  static func sum(
    _ x: inout Expansion, _ a: ValueID?, _ b: ValueID?
  ) throws(ExpansionFault) -> ValueID? {
    guard let a else { return b }
    guard let b else { return a }
    return try x.pair(.add, a, b)
  }

  /// A mask as an addend of four axes: bool becomes 0 and −∞; keys that it leaves out are hidden.
  static func addend(
    _ x: inout Expansion, _ mask: ValueID, keys: Int, _ type: ElementType
  ) throws(ExpansionFault) -> ValueID {
    var addend = mask
    if x[mask].type == .bool {
      addend = try x.emit(.select, mask, x.scalar(0, type), x.scalar(-.infinity, type))
    }
    addend = try x.cast(addend, to: type)
    let dimensions = x[addend].shape.dimensions
    guard dimensions.count <= 4 else { throw .misfit("the mask \(x[mask]) has too many axes") }
    addend = try x.reshape(addend, [Int](repeating: 1, count: 4 - dimensions.count) + dimensions)
    let missing = keys - x[addend].shape[3]
    guard missing > 0, !dimensions.isEmpty else { return addend }
    let hidden = Array(x[addend].shape.dimensions.dropLast()) + [missing]
    return try x.emitAll(
      .concat(axis: 3), [addend, try x.filled(-.infinity, hidden, type)])[0]
  }
}
