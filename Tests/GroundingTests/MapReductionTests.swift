import Grounding
import Testing

/// Expected fingerprints are of the method's arithmetic done with PyTorch on the same numbers.
@Suite struct MapReductionTests {
  static let sides = [16, 8, 4]
  static let selection = TapSelection(kept: [1, 3], last: 4)

  static func record(seed: UInt32, steps: Int = 6, tokens: Int = 4) throws -> TapRecord {
    try TapRecord(
      steps: steps, tokens: tokens,
      layers: sides.enumerated().map { index, side in
        let values = congruential(steps * tokens * side * side, seed: seed + UInt32(index))
        return TapRecord.Layer(height: side, width: side, values: values.map { $0 * $0 * 0.1 })
      })
  }

  private func asFloats(_ map: Raster<UInt8>) -> [Float] { map.values.map { Float($0) } }

  @Test func agreesWithTheMethod() throws {
    let maps = try bimodalBiasMerging(
      image: Self.record(seed: 100), text: Self.record(seed: 200), selection: Self.selection)
    #expect(fingerprint(maps.activation.values) == 0x6575_4fb2_010d_f725)
    #expect(fingerprint(asFloats(maps.imageBias)) == 0x0919_545c_73d8_b725)
    #expect(fingerprint(asFloats(maps.textBias)) == 0x301e_97c1_04cf_b725)
    #expect(fingerprint(maps.merged.values) == 0xf172_49fd_44c4_1725)
    #expect(abs(maps.similarity - 0.17103353388998768) < 1e-12)
    #expect(fingerprint(maps.map.values) == 0x727b_4d00_3cd6_1725)
    #expect(maps.map.height == 16 && maps.map.width == 16)
  }

