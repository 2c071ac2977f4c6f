/// Adds up wall time by stage.
struct Stopwatch {
  private(set) var stages: [(stage: String, seconds: Double)] = []
  private let clock = ContinuousClock()

  /// Runs `body` and books its time under `stage`.
  mutating func time<Result>(_ stage: String, _ body: () throws -> Result) rethrows -> Result {
    let start = clock.now
    let result = try body()
    book(stage, start.duration(to: clock.now))
    return result
  }

  private mutating func book(_ stage: String, _ duration: Duration) {
    let seconds = duration.seconds
    if let index = stages.firstIndex(where: { $0.stage == stage }) {
      stages[index].seconds += seconds
    } else {
      stages.append((stage, seconds))
    }
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
