/// Checks how the nodes of a model hang together, and puts them in an order in which they can run.
///
/// A graph within a node sees the values of the graph around it. A name of its own hides one of the
/// outer graph.
struct GraphChecker {
  /// Names that can be read at a place.
  private final class Scope {
    let outer: Scope?
    var names: Set<String> = []

    init(outer: Scope?) { self.outer = outer }

    func gives(_ name: String) -> Bool {
      var scope: Scope? = self
      while let place = scope {
        if place.names.contains(name) { return true }
        scope = place.outer
      }
      return false
    }
  }

  func model(
    _ graph: ONNXGraph, _ functions: [ONNXFunction], opsets: [String: Int]
  ) throws(ONNXModelFault) -> (graph: ONNXGraph, functions: [ONNXFunction]) {
    var outputs: Set<String> = []
    for output in graph.outputs where !outputs.insert(output.name).inserted {
      throw .outputTwice(output.name)
    }
    let graph = try check(graph, in: nil, opsets: opsets).graph
    var checked: [ONNXFunction] = []
    for function in functions { checked.append(try check(function)) }
    try checkCalls(checked)
    return (graph, checked)
  }

  /// The graph in order, and the names it reads from around it.
  private func check(
    _ graph: ONNXGraph, in outer: Scope?, opsets: [String: Int]
  ) throws(ONNXModelFault) -> (graph: ONNXGraph, read: [String]) {
    let scope = Scope(outer: outer)
    for input in graph.inputs where !scope.names.insert(input.name).inserted {
      throw .inputTwice(input.name)
    }
    var initializers: Set<String> = []
    for tensor in graph.initializers {
      guard !tensor.name.isEmpty else { throw .nameless("an initializer") }
      guard initializers.insert(tensor.name).inserted else {
        throw .initializerTwice(tensor.name)
      }
    }
    scope.names.formUnion(initializers)
    var (nodes, read) = try order(graph.nodes, in: scope, opsets: opsets)
    for output in graph.outputs where !scope.names.contains(output.name) {
      guard scope.gives(output.name) else { throw .nothingGivesOutput(value: output.name) }
      read.append(output.name)
    }
    return (
      ONNXGraph(
        name: graph.name, nodes: nodes, initializers: graph.initializers, inputs: graph.inputs,
        outputs: graph.outputs, valueInfo: graph.valueInfo), read
    )
  }

  private func check(_ function: ONNXFunction) throws(ONNXModelFault) -> ONNXFunction {
    let scope = Scope(outer: nil)
    for input in function.inputs {
      guard !input.isEmpty else {
        throw .nameless("an input of the function \(quoted(function.name))")
      }
      guard scope.names.insert(input).inserted else { throw .inputTwice(input) }
    }
    let (nodes, _) = try order(function.nodes, in: scope, opsets: function.opsets)
    for output in function.outputs where !scope.names.contains(output) {
      throw .nothingGivesOutput(value: output)
    }
    return ONNXFunction(
      domain: function.domain, name: function.name, overload: function.overload,
      inputs: function.inputs, outputs: function.outputs, attributes: function.attributes,
      defaults: function.defaults, opsets: function.opsets, nodes: nodes)
  }

  /// The nodes in order, and the names they read from around `scope`. Adds what they give to it.
  private func order(
    _ nodes: [ONNXNode], in scope: Scope, opsets: [String: Int]
  ) throws(ONNXModelFault) -> (nodes: [ONNXNode], read: [String]) {
    var givers: [String: Int] = [:]
    for (index, node) in nodes.enumerated() {
      if node.domain == "", opsets[""] == nil { throw .noOpset(node: node.label) }
      for output in node.outputs where !output.isEmpty {
        guard scope.names.insert(output).inserted else {
          throw .valueTwice(node: node.label, value: output)
        }
        givers[output] = index
      }
    }
    var checked: [ONNXNode] = []
    checked.reserveCapacity(nodes.count)
    var needs: [[Int]] = []
    needs.reserveCapacity(nodes.count)
    var read: [String] = []
    for node in nodes {
      var names = node.inputs.filter { !$0.isEmpty }
      checked.append(try checkGraphs(of: node, in: scope, opsets: opsets, read: &names))
      var need: [Int] = []
      for name in names {
        if let giver = givers[name] {
          need.append(giver)
        } else if !scope.names.contains(name) {
          guard scope.gives(name) else { throw .nothingGives(node: node.label, value: name) }
          read.append(name)
        }
      }
      needs.append(need)
    }
    switch runningOrder(needs) {
    case .order(let order):
      return (order.map { checked[$0] }, read)
    case .circle(let index, let giver):
      let value = nodes[giver].outputs.first { !$0.isEmpty } ?? ""
      throw .circle(node: nodes[index].label, value: value)
    }
  }

