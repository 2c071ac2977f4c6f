import GraphIR
import TensorBase

/// Weights as programs want them, computed once for all programs of a model.
struct PreparedWeights {
  /// How a value comes from weights and constants: equal keys, equal elements. A value's name
  /// would not do, since shapes can decide what is made under it.
  private enum Key: Hashable {
    case weight(String, Fact)
    case constant(Tensor)
    case node(Op, [Int?], output: Int)
  }

  /// Numbers of keys, which stand for them in others and in recipes.
  private var numbers: [Key: Int] = [:]
  /// What was made and stays, by the recipe's number.
  private var made: [Int: Tensor] = [:]

  /// Bytes of all that stays.
  var byteCount: Int { made.values.reduce(0) { $0 + $1.byteCount } }

  /// Recipes for the outputs of a graph of weights alone, by name.
  mutating func recipes(of shaped: ShapedGraph) -> [String: WeightRecipe] {
    let graph = shaped.graph
    var known = [Int?](repeating: nil, count: graph.values.count)
    for (index, value) in graph.values.enumerated() {
      switch value.origin {
      case .weight(let tensor, let fact): known[index] = number(.weight(tensor, fact))
      case .constant(let tensor): known[index] = number(.constant(tensor))
      case .input, .node: break
      }
    }
    for node in graph.nodes {
      let inputs = node.inputs.map { id in id.flatMap { known[$0.index] } }
      for (position, output) in node.outputs.enumerated() {
        if let output { known[output.index] = number(.node(node.op, inputs, output: position)) }
      }
    }
    var recipes: [String: WeightRecipe] = [:]
    for id in graph.outputs {
      let name = graph[id].name
      guard let number = known[id.index] else { preconditionFailure("'\(name)' has no recipe") }
      recipes[name] = WeightRecipe(
        number: number, graph: graph.name, name: name, fact: shaped[id],
        way: way(of: shaped.pruned(to: [id])))
    }
    return recipes
  }

  /// The recipe for a weight that runs as it is.
  mutating func recipe(of value: Value, in graph: Graph) -> WeightRecipe {
    guard case .weight(let tensor, let fact) = value.origin else {
      preconditionFailure("'\(value.name)' is no weight")
    }
    return WeightRecipe(
      number: number(.weight(tensor, fact)), graph: graph.name, name: value.name, fact: fact,
      way: .stored(tensor: tensor))
  }

  /// What a recipe makes; it stays for further programs.
  mutating func tensor(
    _ recipe: WeightRecipe, _ source: WeightSource, options: ExecutionOptions
  ) throws -> Tensor {
    if let known = made[recipe.number] { return known }
    let tensor = try recipe.make(source, options: options)
    made[recipe.number] = tensor
    return tensor
  }

  /// Lets go of all but what these recipes make.
  mutating func keep(_ recipes: some Sequence<WeightRecipe>) {
    let kept = Set(recipes.map(\.number))
    made = made.filter { kept.contains($0.key) }
  }

  private mutating func number(_ key: Key) -> Int {
    if let known = numbers[key] { return known }
    numbers[key] = numbers.count
    return numbers.count - 1
  }

  private func way(of part: ShapedGraph) -> WeightRecipe.Way {
    let graph = part.graph
    guard graph.nodes.count == 1, [.packWeight, .packScaledWeight].contains(graph.nodes[0].op),
      let id = graph.nodes[0].inputs[0], case .weight(let tensor, let fact) = graph[id].origin
    else { return .computed(part) }
    guard graph.nodes[0].op == .packScaledWeight else {
      return .packed(tensor: tensor, fact, scales: nil)
    }
    guard let id = graph.nodes[0].inputs[1], case .weight(let scales, _) = graph[id].origin else {
      return .computed(part)
    }
    return .packed(tensor: tensor, fact, scales: scales)
  }
}
