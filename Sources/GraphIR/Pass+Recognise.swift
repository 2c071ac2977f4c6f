import TensorBase

extension ShapedGraph {
  /// Finds functions and norms that a model spells out in small steps, and puts the op that does
  /// them at once in their place: SiLU, GELU by the error function, gated halves, layer norm, and
  /// group norm by way of a norm of each instance. What nothing else reads then vanishes.
  package func recognised() -> ShapedGraph {
    var result = self
    var finder = PatternFinder(self)
    result.graph.nodes = []
    for index in graph.nodes.indices {
      if let node = finder.replacement(for: index) { finder.note(node, at: index) }
      result.graph.nodes += finder.takeBefore()
      result.graph.nodes.append(finder.node(index))
    }
    for (value, fact) in finder.added {
      result.graph.values.append(value)
      result.facts.append(fact)
    }
    return result.pruned(to: graph.outputs)
  }
}

/// Looks at what stands before a node; nodes that were replaced count as what they are now.
private struct PatternFinder {
  private let shaped: ShapedGraph
  private var nodes: [Node]
  private let producers: [Int?]
  private var taken: Set<String>
  /// Values that replacements need, to stand behind the graph's own.
  private(set) var added: [(value: Value, fact: Fact)] = []
  /// Nodes that compute them, to stand before the replacement.
  private var before: [Node] = []

  init(_ shaped: ShapedGraph) {
    self.shaped = shaped
    nodes = shaped.graph.nodes
    producers = shaped.graph.producers
    taken = Set(shaped.graph.values.map(\.name))
  }

  mutating func note(_ node: Node, at index: Int) { nodes[index] = node }

  func node(_ index: Int) -> Node { nodes[index] }

  mutating func takeBefore() -> [Node] {
    defer { before = [] }
    return before
  }

  mutating func replacement(for index: Int) -> Node? {
    let node = nodes[index]
    switch node.op {
    case .binary(.multiply):
      guard let output = node.outputs[0] else { return nil }
      if let x = silu(node) {
        return Node(name: node.name, op: .unary(.silu), inputs: [x], outputs: [output])
      }
      if let x = gelu(output) {
        return Node(name: node.name, op: .unary(.gelu), inputs: [x], outputs: [output])
      }
      if let (x, function) = gated(node) {
        return Node(name: node.name, op: .gated(function), inputs: [x], outputs: [output])
      }
      return nil
    case .binary(.add): return layerNorm(node) ?? groupNorm(node)
    default: return nil
    }
  }

  // MARK: Functions

  /// x of x · sigmoid(x).
  private func silu(_ node: Node) -> ValueID? {
    for (a, b) in pairs(node) {
      if unary(b, .sigmoid) == a { return a }
    }
    return nil
  }

  /// x of ½ · x · (1 + erf(x / √2)), its factors in any order.
  private func gelu(_ output: ValueID) -> ValueID? {
    var number = 1.0
    var rest: [ValueID] = []
    var open = [output]
    while let id = open.popLast() {
      if let factor = scalar(id) {
        number *= factor
      } else if let factors = binary(id, .multiply), rest.count + open.count < 4 {
        open += [factors.0, factors.1]
      } else if let (x, divisor) = binary(id, .divide), let divisor = scalar(divisor), divisor != 0,
        id != output
      {
        number /= divisor
        open.append(x)
      } else {
        rest.append(id)
      }
    }
    guard rest.count == 2, abs(number - 0.5) < 1e-6 else { return nil }
    for (x, sum) in [(rest[0], rest[1]), (rest[1], rest[0])] {
      guard let (p, q) = binary(sum, .add) else { continue }
      for (erf, one) in [(p, q), (q, p)] {
        guard scalar(one) == 1, let argument = errorFunction(erf) else { continue }
        if let (y, divisor) = binary(argument, .divide), y == x, let divisor = scalar(divisor),
          abs(divisor - 1.4142135623730951) < 1e-5
        {
          return shaped[x] == shaped[output] ? x : nil
        }
        for (y, factor) in both(binary(argument, .multiply)) where y == x {
          if let factor = scalar(factor), abs(factor - 0.7071067811865476) < 1e-5 {
            return shaped[x] == shaped[output] ? x : nil
          }
        }
      }
    }
    return nil
  }

  /// x of first half · f(second half).
  private func gated(_ node: Node) -> (ValueID, Unary)? {
    for (a, b) in pairs(node) {
      guard let producer = producer(b), case .unary(let function) = producer.op,
        function.isActivation, let argument = producer.inputs[0],
        let (x, first) = slice(a), let (y, second) = slice(argument), x == y
      else { continue }
      let shape = shaped[x].shape
      guard shape.rank > 0, shape[-1] % 2 == 0 else { continue }
      let half = shape[-1] / 2
      if first == Slice(axis: shape.rank - 1, start: 0, end: half),
        second == Slice(axis: shape.rank - 1, start: half, end: 2 * half)
      {
        return (x, function)
      }
    }
    return nil
  }

  // MARK: Norms

  /// (x − mean) / √(mean of squares + ε) · scale + shift over the last axis.
  private func layerNorm(_ node: Node) -> Node? {
    for (product, shift) in pairs(node) {
      for (quotient, scale) in both(binary(product, .multiply)) {
        guard let (difference, deviation) = binary(quotient, .divide),
          let root = unary(deviation, .sqrt), let (x, mean) = binary(difference, .subtract),
          meanArgument(mean) == x
        else { continue }
        for (variance, epsilon) in both(binary(root, .add)) {
          guard let epsilon = scalar(epsilon), let squares = meanArgument(variance),
            let factors = binary(squares, .multiply), factors.0 == difference,
            factors.1 == difference
          else { continue }
          let width = shaped[x].shape[-1]
          guard shaped[scale] == Fact(.f32, [width]), shaped[shift] == Fact(.f32, [width]) else {
            continue
          }
          return Node(
            name: node.name, op: .layerNorm(epsilon: epsilon), inputs: [x, scale, shift],
            outputs: node.outputs)
        }
      }
    }
    return nil
  }

