import ByteIO

extension GroundingResult {
  /// The result in a few lines, for a terminal.
  public var summary: String {
    let kept = words.filter(\.isKept).map(\.text).joined(separator: " ")
    var lines = ["\(phrase)", "  words     \(kept)"]
    if let box = boxInOriginal {
      let numbers = box.map { String(Int($0.rounded())) }.joined(separator: ", ")
      lines.append("  box       \(numbers)  (x0, y0, x1, y1 in the picture's pixels)")
    } else {
      lines.append("  box       none: no pixel stands out")
    }
    if let similarity {
      lines.append(
        "  ssim      \((similarity * 1000).rounded() / 1000)  (similarity of the two biases)")
    }
    let parts = seconds.map { "\($0.stage) \(($0.seconds * 100).rounded() / 100) s" }
    lines.append("  time      " + parts.joined(separator: ", "))
    return lines.joined(separator: "\n")
  }
}

/// Where text passes are kept when nothing is said: `$XDG_CACHE_HOME/plumb`, else `~/.cache/plumb`;
/// nil when the environment names neither.
public var defaultCacheFolder: String? {
  if let folder = environmentVariable("XDG_CACHE_HOME") { return folder + "/plumb" }
  return environmentVariable("HOME").map { $0 + "/.cache/plumb" }
}

/// Checks, before any work, that results can be written to `folder`, which need not exist yet.
///
/// - Throws: when it or the nearest folder above it may not be written.
public func checkResultFolder(_ folder: String) throws { try checkWritable(folder: folder) }
