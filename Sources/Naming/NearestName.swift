/// The name among `names` that `name` is most likely a slip of, or nil when none is near: fewer
/// edits than a third of its length, and at least one allowed.
package func nearestName(to name: String, among names: some Sequence<String>) -> String? {
  var best: (name: String, distance: Int)?
  for candidate in names {
    let distance = editDistance(name.lowercased(), candidate.lowercased())
    if distance < best?.distance ?? .max { best = (candidate, distance) }
  }
  guard let best, best.distance <= max(1, name.count / 3) else { return nil }
  return best.name
}

/// Insertions, deletions and replacements between two strings (Levenshtein's distance).
func editDistance(_ a: String, _ b: String) -> Int {
  let (a, b) = (Array(a.utf8), Array(b.utf8))
  var row = Array(0...b.count)
  for (i, x) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, y) in b.enumerated() {
      let replaced = diagonal + (x == y ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
    }
  }
  return row[b.count]
}