  /// The node with its graphs in order. Adds what they read from around them to `names`.
  private func checkGraphs(
    of node: ONNXNode, in scope: Scope, opsets: [String: Int], read names: inout [String]
  ) throws(ONNXModelFault) -> ONNXNode {
    var attributes = node.attributes
    // Sorted, so that of several faults it is always the same that is found.
    for name in node.graphAttributes {
      switch node.attributes[name] {
      case .graph(let graph):
        let (checked, read) = try check(graph, in: scope, opsets: opsets)
        attributes[name] = .graph(checked)
        names += read
      case .graphs(let graphs):
        var list: [ONNXGraph] = []
        for graph in graphs {
          let (checked, read) = try check(graph, in: scope, opsets: opsets)
          list.append(checked)
          names += read
        }
        attributes[name] = .graphs(list)
      default: break
      }
    }
    return node.with(attributes)
  }

  private struct FunctionKey: Hashable {
    let domain: String
    let name: String
    let overload: String
  }

  /// No two functions of one name; none that calls itself.
  private func checkCalls(_ functions: [ONNXFunction]) throws(ONNXModelFault) {
    var indices: [FunctionKey: Int] = [:]
    for (index, function) in functions.enumerated() {
      let key = FunctionKey(
        domain: function.domain, name: function.name, overload: function.overload)
      guard indices.updateValue(index, forKey: key) == nil else {
        throw .functionTwice(function.name)
      }
    }
    let calls = functions.map { function in
      var calls: [Int] = []
      function.nodes.forEachNode { node in
        let key = FunctionKey(domain: node.domain, name: node.op, overload: node.overload)
        if let index = indices[key] { calls.append(index) }
      }
      return calls
    }
    if case .circle(let index, _) = runningOrder(calls) {
      throw .functionCircle(functions[index].name)
    }
  }
}

extension ONNXNode {
  /// The names of the attributes that hold graphs, sorted.
  fileprivate var graphAttributes: [String] {
    let graphs = attributes.filter { _, value in
      switch value {
      case .graph, .graphs: true
      default: false
      }
    }
    return graphs.keys.sorted()
  }
}

extension [ONNXNode] {
  /// Visits the nodes and those in graphs within them.
  fileprivate func forEachNode(_ visit: (ONNXNode) -> Void) {
    for node in self {
      visit(node)
      for name in node.graphAttributes {
        switch node.attributes[name] {
        case .graph(let graph): graph.nodes.forEachNode(visit)
        case .graphs(let graphs): graphs.forEach { $0.nodes.forEachNode(visit) }
        default: break
        }
      }
    }
  }
}

private enum RunningOrder {
  case order([Int])
  /// `needed`, which `node` needs, needs `node`.
  case circle(node: Int, needed: Int)
}

/// An order in which each comes after those it needs; as it was where that is one.
private func runningOrder(_ needs: [[Int]]) -> RunningOrder {
  enum State { case new, open, done }
  var states = [State](repeating: .new, count: needs.count)
  var order: [Int] = []
  order.reserveCapacity(needs.count)
  for start in needs.indices where states[start] == .new {
    // Nodes whose needs are being looked at, with how many have been.
    var path = [(node: start, looked: 0)]
    states[start] = .open
    while let (node, looked) = path.last {
      guard looked < needs[node].count else {
        states[node] = .done
        order.append(node)
        path.removeLast()
        continue
      }
      path[path.count - 1].looked += 1
      let needed = needs[node][looked]
      switch states[needed] {
      case .new:
        states[needed] = .open
        path.append((needed, 0))
      case .open: return .circle(node: node, needed: needed)
      case .done: break
      }
    }
  }
  return .order(order)
}
