import Comparison
import GraphIR
import TensorBase
import TensorFiles

extension TensorFile {
  /// The tensors that a graph takes, in the types it takes them, by its inputs' names.
  ///
  /// - Parameters:
  ///   - candidates: what the file may call the tensor of an input; the first that it has is taken.
  ///   - otherwise: gives the tensor of an input that the file lacks; nil when there is none.
  /// - Throws: `PipelineError.missingInputs` with all that it lacks; `inputValues` when a type
  ///   cannot hold what the file has.
  func inputs(
    of graph: Graph, candidates: (String) -> [String] = { [$0] },
    otherwise: (String) -> Tensor? = { _ in nil }
  ) throws -> [String: Tensor] {
    var inputs: [String: Tensor] = [:]
    var missing: [String] = []
    for input in graph.inputs {
      let name = graph[input.value].name
      let known = candidates(name)
      if let found = known.first(where: contains) {
        inputs[name] = try exact(try tensor(named: found), as: input.type, name: found)
      } else if let tensor = otherwise(name) {
        inputs[name] = tensor.converted(to: input.type)
      } else {
        missing.append(known.first ?? name)
      }
    }
    guard missing.isEmpty else {
      throw PipelineError.missingInputs(file: self.name, names: missing)
    }
    return inputs
  }

  /// As `inputs(of:)`. The file may hold what other parts of the whole graph take, and nothing else;
  /// or it is a golden case, whose tensors `input.<name>` are meant.
  func inputs(of part: Graph, whole: Graph) throws -> [String: Tensor] {
    let known = whole.inputs.map { whole[$0.value].name }
    let kinds = ["input.", "output.", "inner.", "weight."]
    let isCase =
      names.contains { $0.hasPrefix(kinds[0]) } && !names.contains(where: known.contains)
      && names.allSatisfy { name in kinds.contains { name.hasPrefix($0) } }
    if isCase { return try inputs(of: part, candidates: { [kinds[0] + $0] }) }
    let unknown = names.filter { !known.contains($0) }
    guard unknown.isEmpty else {
      throw PipelineError.unknownInputs(file: name, names: unknown, known: known)
    }
    return try inputs(of: part)
  }

  /// A tensor in the type that a graph takes. Floats may be rounded to floats; whole numbers and
  /// truth values must come out as they are.
  private func exact(_ tensor: Tensor, as type: ElementType, name: String) throws -> Tensor {
    let result = tensor.converted(to: type)
    guard tensor.type != type, !type.isFloatingPoint else { return result }
    let check = TensorComparison(
      name: name, actual: result, expected: tensor,
      tolerance: Tolerance(.bounds(absolute: 0, relative: 0), typesMayDiffer: true))
    guard check.passed else {
      throw PipelineError.inputValues(
        file: self.name, name: name, type: tensor.type.rawValue, wanted: type.rawValue,
        example: "\(check.firstFailure?.expected ?? .nan)")
    }
    return result
  }
}

/// What an input of a text encoder is when nothing but the token ids is known, as transformers takes
/// it: every token counts, all are of one text, positions go from 0 on. nil for other inputs.
///
/// - Parameter shape: of the token ids, [batch, tokens].
func usualTextInput(_ name: String, shape: Shape) -> Tensor? {
  let numbers: [Int64]
  switch name {
  case "attention_mask": numbers = [Int64](repeating: 1, count: shape.count)
  case "token_type_ids": numbers = [Int64](repeating: 0, count: shape.count)
  case "position_ids" where shape.rank > 0:
    numbers = (0..<shape.count).map { Int64($0 % shape[-1]) }
  default: return nil
  }
  return Tensor(int64s: numbers, shape: shape)
}
