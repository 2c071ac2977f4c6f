import GraphIR
import TensorBase

/// Weights as programs want them, computed once for all programs of a model.
struct PreparedWeights {
  /// How a value comes from weights and constants: equal recipes, equal elements. A value's name
  /// would not do, since shapes can decide what is made under it.
  private enum Recipe: Hashable {
    case weight(String, Fact)
    case constant(Tensor)
    case node(Op, [Int?], output: Int)
  }

  /// Numbers of recipes, which stand for them in others.
  private var numbers: [Recipe: Int] = [:]
  /// What was made, by recipe.
  private var made: [Int: Tensor] = [:]
  /// Weights that run as they are, by tensor.
  private var loaded: [String: Tensor] = [:]

  /// Computes the outputs of a graph of weights alone, one by one, so that no more than one of them
  /// and what it is made of is in memory beside the results.
  ///
  /// - Returns: the outputs, by name.
  mutating func prepare(
    _ shaped: ShapedGraph, options: ExecutionOptions, load: (String) throws -> Tensor
  ) throws -> [String: Tensor] {
    let recipes = recipes(of: shaped.graph)
    var arena = Arena()
    var results: [String: Tensor] = [:]
    for id in shaped.graph.outputs {
      let name = shaped.graph[id].name
      guard let recipe = recipes[id.index] else { preconditionFailure("'\(name)' has no recipe") }
      if made[recipe] == nil {
        let part = try Stage(shaped.pruned(to: [id])) {
          try weight($0, keeps: false, threads: options.threads, load: load)
        }
        made[recipe] = try part.run([:], arena: &arena, options: options)[name]
      }
      results[name] = made[recipe]
    }
    return results
  }

  /// A weight's elements in the type the graph wants.
  ///
  /// - Parameter keeps: whether it stays for further programs.
  mutating func weight(
    _ value: Value, keeps: Bool, threads: Int, load: (String) throws -> Tensor
  ) throws -> Tensor {
    guard case .weight(let name, let fact) = value.origin else {
      preconditionFailure("'\(value.name)' is no weight")
    }
    if let known = loaded[name], known.type == fact.type { return known }
    let tensor = castTensor(try load(name), to: fact.type, threads: threads)
    if keeps { loaded[name] = tensor }
    return tensor
  }

  private mutating func recipes(of graph: Graph) -> [Int?] {
    var recipes = [Int?](repeating: nil, count: graph.values.count)
    func number(_ recipe: Recipe) -> Int {
      if let known = numbers[recipe] { return known }
      let number = numbers.count
      numbers[recipe] = number
      return number
    }
    for (index, value) in graph.values.enumerated() {
      switch value.origin {
      case .weight(let tensor, let fact): recipes[index] = number(.weight(tensor, fact))
      case .constant(let tensor): recipes[index] = number(.constant(tensor))
      case .input, .node: break
      }
    }
    for node in graph.nodes {
      let inputs = node.inputs.map { id in id.flatMap { recipes[$0.index] } }
      for (position, output) in node.outputs.enumerated() {
        if let output {
          recipes[output.index] = number(.node(node.op, inputs, output: position))
        }
      }
    }
    return recipes
  }
}
