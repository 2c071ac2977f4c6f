import Kernels
import TensorBase

/// The weights that pass through a run, in the order in which its nodes take them: prepared by one
/// thread, taken by another, dropped when they were used, and never more in memory than the window
/// has room for.
final class WeightStream: Sendable {
  private struct State {
    /// What is prepared and not taken yet, by its place in the order.
    var ready: [Int: Result<Tensor, any Error>] = [:]
    /// Bytes of what is being prepared, is ready or is in use.
    var byteCount = 0
    /// Whether the run waits for what is being prepared, and its threads have nothing to do.
    var isAwaited = false
    var isStopped = false
  }

  private let state = Monitor(State())
  private let uses: [WeightUse]
  private let streaming: Streaming
  private let options: ExecutionOptions

  /// - Parameter options: those of the run; preparing takes one thread while the run does not wait.
  init(_ streaming: Streaming, options: ExecutionOptions) {
    self.streaming = streaming
    uses = streaming.uses
    self.options = options
  }

  /// Prepares all in their order, each as soon as there is room; ends after the last, after one
  /// that cannot be prepared, or when it is stopped.
  func fill() {
    for (place, use) in uses.enumerated() {
      let recipe = use.recipe
      let needed = recipe.byteCount + use.workByteCount
      let threads = state.wait { state -> Int? in
        if state.isStopped { return 0 }
        guard state.byteCount + needed <= streaming.window else { return nil }
        state.byteCount += needed
        streaming.meter.note(state.byteCount)
        return state.isAwaited ? max(1, options.threads) : 1
      }
      guard threads > 0 else { return }
      let making = ExecutionOptions(
        threads: threads, kernels: options.kernels, isExact: options.isExact)
      let result = Result { try recipe.make(streaming.source, options: making) }
      state.change { state in
        state.byteCount -= use.workByteCount
        state.ready[place] = result
      }
      if case .failure = result { return }
    }
  }

  /// Waits for what is prepared at a place in the order. Every place is taken once, in order.
  ///
  /// - Throws: why it could not be prepared.
  func take(_ place: Int) throws -> Tensor {
    try state.wait { state in
      let found = state.ready.removeValue(forKey: place)
      state.isAwaited = found == nil
      return found
    }.get()
  }

  /// Makes room again. Precondition: the caller holds the tensor no more.
  func drop(_ place: Int) {
    state.change { $0.byteCount -= uses[place].recipe.byteCount }
  }

  /// Ends `fill`, if need be before its time.
  func stop() {
    state.change { $0.isStopped = true }
  }
}

/// A weight that passes through a stage.
struct WeightUse: Sendable {
  /// The one node that takes it, by its place in the graph.
  let node: Int
  /// The value, by its place.
  let value: Int
  let recipe: WeightRecipe
  /// Bytes in use while it is prepared, beside the result.
  let workByteCount: Int
}

/// How weights pass through a stage.
struct Streaming: Sendable {
  /// In the order in which they are taken.
  let uses: [WeightUse]
  /// Bytes of weights that may be in memory at once.
  let window: Int
  let source: WeightSource
  let meter: WeightMeter
}

/// What was in memory of the weights that pass through a stage.
final class WeightMeter: Sendable {
  private let peak = Monitor(0)

  /// The most bytes that were being prepared, ready or in use at once in any run so far.
  var peakByteCount: Int { peak.change { $0 } }

  func note(_ byteCount: Int) { peak.change { $0 = max($0, byteCount) } }
}