  @Test func withoutMergingOnlyTheLastStepsAreNeeded() throws {
    let record = try Self.record(seed: 100)
    var reduction = try MapReduction(
      sizes: record.sizes, steps: 6, tokens: 4, selection: Self.selection)
    #expect(reduction.firstStep == 2)
    for step in 2..<6 {
      for (layer, values) in record.layers.enumerated() {
        let count = values.values.count / 6
        try reduction.add(
          step: step, layer: layer, maps: values.values[step * count..<(step + 1) * count])
      }
    }
    #expect(try fingerprint(reduction.activation().values) == 0x6575_4fb2_010d_f725)
    #expect(
      try activationMap(image: record, selection: Self.selection) == reduction.activation())
    #expect(throws: GroundingError.self) { try reduction.biasMerging() }
  }

  @Test func orderOfStepsDoesNotMatter() throws {
    let image = try Self.record(seed: 100)
    let text = try Self.record(seed: 200)
    var reduction = try MapReduction(
      sizes: image.sizes, steps: 6, tokens: 4, selection: Self.selection, text: text)
    for step in [3, 0, 5, 1, 4, 2] {
      for layer in [2, 0, 1] {
        let values = image.layers[layer].values
        let count = values.count / 6
        try reduction.add(step: step, layer: layer, maps: values[step * count..<(step + 1) * count])
      }
    }
    #expect(
      try reduction.biasMerging()
        == bimodalBiasMerging(image: image, text: text, selection: Self.selection))
  }

  @Test func repetitionCommutesWithTheMergedProduct() throws {
    // One 4 × 4 layer, and the same layer written out at 16 × 16.
    func records(seed: UInt32) throws -> (small: TapRecord, large: TapRecord) {
      let values = congruential(2 * 3 * 16, seed: seed)
      var repeated: [Float] = []
      for map in 0..<6 {
        for row in 0..<16 {
          for column in 0..<16 { repeated.append(values[map * 16 + row / 4 * 4 + column / 4]) }
        }
      }
      return (
        try TapRecord(steps: 2, tokens: 3, layers: [.init(height: 4, width: 4, values: values)]),
        try TapRecord(
          steps: 2, tokens: 3, layers: [.init(height: 16, width: 16, values: repeated)])
      )
    }
    let image = try records(seed: 7)
    let text = try records(seed: 8)
    let selection = TapSelection(kept: [1, 2])
    let small = try bimodalBiasMerging(
      image: image.small, text: text.small, selection: selection, side: 16)
    let large = try bimodalBiasMerging(image: image.large, text: text.large, selection: selection)
    #expect(small.imageBias == large.imageBias)
    #expect(small.merged == large.merged)
    #expect(small.map == large.map)
  }

  @Test func theProductIsAMatrixProductWithTheImageOnTheLeft() throws {
    // A₁[CLS] shifts rows down by one, A₂ has one bright column per row.
    let side = 4
    var left = [Float](repeating: 0, count: 16)
    for row in 0..<side { left[row * side + (row + 1) % side] = 1 }
    let right = (0..<16).map { Float($0) }
    func record(_ maps: [[Float]]) throws -> TapRecord {
      try TapRecord(
        steps: 1, tokens: 2,
        layers: [.init(height: side, width: side, values: maps.flatMap { $0 })])
    }
    let merged = try bimodalBiasMerging(
      image: record([left, right]), text: record([left, right]),
      selection: TapSelection(kept: [1])
    ).merged
    let order = (4..<16).map { $0 } + (0..<4).map { $0 }
    for (value, expected) in zip(merged.values, order) {
      #expect(abs(value - Float(expected) / 15) < 0.005)
    }
  }

  @Test func layersAreSelected() throws {
    let image = try Self.record(seed: 100)
    let alone = try TapRecord(steps: 6, tokens: 4, layers: [image.layers[1]])
    var selection = Self.selection
    let expected = try activationMap(image: alone, selection: selection, side: 16)
    selection.layers = [1]
    #expect(try activationMap(image: image, selection: selection) == expected)
    selection.layers = [1, 1]
    #expect(try activationMap(image: image, selection: selection) == expected)
  }

  @Test func flatMapsAreReportedByName() throws {
    func record(_ values: [Float]) throws -> TapRecord {
      try TapRecord(
        steps: 1, tokens: 2, layers: [.init(height: 4, width: 4, values: values)])
    }
    let varied = congruential(16, seed: 1)
    let other = congruential(16, seed: 2)
    let flat = [Float](repeating: 0.25, count: 16)
    let selection = TapSelection(kept: [1])
    #expect(throws: GroundingError.flatMap(.activation)) {
      try activationMap(image: record(varied + flat), selection: selection)
    }
    #expect(throws: GroundingError.flatMap(.imageBias)) {
      try bimodalBiasMerging(
        image: record(flat + varied), text: record(varied + other), selection: selection)
    }
    #expect(throws: GroundingError.flatMap(.textBias)) {
      try bimodalBiasMerging(
        image: record(varied + other), text: record(varied + flat), selection: selection)
    }
    // Differences too small for a float16 are none.
    let nearly = flat.indices.map { 0.25 + Float($0) * 1e-6 }
    #expect(throws: GroundingError.flatMap(.activation)) {
      try activationMap(image: record(varied + nearly), selection: selection)
    }
  }

  @Test func unfitTapsAreRefused() throws {
    let image = try Self.record(seed: 100)
    #expect(throws: GroundingError.self) {
      try TapRecord(steps: 1, tokens: 1, layers: [.init(height: 2, width: 2, values: [1])])
    }
    #expect(throws: GroundingError.notFinite(what: "The tap of layer 0", index: 2)) {
      try TapRecord(
        steps: 1, tokens: 1, layers: [.init(height: 2, width: 2, values: [1, 2, .nan, 4])])
    }
    #expect(throws: GroundingError.self) {
      try TapRecord(
        steps: .max, tokens: 2, layers: [.init(height: 2, width: 2, values: [])])
    }
    #expect(throws: GroundingError.outOfRange(what: "token", index: 4, count: 4)) {
      try activationMap(image: image, selection: TapSelection(kept: [4]))
    }
    #expect(throws: GroundingError.nothingSelected(what: "token")) {
      try activationMap(image: image, selection: TapSelection(kept: []))
    }
    #expect(throws: GroundingError.nothingSelected(what: "step")) {
      try activationMap(image: image, selection: TapSelection(kept: [1], last: 0))
    }
    #expect(throws: GroundingError.outOfRange(what: "layer", index: 3, count: 3)) {
      try activationMap(image: image, selection: TapSelection(kept: [1], layers: [3]))
    }
    #expect(throws: GroundingError.layerSide(layer: 0, height: 16, width: 16, side: 24)) {
      try activationMap(image: image, selection: Self.selection, side: 24)
    }
    for side in [0, -16, 1 << 20, Int.max] {
      #expect(throws: GroundingError.self) {
        try activationMap(image: image, selection: Self.selection, side: side)
      }
    }
    #expect(throws: GroundingError.self) {
      try bimodalBiasMerging(
        image: image, text: Self.record(seed: 1, steps: 5), selection: Self.selection)
    }
  }

  @Test func everyTapIsAddedOnce() throws {
    let image = try Self.record(seed: 100)
    var reduction = try MapReduction(
      sizes: image.sizes, steps: 6, tokens: 4, selection: Self.selection)
    let maps = image.layers[0].values.prefix(4 * 256)
    try reduction.add(step: 5, layer: 0, maps: maps)
    #expect(throws: GroundingError.repeatedTap(layer: 0, step: 5)) {
      try reduction.add(step: 5, layer: 0, maps: maps)
    }
    #expect(throws: GroundingError.missingTaps(added: 1, expected: 12)) {
      try reduction.activation()
    }
    #expect(
      throws: GroundingError.countMismatch(what: "The tap of layer 1", found: 1024, expected: 256)
    ) {
      try reduction.add(step: 5, layer: 1, maps: maps)
    }
    #expect(throws: GroundingError.outOfRange(what: "step", index: 6, count: 6)) {
      try reduction.add(step: 6, layer: 0, maps: maps)
    }
  }

  @Test func weightsOfTheMergingFollowTheSimilarity() throws {
    let maps = try bimodalBiasMerging(
      image: Self.record(seed: 100), text: Self.record(seed: 200), selection: Self.selection)
    // Equal biases: the merged map alone.
    let same = try BiasMerging(
      activation: maps.activation, imageBias: maps.imageBias, textBias: maps.imageBias,
      merged: maps.merged)
    #expect(same.similarity == 1)
    #expect(same.map == maps.merged)
    // Opposite biases: the activation alone.
    let opposite = try BiasMerging(
      activation: maps.activation, imageBias: maps.imageBias,
      textBias: Raster(height: 16, width: 16, values: maps.imageBias.values.map { 255 - $0 }),
      merged: maps.merged)
    #expect(opposite.similarity == 0)
    #expect(opposite.map == maps.activation)
  }
}
