import TensorBase

extension ShapedGraph {
  /// Rewrites image nodes to [N, H, W, C], the layout in which a pixel's channels are the row of a
  /// matrix product and the step to [N, tokens, C] moves nothing.
  ///
  /// Each image gets a twin in the other layout; transpositions appear only where a twin is
  /// missing, and transpositions the model had itself vanish where they lead to the twin. Weights
  /// are transposed by nodes of their own, which `split` lets run once.
  package func channelsLast() -> ShapedGraph {
    var pass = ChannelsLastPass(source: self)
    pass.run()
    return pass.result.pruned(to: pass.result.graph.outputs)
  }
}

private let toLast = [0, 2, 3, 1]
private let toFirst = [0, 3, 1, 2]
/// Takes a convolution's weight from [O, I, h, w] to [h, w, I, O].
let hwioFromOIHW = [2, 3, 1, 0]

private struct WeightTwin: Hashable {
  var weight: ValueID
  var permutation: [Int]
}

private struct ChannelsLastPass {
  let source: ShapedGraph
  /// Starts as the source without nodes; value IDs of the source stay valid.
  var result: ShapedGraph
  private var taken: Set<String>
  /// Channels-last twins by the channels-first value's index.
  private var last: [Int: ValueID] = [:]
  /// [N, H, W, g, c] twins of [N, g, c, H, W], images whose channels are split.
  private var split: [Int: ValueID] = [:]
  /// Whether the channels-first value itself has been computed.
  private var isComputed: [Bool]
  private var weightTwins: [WeightTwin: ValueID] = [:]

  init(source: ShapedGraph) {
    self.source = source
    result = source
    result.graph.nodes = []
    taken = Set(source.graph.values.map(\.name))
    isComputed = source.graph.values.map { $0.origin != .node }
  }

  mutating func run() {
    for node in source.graph.nodes { add(node) }
    for output in source.graph.outputs { materialise(output) }
  }

  private mutating func add(_ node: Node) {
    switch node.op {
    case .convolution(var attributes) where attributes.layout == .channelsFirst:
      attributes.layout = .channelsLast
      var node = node
      node.op = .convolution(attributes)
      node.inputs[0] = node.inputs[0].map { twin(of: $0) }
      node.inputs[1] = node.inputs[1].map { weightTwin(of: $0, hwioFromOIHW) }
      if let residual = node.input(4) { node.inputs[4] = twin(of: residual) }
      for index in [2, 3] {
        if let id = node.input(index) { materialise(id) }
      }
      emitTwin(node)
    case .groupNorm(var attributes)
    where attributes.layout == .channelsFirst && source.isImage(node.inputs[0]):
      attributes.layout = .channelsLast
      emitTwin(node, as: .groupNorm(attributes))
    case .upsampleNearest(var attributes) where attributes.layout == .channelsFirst:
      attributes.layout = .channelsLast
      emitTwin(node, as: .upsampleNearest(attributes))
    case .unary, .clamp, .cast, .arithmetic(.map), .arithmetic(.clip):
      if hasTwin(node.inputs[0]) { emitTwin(node, as: node.op) } else { emit(node) }
    case .binary, .arithmetic(.pair):
      if source.isImage(node.outputs[0]) && node.inputs.contains(where: hasTwin) {
        var node = node
        node.inputs = node.inputs.map { id in id.map { asImage($0) } }
        emitTwin(node)
      } else {
        emit(node)
      }
    case .imaging(let op):
      // What is faster channels last goes there by itself; the rest when its input is there.
      let isDrawn = hasTwin(node.inputs[0]) || op.prefersChannelsLast
      if let last = op.channelsLast, isDrawn, source.isImage(node.inputs[0]),
        node.inputs[0].map({ source[$0].type == .f32 }) ?? false,
        node.outputs.dropFirst().allSatisfy({ $0 == nil })
      {
        guard case .transposedConvolution = op else { return emitTwin(node, as: .imaging(last)) }
        var node = node
        node.op = .imaging(last)
        node.inputs[0] = node.inputs[0].map { twin(of: $0) }
        node.inputs[1] = node.inputs[1].map { weightTwin(of: $0, toLast) }
        if let bias = node.input(2) { materialise(bias) }
        emitTwin(node)
      } else {
        emit(node)
      }
    case .reduce(var reduction):
      guard hasTwin(node.inputs[0]), let input = node.inputs[0] else { return emit(node) }
      if reduction.keepsAxes {
        reduction.axes = reduction.axes.map { moved($0) }
        emitTwin(node, as: .reduce(reduction))
      } else if Set(reduction.axes).isSuperset(of: [2, 3]) {
        // What is left, [N, C] or less, lies the same in both.
        reduction.axes = reduction.axes.map { moved($0) }
        var node = node
        node.op = .reduce(reduction)
        node.inputs[0] = twin(of: input)
        emit(node)
      } else {
        emit(node)
      }
    case .concat(let axis):
      if node.inputs.contains(where: hasTwin) {
        emitTwin(node, as: .concat(axis: moved(axis)))
      } else {
        emit(node)
      }
    case .pad(let pad):
      if hasTwin(node.inputs[0]) {
        emitTwin(
          node,
          as: .pad(
            Pad(
              before: toLast.map { pad.before[$0] }, after: toLast.map { pad.after[$0] },
              value: pad.value)))
      } else {
        emit(node)
      }
    case .slice(var slice):
      if hasTwin(node.inputs[0]) {
        slice.axis = moved(slice.axis)
        emitTwin(node, as: .slice(slice))
      } else {
        emit(node)
      }
    case .reshape:
      if !splitChannels(node) && !mergeChannels(node) { emit(node) }
    case .transpose(let permutation):
      guard let input = node.inputs[0], let output = node.outputs[0] else { return }
      if permutation == [0, 2, 1, 3, 4], let twin = split[input.index] {
        split[output.index] = addSplit(of: output, .transpose([0, 1, 2, 4, 3]), twin)
      } else if permutation == toLast, let twin = last[input.index] {
        alias(output, to: twin, node)
      } else if permutation == toFirst, source.isImage(output), isComputed[input.index] {
        last[output.index] = input
      } else {
        emit(node)
      }
    case .select, .convolution, .linear, .packWeight, .packScaledWeight, .matMul, .attention,
      .groupNorm, .layerNorm,
      .softmax, .gated, .gatedLinear, .upsampleNearest, .gather, .prefix, .identity,
      .arithmetic, .indexing, .sequence, .dynamic, .call:
      emit(node)
    }
  }

