import GraphIR
import TensorBase

/// Puts attention nodes, each with its tap, where a graph of calls spells attention out.
///
/// What is not recognised stays as it is. Probabilities that something else reads are computed as
/// before.
///
/// - Parameter surveys: of the same graph, at sizes that differ: what does not look the same in all
///   of them depends on the sizes and is left alone.
package func fusingAttention(_ graph: Graph, _ surveys: [Survey]) -> Graph {
  guard let survey = surveys.first else { return graph }
  let finders = surveys.map { AttentionFinder(graph, $0) }
  var fusion = AttentionFusion(graph, survey)
  for index in graph.nodes.indices {
    if let match = finders[0].match(index),
      finders.dropFirst().allSatisfy({ $0.match(index) == match })
    {
      fusion.replace(match)
    }
  }
  return fusion.result
}

private struct AttentionFusion {
  private let source: Graph
  private let survey: Survey
  private var graph: Graph
  private var taken: Set<String>
  private var layers = Set<String>()
  /// What stands in the place of a node of the source.
  private var replacements: [Int: [Node]] = [:]

  init(_ source: Graph, _ survey: Survey) {
    self.source = source
    self.survey = survey
    graph = source
    taken = Set(source.values.map(\.name))
  }

  var result: Graph {
    if replacements.isEmpty { return source }
    var result = graph
    result.nodes = source.nodes.enumerated().flatMap { replacements[$0] ?? [$1] }
    return result.removingDeadNodes()
  }

  mutating func replace(_ match: AttentionMatch) {
    guard replacements[match.node] == nil, let output = source.nodes[match.node].outputs[0],
      let type = survey.fact(output)?.type
    else { return }
    var name = match.name
    var number = 2
    while !layers.insert(name).inserted {
      name = "\(match.name)#\(number)"
      number += 1
    }
    var writer = LayerWriter(name: name, graph: graph, taken: taken)
    let query = writer.together(match.query, match.heads, survey.fact(match.query.id)?.type ?? type)
    let key = writer.together(match.key, match.heads, survey.fact(match.key.id)?.type ?? type)
    let value = writer.together(match.value, match.heads, survey.fact(match.value.id)?.type ?? type)
    var mask: ValueID?
    for part in match.masks {
      guard let fact = survey.fact(part.id), let scores = scoreShape(match),
        let next = writer.mask(part, fact, match.heads, scores)
      else { return }
      guard let sum = mask else {
        mask = next
        continue
      }
      mask = writer.emit(.binary(.add), [sum, next])
    }
    let attended = writer.attention(
      Attention(heads: match.heads, scale: Float(match.scale), isCausal: match.isCausal),
      query, key, value, mask)
    writer.apart(attended, match.output, match.heads, match.value.width, type, into: output)
    graph = writer.graph
    taken = writer.taken
    replacements[match.node] = writer.nodes
  }

  /// [batch, heads, queries, keys]
  private func scoreShape(_ match: AttentionMatch) -> [Int]? {
    guard let query = survey.fact(match.query.id)?.shape,
      let key = survey.fact(match.key.id)?.shape
    else { return nil }
    switch match.query.layout {
    case .headsApart:
      return [query[0], query[1], query[2], match.key.layout == .headsApart ? key[2] : key[3]]
    case .headsInBatch: return [query[0] / match.heads, match.heads, query[1], key[2]]
    case .together: return [query[0], match.heads, query[1], key[1]]
    case .headsApartTurned, .headsInBatchTurned: return nil
    }
  }
}

/// Writes the nodes of one layer.
private struct LayerWriter {
  let name: String
  var graph: Graph
  var taken: Set<String>
  private(set) var nodes: [Node] = []

  init(name: String, graph: Graph, taken: Set<String>) {
    self.name = name
    self.graph = graph
    self.taken = taken
  }

  mutating func emit(_ op: Op, _ inputs: [ValueID?], into output: ValueID? = nil) -> ValueID {
    let output = output ?? graph.addValue(named: "\(name).\(op.name)", taken: &taken)
    nodes.append(Node(name: name, op: op, inputs: inputs, outputs: [output]))
    return output
  }

  private mutating func scalar(_ value: Float) -> ValueID {
    let id = graph.addValue(named: "\(name).constant", taken: &taken)
    graph.values[id.index].origin = .constant(Tensor(scalar: value))
    return id
  }

