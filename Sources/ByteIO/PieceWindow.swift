import Glibc

/// Holds back those who take pieces in ascending order while the piece that is to be finished next is
/// too far behind. Who holds that piece itself is never held back.
///
/// `@unchecked Sendable`: `next` and `isClosed` are touched under the mutex only.
final class PieceWindow: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let width: Int
  private var next = 0
  private var isClosed = false

  /// - Parameter width: how many pieces, the next one included, may be under way.
  init(_ width: Int) {
    precondition(width > 0)
    self.width = width
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(changed, nil)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(mutex)
    changed.deallocate()
    mutex.deallocate()
  }

  /// Waits until `piece` may be begun; false when the window was closed.
  func enter(_ piece: Int) -> Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !isClosed, piece >= next + width { pthread_cond_wait(changed, mutex) }
    return !isClosed
  }

  /// The next piece is finished.
  func advance() { change { next += 1 } }

  /// Nothing is to be begun any more.
  func close() { change { isClosed = true } }

  private func change(_ body: () -> Void) {
    pthread_mutex_lock(mutex)
    body()
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(mutex)
  }
}
