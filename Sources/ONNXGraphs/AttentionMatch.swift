import GraphIR
import TensorBase

/// Attention as an exported graph spells it out: two products with a softmax between.
struct AttentionMatch: Equatable {
  /// The node whose output the attention gives: the second product, or the fused operator.
  var node: Int
  /// What people call the layer.
  var name: String
  var query: Operand
  var key: Operand
  var value: Operand
  var heads: Int
  var scale: Double
  var isCausal = false
  var masks: [Mask] = []
  /// How the output lies: like the queries.
  var output: Operand.Layout

  struct Operand: Equatable {
    /// How heads and tokens lie in a value.
    enum Layout: Hashable {
      /// [batch, heads, tokens, width]
      case headsApart
      /// [batch, heads, width, tokens]: keys as the product wants them.
      case headsApartTurned
      /// [batch · heads, tokens, width]
      case headsInBatch
      /// [batch · heads, width, tokens]
      case headsInBatchTurned
      /// [batch, tokens, heads · width]
      case together
    }

    var id: ValueID
    var layout: Layout
    /// Of one head.
    var width: Int
  }

  /// What is added to the scores.
  struct Mask: Equatable {
    var id: ValueID
    var factor: Double
    /// Where the value is a condition: the sum is 0 where it has this truth, −∞ elsewhere.
    var keeps: Bool?
  }
}

/// Looks for attention in a graph of calls, with the shapes that one choice of input sizes gives.
struct AttentionFinder {
  let graph: Graph
  let survey: Survey
  let producers: [Int?]
  private let readers: [[Int]]

  init(_ graph: Graph, _ survey: Survey) {
    self.graph = graph
    self.survey = survey
    producers = graph.producers
    var readers = [[Int]](repeating: [], count: graph.values.count)
    for (index, node) in graph.nodes.enumerated() {
      for case let input? in node.inputs { readers[input.index].append(index) }
    }
    self.readers = readers
  }

  /// The attention that the node belongs to as softmax or as fused operator.
  func match(_ index: Int) -> AttentionMatch? {
    guard case .call(let call) = graph.nodes[index].op else { return nil }
    switch (call.domain, call.name) {
    case ("", "Softmax"): return decomposed(index, call)
    case ("", "Attention"): return standard(index, call)
    case ("com.microsoft", "MultiHeadAttention"): return multiHead(index, call)
    default: return nil
    }
  }

  // MARK: Product, softmax, product

  private func decomposed(_ index: Int, _ call: OperatorCall) -> AttentionMatch? {
    let node = graph.nodes[index]
    guard let input = node.inputs.first ?? nil, let fact = survey.fact(input),
      fact.type.isFloatingPoint, fact.shape.rank == 3 || fact.shape.rank == 4
    else { return nil }
    var axis = call.version < 13 ? 1 : -1
    if case .int(let given) = call.attributes["axis"] { axis = given }
    guard axis == -1 || axis == fact.shape.rank - 1, let output = node.outputs.first ?? nil,
      let (second, value) = secondProduct(of: output),
      var scores = scores(input, factor: 1, masks: [])
    else { return nil }

    let (q, qFactor) = unscaled(scores.query)
    let (k, kFactor) = unscaled(scores.key)
    scores.factor *= qFactor * kFactor
    guard let qFact = survey.fact(q), let kFact = survey.fact(k), let vFact = survey.fact(value),
      let result = graph.nodes[second].outputs[0], let outFact = survey.fact(result),
      qFact.shape.rank == kFact.shape.rank, qFact.shape.rank == vFact.shape.rank,
      qFact.shape.rank == outFact.shape.rank, qFact.shape.rank == 3 || qFact.shape.rank == 4,
      qFact.shape[-1] == kFact.shape[-2], kFact.shape[-1] == vFact.shape[-2],
      qFact.type == kFact.type,
      // Scores may be made in f32 where all else is of half precision.
      qFact.type == vFact.type
        || (qFact.type == .f32 && (vFact.type == .f16 || vFact.type == .bf16))
    else { return nil }
    let lead = qFact.shape.dimensions.dropLast(2)
    guard kFact.shape.dimensions.dropLast(2) == lead, vFact.shape.dimensions.dropLast(2) == lead
    else { return nil }

    let isApart = qFact.shape.rank == 4
    let heads =
      isApart
      ? qFact.shape[1]
      : scores.heads ?? headCount(behind: q)
        ?? headCount(behind: value) ?? 1
    guard heads > 0, isApart || qFact.shape[0] % heads == 0 else { return nil }
    return AttentionMatch(
      node: second, name: layerName(node.name),
      query: .init(id: q, layout: isApart ? .headsApart : .headsInBatch, width: qFact.shape[-1]),
      key: .init(
        id: k, layout: isApart ? .headsApartTurned : .headsInBatchTurned, width: qFact.shape[-1]),
      value: .init(
        id: value, layout: isApart ? .headsApart : .headsInBatch, width: vFact.shape[-1]),
      heads: heads, scale: scores.factor, masks: scores.masks,
      output: isApart ? .headsApart : .headsInBatch)
  }