  /// x seen as [batch, groups, …], normalised per instance, seen as x again, scaled and shifted per
  /// channel.
  private mutating func groupNorm(_ node: Node) -> Node? {
    for (product, shift) in pairs(node) {
      for (normal, scale) in both(binary(product, .multiply)) {
        guard let x = normalisedPerGroup(normal), shaped[x.source] == shaped[normal],
          let output = node.outputs[0], shaped[output] == shaped[normal]
        else { continue }
        let channels = shaped[normal].shape[1]
        guard isPerChannel(scale, channels, of: normal), isPerChannel(shift, channels, of: normal)
        else { continue }
        let gamma = flat(scale, channels), beta = flat(shift, channels)
        return Node(
          name: node.name,
          op: .groupNorm(GroupNorm(groups: x.groups, epsilon: x.epsilon)),
          inputs: [x.source, gamma, beta], outputs: node.outputs)
      }
    }
    return nil
  }

  private func normalisedPerGroup(
    _ id: ValueID
  ) -> (source: ValueID, groups: Int, epsilon: Double)? {
    guard let folded = reshaped(id), let norm = producer(folded),
      case .groupNorm(let attributes) = norm.op, attributes.activation == nil,
      attributes.layout == .channelsFirst, let inner = norm.inputs[0],
      attributes.groups == shaped[inner].shape[1], let ones = norm.inputs[1],
      let zeros = norm.inputs[2], isFilled(ones, 1), isFilled(zeros, 0),
      let source = reshaped(inner)
    else { return nil }
    let shape = shaped[source].shape
    guard shape.rank >= 3, shape[0] == shaped[inner].shape[0], attributes.groups > 0,
      shape[1] % attributes.groups == 0
    else { return nil }
    return (source, attributes.groups, attributes.epsilon)
  }

  /// Whether a value [channels, 1, …] or [1, channels, 1, …] broadcasts along a picture's channels.
  private func isPerChannel(_ id: ValueID, _ channels: Int, of picture: ValueID) -> Bool {
    let shape = shaped[id].shape, rank = shaped[picture].shape.rank
    return shaped[id].type == .f32 && shape.count == channels && shape.rank >= rank - 1
      && shape.rank <= rank && shape[shape.rank - rank + 1] == channels
  }

  /// The same elements as [channels].
  private mutating func flat(_ id: ValueID, _ channels: Int) -> ValueID {
    if let source = reshaped(id), shaped[source] == Fact(.f32, [channels]) { return source }
    var name = "\(shaped.graph[id].name)@channels"
    while !taken.insert(name).inserted { name += "'" }
    let flat = ValueID(shaped.graph.values.count + added.count)
    added.append((Value(name: name, origin: .node), Fact(.f32, [channels])))
    before.append(
      Node(name: name, op: .reshape([.size(channels)]), inputs: [id], outputs: [flat]))
    return flat
  }

  // MARK: Looking

  private func producer(_ id: ValueID) -> Node? { producers[id.index].map { nodes[$0] } }

  private func both(_ operands: (ValueID, ValueID)?) -> [(ValueID, ValueID)] {
    operands.map { [$0, ($0.1, $0.0)] } ?? []
  }

  private func pairs(_ node: Node) -> [(ValueID, ValueID)] {
    guard let a = node.inputs[0], let b = node.inputs[1] else { return [] }
    return [(a, b), (b, a)]
  }

  private func binary(_ id: ValueID, _ function: Binary) -> (ValueID, ValueID)? {
    guard let node = producer(id), node.op == .binary(function), let a = node.inputs[0],
      let b = node.inputs[1]
    else { return nil }
    return (a, b)
  }

  private func unary(_ id: ValueID, _ function: Unary) -> ValueID? {
    guard let node = producer(id), node.op == .unary(function) else { return nil }
    return node.inputs[0]
  }

  private func errorFunction(_ id: ValueID) -> ValueID? {
    guard let node = producer(id), node.op == .arithmetic(.map(.erf)) else { return nil }
    return node.inputs[0]
  }

  private func reshaped(_ id: ValueID) -> ValueID? {
    guard let node = producer(id), case .reshape = node.op else { return nil }
    return node.inputs[0]
  }

  private func slice(_ id: ValueID) -> (ValueID, Slice)? {
    guard let node = producer(id), case .slice(let slice) = node.op, let x = node.inputs[0] else {
      return nil
    }
    return (x, slice)
  }

  /// What the value is the mean of over the last axis, which stays.
  private func meanArgument(_ id: ValueID) -> ValueID? {
    guard let node = producer(id), case .reduce(let reduction) = node.op, reduction.kind == .mean,
      reduction.keepsAxes, let x = node.inputs[0], reduction.axes == [shaped[x].shape.rank - 1]
    else { return nil }
    return x
  }

  private func elements(_ id: ValueID) -> Tensor? {
    if case .constant(let tensor) = shaped.graph[id].origin { tensor } else { nil }
  }

  private func scalar(_ id: ValueID) -> Double? {
    guard let tensor = elements(id), tensor.shape.count == 1 else { return nil }
    return tensor.doubles[0]
  }

  private func isFilled(_ id: ValueID, _ number: Double) -> Bool {
    elements(id)?.doubles.allSatisfy { $0 == number } ?? false
  }
}
