import Naming

/// The layers that the patterns name, in the order of `names`; all without patterns.
///
/// - Throws: `PipelineError.unknownLayer` for a pattern that matches nothing.
func matching(_ patterns: [String], among names: [String]) throws -> [String] {
  guard !patterns.isEmpty else { return names }
  var chosen = Set<String>()
  for pattern in patterns {
    let glob = Glob(pattern)
    let matches = names.filter { glob.matches($0) }
    guard !matches.isEmpty else {
      throw PipelineError.unknownLayer(
        pattern: pattern, nearest: nearestName(to: pattern, among: names))
    }
    chosen.formUnion(matches)
  }
  return names.filter { chosen.contains($0) }
}
