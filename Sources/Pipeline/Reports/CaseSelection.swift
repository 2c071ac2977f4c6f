import Grounding

/// The pairs of an evaluation that are shown with their pictures: the best and the worst by the
/// first map's mIoU, and those that merging changed most. Pairs may come in any order, one by one;
/// a pair that has dropped out does not come back.
struct CaseSelection: Sendable {
  /// Why a pair is shown.
  enum Group: String, CaseIterable, Sendable {
    case worst = "Worst"
    case best = "Best"
    case lost = "Lost most by merging"
    case gained = "Gained most by merging"

    /// How many pairs.
    var size: Int {
      switch self {
      case .worst, .best: 6
      case .lost, .gained: 3
      }
    }
  }

  /// By group, the first that goes in first; at most as many as it holds.
  private var entries: [Group: [(rank: Double, number: Int)]] = [:]

  mutating func add(_ record: EvaluationRecord) {
    guard let first = record.variants.first else { return }
    let score = first.scores.meanIoU
    enter(record.number, rank: score, into: .worst)
    enter(record.number, rank: -score, into: .best)
    guard record.variants.map(\.name) == ["bbm", "no_bbm"] else { return }
    let gain = score - record.variants[1].scores.meanIoU
    if gain < 0 { enter(record.number, rank: gain, into: .lost) }
    if gain > 0 { enter(record.number, rank: -gain, into: .gained) }
  }

  private mutating func enter(_ number: Int, rank: Double, into group: Group) {
    var list = entries[group] ?? []
    let place = list.firstIndex { ($0.rank, $0.number) > (rank, number) } ?? list.count
    guard place < group.size else { return }
    list.insert((rank, number), at: place)
    entries[group] = Array(list.prefix(group.size))
  }

  /// Whether a pair is among them.
  func contains(_ number: Int) -> Bool {
    entries.values.contains { $0.contains { $0.number == number } }
  }

  /// The pairs in the order of their groups, each once, with the groups it is in.
  var cases: [(number: Int, groups: [Group])] {
    var result: [(number: Int, groups: [Group])] = []
    for group in Group.allCases {
      for (_, number) in entries[group] ?? [] {
        if let place = result.firstIndex(where: { $0.number == number }) {
          result[place].groups.append(group)
        } else {
          result.append((number, [group]))
        }
      }
    }
    return result
  }
}