  /// An operand as [batch, tokens, heads · width], f32.
  mutating func together(
    _ operand: AttentionMatch.Operand, _ heads: Int, _ type: ElementType
  ) -> ValueID {
    var id = operand.id
    if type != .f32 { id = emit(.cast(.f32), [id]) }
    let all = ReshapeDimension.size(heads * operand.width)
    switch operand.layout {
    case .together: return id
    case .headsInBatch:
      if heads == 1 { return id }
      id = emit(
        .reshape([.rest, .size(heads), .like(input: 0, axis: 1), .size(operand.width)]), [id])
      id = emit(.transpose([0, 2, 1, 3]), [id])
    case .headsApart: id = emit(.transpose([0, 2, 1, 3]), [id])
    case .headsInBatchTurned:
      if heads == 1 { return emit(.transpose([0, 2, 1]), [id]) }
      id = emit(
        .reshape([.rest, .size(heads), .size(operand.width), .like(input: 0, axis: 2)]), [id])
      id = emit(.transpose([0, 3, 1, 2]), [id])
    case .headsApartTurned: id = emit(.transpose([0, 3, 1, 2]), [id])
    }
    return emit(.reshape([.like(input: 0, axis: 0), .like(input: 0, axis: 1), all]), [id])
  }

  /// [batch, tokens, heads · width] as the model has it, into a value of the model.
  mutating func apart(
    _ attended: ValueID, _ layout: AttentionMatch.Operand.Layout, _ heads: Int, _ width: Int,
    _ type: ElementType, into output: ValueID
  ) {
    var steps: [Op] = []
    if layout != .together, !(layout == .headsInBatch && heads == 1) {
      steps.append(
        .reshape([
          .like(input: 0, axis: 0), .like(input: 0, axis: 1), .size(heads), .size(width),
        ]))
      steps.append(.transpose([0, 2, 1, 3]))
      if layout == .headsInBatch {
        steps.append(.reshape([.rest, .like(input: 0, axis: 2), .size(width)]))
      }
    }
    if type != .f32 { steps.append(.cast(type)) }
    if steps.isEmpty { steps.append(.identity) }
    var id = attended
    for (index, step) in steps.enumerated() {
      id = emit(step, [id], into: index == steps.count - 1 ? output : nil)
    }
  }

  /// A mask as f32 of four axes, to be added to [batch, heads, queries, keys]; nil when it does not
  /// fit these.
  mutating func mask(
    _ mask: AttentionMatch.Mask, _ fact: Fact, _ heads: Int, _ scores: [Int]
  ) -> ValueID? {
    func like(_ axis: Int) -> ReshapeDimension { .like(input: 0, axis: axis) }
    var id = mask.id
    let shape = fact.shape
    var dimensions: [Int]
    switch shape.rank {
    case 0:
      id = emit(.reshape([.size(1), .size(1), .size(1), .size(1)]), [id])
      dimensions = [1, 1, 1, 1]
    case 1:
      id = emit(.reshape([.size(1), .size(1), .size(1), like(0)]), [id])
      dimensions = [1, 1, 1, shape[0]]
    case 2:
      id = emit(.reshape([.size(1), .size(1), like(0), like(1)]), [id])
      dimensions = [1, 1, shape[0], shape[1]]
    case 3 where shape[0] == scores[0] * heads && shape[0] != heads:
      id = emit(.reshape([.rest, .size(heads), like(1), like(2)]), [id])
      dimensions = [scores[0], heads, shape[1], shape[2]]
    case 3:
      id = emit(.reshape([.size(1), like(0), like(1), like(2)]), [id])
      dimensions = [1, shape[0], shape[1], shape[2]]
    case 4: dimensions = shape.dimensions
    default: return nil
    }
    guard zip(dimensions, scores).allSatisfy({ $0 == 1 || $0 == $1 }) else { return nil }
    if let keeps = mask.keeps {
      let (zero, never) = (scalar(0), scalar(-.infinity))
      return emit(.select, keeps ? [id, zero, never] : [id, never, zero])
    }
    if fact.type != .f32 { id = emit(.cast(.f32), [id]) }
    return mask.factor == 1 ? id : emit(.binary(.multiply), [id, scalar(Float(mask.factor))])
  }

  mutating func attention(
    _ attributes: Attention, _ query: ValueID, _ key: ValueID, _ value: ValueID, _ mask: ValueID?
  ) -> ValueID {
    let output = graph.addValue(named: "\(name).attended", taken: &taken)
    let probabilities = graph.addValue(named: "\(name).probabilities", taken: &taken)
    nodes.append(
      Node(
        name: name, op: .attention(attributes), inputs: [query, key, value, mask],
        outputs: [output, probabilities]))
    return output
  }
}
