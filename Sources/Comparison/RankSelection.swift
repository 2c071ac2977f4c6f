/// Finds the keys at some places of the sorted order without sorting or keeping them: in four
/// passes over all keys it counts those of equal leading 16, 32, 48 and 64 bits.
///
/// Between passes call `descend`; after four the keys are in `found`.
struct RankSelection {
  /// What is known of a wanted key.
  private struct Search {
    /// Its place among the keys that begin like it.
    var rank: Int
    /// Its leading bits.
    var prefix: UInt64 = 0
  }

  private var searches: [Search]
  private var prefixes: [UInt64] = [0]
  /// For each prefix how many keys go on with each 16 bits.
  private var counts: [Int]
  /// The lowest of the bits that the next pass looks at.
  private var shift: UInt64 = 48

  static let passCount = 4
  private static let width = 1 << 16

  /// `ranks`: places in the sorted order, from 0; each below the number of keys.
  init(ranks: [Int]) {
    searches = ranks.map { Search(rank: $0) }
    counts = [Int](repeating: 0, count: Self.width)
  }

  /// Counts keys; every pass gives the same, in any order.
  mutating func add(_ keys: Span<UInt64>) {
    let (prefixes, shift) = (self.prefixes, self.shift)
    var counts = self.counts.mutableSpan
    for i in keys.indices {
      let key = keys[i]
      // Smart shift: by 64 bits it gives 0, the first prefix.
      let prefix = key >> (shift + 16)
      for p in prefixes.indices where prefixes[p] == prefix {
        counts[p << 16 + Int(truncatingIfNeeded: key >> shift & 0xffff)] += 1
      }
    }
  }

  /// Ends a pass.
  mutating func descend() {
    for s in searches.indices {
      guard let row = prefixes.firstIndex(of: searches[s].prefix) else {
        preconditionFailure("a prefix that was not counted")
      }
      var digit = 0
      while counts[row << 16 + digit] <= searches[s].rank {
        searches[s].rank -= counts[row << 16 + digit]
        digit += 1
      }
      searches[s].prefix = searches[s].prefix << 16 | UInt64(digit)
    }
    guard shift > 0 else { return }
    shift -= 16
    prefixes = Array(Set(searches.map(\.prefix)))
    counts = [Int](repeating: 0, count: prefixes.count * Self.width)
  }

  /// The keys at the wanted places, in the order in which these were given.
  var found: [UInt64] { searches.map(\.prefix) }
}
