/// Unicode's canonical normal forms (Unicode Standard Annex 15).
enum Normalization {
  /// Canonical decomposition: NFD.
  static func decomposed(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    if text.allSatisfy({ $0.value < 0xC0 }) { return text }
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(text.count + text.count / 4)
    for scalar in text { append(scalar, to: &result) }
    order(&result)
    return result
  }

  /// Canonical decomposition followed by canonical composition: NFC.
  static func composed(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
    // Nothing below U+0300 composes with what is before it.
    if text.allSatisfy({ $0.value < 0x300 }) { return text }
    var result: [Unicode.Scalar] = []
    var starter: Int?
    var lastClass: UInt8 = 0
    for scalar in decomposed(text) {
      let combiningClass = scalar.combiningClass
      if let position = starter {
        let isAdjacent = position == result.count - 1
        if isAdjacent || (lastClass < combiningClass && lastClass != 0),
          let whole = composition(result[position], scalar)
        {
          result[position] = whole
          continue
        }
      }
      if combiningClass == 0 { starter = result.count }
      lastClass = combiningClass
      result.append(scalar)
    }
    return result
  }

  private static func append(_ scalar: Unicode.Scalar, to result: inout [Unicode.Scalar]) {
    if scalar.value < 0xC0 {
      result.append(scalar)
    } else if let parts = syllableParts(scalar) {
      result.append(contentsOf: parts)
    } else if let parts = tables.decompositions[scalar] {
      append(parts.first, to: &result)
      if let second = parts.second { append(second, to: &result) }
    } else {
      result.append(scalar)
    }
  }

  /// Sorts each run of combining characters by class, keeping the order of equals.
  private static func order(_ text: inout [Unicode.Scalar]) {
    var position = 0
    while position < text.count {
      let start = position
      while position < text.count, text[position].combiningClass != 0 { position += 1 }
      if position - start > 1 {
        let run = text[start..<position].enumerated().sorted {
          ($0.element.combiningClass, $0.offset) < ($1.element.combiningClass, $1.offset)
        }
        text.replaceSubrange(start..<position, with: run.map(\.element))
      }
      position = Swift.max(position, start + 1)
    }
  }
}

extension Normalization {
  // Hangul syllables: 19 leading consonants, 21 vowels, 27 trailing consonants or none.
  private static let syllables: UInt32 = 0xAC00
  private static let leads: UInt32 = 0x1100
  private static let vowels: UInt32 = 0x1161
  private static let trails: UInt32 = 0x11A7

  private static func syllableParts(_ scalar: Unicode.Scalar) -> [Unicode.Scalar]? {
    guard scalar.value >= syllables, scalar.value < syllables + 19 * 21 * 28 else { return nil }
    let number = scalar.value - syllables
    let trail = number % 28
    let codes = [leads + number / 588, vowels + number % 588 / 28]
    return (trail == 0 ? codes : codes + [trails + trail]).compactMap(Unicode.Scalar.init)
  }

  private static func composition(
    _ first: Unicode.Scalar, _ second: Unicode.Scalar
  ) -> Unicode.Scalar? {
    if first.value >= leads, first.value < leads + 19, second.value >= vowels,
      second.value < vowels + 21
    {
      return Unicode.Scalar(
        syllables + ((first.value - leads) * 21 + (second.value - vowels)) * 28)
    }
    if first.value >= syllables, first.value < syllables + 19 * 21 * 28,
      (first.value - syllables).isMultiple(of: 28), second.value > trails,
      second.value < trails + 28
    {
      return Unicode.Scalar(first.value + second.value - trails)
    }
    return tables.compositions[Pair(first: first, second: second)]
  }

  private struct Pair: Hashable {
    let first: Unicode.Scalar
    let second: Unicode.Scalar
  }

  private struct Tables {
    var decompositions: [Unicode.Scalar: (first: Unicode.Scalar, second: Unicode.Scalar?)] = [:]
    var compositions: [Pair: Unicode.Scalar] = [:]
  }

  private static let tables: Tables = {
    var tables = Tables()
    for entry in decompositionTable.split(separator: ";") {
      let isExcluded = entry.hasPrefix("!")
      let scalars = (isExcluded ? entry.dropFirst() : entry).split(separator: " ").compactMap {
        UInt32($0, radix: 16).flatMap(Unicode.Scalar.init)
      }
      precondition(scalars.count == 2 || scalars.count == 3, "a damaged decomposition table")
      let second = scalars.count == 3 ? scalars[2] : nil
      tables.decompositions[scalars[0]] = (scalars[1], second)
      if let second, !isExcluded {
        tables.compositions[Pair(first: scalars[1], second: second)] = scalars[0]
      }
    }
    return tables
  }()
}

extension Unicode.Scalar {
  fileprivate var combiningClass: UInt8 {
    value < 0x300 ? 0 : properties.canonicalCombiningClass.rawValue
  }
}
