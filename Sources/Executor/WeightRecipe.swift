import GraphIR
import Kernels
import TensorBase

/// How a constant of a program is made from weights.
struct WeightRecipe: Sendable {
  enum Way: Sendable {
    /// A weight as it is.
    case stored(tensor: String)
    /// A weight in the order in which products read it; one of bytes with its scales.
    case packed(tensor: String, Fact, scales: String?)
    /// The one output of a graph without inputs.
    case computed(ShapedGraph)
  }

  /// Equal for recipes of a model that make the same.
  let number: Int
  /// The graph's and the value's, for errors.
  let graph: String
  let name: String
  /// What is made.
  let fact: Fact
  let way: Way

  var byteCount: Int { fact.byteCount }

  /// The order in which recipes are made that stay: the largest first.
  func precedes(_ other: WeightRecipe) -> Bool {
    (other.byteCount, number) < (byteCount, other.number)
  }

  /// Bytes of a weight that are unpacked at a time.
  private static let pieceByteCount = 16 << 20

  /// Bytes in use while it is made, beside the result.
  func workByteCount(_ source: WeightSource) -> Int {
    /// Bytes per element of a weight while it is loaded and cast, beside what comes of it.
    func narrow(_ tensor: String, _ fact: Fact) -> Int {
      source.stored(tensor).map { $0.type == fact.type ? 0 : $0.type.byteCount } ?? 0
    }
    switch way {
    case .stored(let tensor): return narrow(tensor, fact) * fact.shape.count
    case .packed(let tensor, let weight, _):
      let rows = pieces(of: weight, source).first?.count ?? 0
      return rows * weight.shape.count / max(1, weight.shape[0])
        * (weight.type.byteCount + narrow(tensor, weight))
    case .computed(let part):
      // The weights, also as they are stored, all that comes of them, and the copied result.
      return part.graph.values.indices.reduce(byteCount) { sum, index in
        let fact = part.facts[index]
        switch part.graph.values[index].origin {
        case .weight(let tensor, _):
          return sum + fact.byteCount + narrow(tensor, fact) * fact.shape.count
        case .node: return sum + fact.byteCount
        case .input, .constant: return sum
        }
      }
    }
  }

  /// - Throws: what the source throws; `ExecutionError.wrongWeight`.
  func make(_ source: WeightSource, options: ExecutionOptions) throws -> Tensor {
    switch way {
    case .stored(let tensor): return try weight(tensor, fact, source, options.threads)
    case .packed(let tensor, let weight, let scales):
      return try packed(tensor, weight, scales, source, options.threads)
    case .computed(let part):
      var stage = try Stage(part)
      try stage.bind { value in
        guard case .weight(let tensor, let fact) = value.origin else {
          preconditionFailure("'\(value.name)' is no weight")
        }
        return try weight(tensor, fact, source, options.threads)
      }
      var arena = Arena()
      let made = try stage.run([:], arena: &arena, options: options)[part.graph.outputName]
      guard let made else { preconditionFailure("'\(name)' was not made") }
      return made
    }
  }

  /// A weight's elements in the type the graph wants.
  private func weight(
    _ tensor: String, _ fact: Fact, rows: Range<Int>? = nil, _ source: WeightSource,
    _ threads: Int
  ) throws -> Tensor {
    let piece = WeightSource.Piece(name: tensor, type: fact.type, rows: rows, threads: threads)
    return try checked(
      castTensor(try source.tensor(piece), to: fact.type, threads: threads), fact)
  }

  private func checked(_ tensor: Tensor, _ fact: Fact) throws -> Tensor {
    guard Fact(tensor.type, tensor.shape) == fact else {
      throw ExecutionError.wrongWeight(
        graph: graph, name: name, given: "\(Fact(tensor.type, tensor.shape))", expected: "\(fact)")
    }
    return tensor
  }

  /// Packs a weight, piece by piece where the source has pieces, so that a large one is not in
  /// memory twice.
  private func packed(
    _ tensor: String, _ weight: Fact, _ scales: String?, _ source: WeightSource, _ threads: Int
  ) throws -> Tensor {
    let scales = try scales.map {
      try self.weight($0, Fact(.f32, [weight.shape[0]]), source, threads)
    }
    let storage = TensorStorage(AlignedBytes(uninitializedCount: byteCount))
    let (depth, panel) = (fact.shape[1], fact.shape[2])
    for rows in pieces(of: weight, source) {
      let piece = try self.weight(
        tensor, Fact(weight.type, Shape([rows.count] + weight.shape.dimensions.dropFirst())),
        rows: rows.count == weight.shape[0] ? nil : rows, source, threads)
      let panels = (rows.count + panel - 1) / panel
      packWeight(
        MutableTensorView(
          type: fact.type, shape: [panels, depth, panel], storage: storage,
          byteOffset: rows.lowerBound * depth * fact.type.byteCount),
        piece.view, scales: scales.map { $0.part(rows).view }, threads: threads)
    }
    return Tensor(MutableTensorView(type: fact.type, shape: fact.shape, storage: storage))
  }

  /// The rows of a weight, so many at a time: panels as they are packed; all where the source has no
  /// rows.
  private func pieces(of weight: Fact, _ source: WeightSource) -> [Range<Int>] {
    let (rows, panel) = (weight.shape[0], fact.shape[2])
    guard source.hasRows else { return [0..<rows] }
    let fitting = Self.pieceByteCount / max(1, weight.rowByteCount * panel)
    let step = max(1, fitting) * panel
    return stride(from: 0, to: rows, by: step).map { $0..<min(rows, $0 + step) }
  }
}

extension Tensor {
  /// Some elements of a vector.
  fileprivate func part(_ range: Range<Int>) -> Tensor {
    if range == 0..<shape.count { return self }
    return Tensor.written(type, [range.count]) { bytes in
      copy(elements: range, as: type, into: &bytes)
    }
  }
}

extension Fact {
  fileprivate var rowByteCount: Int { byteCount / max(1, shape[0]) }
}

extension Graph {
  fileprivate var outputName: String { self[outputs[0]].name }
}