  /// The product of the probabilities with the values, and the values.
  private func secondProduct(of probabilities: ValueID) -> (node: Int, value: ValueID)? {
    var id = probabilities
    // Steps that change nothing at inference.
    for _ in 0..<8 {
      for reader in readers[id.index] {
        guard let call = call(reader) else { continue }
        let node = graph.nodes[reader]
        if call.name == "MatMul", node.inputs[0] == id, let value = node.inputs[1] {
          return (reader, value)
        }
      }
      let next = readers[id.index].first { reader in
        guard let call = call(reader) else { return false }
        return ["Cast", "Identity", "Dropout", "Reshape"].contains(call.name)
          && graph.nodes[reader].inputs[0] == id
      }
      guard let next, let output = graph.nodes[next].outputs[0], let before = survey.fact(id),
        let after = survey.fact(output), after.type.isFloatingPoint,
        after.shape.dimensions.suffix(2) == before.shape.dimensions.suffix(2)
      else { return nil }
      id = output
    }
    return nil
  }

  private struct Scores {
    var query: ValueID
    var key: ValueID
    var factor: Double
    var masks: [AttentionMatch.Mask]
    /// Known when the scores were seen with the heads apart on the way.
    var heads: Int?
  }

  /// Walks from the softmax's input up to the product that made the scores.
  private func scores(
    _ id: ValueID, factor: Double, masks: [AttentionMatch.Mask], depth: Int = 0
  ) -> Scores? {
    guard depth < 16, let producer = producers[id.index], let call = call(producer),
      call.domain.isEmpty, let fact = survey.fact(id)
    else { return nil }
    let node = graph.nodes[producer]
    func input(_ index: Int) -> ValueID? {
      node.inputs.indices.contains(index) ? node.inputs[index] : nil
    }
    func up(
      _ id: ValueID?, _ factor: Double, _ masks: [AttentionMatch.Mask]
    ) -> Scores? {
      guard let id, let before = survey.fact(id), before.type.isFloatingPoint,
        before.shape.dimensions.suffix(2) == fact.shape.dimensions.suffix(2)
      else { return nil }
      var found = scores(id, factor: factor, masks: masks, depth: depth + 1)
      if fact.shape.rank == 4, found?.heads == nil { found?.heads = fact.shape[1] }
      return found
    }
    switch call.name {
    case "MatMul":
      guard let query = input(0), let key = input(1) else { return nil }
      return Scores(
        query: query, key: key, factor: factor, masks: masks,
        heads: fact.shape.rank == 4 ? fact.shape[1] : nil)
    case "Cast", "Identity", "Reshape": return up(input(0), factor, masks)
    case "Mul":
      if let scalar = scalar(input(1)) { return up(input(0), factor * scalar, masks) }
      if let scalar = scalar(input(0)) { return up(input(1), factor * scalar, masks) }
      return nil
    case "Div":
      guard let scalar = scalar(input(1)), scalar != 0 else { return nil }
      return up(input(0), factor / scalar, masks)
    case "Add":
      for (a, b) in [(input(0), input(1)), (input(1), input(0))] {
        guard let b else { continue }
        let more =
          isZero(b) ? [] : [AttentionMatch.Mask(id: b, factor: factor, keeps: nil)]
        if let found = up(a, factor, masks + more) { return found }
      }
      return nil
    case "Where":
      guard let condition = input(0) else { return nil }
      for (a, b, keeps) in [(input(1), input(2), true), (input(2), input(1), false)] {
        // What is so far below every score that adding a score changes nothing.
        guard let fill = scalar(b), fill * factor < -1e30 else { continue }
        let mask = AttentionMatch.Mask(id: condition, factor: 1, keeps: keeps)
        if let found = up(a, factor, masks + [mask]) { return found }
      }
      return nil
    default: return nil
    }
  }

