import TensorBase

/// A model made ready for one request: run `prepare` when the fixed inputs are known, then `run`
/// as often as the others change.
package struct Program: Sendable {
  package let fixed: Stage
  package let varying: Stage

  /// Bytes of weights that stay in memory between runs, as they are used.
  package var heldWeightByteCount: Int { fixed.heldWeightByteCount + varying.heldWeightByteCount }

  /// Bytes of weights, as they are used, that are loaded in each run, and dropped.
  package var streamedWeightByteCount: Int {
    fixed.streamedWeightByteCount + varying.streamedWeightByteCount
  }

  /// The most bytes of the latter that were in memory at once so far, with what preparing them
  /// takes.
  package var peakStreamedByteCount: Int {
    max(fixed.peakStreamedByteCount, varying.peakStreamedByteCount)
  }

  /// Bytes of the latter that may be in memory at once; 0 when all weights are held.
  package var streamWindow: Int { max(fixed.streamWindow, varying.streamWindow) }

  /// Computes what depends on fixed inputs alone.
  package func prepare(
    _ inputs: [String: Tensor], arena: inout Arena, options: ExecutionOptions
  ) throws -> [String: Tensor] {
    try fixed.run(inputs, arena: &arena, options: options)
  }

  /// Computes the wanted values.
  ///
  /// - Parameters:
  ///   - inputs: by name.
  ///   - prepared: what `prepare` returned for the fixed inputs.
  ///   - observe: is told each node, by its place in `varying`, as soon as it has run.
  package func run(
    _ inputs: [String: Tensor], prepared: [String: Tensor] = [:], arena: inout Arena,
    options: ExecutionOptions, observe: ((Int) -> Void)? = nil
  ) throws -> [String: Tensor] {
    try varying.run(
      inputs.merging(prepared) { _, prepared in prepared }, arena: &arena, options: options,
      observe: observe)
  }
}
