import GraphIR
import TensorBase

/// Finds the checkpoint's tensor for every weight of the graphs.
///
/// - Parameters:
///   - sources: for a weight's name in the graphs the names it may have in a checkpoint, the
///     current one first.
///   - isUnused: whether a tensor that no weight takes is known to play no part.
/// - Throws: `ArchitectureError.badWeights` with everything that does not fit.
func bindWeights(
  of graphs: [Graph], to weights: [String: WeightDescriptor], file: String,
  sources: (String) -> [String], isUnused: (String) -> Bool
) throws(ArchitectureError) -> (bindings: [WeightBinding], unused: [String]) {
  var bindings: [WeightBinding] = []
  var problems = WeightProblems()
  var bound = Set<String>()
  var taken = Set<String>()
  for graph in graphs {
    for value in graph.values {
      guard case .weight(let tensor, let fact) = value.origin, bound.insert(tensor).inserted
      else { continue }
      let names = sources(tensor)
      guard let source = names.first(where: { weights[$0] != nil }), let given = weights[source]
      else {
        problems.missing.append(names.first ?? tensor)
        continue
      }
      taken.insert(source)
      if given.fits(fact.shape) {
        bindings.append(WeightBinding(graphTensor: tensor, source: source, shape: fact.shape))
      } else {
        problems.misfits.append(.init(name: source, given: given, expected: fact.shape))
      }
    }
  }
  let rest = weights.keys.filter { !taken.contains($0) }.sorted()
  problems.leftOver = rest.filter { !isUnused($0) }
  guard problems.isEmpty else { throw .badWeights(file: file, problems) }
  return (bindings, rest)
}

extension WeightDescriptor {
  /// Whether these are floating-point numbers of that shape. A 1×1 convolution and a linear layer
  /// are the same numbers, [out, in, 1, 1] or [out, in].
  fileprivate func fits(_ expected: Shape) -> Bool {
    switch type {
    case .f32, .f16, .bf16, .f64: break
    case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool: return false
    }
    return shape == expected || shape.withoutUnitKernel == expected.withoutUnitKernel
  }
}

extension Shape {
  fileprivate var withoutUnitKernel: Shape {
    rank == 4 && self[2] == 1 && self[3] == 1 ? [self[0], self[1]] : self
  }
}

/// What stands before `suffix` in the one tensor name that ends with it; nil when none does.
func modelPrefix(
  in weights: [String: WeightDescriptor], before suffix: String, file: String
) throws(ArchitectureError) -> String? {
  let prefixes = weights.keys
    .filter { $0 == suffix || $0.hasSuffix("." + suffix) }
    .map { String($0.dropLast(suffix.count)) }.sorted()
  guard prefixes.count < 2 else {
    throw .ambiguousPrefix(file: file, candidates: prefixes.map { $0 + suffix })
  }
  return prefixes.first
}
