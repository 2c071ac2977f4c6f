import Synchronization

/// What loops may cost where a graph is shaped and not run. All that is worked out with the same
/// options shares it, loops in loops too.
package final class Budget: Hashable, Sendable {
  private let left: Mutex<Double>

  /// - Parameter operations: floating-point operations and bytes of results; what it takes to begin
  ///   a run, or to make one ready, counts as so many thousands of them.
  package init(operations: Double) {
    left = Mutex(operations)
  }

  /// Whether so much was left.
  func spend(_ operations: Double) -> Bool {
    left.withLock {
      $0 -= operations
      return $0 >= 0
    }
  }

  package static func == (a: Budget, b: Budget) -> Bool { a === b }

  package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
