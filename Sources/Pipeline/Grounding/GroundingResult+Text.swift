import ByteIO

extension GroundingResult {
  /// The result in a few lines, for a terminal.
  public var summary: String {
    let kept = words.filter(\.isKept).map(\.text).joined(separator: " ")
    var lines = ["\(phrase)", "  words     \(kept)"]
    if let box = boxInOriginal {
      lines.append("  box       \(box.map { String(Int($0.rounded())) }.joined(separator: ", "))")
    } else {
      lines.append("  box       none: no pixel stands out")
    }
    if let similarity {
      lines.append(
        "  s         \((similarity * 1000).rounded() / 1000)  (similarity of the biases)")
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
