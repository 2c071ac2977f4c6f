import GraphIR
import Kernels
import TensorBase

/// A body that runs again and again; its program is kept for as long as shapes stay the same.
private struct Iteration {
  private let body: GraphBody
  private let vocabulary: Vocabulary
  private let options: ExecutionOptions
  private var model: Model?
  private var facts: [Fact] = []
  private var arena = Arena()
  /// Names under which the parameters are given, and the outputs.
  private let parameters: [String]
  /// The parameters that the outputs depend on.
  private var needed = Set<String>()
  private let outputs: [String]

  init(_ body: GraphBody, _ vocabulary: Vocabulary, _ options: ExecutionOptions) {
    self.body = body
    self.vocabulary = vocabulary
    self.options = options
    parameters = body.parameters.map { body.graph[$0].name }
    outputs = body.graph.outputs.map { body.graph[$0].name }
  }

  mutating func run(_ arguments: [Tensor]) throws(ExpansionFault) -> [Tensor] {
    try spend(20_000)
    let given = arguments.map(\.fact)
    if model == nil || given != facts {
      facts = given
      try spend(50_000 * Double(body.graph.nodes.count))
      let graph = try graph(given)
      let part = graph.pruned(to: graph.outputs)
      needed = Set(part.inputs.map { part[$0.value].name })
      model = Model(graph, vocabulary: vocabulary) { name in
        throw ExpansionFault.unsupported("a weight '\(name)' in a body")
      }
    }
    guard var running = model else { preconditionFailure("no model of the body") }
    let inputs = Dictionary(uniqueKeysWithValues: zip(parameters, arguments))
      .filter { needed.contains($0.key) }
    do {
      let results = try running.evaluate(
        inputs, Model.Request(inputs: inputs.mapValues(\.shape)), arena: &arena, options: options)
      model = running
      return try outputs.map { name throws(ExpansionFault) in
        guard let tensor = results[name] ?? inputs[name] else {
          throw .misfit("its body does not give '\(name)'")
        }
        return tensor
      }
    } catch let fault as ExpansionFault {
      throw fault
    } catch ExecutionError.tooCostly {
      throw .needsRun
    } catch GraphError.needsElements {
      // All its inputs are known: a loop in it is too long.
      throw .needsRun
    } catch { throw .misfit("in its body: \(error)") }
  }

  /// What stacking the body's last outputs along these axes gives when it never runs.
  ///
  /// - Parameter elements: of the arguments, where they are known.
  func nothing(
    of arguments: [Fact], _ elements: [Tensor?], along axes: [Int]
  ) throws(ExpansionFault) -> [Tensor] {
    if axes.isEmpty { return [] }
    let graph = try graph(arguments)
    // Loops in it are not run for their own sake either.
    let tools = options.budget == nil ? vocabulary.shapingTools : vocabulary.tools(options)
    let shapes = Dictionary(uniqueKeysWithValues: zip(parameters, arguments.map(\.shape)))
    let known = Dictionary(uniqueKeysWithValues: zip(parameters, elements))
    let found: Survey
    do throws(GraphError) {
      found = try survey(
        graph, inputs: shapes, known: known.compactMapValues { $0 }, tools: tools)
    } catch { throw .misfit("in its body: \(error)") }
    return try zip(graph.outputs.suffix(axes.count), axes).map { id, place throws(ExpansionFault) in
      guard let fact = found.fact(id) else {
        throw .unsupported("the shape of what its body puts out, which runs not once, is not known")
      }
      var dimensions = fact.shape.dimensions
      dimensions.insert(0, at: try axis(place, rank: dimensions.count + 1))
      return Tensor(zeros: Shape(dimensions), type: fact.type)
    }
  }

  /// The body for arguments of these types and shapes.
  private func graph(_ facts: [Fact]) throws(ExpansionFault) -> Graph {
    guard facts.count == parameters.count else {
      throw .misfit("the body takes \(parameters.count) values, and \(facts.count) are there")
    }
    var graph = body.graph
    graph.inputs = zip(body.parameters, facts).map { id, fact in
      GraphInput(value: id, type: fact.type, dimensions: fact.shape.dimensions.map { .size($0) })
    }
    do { try graph.validate() } catch { throw .misfit("in its body: \(error)") }
    return graph
  }

  private func spend(_ operations: Double) throws(ExpansionFault) {
    guard options.budget?.spend(operations) ?? true else { throw .needsRun }
  }
}

/// ONNX's Loop: runs while the trip count and the condition say so.
func run(
  _ loop: Loop, _ inputs: [Tensor?], _ vocabulary: Vocabulary, _ options: ExecutionOptions
) throws(ExpansionFault) -> [Tensor] {
  let trips = try inputs[0].map { tensor throws(ExpansionFault) in try single(tensor) }
  var goesOn =
    try inputs[1].map { tensor throws(ExpansionFault) in try single(tensor) != 0 } ?? true
  var carried = try present(inputs[2..<(2 + loop.carried)])
  let captured = try present(inputs[(2 + loop.carried)...])
  var scanned = [[Tensor]](repeating: [], count: loop.scanned)
  var iteration = Iteration(loop.body, vocabulary, options)
  var trip = 0
  while goesOn && trip < trips ?? .max {
    let results = try iteration.run(
      [Tensor(scalar: Int64(trip)), boolean(true)] + carried + captured)
    guard results.count == 1 + loop.carried + loop.scanned else {
      throw .misfit("its body gives \(results.count) values")
    }
    goesOn = try single(results[0]) != 0
    carried = Array(results[1..<(1 + loop.carried)])
    for index in 0..<loop.scanned { scanned[index].append(results[1 + loop.carried + index]) }
    trip += 1
  }
  if trip == 0 {
    let arguments = [Tensor(scalar: Int64(0)), boolean(true)] + carried + captured
    return carried
      + (try iteration.nothing(
        of: arguments.map(\.fact), arguments, along: scanned.map { _ in 0 }))
  }
  return carried
    + (try scanned.map { slices throws(ExpansionFault) in
      try stacked(slices, axis: 0, options)
    })
}

