import TensorBase

/// Ops whose outputs have shapes that depend on the inputs' elements: they run while the graph is
/// being shaped, on tensors, and give tensors.
package enum DynamicOp: Hashable, Sendable {
  /// [trip count i64], [condition bool], carried values …, captured values … → the carried values
  /// after the last iteration, then each scanned value of all iterations, stacked.
  ///
  /// The body takes iteration, condition, carried …, captured … and gives condition, carried …,
  /// scanned ….
  case loop(Loop)
  /// Initial states …, scanned inputs …, captured values … → final states …, stacked outputs ….
  ///
  /// The body takes states …, one slice of each scanned input …, captured … and gives states …,
  /// one slice of each output ….
  case scan(Scan)
  /// Picks elements by what they are.
  case selection(SelectionOp)

  package var name: String {
    switch self {
    case .loop: "loop"
    case .scan: "scan"
    case .selection(let op): op.name
    }
  }

  package var inputCounts: ClosedRange<Int> {
    switch self {
    case .loop: 2...65_536
    case .scan: 1...65_536
    case .selection(let op): op.inputCounts
    }
  }

  package var requiredInputs: Int {
    switch self {
    case .loop, .scan: 0
    case .selection(let op): op.requiredInputs
    }
  }

  package var outputCount: Int {
    switch self {
    case .loop(let loop): loop.carried + loop.scanned
    case .scan(let scan): scan.states + scan.outputAxes.count
    case .selection(let op): op.outputCount
    }
  }
}

package struct Loop: Hashable, Sendable {
  package var body: GraphBody
  /// How many values go from iteration to iteration.
  package var carried: Int
  /// How many outputs are stacked over the iterations.
  package var scanned: Int

  package init(body: GraphBody, carried: Int, scanned: Int) {
    self.body = body
    self.carried = carried
    self.scanned = scanned
  }
}

package struct Scan: Hashable, Sendable {
  package var body: GraphBody
  /// How many states go from iteration to iteration.
  package var states: Int
  /// The axis along which each scanned input is cut, and each output stacked; negative ones count
  /// from the end.
  package var inputAxes: [Int]
  package var outputAxes: [Int]
  /// Which of them are walked from the end.
  package var inputsReversed: [Bool]
  package var outputsReversed: [Bool]

  package init(
    body: GraphBody, states: Int, inputAxes: [Int], outputAxes: [Int], inputsReversed: [Bool],
    outputsReversed: [Bool]
  ) {
    self.body = body
    self.states = states
    self.inputAxes = inputAxes
    self.outputAxes = outputAxes
    self.inputsReversed = inputsReversed
    self.outputsReversed = outputsReversed
  }
}
