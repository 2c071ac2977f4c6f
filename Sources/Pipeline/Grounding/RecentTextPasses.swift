import Grounding

/// Text passes kept in memory, the latest used ones up to a number of bytes.
struct RecentTextPasses {
  /// Nothing is kept beyond it.
  let byteLimit: Int
  /// The latest used last.
  private var entries: [(key: TextPassCache.Key, record: TapRecord)] = []

  init(byteLimit: Int = 0) { self.byteLimit = byteLimit }

  mutating func record(for key: TextPassCache.Key) -> TapRecord? {
    guard let place = entries.firstIndex(where: { $0.key == key }) else { return nil }
    let entry = entries.remove(at: place)
    entries.append(entry)
    return entry.record
  }

  mutating func keep(_ record: TapRecord, for key: TextPassCache.Key) {
    entries.append((key, record))
    while byteCount > byteLimit, !entries.isEmpty { entries.removeFirst() }
  }

  var byteCount: Int {
    entries.reduce(0) { sum, entry in
      sum + entry.record.layers.reduce(0) { $0 + 4 * $1.values.count }
    }
  }
}
