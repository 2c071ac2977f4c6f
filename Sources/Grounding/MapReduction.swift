/// Sums the image pass's taps step by step, so that no more than one step of them need be held.
///
/// A reduction with a text record makes everything bimodal bias merging needs; one without makes
/// only the activation map, and needs only the last steps' taps. Taps may come in any order.
///
/// Sums run in double at each layer's own size; maps are brought to the map's side by repetition
/// at the end. Two facts keep the merged map cheap: a matrix product is linear, so that the sum
/// over tokens of A₁[CLS] · A₂[k] is A₁[CLS] · Σ_k A₂[k]; and the product of two maps whose pixels
/// are repeated r × r is r times the product of the small maps, repeated.
package struct MapReduction: Sendable {
  /// The side of the square maps that come out.
  package let side: Int
  /// Sides over this are refused; the largest models' latents have sides of a few hundred.
  package static let largestSide = 4096
  private let steps: Int
  private let tokens: Int
  private let sizes: [TapSize]
  private let selection: TapSelection
  private let selected: [Int]
  private let text: TapRecord?

  /// Per selected layer, row-major at its own size.
  private var activationSums: [[Double]]
  private var biasSums: [[Double]]
  private var mergedSums: [[Double]]
  /// Whether a tap has been added, [selected layers, steps].
  private var added: [Bool]

  /// - Parameters:
  ///   - sizes: the layers' sizes, in the order in which they run; all are square.
  ///   - steps: the number of inference steps, of which the last `selection.last` count for the
  ///     activation.
  ///   - tokens: how many tokens each tap has.
  ///   - side: the side of the maps to make (the latent's); nil for that of the largest tap.
  ///   - text: the text pass's taps of the same sizes, steps and tokens; nil without merging.
  /// - Throws: `nothingSelected`, `outOfRange`, `layerSide`, `sizeMismatch`, `unusableSteps`.
  package init(
    sizes: [TapSize], steps: Int, tokens: Int, side: Int? = nil, selection: TapSelection,
    text: TapRecord? = nil
  ) throws(GroundingError) {
    guard (1...1_000_000).contains(steps) else {
      throw .unusableSteps(steps: steps, reason: "a record has 1 to 1000000")
    }
    guard (1...1 << 20).contains(tokens) else {
      throw .sizeMismatch(what: "The tap record", found: "\(tokens) tokens", expected: "1 to 2^20")
    }
    let selected = Array(
      Set(try selection.checked(tokens: tokens, layers: sizes.count))
    ).sorted()
    let side = side ?? sizes.map(\.height).max() ?? 0
    guard (1...Self.largestSide).contains(side) else {
      throw .sizeMismatch(
        what: "The map", found: "\(side)×\(side)", expected: "a side of 1 to \(Self.largestSide)")
    }
    for index in selected {
      let size = sizes[index]
      guard size.height == size.width, size.height > 0, side % size.height == 0 else {
        throw .layerSide(layer: index, height: size.height, width: size.width, side: side)
      }
    }
    if let text {
      guard text.steps == steps, text.tokens == tokens, text.sizes == sizes else {
        throw .sizeMismatch(
          what: "The text pass's tap record",
          found: "\(text.steps) steps, \(text.tokens) tokens, \(text.layers.count) layers",
          expected: "the image pass's \(steps) steps, \(tokens) tokens, \(sizes.count) layers"
            + " of the same sides")
      }
    }
    self.side = side
    self.steps = steps
    self.tokens = tokens
    self.sizes = sizes
    self.selection = selection
    self.selected = selected
    self.text = text
    let zeros = selected.map { [Double](repeating: 0, count: sizes[$0].height * sizes[$0].width) }
    activationSums = zeros
    biasSums = text == nil ? [] : zeros
    mergedSums = text == nil ? [] : zeros
    added = [Bool](repeating: false, count: selected.count * steps)
  }

  /// The first step whose taps are needed.
  package var firstStep: Int {
    text == nil ? steps - min(steps, selection.last) : 0
  }

  /// Adds one tap of the image pass. Layers and steps that do not count are ignored.
  ///
  /// - Parameter maps: row-major [tokens, h, w].
  /// - Throws: `outOfRange`, `countMismatch`, `repeatedTap`, `notFinite`.
  package mutating func add(
    step: Int, layer: Int, maps: ArraySlice<Float>
  ) throws(GroundingError) {
    guard (0..<steps).contains(step) else {
      throw .outOfRange(what: "step", index: step, count: steps)
    }
    guard sizes.indices.contains(layer) else {
      throw .outOfRange(what: "layer", index: layer, count: sizes.count)
    }
    guard let slot = selected.firstIndex(of: layer), step >= firstStep else { return }
    let area = sizes[layer].height * sizes[layer].width
    guard maps.count == tokens * area else {
      throw .countMismatch(
        what: "The tap of layer \(layer)", found: maps.count, expected: tokens * area)
    }
    if let index = maps.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(what: "The tap of layer \(layer)", index: index - maps.startIndex)
    }
    guard !added[slot * steps + step] else { throw .repeatedTap(layer: layer, step: step) }
    added[slot * steps + step] = true

    if step >= steps - selection.last {
      Self.addMaps(selection.kept, of: maps, area: area, to: &activationSums[slot])
    }
    if let text {
      Self.addMaps([selection.cls], of: maps, area: area, to: &biasSums[slot])
      var textSum = [Double](repeating: 0, count: area)
      Self.addMaps(
        selection.kept, of: text.maps(step: step, layer: layer), area: area, to: &textSum)
      let start = maps.startIndex + selection.cls * area
      addSquareProduct(
        maps[start..<start + area], textSum, side: sizes[layer].height, to: &mergedSums[slot])
    }
  }

  /// The activation map: norm of the mean over the last steps, layers and kept tokens of A₁.
  ///
  /// - Throws: `missingTaps`, `flatMap`.
  package func activation() throws(GroundingError) -> Raster<Float> {
    try requireComplete()
    let count = min(steps, selection.last) * selected.count * selection.kept.count
    return try MapNormalisation.normalised(mean(activationSums, count: count), as: .activation)
  }

  /// Everything of bimodal bias merging (GtG, arXiv 2507.12236; method.md §9).
  ///
  /// - Throws: `missingTaps`, `flatMap`, `imageTooSmall`; `nothingSelected` without a text record.
  package func biasMerging() throws(GroundingError) -> BiasMerging {
    guard let text else { throw .nothingSelected(what: "text pass") }
    let activation = try activation()
    let images = steps * selected.count
    let pairs = images * selection.kept.count
    let imageBias = try MapNormalisation.bytes(mean(biasSums, count: images), as: .imageBias)

    var textSums = mergedSums.map { [Double](repeating: 0, count: $0.count) }
    for (slot, layer) in selected.enumerated() {
      let area = sizes[layer].height * sizes[layer].width
      for step in 0..<steps {
        Self.addMaps(
          selection.kept, of: text.maps(step: step, layer: layer), area: area,
          to: &textSums[slot])
      }
    }
    let textBias = try MapNormalisation.bytes(mean(textSums, count: pairs), as: .textBias)

    var products = mergedSums
    for (slot, layer) in selected.enumerated() {
      let repeats = Double(side / sizes[layer].height)
      for i in products[slot].indices { products[slot][i] *= repeats }
    }
    let mergedBytes = try MapNormalisation.bytes(mean(products, count: pairs), as: .merged)
    let merged = try MapNormalisation.normalised(mergedBytes, as: .merged)
    return try BiasMerging(
      activation: activation, imageBias: imageBias, textBias: textBias, merged: merged)
  }

  private func requireComplete() throws(GroundingError) {
    let expected = selected.count * (steps - firstStep)
    let found = added.count(where: { $0 })
    guard found == expected else { throw .missingTaps(added: found, expected: expected) }
  }

  /// Brings per-layer sums to the map's side by repetition, adds them up and divides by `count`.
  private func mean(_ sums: [[Double]], count: Int) -> Raster<Float> {
    var total = [Double](repeating: 0, count: side * side)
    for (slot, layer) in selected.enumerated() {
      let small = sizes[layer].height
      let repeats = side / small
      let sum = sums[slot]
      for row in 0..<side {
        let source = row / repeats * small
        for column in 0..<side { total[row * side + column] += sum[source + column / repeats] }
      }
    }
    return Raster(height: side, width: side, trusted: total.map { Float($0 / Double(count)) })
  }

  private static func addMaps(
    _ tokens: [Int], of maps: ArraySlice<Float>, area: Int, to sum: inout [Double]
  ) {
    for token in tokens {
      let start = maps.startIndex + token * area
      for i in 0..<area { sum[i] += Double(maps[start + i]) }
    }
  }
}

/// product += a · b for square row-major matrices of `side`.
private func addSquareProduct(
  _ a: ArraySlice<Float>, _ b: [Double], side: Int, to product: inout [Double]
) {
  precondition(a.count == side * side && b.count == a.count && product.count == a.count)
  for row in 0..<side {
    for inner in 0..<side {
      let factor = Double(a[a.startIndex + row * side + inner])
      for column in 0..<side {
        product[row * side + column] += factor * b[inner * side + column]
      }
    }
  }
}
