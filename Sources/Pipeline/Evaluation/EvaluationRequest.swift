/// What to evaluate, and how.
public struct EvaluationRequest: Sendable {
  /// Where the maps come from.
  public enum Maps: Sendable, Hashable {
    /// The model grounds every pair.
    case model
    /// A folder with a map for each pair, ID.npy or ID.safetensors.
    case folder(String)
    /// A hill in the middle of the picture.
    case center
    /// Seeded noise.
    case uniform
  }

  /// Whose maps are judged.
  public var maps = Maps.model
  /// A .plumb file. Maps that are not the model's need only its sizes, and can do without it.
  public var modelPath: String?
  /// COCO-style JSON, or CSV.
  public var manifestPath: String
  /// Where pictures lie; nil for the manifest's folder.
  public var picturesFolder: String?
  /// For the results.
  public var folder: String
  /// How the model grounds; `mergesBias` judges the maps with and without merging.
  public var grounding = GroundingOptions()
  /// All processors without it.
  public var threads: Int?
  /// As `Grounder` takes it.
  public var isExact = false
  /// How much memory the model may take.
  public var memory = MemoryUse.unlimited
  /// Whether masks are the truth where the manifest has any; else boxes are.
  public var usesMasks = true
  /// Pixels along a side of the crop in which maps are judged, where no model says.
  public var side = 512
  /// Which pairs; nil for all.
  public var shard: EvaluationShard?
  /// Whether to go on with what is in the folder.
  public var resumes = false
  /// How large the page of a report may become; nil for no report.
  public var reportByteLimit: Int?
  /// Of the bootstrap, 1 to 1,000,000.
  public var resamples = 2000

  /// The method's settings, all pairs.
  public init(manifestPath: String, folder: String) {
    self.manifestPath = manifestPath
    self.folder = folder
  }
}

/// Every n-th pair, beginning with the i-th.
public struct EvaluationShard: Sendable, Hashable, CustomStringConvertible {
  /// From 1.
  public let index: Int
  /// How many shards there are.
  public let count: Int

  /// Reads "i/n".
  ///
  /// - Returns: nil unless 1 ≤ i ≤ n.
  public init?(parsing text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let index = Int(parts[0]), let count = Int(parts[1]), index >= 1,
      index <= count, text == "\(index)/\(count)"
    else { return nil }
    self.index = index
    self.count = count
  }

  /// "i/n".
  public var description: String { "\(index)/\(count)" }

  /// The shard's pairs out of so many.
  func numbers(of pairs: Int) -> [Int] { Array(stride(from: index - 1, to: pairs, by: count)) }
}