  /// Emits a node as it is, with inputs in their own layout.
  private mutating func emit(_ node: Node) {
    for case let input? in node.inputs { materialise(input) }
    result.graph.nodes.append(node)
    for case let output? in node.outputs { isComputed[output.index] = true }
  }

  /// Emits a node of images on the twins of its inputs; its output is a twin.
  private mutating func emitTwin(_ node: Node, as op: Op) {
    var node = node
    node.op = op
    node.inputs = node.inputs.map { id in
      id.map { source.isImage($0) ? twin(of: $0) : $0 }
    }
    emitTwin(node)
  }

  private mutating func emitTwin(_ node: Node) {
    guard let output = node.outputs[0] else { return }
    var node = node
    let twin = addTwinValue(of: output)
    node.outputs = [twin]
    result.graph.nodes.append(node)
    last[output.index] = twin
  }

  /// The channels-last twin of an image, transposing when there is none.
  private mutating func twin(of id: ValueID) -> ValueID {
    if let twin = last[id.index] { return twin }
    let twin = addTwinValue(of: id)
    append(.transpose(toLast), id, twin)
    last[id.index] = twin
    return twin
  }

  /// An operand of elementwise ops on images, channels last: the twin of an image, and what has
  /// fewer axes under the shape that means the same there.
  private mutating func asImage(_ id: ValueID) -> ValueID {
    let fact = source[id]
    if source.isImage(id) { return twin(of: id) }
    materialise(id)
    if fact.shape.count == 1 { return id }
    // [H, W] and [C, H, W] get axes in front first.
    let first = [Int](repeating: 1, count: 4 - fact.shape.rank) + fact.shape.dimensions
    let raised = addValue(
      named: source.graph[id].name + "@nchw", Fact(fact.type, Shape(first)))
    append(.reshape(first.map { .size($0) }), id, raised)
    let last = addValue(
      named: source.graph[id].name + "@nhwc",
      Fact(fact.type, Shape(toLast.map { first[$0] })))
    append(.transpose(toLast), raised, last)
    return last
  }

