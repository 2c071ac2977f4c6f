/// The maps of bimodal bias merging (GtG, arXiv 2507.12236; method.md §9), all of one square side.
/// Float maps hold float16 values: the method rounds every elementwise result to float16.
package struct BiasMerging: Sendable, Hashable {
  /// a, where the phrase's words look in the image, 0…1.
  package let activation: Raster<Float>
  /// b_i, what the image attracts without words.
  package let imageBias: Raster<UInt8>
  /// b_t, where the words look without the image.
  package let textBias: Raster<UInt8>
  /// m, the mean of the matrix products of the two, 0…1.
  package let merged: Raster<Float>
  /// s, the structural similarity of the two biases; 0 when negative.
  package let similarity: Double
  /// 2(1−s)s·(m + a + m∘a)/2 + (1−s)²·a + s²·m.
  package let map: Raster<Float>

  /// - Throws: `imageTooSmall`, `sizeMismatch`; `flatMap` when the maps cancel out.
  package init(
    activation: Raster<Float>, imageBias: Raster<UInt8>, textBias: Raster<UInt8>,
    merged: Raster<Float>
  ) throws(GroundingError) {
    guard activation.height == merged.height, activation.width == merged.width else {
      throw .sizeMismatch(
        what: "The merged map", found: "\(merged.height)×\(merged.width)",
        expected: "\(activation.height)×\(activation.width)")
    }
    let similarity = max(0, try structuralSimilarity(imageBias, textBias))
    let map = Self.combined(activation: activation, merged: merged, similarity: similarity)
    guard map.values.contains(where: { $0 != map.values[0] }) else { throw .flatMap(.result) }
    self.activation = activation
    self.imageBias = imageBias
    self.textBias = textBias
    self.merged = merged
    self.similarity = similarity
    self.map = map
  }

  /// The three weights are double, each product with a float16 map takes them as float32.
  static func combined(
    activation: Raster<Float>, merged: Raster<Float>, similarity s: Double
  ) -> Raster<Float> {
    let both = Float(2 * (1 - s) * s)
    let alone = Float((1 - s) * (1 - s))
    let bias = Float(s * s)
    let values = activation.values.indices.map { i in
      let a = activation.values[i]
      let m = merged.values[i]
      let union = half(half(half(m + a) + half(m * a)) / 2)
      return half(half(half(both * union) + half(alone * a)) + half(bias * m))
    }
    return Raster(height: activation.height, width: activation.width, trusted: values)
  }
}

/// Bimodal bias merging of two whole tap records (method.md §9).
///
/// - Parameters:
///   - image: the taps of the image pass, A₁.
///   - text: the taps of the text pass, A₂, of the same steps, tokens and layers.
///   - side: the side of the maps (the latent's); nil for that of the largest tap.
/// - Throws: as `MapReduction`.
package func bimodalBiasMerging(
  image: TapRecord, text: TapRecord, selection: TapSelection, side: Int? = nil
) throws(GroundingError) -> BiasMerging {
  var reduction = try MapReduction(
    sizes: image.sizes, steps: image.steps, tokens: image.tokens, side: side,
    selection: selection, text: text)
  try reduction.add(image)
  return try reduction.biasMerging()
}

/// The map without merging: the activation alone.
///
/// - Throws: as `MapReduction`.
package func activationMap(
  image: TapRecord, selection: TapSelection, side: Int? = nil
) throws(GroundingError) -> Raster<Float> {
  var reduction = try MapReduction(
    sizes: image.sizes, steps: image.steps, tokens: image.tokens, side: side,
    selection: selection)
  try reduction.add(image)
  return try reduction.activation()
}

extension MapReduction {
  /// Adds all taps of a record.
  ///
  /// - Throws: as `add(step:layer:maps:)`.
  package mutating func add(_ record: TapRecord) throws(GroundingError) {
    for layer in record.layers.indices {
      for step in 0..<record.steps {
        try add(step: step, layer: layer, maps: record.maps(step: step, layer: layer))
      }
    }
  }
}
