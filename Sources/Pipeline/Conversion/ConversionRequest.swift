/// What to convert, and how.
public struct ConversionRequest: Sendable {
  /// A folder in the diffusers layout, or of a single model; nil when each part comes from its own
  /// place.
  public var source: String?
  /// Folders of parts that do not come from `source`.
  public var unet: String?
  public var vae: String?
  public var textEncoder: String?
  public var tokenizer: String?
  /// A folder or a scheduler_config.json.
  public var scheduler: String?
  /// The .plumb to write.
  public var output: String
  /// `f32`, `f16` or `bf16`; nil keeps every bit.
  public var weights: String?
  /// zstd's level; nil for the default.
  public var level: Int?

  public init(output: String) { self.output = output }
}

/// What a conversion wrote.
public struct ConversionSummary: Sendable {
  public let output: String
  /// Bytes of the file.
  public let byteCount: Int
  /// Bytes of the tensors as they were.
  public let sourceByteCount: Int
  public let graphs: [String]
  /// Tensors of the checkpoints that are known and not needed.
  public let unused: [String]
  /// The largest rounding error made, and the tensor it was made in; nil when all is exact.
  public let worstRounding: (tensor: String, error: Double)?

  public var text: String {
    var lines = [
      "\(output): \(bytesText(byteCount)) from \(bytesText(sourceByteCount)) of tensors, graphs "
        + graphs.joined(separator: ", ")
    ]
    if let worst = worstRounding, worst.error > 0 {
      lines.append("worst rounding \(worst.error) in \(worst.tensor)")
    }
    if !unused.isEmpty {
      let shown = unused.prefix(5).joined(separator: ", ")
      lines.append(
        "\(unused.count) tensors are not needed and were left out: \(shown)"
          + (unused.count > 5 ? ", …" : ""))
    }
    return lines.joined(separator: "\n")
  }
}