/// ONNX's Scan (version 9 and later): runs once for each slice.
func run(
  _ scan: Scan, _ inputs: [Tensor?], _ vocabulary: Vocabulary, _ options: ExecutionOptions
) throws(ExpansionFault) -> [Tensor] {
  let count = scan.inputAxes.count
  var states = try present(inputs[..<scan.states])
  let sequences = try present(inputs[scan.states..<(scan.states + count)])
  let captured = try present(inputs[(scan.states + count)...])
  let axes = try zip(sequences, scan.inputAxes).map { pair throws(ExpansionFault) in
    try axis(pair.1, rank: pair.0.shape.rank)
  }
  let lengths = zip(sequences, axes).map { $0.shape[$1] }
  guard let length = lengths.first, lengths.allSatisfy({ $0 == length }) else {
    throw .misfit("its sequences have the lengths \(lengths)")
  }
  var outputs = [[Tensor]](repeating: [], count: scan.outputAxes.count)
  var iteration = Iteration(scan.body, vocabulary, options)
  for step in 0..<length {
    let slices = try sequences.indices.map { index throws(ExpansionFault) in
      try slice(
        sequences[index], axis: axes[index],
        at: scan.inputsReversed[index] ? length - 1 - step : step, options)
    }
    let results = try iteration.run(states + slices + captured)
    guard results.count == scan.states + outputs.count else {
      throw .misfit("its body gives \(results.count) values")
    }
    states = Array(results[..<scan.states])
    for index in outputs.indices { outputs[index].append(results[scan.states + index]) }
  }
  if length == 0 {
    let slices = zip(sequences, axes).map { sequence, axis in
      var dimensions = sequence.shape.dimensions
      dimensions.remove(at: axis)
      return Fact(sequence.type, Shape(dimensions))
    }
    return states
      + (try iteration.nothing(
        of: states.map(\.fact) + slices + captured.map(\.fact),
        states + sequences.map { _ in nil } + captured, along: scan.outputAxes))
  }
  return states
    + (try outputs.indices.map { index throws(ExpansionFault) in
      let slices = scan.outputsReversed[index] ? outputs[index].reversed() : outputs[index]
      return try stacked(slices, axis: scan.outputAxes[index], options)
    })
}

private func present(_ tensors: ArraySlice<Tensor?>) throws(ExpansionFault) -> [Tensor] {
  try tensors.map { tensor throws(ExpansionFault) in
    guard let tensor else { throw .misfit("a value that goes into its body is missing") }
    return tensor
  }
}

extension Tensor {
  fileprivate var fact: Fact { Fact(type, shape) }
}

private func single(_ tensor: Tensor) throws(ExpansionFault) -> Int {
  guard tensor.shape.count == 1, let value = tensor.integers?.first else {
    throw .misfit("a count or condition is \(tensor.type) \(tensor.shape)")
  }
  return value
}

private func boolean(_ value: Bool) -> Tensor {
  Tensor(type: .bool, shape: [], bytes: [value ? 1 : 0])
}

private func axis(_ axis: Int, rank: Int) throws(ExpansionFault) -> Int {
  guard (-rank..<rank).contains(axis) else { throw .misfit("there is no axis \(axis)") }
  return axis < 0 ? axis + rank : axis
}

/// One slice or more, one beside the other along a new axis.
private func stacked(
  _ slices: [Tensor], axis place: Int, _ options: ExecutionOptions
) throws(ExpansionFault) -> Tensor {
  let first = slices[0]
  var dimensions = first.shape.dimensions
  guard slices.allSatisfy({ $0.type == first.type && $0.shape == first.shape }) else {
    throw .misfit("what its body puts out differs in shape from one iteration to the next")
  }
  let axis = try axis(place, rank: dimensions.count + 1)
  dimensions.insert(1, at: axis)
  let parts = slices.map { $0.reshaped(Shape(dimensions)) }
  dimensions[axis] = slices.count
  return try run(
    .concat(axis: axis), parts, [Fact(first.type, Shape(dimensions))], options)[0]
}

private func slice(
  _ tensor: Tensor, axis: Int, at index: Int, _ options: ExecutionOptions
) throws(ExpansionFault) -> Tensor {
  var dimensions = tensor.shape.dimensions
  dimensions[axis] = 1
  let part = try run(
    .slice(Slice(axis: axis, start: index, end: index + 1)), [tensor],
    [Fact(tensor.type, Shape(dimensions))], options)[0]
  dimensions.remove(at: axis)
  return part.reshaped(Shape(dimensions))
}
