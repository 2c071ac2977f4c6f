import TensorBase

extension ShapedGraph {
  /// Draws factors and addends per channel, where they depend on weights alone, into the convolution
  /// before them: its weight and bias take them up, which `split` lets happen once. That is what is
  /// left of a batch normalisation. Where there is no convolution, neighbouring ones become one.
  package func scalesFolded() -> ShapedGraph {
    var pass = ScalePass(source: self)
    pass.run()
    return pass.result.pruned(to: graph.outputs)
  }
}

/// A factor and an addend for a value's channels, [C] or of one element.
private struct ChannelChange {
  var input: ValueID
  var factor: ValueID?
  var addend: ValueID?
  var activation: Unary?
}

private struct ScalePass {
  let source: ShapedGraph
  var result: ShapedGraph
  private var taken: Set<String>
  private var isFixed: [Bool]
  private let useCounts: [Int]
  /// Where in the result's nodes a value of the source is computed.
  private var producers: [Int: Int] = [:]
  private var nodes: [Node?] = []

  init(source: ShapedGraph) {
    self.source = source
    result = source
    result.graph.nodes = []
    taken = Set(source.graph.values.map(\.name))
    isFixed = source.graph.dependsOnWeightsOnly
    useCounts = source.graph.useCounts
  }

  mutating func run() {
    for node in source.graph.nodes {
      let folded = change(node).flatMap { fold($0, node) }
      for case let output? in node.outputs { producers[output.index] = nodes.count }
      nodes.append(folded ?? node)
    }
    result.graph.nodes = nodes.compactMap { $0 }
  }

  /// What a node does to each channel of one of its inputs, if that is all it does.
  private func change(_ node: Node) -> ChannelChange? {
    guard node.inputs.allSatisfy({ $0 != nil }), let output = node.outputs[0],
      source[output].type == .f32, source[output].shape.rank >= 3
    else { return nil }
    let inputs = node.inputs.compactMap { $0 }
    switch node.op {
    case .imaging(.channelAffine(let affine))
    where affine.layout == .channelsFirst && isFixed[inputs[1].index] && isFixed[inputs[2].index]:
      return ChannelChange(
        input: inputs[0], factor: inputs[1], addend: inputs[2], activation: affine.activation)
    case .binary(let function) where function == .add || function == .multiply:
      for (place, other) in [(0, 1), (1, 0)] {
        let (image, numbers) = (inputs[place], inputs[other])
        guard isFixed[numbers.index], !isFixed[image.index],
          source[image].shape == source[output].shape,
          isPerChannel(source[numbers].shape, of: source[image].shape)
        else { continue }
        return function == .add
          ? ChannelChange(input: image, addend: numbers)
          : ChannelChange(input: image, factor: numbers)
      }
      return nil
    default: return nil
    }
  }

  private func isPerChannel(_ shape: Shape, of image: Shape) -> Bool {
    if shape.count == 1 { return shape.rank <= image.rank }
    let channel = image.rank - 1
    return shape.rank >= channel && shape.rank <= image.rank && shape.count == image[1]
      && shape[-channel] == image[1]
  }

  /// The channels of what the change is applied to, when it fits the bias of the node before.
  private func channels(of change: ChannelChange, behind before: Node) -> Int? {
    let channels = source[change.input].shape[1]
    guard let bias = before.input(2) else {
      return change.addend.map { result[$0].shape.count == channels } ?? true ? channels : nil
    }
    return isFixed[bias.index] ? channels : nil
  }

  /// The node that computes the change's result together with its input, at the place of `node`.
  private mutating func fold(_ change: ChannelChange, _ node: Node) -> Node? {
    guard useCounts[change.input.index] == 1, let place = producers[change.input.index],
      var before = nodes[place], before.outputs.allSatisfy({ $0 == nil || $0 == change.input })
    else { return nil }
    switch before.op {
    case .convolution(var attributes)
    where attributes.activation == nil && attributes.layout == .channelsFirst
      && attributes.packed == nil && before.input(3) == nil && before.input(4) == nil:
      guard let weight = before.inputs[1], isFixed[weight.index],
        let channels = channels(of: change, behind: before)
      else { return nil }
      if let factor = change.factor {
        let count = result[factor].shape.count
        before.inputs[1] = computed(
          .multiply, weight, reshaped(factor, [count, 1, 1, 1]), like: weight)
      }
      let bias = scaled(before.input(2), change, channels)
      while before.inputs.count < 3 { before.inputs.append(nil) }
      before.inputs[2] = bias
      attributes.activation = change.activation
      before.op = .convolution(attributes)
    case .imaging(.transposedConvolution(_, groups: 1, .channelsFirst))
    where change.activation == nil:
      guard let weight = before.inputs[1], isFixed[weight.index],
        let channels = channels(of: change, behind: before)
      else { return nil }
      if let factor = change.factor {
        let shape =
          [1, result[factor].shape.count]
          + source[weight].shape.dimensions.dropFirst(2).map { _ in 1 }
        before.inputs[1] = computed(.multiply, weight, reshaped(factor, shape), like: weight)
      }
      let bias = scaled(before.input(2), change, channels)
      while before.inputs.count < 3 { before.inputs.append(nil) }
      before.inputs[2] = bias
    case .imaging(.channelAffine(let affine))
    where affine.activation == nil && affine.layout == .channelsFirst:
      guard let scale = before.inputs[1], let shift = before.inputs[2], isFixed[scale.index],
        isFixed[shift.index]
      else { return nil }
      let channels = source[change.input].shape[1]
      if let factor = change.factor {
        before.inputs[1] = computed(.multiply, scale, flat(factor), like: scale)
      }
      before.inputs[2] = scaled(shift, change, channels)
      before.op = .imaging(.channelAffine(ChannelAffine(activation: change.activation)))
    default: return nil
    }
    nodes[place] = nil
    before.outputs = node.outputs
    return before
  }

  /// addend · factor + change's addend, [channels].
  private mutating func scaled(
    _ addend: ValueID?, _ change: ChannelChange, _ channels: Int
  ) -> ValueID? {
    var value = addend
    if let known = value, let factor = change.factor {
      value = computed(.multiply, known, flat(factor), like: known)
    }
    guard let other = change.addend else { return value }
    guard let known = value else { return flat(other) }
    return computed(.add, known, flat(other), like: known)
  }

  private mutating func flat(_ id: ValueID) -> ValueID {
    reshaped(id, [result[id].shape.count])
  }

  private mutating func reshaped(_ id: ValueID, _ dimensions: [Int]) -> ValueID {
    if result[id].shape.dimensions == dimensions { return id }
    return add(
      .reshape(dimensions.map { .size($0) }), [id], Fact(result[id].type, Shape(dimensions)))
  }

  private mutating func computed(
    _ function: Binary, _ a: ValueID, _ b: ValueID, like fact: ValueID
  ) -> ValueID {
    add(.binary(function), [a, b], result[fact])
  }

  private mutating func add(_ op: Op, _ inputs: [ValueID], _ fact: Fact) -> ValueID {
    let name = "\(result.graph[inputs[0]].name)@folded"
    let output = result.graph.addValue(named: name, taken: &taken)
    result.facts.append(fact)
    isFixed.append(true)
    nodes.append(Node(name: name, op: op, inputs: inputs, outputs: [output]))
    return output
  }
}
