import JSONText

extension GroundingPage {
  /// What the page's script works on.
  var data: JSONValue {
    .object(["picture": .object(picture.data), "phrases": .array(phrases.map(\.data))])
  }
}

extension GroundingPage.Phrase {
  fileprivate var data: JSONValue {
    func shown(_ key: String, _ title: String, _ meaning: String, _ group: String, _ map: ByteMap)
      -> JSONValue
    {
      var object: JSONObject = [
        "key": .string(key), "title": .string(title), "meaning": .string(meaning),
        "group": .string(group),
      ]
      for (key, value) in map.json.members { object[key] = value }
      return .object(object)
    }
    let meaning = "Where this word alone looks in the picture."
    let words = words.enumerated().compactMap { index, word in
      word.map.map { shown("word-\(index)", word.text, meaning, "Words", $0) }
    }
    let maps = maps.map { shown($0.key, $0.title, $0.meaning, "Maps", $0.values) }
    return .object([
      "text": .string(text), "box": box.map { numbers($0) } ?? .null,
      "outline": .array(outline.map { numbers($0) }), "maps": .array(maps + words),
      "passes": .array(passes.map(\.data)),
    ])
  }
}

extension GroundingPage.Pass {
  fileprivate var data: JSONValue {
    .object([
      "key": .string(key), "title": .string(title), "steps": integers(steps),
      "stepCount": .integer(Int64(stepCount)), "timesteps": integers(timesteps),
      "tokens": .array(tokens.map { .string($0) }), "kept": integers(kept),
      "layers": .array(
        layers.map { layer in
          .object([
            "name": .string(layer.name), "height": .integer(Int64(layer.height)),
            "width": .integer(Int64(layer.width)), "bytes": .string(base64(layer.bytes)),
            "lows": .string(base64(littleEndian(layer.lows))),
            "highs": .string(base64(littleEndian(layer.highs))),
          ])
        }),
    ])
  }
}

private func littleEndian(_ values: [Float]) -> [UInt8] {
  values.flatMap { value in
    let bits = value.bitPattern
    return [UInt8(bits & 255), UInt8(bits >> 8 & 255), UInt8(bits >> 16 & 255), UInt8(bits >> 24)]
  }
}
