/// Head-averaged cross-attention probabilities of one pass: A[step, layer, token, h, w] of
/// method.md §7, each layer at its own size.
package struct TapRecord: Sendable, Hashable {
  /// One layer's maps.
  package struct Layer: Sendable, Hashable {
    package let height: Int
    package let width: Int
    /// Row-major [steps, tokens, height, width].
    package let values: [Float]

    package init(height: Int, width: Int, values: [Float]) {
      self.height = height
      self.width = width
      self.values = values
    }
  }

  package let steps: Int
  package let tokens: Int
  /// In the order in which they run.
  package let layers: [Layer]

  /// - Throws: `countMismatch` when a layer has another number of values than its sizes say,
  ///   `nothingSelected` without steps, tokens or layers, `notFinite`.
  package init(steps: Int, tokens: Int, layers: [Layer]) throws(GroundingError) {
    guard steps > 0 else { throw .nothingSelected(what: "step") }
    guard tokens > 0 else { throw .nothingSelected(what: "token") }
    guard !layers.isEmpty else { throw .nothingSelected(what: "layer") }
    for (index, layer) in layers.enumerated() {
      let what = "The tap of layer \(index)"
      var expected = 1
      for size in [steps, tokens, layer.height, layer.width] {
        let (product, overflow) = expected.multipliedReportingOverflow(by: size)
        guard size > 0, !overflow else {
          throw .sizeMismatch(
            what: what, found: "[\(steps), \(tokens), \(layer.height), \(layer.width)]",
            expected: "sides of at least 1")
        }
        expected = product
      }
      guard layer.values.count == expected else {
        throw .countMismatch(what: what, found: layer.values.count, expected: expected)
      }
      if let position = layer.values.firstIndex(where: { !$0.isFinite }) {
        throw .notFinite(what: what, index: position)
      }
    }
    self.steps = steps
    self.tokens = tokens
    self.layers = layers
  }

  /// The maps of all tokens, [tokens, h, w], of one step and layer.
  ///
  /// - Precondition: step and layer exist.
  func maps(step: Int, layer: Int) -> ArraySlice<Float> {
    precondition(step >= 0 && step < steps)
    let layer = layers[layer]
    let count = tokens * layer.height * layer.width
    return layer.values[step * count..<(step + 1) * count]
  }
}

/// The height and width of a tap.
package struct TapSize: Sendable, Hashable {
  package let height: Int
  package let width: Int

  package init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }
}

extension TapRecord {
  /// The sizes of its layers.
  package var sizes: [TapSize] {
    layers.map { TapSize(height: $0.height, width: $0.width) }
  }
}

/// Which taps make the maps.
package struct TapSelection: Sendable, Hashable {
  /// The token whose map shows what the image alone attracts: [CLS].
  package var cls = 0
  /// The tokens of the phrase that count, as positions in the record.
  package var kept: [Int]
  /// How many of the last steps make the activation map.
  package var last = 40
  /// The layers that count, as positions in the record; nil for all.
  package var layers: [Int]?

  package init(cls: Int = 0, kept: [Int], last: Int = 40, layers: [Int]? = nil) {
    self.cls = cls
    self.kept = kept
    self.last = last
    self.layers = layers
  }

  /// - Returns: the layers that count.
  /// - Throws: `nothingSelected`, `outOfRange`.
  func checked(tokens: Int, layers count: Int) throws(GroundingError) -> [Int] {
    guard last >= 1 else { throw .nothingSelected(what: "step") }
    guard !kept.isEmpty else { throw .nothingSelected(what: "token") }
    for token in kept + [cls] where !(0..<tokens).contains(token) {
      throw .outOfRange(what: "token", index: token, count: tokens)
    }
    let layers = layers ?? Array(0..<count)
    guard !layers.isEmpty else { throw .nothingSelected(what: "layer") }
    for layer in layers where !(0..<count).contains(layer) {
      throw .outOfRange(what: "layer", index: layer, count: count)
    }
    return layers
  }
}
