import ByteIO
import Grounding
import ImageFiles
import Reports

/// Writes a page that shows phrases grounded in one picture: one HTML file that needs nothing else.
/// It appears whole or not at all.
///
/// - Parameters:
///   - results: of one picture, made with `reportByteLimit`.
///   - byteLimit: how large the page may become. The picture is made smaller for it.
public func writeReport(
  of results: [GroundingResult], to path: String, byteLimit: Int
) throws {
  let page = try GroundingPage(results, byteLimit: byteLimit)
  try writeFile(Array(try page.html().utf8), to: path)
}

/// How the bytes of a page are shared out. Base64 makes four of three; what is left is for the maps
/// that every phrase has.
enum ReportShares {
  /// For the picture's PNG.
  static func picture(of byteLimit: Int) -> Int { byteLimit / 3 * 3 / 4 }
  /// For maps per step and layer.
  static func taps(of byteLimit: Int, phrases: Int) -> Int {
    byteLimit / 2 * 3 / 4 / max(phrases, 1)
  }
}

extension GroundingPage {
  fileprivate init(_ results: [GroundingResult], byteLimit: Int) throws {
    guard let first = results.first else { preconditionFailure("a report is of some phrase") }
    var remarks: [String] = []
    let picture = try PagePicture(
      first.picture, crop: first.crop, name: lastComponent(of: first.settings.imageFile),
      byteLimit: ReportShares.picture(of: byteLimit), remarks: &remarks)
    let options = first.settings.options
    var settings = [
      Fact("bias merging", options.mergesBias ? "yes" : "no"),
      Fact(
        "steps",
        "\(options.steps), of which the last \(min(options.last, options.steps))"
          + " make the map"),
      Fact("seed", "\(options.seed)"), Fact("words", options.words),
      Fact("layers", first.settings.layers.joined(separator: ", ")),
    ]
    if options.mergesBias {
      settings.insert(Fact("guidance", "\(options.guidance), in the text pass"), at: 3)
    }
    self.init(
      picture: picture, phrases: results.map(\.pagePhrase),
      model: [
        Fact("file", lastComponent(of: first.settings.modelFile)),
        Fact("identity", first.settings.modelIdentity),
      ], settings: settings, remarks: remarks, program: "plumb \(plumbVersion)")
    self.picture.facts = [
      Fact("file", picture.name), Fact("SHA-256", first.settings.imageDigest),
      Fact("size", "\(picture.width) × \(picture.height) pixels"),
      Fact(
        "the model saw",
        "x \(decimal(picture.crop[0], digits: 0)) to \(decimal(picture.crop[2], digits: 0)), y "
          + "\(decimal(picture.crop[1], digits: 0)) to \(decimal(picture.crop[3], digits: 0)), as "
          + "\(first.crop.side) × \(first.crop.side)"),
      Fact("maps", "\(first.mapSide) × \(first.mapSide)"),
    ]
  }
}

extension PagePicture {
  /// A picture for a page, made smaller until its PNG has no more than so many bytes.
  ///
  /// - Parameters:
  ///   - largest: pixels of its long side at most.
  ///   - remarks: gets a sentence when it is not as large as the file's.
  init(
    _ image: RGBImage, crop: CropGeometry, name: String, largest: Int = 1600, byteLimit: Int,
    remarks: inout [String]
  ) throws {
    let long = max(image.width, image.height)
    var shown = image
    var png: [UInt8] = []
    for side in [1600, 1200, 800, 600, 400, 200] where side <= largest {
      if side < long || png.isEmpty {
        let scale = min(1, Double(side) / Double(long))
        shown = resized(
          image, width: max(1, Int((Double(image.width) * scale).rounded())),
          height: max(1, Int((Double(image.height) * scale).rounded())))
        png = try encodePNG(shown)
      }
      if png.count <= byteLimit { break }
    }
    if shown.width < image.width {
      remarks.append(
        "The picture is shown with \(shown.width) × \(shown.height) of its \(image.width) ×"
          + " \(image.height) pixels.")
    }
    let edges = crop.originalBox(
      fromCrop: ImageBox(x0: 0, y0: 0, x1: Double(crop.side), y1: Double(crop.side)))
    self.init(
      name: name, png: png, width: image.width, height: image.height,
      crop: [edges.x0, edges.y0, edges.x1, edges.y1], facts: [])
  }
}

