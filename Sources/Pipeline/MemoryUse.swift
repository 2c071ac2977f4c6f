import ByteIO
import Executor

/// How much memory running a model may take.
public enum MemoryUse: Sendable, Hashable {
  /// As much as it takes to hold all weights, ready to use.
  case unlimited
  /// As little as possible: each layer's weights are loaded just before they are used, by a second
  /// thread, and dropped after.
  case lowest
  /// So many bytes resident in all. As many weights are held as fit; the others are loaded as they
  /// are used.
  case limited(byteCount: Int)

  /// The same for the executor. Unless weights are held, what they took goes back to the system.
  var weights: WeightMemory {
    if self != .unlimited { returnLargeBlocksToSystem() }
    return switch self {
    case .unlimited: .all
    case .lowest: .least
    case .limited(let byteCount):
      .limited(WeightMemory.Limit(byteCount: byteCount) { residentByteCount })
    }
  }
}
