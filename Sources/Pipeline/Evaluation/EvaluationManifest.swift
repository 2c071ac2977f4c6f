import ByteIO
import ImageFiles
import JSONText

/// Pictures, phrases and where in the pictures is what they speak of: COCO-style JSON as MS-CXR has
/// it, or CSV (docs/evaluation.md).
struct EvaluationManifest: Sendable {
  /// Its name without the folder.
  let file: String
  /// SHA-256 of its bytes.
  let digest: String
  /// At least one, in the order in which the file first names them.
  let pairs: [EvaluationPair]

  private static let maximumByteCount = 1 << 30

  /// - Parameter folder: where pictures lie; nil for the manifest's own.
  /// - Throws: when the file is unreadable, of neither form, or says what cannot be.
  init(path: String, pictures folder: String? = nil) throws {
    let bytes = try readSmallFile(path, maximum: Self.maximumByteCount)
    file = lastComponent(of: path)
    digest = hexText(try SHA256.digest(of: bytes))
    let annotations: [ManifestAnnotation]
    if file.lowercased().hasSuffix(".csv") {
      annotations = try csvAnnotations(bytes, file: file)
    } else {
      do {
        annotations = try cocoAnnotations(try JSONValue(parsing: bytes), file: file)
      } catch let error as JSONError {
        throw EvaluationError.manifest(
          file: file, place: "a JSON manifest (a CSV one is called .csv)",
          reason: error.description)
      }
    }
    pairs = try groupedPairs(annotations, file: file, folder: folder ?? folderPart(of: path))
  }
}

/// A phrase and a picture.
struct EvaluationPair: Sendable, Hashable {
  /// Its place among the manifest's pairs, from 0.
  let number: Int
  /// Of its first annotation; names its map in a folder of maps.
  let id: ManifestIdentifier
  let image: ManifestImage
  /// Where the picture is.
  let imagePath: String
  let category: ManifestCategory
  let phrase: String
  /// One for each annotation; the truth is their union.
  let regions: [TruthRegion]
}

/// A number or a text.
enum ManifestIdentifier: Sendable, Hashable {
  case number(Int)
  case text(String)

  init?(json: JSONValue?) {
    if let number = json?.intValue {
      self = .number(number)
    } else if let text = json?.stringValue {
      self = .text(text)
    } else {
      return nil
    }
  }

  var json: JSONValue {
    switch self {
    case .number(let number): .integer(Int64(number))
    case .text(let text): .string(text)
    }
  }

  var text: String {
    switch self {
    case .number(let number): String(number)
    case .text(let text): text
    }
  }
}

struct ManifestImage: Sendable, Hashable {
  let id: ManifestIdentifier
  /// As the manifest has it.
  let path: String
  /// Pixels; nil where the manifest does not say.
  let width: Int?
  let height: Int?
}

struct ManifestCategory: Sendable, Hashable {
  let id: ManifestIdentifier
  let name: String
}

/// Where something is, in the picture's pixels.
struct TruthRegion: Sendable, Hashable {
  let x: Double
  let y: Double
  let width: Double
  let height: Double
  /// Nil where there is a box only.
  let mask: MaskEntry

  enum MaskEntry: Sendable, Hashable {
    case none
    case runs(RunLengths)
    /// A mask in a form that is not read, and which.
    case unreadable(String)
  }
}

/// One box of a manifest with all that belongs to it.
struct ManifestAnnotation: Sendable {
  /// Where in the file, for errors.
  let place: String
  let id: ManifestIdentifier
  let image: ManifestImage
  let category: ManifestCategory
  let phrase: String
  let region: TruthRegion
}

/// Annotations of one picture, class and phrase are one pair.
private func groupedPairs(
  _ annotations: [ManifestAnnotation], file: String, folder: String
) throws -> [EvaluationPair] {
  struct Key: Hashable {
    let image: ManifestIdentifier
    let category: ManifestIdentifier
    let phrase: ExactString
  }
  func refused(_ place: String, _ reason: String) -> EvaluationError {
    .manifest(file: file, place: place, reason: reason)
  }
  var groups: [Key: Int] = [:]
  var grouped: [[ManifestAnnotation]] = []
  var places: [String: String] = [:]
  for annotation in annotations {
    let id = annotation.id.text
    guard !id.isEmpty, !id.contains("/"), !id.utf8.contains(0), id != ".", id != ".." else {
      throw refused(annotation.place, "'id' has to be a number or a text that can name a file")
    }
    if let first = places.updateValue(annotation.place, forKey: id) {
      throw refused(annotation.place, "'id' is \(id), as in \(first)")
    }
    guard !annotation.phrase.allSatisfy(\.isWhitespace) else {
      throw refused(annotation.place, "the phrase is empty")
    }
    try annotation.region.check(in: annotation.image) { refused(annotation.place, $0) }
    let key = Key(
      image: annotation.image.id, category: annotation.category.id,
      phrase: ExactString(annotation.phrase))
    if let group = groups[key] {
      grouped[group].append(annotation)
    } else {
      groups[key] = grouped.count
      grouped.append([annotation])
    }
  }
  guard !grouped.isEmpty else { throw refused("the whole", "it has no pair to evaluate") }
  return grouped.enumerated().map { number, group in
    let first = group[0]
    let path = first.image.path
    return EvaluationPair(
      number: number, id: first.id, image: first.image,
      imagePath: path.hasPrefix("/") ? path : folder + "/" + path, category: first.category,
      phrase: first.phrase, regions: group.map(\.region))
  }
}

extension TruthRegion {
  /// Checks that there is something and that it lies in the picture, of which a pixel may miss.
  fileprivate func check(
    in image: ManifestImage, _ refused: (String) -> EvaluationError
  ) throws {
    guard [x, y, width, height].allSatisfy({ $0.isFinite && abs($0) <= 1e6 }), width > 0, height > 0
    else {
      throw refused("the box has to be x, y, width and height in pixels, the last two over 0")
    }
    if case .runs(let runs) = mask, let imageWidth = image.width, let imageHeight = image.height,
      runs.width != imageWidth || runs.height != imageHeight
    {
      throw refused(
        "the mask is \(runs.width) × \(runs.height), but the picture \(imageWidth) × \(imageHeight)"
      )
    }
    guard x >= -1, y >= -1, image.width.map({ x + width <= Double($0) + 1 }) ?? true,
      image.height.map({ y + height <= Double($0) + 1 }) ?? true
    else {
      let size = image.width.flatMap { w in image.height.map { " of \(w) × \($0)" } } ?? ""
      throw refused("the box reaches beyond the picture\(size)")
    }
  }
}
