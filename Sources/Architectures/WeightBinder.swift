import GraphIR
import TensorBase

/// Finds for each weight of a model the tensor of the checkpoint, and notes what does not fit.
struct WeightBinder {
  private let available: [String: Fact]
  /// The names under which a checkpoint may hold a weight, likeliest first.
  private let spellings: (String) -> [String]
  private var used: Set<String> = []
  private var problems: [WeightProblem] = []

  init(
    _ available: [String: Fact], spellings: @escaping (String) -> [String] = { [$0] }
  ) {
    self.available = available
    self.spellings = spellings
  }

  /// Whether the checkpoint has a tensor for the weight.
  func has(_ tensor: String) -> Bool { spellings(tensor).contains { available[$0] != nil } }

  /// Nil, and a problem noted, when there is none that fits.
  mutating func bind(_ tensor: String, _ shape: Shape) -> WeightBinding? {
    let names = spellings(tensor)
    guard let name = names.first(where: { available[$0] != nil }), let fact = available[name]
    else {
      problems.append(.missing(name: names.first ?? tensor, shape: shape))
      return nil
    }
    used.insert(name)
    if fact.shape.withoutOnes != shape.withoutOnes {
      problems.append(.wrongShape(name: name, found: fact.shape, expected: shape))
      return nil
    }
    if !fact.type.isFloatingPoint {
      problems.append(.wrongType(name: name, found: fact.type))
      return nil
    }
    return WeightBinding(tensor: tensor, source: name, shape: shape, type: fact.type)
  }

  /// Refuses what did not fit and what is left over without being known as unused.
  ///
  /// - Returns: the tensors known as unused, sorted.
  func finish(
    model: ArchitectureKind, isKnownAsUnused: (String) -> Bool
  ) throws(ArchitectureError) -> [String] {
    let rest = available.keys.filter { !used.contains($0) }.sorted()
    let all =
      problems + rest.filter { !isKnownAsUnused($0) }.map { WeightProblem.leftOver(name: $0) }
    guard all.isEmpty else { throw .weights(model: model.rawValue, problems: all) }
    return rest
  }
}

extension Shape {
  /// The dimensions that are not 1.
  fileprivate var withoutOnes: [Int] { dimensions.filter { $0 != 1 } }
}
