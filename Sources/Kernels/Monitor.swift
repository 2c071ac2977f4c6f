import Glibc

/// State that threads share: one at a time looks at it or changes it, and who needs it otherwise
/// waits for the next change.
///
/// `@unchecked Sendable`: the state is touched by the holder of the mutex only.
package final class Monitor<State>: @unchecked Sendable {
  private var state: State
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let change = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  package init(_ state: sending State) {
    self.state = state
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(change, nil)
  }

  deinit {
    pthread_cond_destroy(change)
    pthread_mutex_destroy(mutex)
    change.deallocate()
    mutex.deallocate()
  }

  /// Changes the state and wakes those who wait.
  package func change<Result>(_ body: (inout State) -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer {
      pthread_cond_broadcast(change)
      pthread_mutex_unlock(mutex)
    }
    return body(&state)
  }

  /// Waits until `body`, which is asked after every change, has a result; a change that it makes
  /// then wakes the others.
  package func wait<Result>(for body: (inout State) -> Result?) -> Result {
    pthread_mutex_lock(mutex)
    defer {
      pthread_cond_broadcast(change)
      pthread_mutex_unlock(mutex)
    }
    while true {
      if let result = body(&state) { return result }
      pthread_cond_wait(change, mutex)
    }
  }
}

/// Runs `body` here and `background` on a thread of its own, and returns when both have ended.
/// `background` must come to its end soon after `body` has.
///
/// A thread of its own, since it waits for long: those of Dispatch's and our own pools are for work
/// that does not.
///
/// - Returns: nil, and neither has run, when the system gives no thread.
package func alongside<Result, Failure: Error>(
  _ background: @Sendable () -> Void, _ body: () throws(Failure) -> Result
) throws(Failure) -> Result? {
  var outcome: Swift.Result<Result, Failure>?
  withoutActuallyEscaping(background) { background in
    var work: () -> Void = background
    withUnsafeMutablePointer(to: &work) { context in
      var thread = pthread_t()
      let code = pthread_create(
        &thread, nil,
        { context in
          context?.assumingMemoryBound(to: (() -> Void).self).pointee()
          return nil
        }, context)
      guard code == 0 else { return }
      do throws(Failure) { outcome = .success(try body()) } catch { outcome = .failure(error) }
      pthread_join(thread, nil)
    }
  }
  return try outcome?.get()
}
