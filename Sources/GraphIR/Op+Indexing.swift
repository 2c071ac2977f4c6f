import TensorBase

package enum IndexingOp: Hashable, Sendable {
  case placeholder

  package var name: String {
    switch self {
    case .placeholder: "placeholder"
    }
  }

  package var inputCounts: ClosedRange<Int> {
    switch self {
    case .placeholder: 1...1
    }
  }

  package var requiredInputs: Int {
    switch self {
    case .placeholder: 1
    }
  }

  package var outputCount: Int {
    switch self {
    case .placeholder: 1
    }
  }

  package func outputFacts(_ facts: NodeFacts) throws(Misfit) -> [Fact] {
    switch self {
    case .placeholder: [try facts[0]]
    }
  }
}