extension GroundingResult {
  fileprivate var pagePhrase: GroundingPage.Phrase {
    GroundingPage.Phrase(
      text: phrase, words: pageWords, warnings: warnings, box: boxInOriginal,
      outline: crop.originalOutline(of: maps.mask.large), maps: maps.pageMaps, merging: pageMerging,
      found: pageFacts, times: pageTimes, passes: evidence?.passes ?? [],
      tapRemark: evidence?.tapRemark ?? "")
  }

  private var pageWords: [GroundingPage.Word] {
    var maps = [ByteMap?](repeating: nil, count: words.count)
    for (place, map) in (evidence?.wordMaps ?? []).enumerated() {
      if let map { maps[place] = ByteMap(map) }
    }
    return zip(words, maps).map { word, map in
      GroundingPage.Word(
        text: word.text, tokens: word.tokens, positions: word.positions, isKept: word.isKept,
        map: map)
    }
  }

  private var pageMerging: GroundingPage.Merging? {
    guard let similarity else { return nil }
    return GroundingPage.Merging(similarity: similarity)
  }

  private var pageFacts: [Fact] {
    func coordinates(_ box: [Double]?) -> String {
      guard let box else { return "none: no pixel stands out" }
      let numbers = box.map { decimal($0, digits: 0) }
      return "x \(numbers[0]) to \(numbers[2]), y \(numbers[1]) to \(numbers[3])"
    }
    let mask = maps.mask.large.values
    let share = Double(mask.count { $0 }) / Double(max(mask.count, 1))
    let kept = words.filter(\.isKept).map(\.text).joined(separator: " ")
    var facts = [
      Fact("words that count", kept), Fact("box in the picture", coordinates(boxInOriginal)),
      Fact("box in the crop", coordinates(boxInCrop)),
      Fact("threshold of the mask", decimal(maps.mask.threshold, digits: 3)),
      Fact("mask’s share of the crop", decimal(100 * share, digits: 1) + " %"),
    ]
    if let similarity {
      facts.append(Fact("similarity of the biases, s", decimal(similarity, digits: 3)))
    }
    return facts
  }

  private var pageTimes: [GroundingPage.Time] {
    seconds.map { stage, seconds in
      let isKept = stage == "text pass" && textPassIsKept
      return GroundingPage.Time(
        stage: stage, seconds: seconds, remark: isKept ? "kept from an earlier run" : nil)
    }
  }
}

extension GroundedMaps {
  fileprivate var pageMaps: [GroundingPage.Map] {
    let activationMeaning = "Where the words that count look in the picture: the last steps’ mean."
    guard let merging else {
      return [
        GroundingPage.Map(
          key: "map", title: "Final map", meaning: activationMeaning, values: ByteMap(map))
      ]
    }
    return [
      GroundingPage.Map(
        key: "map", title: "Final map",
        meaning: "The merged result; mask and box are cut from it.", values: ByteMap(map)),
      GroundingPage.Map(
        key: "activation", title: "Activation (a)", meaning: activationMeaning,
        values: ByteMap(merging.activation)),
      GroundingPage.Map(
        key: "image_bias", title: "Image bias",
        meaning: "What the picture attracts without words: the mean of [CLS].",
        values: ByteMap(merging.imageBias)),
      GroundingPage.Map(
        key: "text_bias", title: "Text bias",
        meaning: "Where the words look when there is no picture. It lies over the picture here, but"
          + " has not seen it.",
        values: ByteMap(merging.textBias)),
      GroundingPage.Map(
        key: "merged", title: "Merged (m)",
        meaning: "The mean of the matrix products of [CLS] with the picture and the words without"
          + " it.",
        values: ByteMap(merging.merged)),
    ]
  }
}

extension ByteMap {
  /// In 256 levels between the least and the largest value.
  init(_ map: Raster<Float>) {
    self.init(height: map.height, width: map.width, values: map.values)
  }

  /// As it is.
  init(_ map: Raster<UInt8>) {
    self.init(height: map.height, width: map.width, levels: map.values)
  }
}