  /// The value behind multiplications by known numbers, and their product.
  private func unscaled(_ id: ValueID) -> (ValueID, Double) {
    var id = id, factor = 1.0
    for _ in 0..<8 {
      guard let producer = producers[id.index], let call = call(producer), call.domain.isEmpty
      else { break }
      let inputs = graph.nodes[producer].inputs
      var next: ValueID?
      switch call.name {
      case "Mul":
        if let number = scalar(inputs[1]) {
          (next, factor) = (inputs[0], factor * number)
        } else if let number = scalar(inputs[0]) {
          (next, factor) = (inputs[1], factor * number)
        }
      case "Div":
        if let number = scalar(inputs[1]), number != 0 {
          (next, factor) = (inputs[0], factor / number)
        }
      case "Identity": next = inputs[0]
      default: break
      }
      guard let next, survey.fact(next) == survey.fact(id) else { break }
      id = next
    }
    return (id, factor)
  }

  /// The heads of a [batch · heads, tokens, width] that was made from [batch, heads, tokens, width].
  private func headCount(behind id: ValueID) -> Int? {
    guard let merged = survey.fact(id)?.shape else { return nil }
    var id = id
    for _ in 0..<8 {
      guard let producer = producers[id.index], let call = call(producer), call.domain.isEmpty,
        ["Reshape", "Cast", "Identity", "Mul", "Div"].contains(call.name),
        let next = graph.nodes[producer].inputs[0], let shape = survey.fact(next)?.shape
      else { return nil }
      if shape.rank == 4, shape[0] * shape[1] == merged[0], shape[2] == merged[1],
        shape[3] == merged[2]
      {
        return shape[1]
      }
      id = next
    }
    return nil
  }

  // MARK: Fused operators

  /// ONNX's own operator, version 23 and later.
  private func standard(_ index: Int, _ call: OperatorCall) -> AttentionMatch? {
    let node = graph.nodes[index]
    func attribute(_ name: String) -> OperatorAttribute? { call.attributes[name] }
    guard node.inputs.count >= 3, let q = node.inputs[0], let k = node.inputs[1],
      let v = node.inputs[2], node.inputs.dropFirst(4).allSatisfy({ $0 == nil }),
      node.outputs.dropFirst().allSatisfy({ $0 == nil }), let qFact = survey.fact(q),
      let kFact = survey.fact(k), let vFact = survey.fact(v), qFact.type == kFact.type,
      qFact.type == vFact.type, qFact.type != .f64, isZeroOrAbsent(attribute("softcap"))
    else { return nil }
    // A window hides keys, which only the operator itself knows how to do.
    for name in ["left_window_size", "right_window_size"] {
      if case .int(let size) = attribute(name), size >= 0 { return nil }
    }
    let heads: Int, keyHeads: Int, layout: AttentionMatch.Operand.Layout
    switch qFact.shape.rank {
    case 4:
      guard kFact.shape.rank == 4, vFact.shape.rank == 4 else { return nil }
      (heads, keyHeads, layout) = (qFact.shape[1], kFact.shape[1], .headsApart)
    case 3:
      guard case .int(let queries) = attribute("q_num_heads"),
        case .int(let keys) = attribute("kv_num_heads")
      else { return nil }
      (heads, keyHeads, layout) = (queries, keys, .together)
    default: return nil
    }
    guard heads == keyHeads, heads > 0 else { return nil }
    func width(_ fact: Fact) -> Int { fact.shape[-1] / (layout == .together ? heads : 1) }
    var scale = 1 / Double(max(width(qFact), 1)).squareRoot()
    if case .float(let given) = attribute("scale") { scale = Double(given) }
    var isCausal = false
    if case .int(let given) = attribute("is_causal") { isCausal = given != 0 }
    var masks: [AttentionMatch.Mask] = []
    if node.inputs.count > 3, let mask = node.inputs[3] {
      guard let fact = survey.fact(mask) else { return nil }
      // A shorter mask is filled up, which only the operator itself knows how to do.
      let tokens = kFact.shape[layout == .together ? 1 : 2]
      guard fact.shape.rank >= 2, fact.shape[-1] == tokens || fact.shape[-1] == 1 else {
        return nil
      }
      masks.append(.init(id: mask, factor: 1, keeps: fact.type == .bool ? true : nil))
    }
    return AttentionMatch(
      node: index, name: layerName(node.name),
      query: .init(id: q, layout: layout, width: width(qFact)),
      key: .init(id: k, layout: layout, width: width(kFact)),
      value: .init(id: v, layout: layout, width: width(vFact)), heads: heads, scale: scale,
      isCausal: isCausal, masks: masks, output: layout)
  }

