import Grounding
import ImageFiles

/// What grounding one phrase in one image found.
public struct GroundingResult: Sendable {
  /// As it was given.
  public let phrase: String
  /// The phrase's words, in order.
  public let words: [GroundedWord]
  /// Things the user should know: a truncated phrase, a missing font.
  public internal(set) var warnings: [String]
  /// Wall time by stage, in the order in which they ran.
  public internal(set) var seconds: [(stage: String, seconds: Double)]

  let settings: GroundingSettings
  let maps: GroundedMaps
  let picture: RGBImage
  let crop: CropGeometry
  /// What `--save-taps` keeps; nil without it.
  let taps: SavedTaps?
  /// What a report shows beside; nil without one.
  let evidence: ReportEvidence?
  /// Whether the text pass was kept from an earlier run.
  let textPassIsKept: Bool

  /// The final map, row-major, `mapSide` × `mapSide`; 0…1 up to float16 rounding.
  public var map: [Float] { maps.map.values }
  /// Pixels along a side of the map: the latent's.
  public var mapSide: Int { maps.map.width }

  /// First and last foreground column and row in the crop: [x0, y0, x1, y1]; nil when the mask is
  /// empty.
  public var boxInCrop: [Double]? {
    maps.mask.box.map { box in
      [box.firstColumn, box.firstRow, box.lastColumn, box.lastRow].map { Double($0) }
    }
  }

  /// The same box in the original picture's pixels.
  public var boxInOriginal: [Double]? {
    boxInCrop.map { box in
      let original = crop.originalBox(
        fromCrop: ImageBox(x0: box[0], y0: box[1], x1: box[2], y1: box[3]))
      return [original.x0, original.y0, original.x1, original.y1]
    }
  }

  /// Structural similarity of the two biases, 0…1; nil without merging.
  public var similarity: Double? { maps.merging?.similarity }
}

/// What a result says of where it comes from.
struct GroundingSettings: Sendable {
  let modelFile: String
  let modelIdentity: String
  let imageFile: String
  let imageDigest: String
  let options: GroundingOptions
  /// Names of the layers whose taps were taken.
  let layers: [String]
  /// Positions of the tokens whose taps were taken: [CLS] and the kept ones.
  let tokens: [Int]
}

/// Everything from which the maps can be made again.
struct SavedTaps: Sendable {
  let image: TapRecord
  let text: TapRecord?
  let ids: [Int]
  /// [1, tokens, width].
  let state: (shape: [Int], values: [Float])
  /// [1, C, h, w].
  let latent: [Int]
  let latentMean: [Float]
  let latentLogVariance: [Float]
}
