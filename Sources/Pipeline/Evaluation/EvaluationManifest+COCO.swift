import JSONText

/// The annotations of a COCO-style file: `images`, `categories`, and `annotations` with `bbox` and
/// the phrase as `label_text`. Keys that are not used are not looked at.
func cocoAnnotations(_ json: JSONValue, file: String) throws -> [ManifestAnnotation] {
  guard let whole = json.objectValue else {
    throw EvaluationError.manifest(
      file: file, place: "the whole",
      reason: "it has to be an object with images, categories"
        + " and annotations")
  }
  func entries(_ key: String) throws -> [COCOEntry] {
    guard let list = whole[key]?.arrayValue else {
      throw EvaluationError.manifest(
        file: file, place: "the whole", reason: "'\(key)' has to be a list")
    }
    return try list.enumerated().map { index, entry in
      let place = "\(key)[\(index)]"
      guard let object = entry.objectValue else {
        throw EvaluationError.manifest(
          file: file, place: place, reason: "an object is expected here")
      }
      return COCOEntry(file: file, place: place, object: object)
    }
  }
  let images = try byIdentifier(try entries("images")) { entry, id in
    ManifestImage(
      id: id, path: try entry.text(entry.object["path"] == nil ? "file_name" : "path"),
      width: try entry.pixels("width"), height: try entry.pixels("height"))
  }
  let categories = try byIdentifier(try entries("categories")) { entry, id in
    ManifestCategory(id: id, name: try entry.text("name"))
  }
  return try entries("annotations").map { entry in
    ManifestAnnotation(
      place: entry.place, id: try entry.identifier("id"),
      image: try entry.look("image_id", up: images, called: "images"),
      category: try entry.look("category_id", up: categories, called: "categories"),
      phrase: try entry.text("label_text"), region: try entry.region())
  }
}

private func byIdentifier<Value>(
  _ entries: [COCOEntry], _ make: (COCOEntry, ManifestIdentifier) throws -> Value
) throws -> [ManifestIdentifier: Value] {
  var result: [ManifestIdentifier: Value] = [:]
  for entry in entries {
    let id = try entry.identifier("id")
    guard result.updateValue(try make(entry, id), forKey: id) == nil else {
      throw entry.refused("'id' is \(id.text), as in an entry before")
    }
  }
  return result
}

/// An object of one of the lists.
private struct COCOEntry {
  let file: String
  let place: String
  let object: JSONObject

  func refused(_ reason: String) -> EvaluationError {
    .manifest(file: file, place: place, reason: reason)
  }

  func text(_ key: String) throws -> String {
    guard let text = object[key]?.stringValue, !text.isEmpty else {
      throw refused("'\(key)' has to be a text that is not empty")
    }
    return text
  }

  func identifier(_ key: String) throws -> ManifestIdentifier {
    guard let id = ManifestIdentifier(json: object[key]) else {
      throw refused("'\(key)' has to be a whole number or a text")
    }
    return id
  }

  func look<Value>(
    _ key: String, up table: [ManifestIdentifier: Value], called name: String
  ) throws -> Value {
    let id = try identifier(key)
    guard let value = table[id] else {
      throw refused("'\(key)' is \(id.text), which none of the \(name) has")
    }
    return value
  }

  func pixels(_ key: String) throws -> Int {
    guard let number = object[key]?.intValue, (1...1 << 20).contains(number) else {
      throw refused("'\(key)' has to be a whole number of pixels")
    }
    return number
  }

  func region() throws -> TruthRegion {
    let numbers = object["bbox"]?.arrayValue?.map(\.doubleValue) ?? []
    guard numbers.count == 4, let x = numbers[0], let y = numbers[1], let width = numbers[2],
      let height = numbers[3]
    else { throw refused("'bbox' has to be four numbers: x, y, width, height") }
    return TruthRegion(x: x, y: y, width: width, height: height, mask: try mask())
  }

  private func mask() throws -> TruthRegion.MaskEntry {
    switch object["segmentation"] {
    case nil, .null: return .none
    case .array(let polygons): return polygons.isEmpty ? .none : .unreadable("polygons")
    case .object(let object):
      if object["counts"]?.stringValue != nil { return .unreadable("compressed run lengths") }
      let size = object["size"]?.arrayValue?.compactMap(\.intValue) ?? []
      let list = object["counts"]?.arrayValue
      let counts = list?.compactMap(\.intValue) ?? []
      guard size.count == 2, let list, counts.count == list.count,
        let runs = RunLengths(height: size[0], width: size[1], counts: counts)
      else {
        throw refused(
          "'segmentation' has to have size [height, width] and counts that add up to its pixels")
      }
      return .runs(runs)
    default: throw refused("'segmentation' has to be an object with size and counts")
    }
  }
}
