import Synchronization

/// Results that come in from several threads.
final class Collected: Sendable {
  private let all = Mutex(Results())

  var results: Results { all.withLock { $0 } }

  func add(_ more: Results) {
    all.withLock { results in
      results.outcomes.merge(more.outcomes) { $1 }
      for (suite, abouts) in more.abouts {
        results.abouts[suite, default: [:]].merge(abouts) { $1 }
      }
    }
  }
}
