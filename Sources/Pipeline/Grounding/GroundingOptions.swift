/// How to ground; the defaults are the method's.
public struct GroundingOptions: Sendable, Hashable {
  /// Whether the map is merged with what image and text alone attract (BBM).
  public var mergesBias = true
  /// DDIM steps, 1 to 1000.
  public var steps = 50
  /// How many of the last steps make the activation map.
  public var last = 40
  /// Classifier-free guidance scale of the text pass.
  public var guidance = 16.0
  /// Of the random numbers; means what it means to PyTorch on a CPU.
  public var seed: UInt64 = 4200
  /// Which words count: `content`, `all`, `disease:NAME`, or numbers of words such as `0,2,3`.
  public var words = "content"
  /// Names or patterns of the cross-attention layers that count; empty for all.
  public var layers: [String] = []
  /// Where text passes are kept; nil keeps none.
  public var cacheFolder: String?
  /// Whether the result carries every tap.
  public var savesTaps = false
  /// How large the page of a report may become; nil for no report. The maps that a report shows
  /// are kept with the results, in so few bytes.
  public var reportByteLimit: Int?

  /// The method's defaults.
  public init() {}

  /// - Throws: `PipelineError.badOption`.
  func check() throws {
    guard (1...1000).contains(steps) else {
      throw PipelineError.badOption(name: "--steps", reason: "\(steps) is not from 1 to 1000")
    }
    guard last >= 1 else {
      throw PipelineError.badOption(name: "--last", reason: "\(last) is not from 1 on")
    }
    guard guidance.isFinite else {
      throw PipelineError.badOption(name: "--guidance", reason: "\(guidance) is not a number")
    }
  }
}

/// Told how far a stage has come: its name, how many of how many parts are done.
public typealias Progress = (_ stage: String, _ done: Int, _ total: Int) -> Void
