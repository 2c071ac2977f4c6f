import GraphIR
import TensorBase

let einsumOperator = ONNXOperator(
  "Einsum", inputs: 1...anyCount, attributes: ["equation"], expand: expandEinsum)

private func expandEinsum(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let operands = try x.inputs.indices.map { index throws(ExpansionFault) in try x.input(index) }
  let shapes = operands.map { x[$0].shape }
  let einsum = try Einsum(equation: try x.string("equation", default: ""), shapes)
  let sizes: [Int]
  do throws(Misfit) { sizes = try einsum.sizes(NodeFacts(operands.map { x[$0] })) } catch {
    throw .misfit(error.reason)
  }
  let type = x[operands[0]].type
  switch type {
  case .f32, .f16, .bf16:
    // Empty sums are the plain kernel's.
    if sizes.contains(0) || operands.contains(where: { x[$0].type != type }) { break }
    let wide = try operands.map { id throws(ExpansionFault) in try x.cast(id, to: .f32) }
    return [try x.cast(try contracted(&x, einsum, wide, sizes), to: type)]
  case .f64, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool: break
  }
  return try x.emitAll(.indexing(.einsum(einsum)), operands)
}

extension Einsum {
  /// Reads `ab,bc->ac`: a letter per axis, `...` for those that are not named, which come first
  /// where no result is given, before the letters that come once, in the order of ASCII.
  fileprivate init(equation: String, _ shapes: [Shape]) throws(ExpansionFault) {
    let text = Array(equation.utf8.filter { $0 != UInt8(ascii: " ") })
    let arrow = text.indices.dropLast().first {
      text[$0] == UInt8(ascii: "-") && text[$0 + 1] == UInt8(ascii: ">")
    }
    let pieces = text[..<(arrow ?? text.count)].split(
      separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    guard pieces.count == shapes.count else {
      throw .misfit("'\(equation)' has \(pieces.count) terms for \(shapes.count) inputs")
    }
    let spelled = try pieces.map { piece throws(ExpansionFault) in
      try Einsum.letters(piece, equation)
    }
    var unnamed = 0
    for (term, shape) in zip(spelled, shapes) {
      let rest = shape.rank - term.compactMap { $0 }.count
      guard term.contains(nil) ? rest >= 0 : rest == 0 else {
        throw .misfit("'\(equation)' does not fit an input \(shape)")
      }
      unnamed = max(unnamed, rest)
    }
    // The unnamed axes are the first labels, aligned at the last of them.
    var numbers: [UInt8: Int] = [:]
    for case let letter? in spelled.joined() where numbers[letter] == nil {
      numbers[letter] = unnamed + numbers.count
    }
    func labels(_ term: [UInt8?], unnamed count: Int) -> [Int] {
      term.flatMap { letter in
        letter.map { [numbers[$0] ?? 0] } ?? Array((unnamed - count)..<unnamed)
      }
    }
    let terms = zip(spelled, shapes).map { term, shape in
      labels(term, unnamed: shape.rank - term.compactMap { $0 }.count)
    }
    if let arrow {
      let result = try Einsum.letters(text[(arrow + 2)...], equation)
      guard result.allSatisfy({ $0.map { numbers[$0] != nil } ?? true }),
        Set(result).count == result.count
      else { throw .misfit("the result of '\(equation)' has an axis that is not there, or twice") }
      self.init(terms: terms, result: labels(result, unnamed: unnamed))
    } else {
      var counts: [UInt8: Int] = [:]
      for case let letter? in spelled.joined() { counts[letter, default: 0] += 1 }
      let once = counts.filter { $0.value == 1 }.keys.sorted()
      self.init(terms: terms, result: Array(0..<unnamed) + once.map { numbers[$0] ?? 0 })
    }
  }

  /// The letters of a term, nil for its ellipsis.
  private static func letters(
    _ text: ArraySlice<UInt8>, _ equation: String
  ) throws(ExpansionFault) -> [UInt8?] {
    var letters: [UInt8?] = []
    var rest = text
    while let next = rest.first {
      if rest.starts(with: "...".utf8), !letters.contains(nil) {
        letters.append(nil)
        rest = rest.dropFirst(3)
      } else {
        guard (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(next | 0x20), next >= 0x41 else {
          throw .misfit("'\(equation)' is no equation of letters, commas, '...' and '->'")
        }
        letters.append(next)
        rest = rest.dropFirst()
      }
    }
    return letters
  }
}

/// A value with a label per axis, each once; axes of size 1 are left out.
private struct Factor {
  var id: ValueID
  var labels: [Int]
}

/// The sum of products by products of matrices, operand after operand; f32, no size 0.
private func contracted(
  _ x: inout Expansion, _ einsum: Einsum, _ operands: [ValueID], _ sizes: [Int]
) throws(ExpansionFault) -> ValueID {
  var factors: [Factor] = []
  for (id, term) in zip(operands, einsum.terms) { factors.append(try factor(&x, id, term, sizes)) }
  var product = factors[0]
  for (index, next) in factors.enumerated().dropFirst() {
    let later = Set(factors[(index + 1)...].flatMap(\.labels)).union(einsum.result)
    let left = try summed(&x, product, keeping: later.union(next.labels))
    let right = try summed(&x, next, keeping: later.union(left.labels))
    product = try multiplied(&x, left, right, keeping: later, sizes)
  }
  product = try summed(&x, product, keeping: Set(einsum.result))
  let ordered = try permuted(&x, product, einsum.result.filter { sizes[$0] != 1 })
  return try x.reshape(ordered, einsum.result.map { sizes[$0] })
}

private func factor(
  _ x: inout Expansion, _ id: ValueID, _ term: [Int], _ sizes: [Int]
) throws(ExpansionFault) -> Factor {
  var (id, term) = (id, term)
  var distinct: [Int] = []
  for label in term where !distinct.contains(label) { distinct.append(label) }
  if distinct.count < term.count {
    // A label that comes twice: its diagonal.
    let diagonal = Einsum(
      terms: [term.map { distinct.firstIndex(of: $0) ?? 0 }], result: Array(distinct.indices))
    id = try x.emit(.indexing(.einsum(diagonal)), id)
    term = distinct
  }
  let shape = x[id].shape
  let real = term.indices.filter { shape[$0] != 1 }
  return Factor(id: try x.reshape(id, real.map { shape[$0] }), labels: real.map { term[$0] })
}

/// The sum over all labels that are not kept.
private func summed(
  _ x: inout Expansion, _ factor: Factor, keeping kept: Set<Int>
) throws(ExpansionFault) -> Factor {
  let gone = factor.labels.indices.filter { !kept.contains(factor.labels[$0]) }
  if gone.isEmpty { return factor }
  return Factor(
    id: try x.emit(.reduce(Reduction(.sum, axes: gone, keepsAxes: false)), factor.id),
    labels: factor.labels.filter { kept.contains($0) })
}

private func permuted(
  _ x: inout Expansion, _ factor: Factor, _ labels: [Int]
) throws(ExpansionFault) -> ValueID {
  try x.transpose(factor.id, labels.map { factor.labels.firstIndex(of: $0) ?? 0 })
}

/// The product of two factors, summed over the labels that both have and nobody needs after.
private func multiplied(
  _ x: inout Expansion, _ a: Factor, _ b: Factor, keeping kept: Set<Int>, _ sizes: [Int]
) throws(ExpansionFault) -> Factor {
  let shared = a.labels.filter { b.labels.contains($0) }
  let batch = shared.filter { kept.contains($0) }, inner = shared.filter { !kept.contains($0) }
  let rows = a.labels.filter { !shared.contains($0) }
  let columns = b.labels.filter { !shared.contains($0) }
  func dimensions(_ labels: [Int]) -> [Int] { labels.map { sizes[$0] } }
  func count(_ labels: [Int]) throws(ExpansionFault) -> Int {
    try x.checked(dimensions(labels)).count
  }
  let labels = batch + rows + columns
  if inner.isEmpty || rows.isEmpty && columns.isEmpty {
    let left = try permuted(&x, a, batch + rows + inner)
    let right = try permuted(&x, b, batch + columns + inner)
    let product = try x.binary(
      .multiply,
      try x.reshape(left, dimensions(batch + rows) + columns.map { _ in 1 } + dimensions(inner)),
      try x.reshape(
        right, dimensions(batch) + rows.map { _ in 1 } + dimensions(columns + inner)))
    return try summed(&x, Factor(id: product, labels: labels + inner), keeping: kept)
  }
  let lead = batch.isEmpty ? [] : [try count(batch)]
  let (m, n, k) = (try count(rows), try count(columns), try count(inner))
  let left = try x.reshape(try permuted(&x, a, batch + rows + inner), lead + [m, k])
  let right = try x.reshape(try permuted(&x, b, batch + inner + columns), lead + [k, n])
  let product = try x.emit(.matMul, left, right)
  return Factor(id: try x.reshape(product, dimensions(labels)), labels: labels)
}
