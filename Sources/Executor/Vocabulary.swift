import GraphIR
import Kernels
import TensorBase

/// What calls of operators outside our own ops mean.
package struct Vocabulary: Sendable {
  package typealias Expand =
    @Sendable (inout Expansion) throws(ExpansionFault) -> [ValueID?]

  let expand: Expand

  package init(expand: @escaping Expand) { self.expand = expand }

  /// Knows no operator.
  package static let none = Vocabulary { _ throws(ExpansionFault) in
    throw .unsupported("nothing here knows the operator")
  }

  /// The tools with which graphs are shaped that are not run, on one thread. Loops of which that
  /// takes more than about ten thousand iterations wait for a run.
  package var shapingTools: ShapingTools {
    tools(ExecutionOptions(threads: 1, budget: Budget(operations: 2e8)))
  }

  /// The tools with which graphs are shaped.
  package func tools(_ options: ExecutionOptions) -> ShapingTools {
    ShapingTools(expand: expand) { op, inputs, facts throws(ExpansionFault) in
      if case .dynamic(let op) = op {
        return try run(op, inputs, vocabulary: self, options)
      }
      guard let facts else { preconditionFailure("\(op.name) has no facts") }
      return try run(op, inputs, facts, options)
    }
  }
}