  private func multiHead(_ index: Int, _ call: OperatorCall) -> AttentionMatch? {
    let node = graph.nodes[index]
    guard node.inputs.count >= 3, let q = node.inputs[0], let k = node.inputs[1],
      let v = node.inputs[2], node.inputs.dropFirst(3).allSatisfy({ $0 == nil }),
      node.outputs.dropFirst().allSatisfy({ $0 == nil }), let qFact = survey.fact(q),
      let kFact = survey.fact(k), let vFact = survey.fact(v), qFact.shape.rank == 3,
      kFact.shape.rank == 3, vFact.shape.rank == 3,
      case .int(let heads) = call.attributes["num_heads"],
      heads > 0, qFact.shape[2] % heads == 0
    else { return nil }
    let width = qFact.shape[2] / heads
    var scale = 1 / Double(max(width, 1)).squareRoot()
    if case .float(let given) = call.attributes["scale"], given != 0 { scale = Double(given) }
    var isCausal = false
    if case .int(let given) = call.attributes["unidirectional"] { isCausal = given != 0 }
    return AttentionMatch(
      node: index, name: layerName(node.name),
      query: .init(id: q, layout: .together, width: width),
      key: .init(id: k, layout: .together, width: width),
      value: .init(id: v, layout: .together, width: vFact.shape[2] / heads), heads: heads,
      scale: scale, isCausal: isCausal, output: .together)
  }

  private func isZeroOrAbsent(_ attribute: OperatorAttribute?) -> Bool {
    switch attribute {
    case nil, .float(0): true
    default: false
    }
  }

  // MARK: Looking

  private func call(_ index: Int) -> OperatorCall? {
    if case .call(let call) = graph.nodes[index].op { call } else { nil }
  }

  /// The one number that a value holds, when it is known.
  private func scalar(_ id: ValueID?) -> Double? {
    guard let id, let tensor = survey.elements(id), tensor.shape.count == 1 else { return nil }
    return tensor.doubles[0]
  }

  /// Whether a value is known to be zero everywhere: a product with zero, as exporters write for a
  /// mask that is not there.
  private func isZero(_ id: ValueID) -> Bool {
    if let tensor = survey.elements(id) { return tensor.doubles.allSatisfy { $0 == 0 } }
    guard let producer = producers[id.index], let call = call(producer), call.name == "Mul" else {
      return false
    }
    return graph.nodes[producer].inputs.contains { scalar($0) == 0 }
  }
}

/// The layer's module path, from the path of a node in it: `/a/b.0/attn2/Softmax` is in
/// `a.b.0.attn2`.
func layerName(_ node: String) -> String {
  guard node.hasPrefix("/") else { return node }
  let parts = node.split(separator: "/").dropLast()
  return parts.isEmpty ? node : parts.joined(separator: ".")
}
