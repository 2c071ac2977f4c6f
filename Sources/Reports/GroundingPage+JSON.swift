import JSONText

extension GroundingPage {
  /// What the page's script works on.
  var data: JSONValue {
    .object(["picture": .object(picture.data), "phrases": .array(phrases.map(\.data))])
  }
}

extension PagePicture {
  var data: JSONObject {
    [
      "name": .string(name), "png": .string(base64(png)), "width": .integer(Int64(width)),
      "height": .integer(Int64(height)), "crop": numbers(crop),
    ]
  }
}

extension GroundingPage.Phrase {
  fileprivate var data: JSONValue {
    var shown = maps.map { map in
      var object: JSONObject = [
        "key": .string(map.key), "title": .string(map.title), "meaning": .string(map.meaning),
        "group": .string("Maps"),
      ]
      for (key, value) in map.values.json.members { object[key] = value }
      return JSONValue.object(object)
    }
    for (index, word) in words.enumerated() {
      guard let map = word.map else { continue }
      var object: JSONObject = [
        "key": .string("word-\(index)"), "title": .string(word.text),
        "meaning": .string("Where this word alone looks in the picture."),
        "group": .string("Words"),
      ]
      for (key, value) in map.json.members { object[key] = value }
      shown.append(.object(object))
    }
    return .object([
      "text": .string(text), "box": box.map { numbers($0) } ?? .null,
      "outline": .array(outline.map { numbers($0) }), "maps": .array(shown),
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

func numbers(_ values: [Double]) -> JSONValue { .array(values.map { .number($0) }) }

func integers(_ values: [Int]) -> JSONValue { .array(values.map { .integer(Int64($0)) }) }

private func littleEndian(_ values: [Float]) -> [UInt8] {
  values.flatMap { value in
    let bits = value.bitPattern
    return [UInt8(bits & 255), UInt8(bits >> 8 & 255), UInt8(bits >> 16 & 255), UInt8(bits >> 24)]
  }
}
