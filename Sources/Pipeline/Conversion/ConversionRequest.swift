/// What to convert, and how.
public struct ConversionRequest: Sendable {
  /// A folder in the diffusers layout or of a single model, an ONNX file, or a .plumb; nil when each
  /// part comes from its own place.
  public var source: String?
  /// The UNet's folder or ONNX file when it does not come from `source`.
  public var unet: String?
  /// The VAE's folder, likewise.
  public var vae: String?
  /// The text encoder's folder, likewise.
  public var textEncoder: String?
  /// The tokenizer's folder, likewise, with vocab.txt, tokenizer.json or vocab.json with merges.txt.
  public var tokenizer: String?
  /// A folder or a scheduler_config.json.
  public var scheduler: String?
  /// The .plumb to write.
  public var output: String
  /// Names of an ONNX part's inputs and outputs that are not the usual ones.
  public var ioNames: [IOName] = []
  /// Sides of the latent that the UNet was made for, when its file does not tell.
  public var latentSize: Int?
  /// What latents are multiplied by before the UNet sees them, when no file tells.
  public var scalingFactor: Double?
  /// `f32`, `f16`, `bf16` or `int8`; nil keeps every bit.
  public var weights: String?
  /// zstd's level; nil for the default.
  public var level: Int?
  /// A golden bundle that the file must agree with, or it does not appear.
  public var goldenFolder: String?
  /// As `verify` takes it: of the largest magnitude of each tensor; nil for the bundle's own.
  public var goldenTolerance: Double?
  /// How much memory holding it against the bundle may take.
  public var verificationMemory = MemoryUse.unlimited
  /// Whether weights are stored as they are, at places that can be mapped.
  public var isRaw = false

  /// Nothing but the place to write to.
  public init(output: String) { self.output = output }
}

/// What one input or output of an ONNX part is.
public struct IOName: Sendable, Hashable {
  /// `unet`, `vae` or `text_encoder`.
  public let part: String
  /// What the file calls it.
  public let theirs: String
  /// What grounding calls it: `sample`, `timestep`, `encoder_hidden_states`, `out_sample`,
  /// `input_ids`, `attention_mask`, `last_hidden_state`, `latent_parameters`.
  public let ours: String

  /// Reads `PART:THEIRS=OURS`.
  ///
  /// - Throws: when it is not of this form.
  public init(parsing text: String) throws {
    guard let colon = text.firstIndex(of: ":"), let equals = text.lastIndex(of: "="), colon < equals
    else {
      throw PipelineError.badOption(
        name: "--io", reason: "'\(text)' is not PART:THEIRS=OURS, like unet:latent=sample")
    }
    part = String(text[..<colon])
    theirs = String(text[text.index(after: colon)..<equals])
    ours = String(text[text.index(after: equals)...])
    guard ["unet", "vae", "text_encoder"].contains(part) else {
      throw PipelineError.badOption(
        name: "--io", reason: "'\(part)' is not unet, vae or text_encoder")
    }
  }
}

/// What a conversion wrote.
public struct ConversionSummary: Sendable {
  /// The file that was written.
  public let output: String
  /// Bytes of the file.
  public let byteCount: Int
  /// Bytes of the tensors as they were.
  public let sourceByteCount: Int
  /// Names of the graphs in it.
  public let graphs: [String]
  /// Tensors of the checkpoints that are known and not needed.
  public let unused: [String]
  /// The tensors that were rounded, each with the largest error made, absolute; in their order.
  public let roundings: [Rounding]

  /// What storing a tensor in fewer bits has cost.
  public struct Rounding: Sendable, Hashable {
    /// Its name in the file that was written.
    public let tensor: String
    /// The largest difference of an element from what it was.
    public let error: Double
  }

  /// The largest rounding error made, and the tensor it was made in; nil when all is exact.
  public var worstRounding: Rounding? {
    roundings.reduce(nil) { worst, other in
      other.error > worst?.error ?? 0 ? other : worst
    }
  }

  /// The roundings, a line each, the worst first.
  public var roundingsText: String {
    roundings.sorted { $0.error > $1.error }
      .map { "  \(Float($0.error))  \($0.tensor)" }.joined(separator: "\n")
  }

  /// How the file compares with the golden bundle; nil when none was given.
  public let verification: Verification?

  /// The summary in a few lines, for a terminal.
  public var text: String {
    var lines = [
      "\(output): \(bytesText(byteCount)) from \(bytesText(sourceByteCount)) of tensors, graphs "
        + graphs.joined(separator: ", ")
    ]
    if let worst = worstRounding {
      let digits = Float((worst.error * 1e6).rounded() / 1e6)
      lines.append("worst rounding \(digits) in \(worst.tensor)")
    }
    if let verification {
      lines.append(
        "verified: \(verification.tensorCount) tensors in \(verification.cases.count) cases agree")
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

/// A conversion whose file does not agree with its golden bundle and was not kept.
public struct ConversionRefusal: Error, CustomStringConvertible {
  /// Where the file would have been.
  public let output: String
  /// What does not agree.
  public let verification: Verification

  /// One sentence.
  public var description: String {
    "\(output) was not written: \(verification.failureCount) of \(verification.tensorCount) "
      + "tensors of the golden bundle do not agree"
  }
}