  /// Makes sure that a value exists in its own layout.
  private mutating func materialise(_ id: ValueID) {
    guard id.index < isComputed.count, !isComputed[id.index] else { return }
    if let twin = last[id.index] {
      append(.transpose(toFirst), twin, id)
    } else if let twin = split[id.index] {
      append(.transpose([0, 3, 4, 1, 2]), twin, id)
    } else {
      return
    }
    isComputed[id.index] = true
  }

  /// A reshape of an image's channels into two axes, as a shuffle of channels begins with.
  private mutating func splitChannels(_ node: Node) -> Bool {
    guard let input = node.inputs[0], let output = node.outputs[0], let twin = last[input.index]
    else { return false }
    let (from, to) = (source[input].shape, source[output].shape)
    guard to.rank == 5, to[0] == from[0], to[1] * to[2] == from[1], to[3] == from[2],
      to[4] == from[3]
    else { return false }
    let shape = [to[0], to[3], to[4], to[1], to[2]]
    split[output.index] = addSplit(of: output, .reshape(shape.map { .size($0) }), twin)
    return true
  }

  /// The reshape that ends it.
  private mutating func mergeChannels(_ node: Node) -> Bool {
    guard let input = node.inputs[0], let output = node.outputs[0], let twin = split[input.index]
    else { return false }
    let (from, to) = (source[input].shape, source[output].shape)
    guard to.rank == 4, to[0] == from[0], to[1] == from[1] * from[2], to[2] == from[3],
      to[3] == from[4]
    else { return false }
    var merged = node
    merged.op = .reshape(toLast.map { .size(to[$0]) })
    merged.inputs = [twin]
    emitTwin(merged)
    return true
  }

  /// The value [N, H, W, g, c] of an image [N, g, c, H, W].
  private mutating func addSplit(of id: ValueID, _ op: Op, _ input: ValueID) -> ValueID {
    let fact = source[id]
    let twin = addValue(
      named: source.graph[id].name + "@nhwc",
      Fact(fact.type, Shape([0, 3, 4, 1, 2].map { fact.shape[$0] })))
    append(op, input, twin)
    return twin
  }

  /// A convolution's weight with its axes in another order.
  private mutating func weightTwin(of id: ValueID, _ permutation: [Int]) -> ValueID {
    let key = WeightTwin(weight: id, permutation: permutation)
    if let twin = weightTwins[key] { return twin }
    materialise(id)
    let fact = source[id]
    let twin = addValue(
      named: source.graph[id].name + (permutation == toLast ? "@ihwo" : "@hwio"),
      Fact(fact.type, Shape(permutation.map { fact.shape[$0] })))
    append(.transpose(permutation), id, twin)
    weightTwins[key] = twin
    return twin
  }

  /// Lets `output`, whose elements lie as those of `twin`, be computed by no work at all.
  private mutating func alias(_ output: ValueID, to twin: ValueID, _ node: Node) {
    append(.reshape(source[output].shape.dimensions.map { .size($0) }), twin, output, node.name)
    isComputed[output.index] = true
  }

  private mutating func append(
    _ op: Op, _ input: ValueID, _ output: ValueID, _ name: String? = nil
  ) {
    result.graph.nodes.append(
      Node(
        name: name ?? result.graph[output].name, op: op, inputs: [input], outputs: [output]))
  }

  private mutating func addTwinValue(of id: ValueID) -> ValueID {
    let fact = source[id]
    return addValue(
      named: source.graph[id].name + "@nhwc",
      Fact(fact.type, Shape(toLast.map { fact.shape[$0] })))
  }

  private mutating func addValue(named name: String, _ fact: Fact) -> ValueID {
    let id = result.graph.addValue(named: name, taken: &taken)
    result.facts.append(fact)
    return id
  }

  private func hasTwin(_ id: ValueID?) -> Bool { id.map { last[$0.index] != nil } ?? false }

  /// Where a channels-first axis lies in channels-last.
  private func moved(_ axis: Int) -> Int { toFirst[axis] }
}

extension ShapedGraph {
  fileprivate func isImage(_ id: ValueID?) -> Bool { id.map { self[$0].shape.rank == 4 } ?? false }
}
