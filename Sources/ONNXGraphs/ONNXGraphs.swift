import GraphIR
import ONNXFiles
import ONNXOperators
import TensorBase

/// A model as a graph of calls, and where its weights are.
package struct ONNXGraphImport: Sendable {
  package let graph: Graph
  /// The tensors that the graph's weights name.
  package let weights: [(name: String, tensor: ONNXTensor)]
  /// What the file says of types and shapes of values that nodes compute, by value name; nil
  /// where a dimension is open.
  package let declared: [String: DeclaredFact]
}

/// A type and as much of a shape as a file tells.
package struct DeclaredFact: Hashable, Sendable {
  package let type: ElementType
  package let dimensions: [Int?]
}

/// Turns a model into a graph: functions are inlined, every node becomes a call as it stands.
///
/// - Parameters:
///   - model: from a file that was read and checked.
///   - name: the graph's.
/// - Throws: `ONNXGraphError.unsupported` with everything that cannot be done, at once.
package func importGraph(
  of model: ONNXModel, named name: String
) throws(ONNXGraphError) -> ONNXGraphImport {
  var findings = Findings()
  if let version = model.opsets[""], version > newestOperatorSet {
    findings.add(
      "operator set \(version) (here: up to \(newestOperatorSet))", node: nil)
  }
  let graph = try Inliner(model).inlined(model.graph)
  findings.check(graph)
  if !findings.isEmpty { throw .unsupported(findings.sentences) }
  var builder = CallGraphBuilder(graph, name: name)
  return try builder.build()
}
