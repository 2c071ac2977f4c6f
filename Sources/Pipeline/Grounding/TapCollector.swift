import Grounding
import TensorBase

/// Gathers the taps of a pass, step by step, into a record.
struct TapCollector {
  private let tokens: Int
  private var steps = 0
  /// Per layer the values so far, [steps, tokens, queries].
  private var values: [[Float]]
  private var queries: [Int]

  init(layers: Int, tokens: Int) {
    self.tokens = tokens
    values = [[Float]](repeating: [], count: layers)
    queries = [Int](repeating: 0, count: layers)
  }

  /// Adds the taps of consecutive steps.
  ///
  /// - Parameters:
  ///   - taps: per layer [batch, tokens, queries].
  ///   - entries: the places in the batch that are steps.
  mutating func add(_ taps: [Tensor], entries: Range<Int>) {
    precondition(taps.count == values.count)
    for (layer, tap) in taps.enumerated() {
      precondition(tap.shape.rank == 3 && tap.shape[1] == tokens)
      queries[layer] = tap.shape[2]
      let count = tokens * tap.shape[2]
      values[layer] += tap.floats[entries.lowerBound * count..<entries.upperBound * count]
    }
    steps += entries.count
  }

  /// The record; each layer's queries as a map of the latent's aspect.
  ///
  /// - Parameter latent: [1, C, h, w].
  func record(latent: Shape) throws -> TapRecord {
    let layers = try zip(values, queries).map { values, queries in
      // Each level halves the sides, rounding up: the factor follows from the number of queries.
      var (height, width) = (latent[2], latent[3])
      while height * width > queries, height * width > 1 {
        height = (height + 1) / 2
        width = (width + 1) / 2
      }
      guard height * width == queries else {
        throw PipelineError.tapSize(queries: queries, latent: [latent[2], latent[3]])
      }
      return TapRecord.Layer(height: height, width: width, values: values)
    }
    return try TapRecord(steps: steps, tokens: tokens, layers: layers)
  }
}
