/// Tells, for the words of a phrase of radiology English, which are adjectives, nouns or verbs.
///
/// Everything counts that is not known as something else: closed-class words by list, numerals and
/// adverbs by form, and a few words by their neighbours. Auxiliaries are not verbs here; a word of
/// punctuation alone is nothing. How well this agrees with a trained tagger is measured by a test
/// over golden/words/tags.json.
/// - Returns: one value a word.
package func contentWords(_ words: [String]) -> [Bool] {
  let cores = words.map(core)
  return cores.indices.map { isContent(at: $0, in: cores) }
}

/// The word in lower case without the punctuation at its edges.
private func core(_ word: String) -> String {
  func isEdge(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
      .decimalNumber, .letterNumber, .otherNumber, .nonspacingMark, .spacingMark:
      false
    default: true
    }
  }
  var scalars = Substring(word).unicodeScalars
  while let first = scalars.first, isEdge(first) { scalars.removeFirst() }
  while let last = scalars.last, isEdge(last) { scalars.removeLast() }
  return String(scalars).lowercased()
}

private func isContent(at index: Int, in words: [String]) -> Bool {
  let word = words[index]
  if word.isEmpty || FunctionWords.all.contains(word) || isNumeral(word) { return false }
  let next = index + 1 < words.count ? words[index + 1] : ""
  let previous = index > 0 ? words[index - 1] : ""
  if FunctionWords.haveAndDo.contains(word) { return !isAuxiliary(at: index, in: words) }
  switch word {
  case "likely":
    // "likely represents" has an adverb, "likely atelectasis" and "is likely" an adjective.
    return previous != "most" && previous != "very" && !looksLikeVerb(next) && next != "due"
  case "longer":
    return previous != "no"
  case "next":
    return next != "to"
  default: break
  }
  if isAdverb(word) { return false }
  let parts = word.split { $0 == "/" || $0 == "-" }.map(String.init)
  if parts.count > 1 {
    return parts.contains { !FunctionWords.all.contains($0) && !isNumeral($0) }
  }
  for suffix in ["'s", "\u{2019}s"] where word.hasSuffix(suffix) {
    return !FunctionWords.all.contains(String(word.dropLast(suffix.count)))
  }
  return true
}

/// Whether a form of have or do only helps the verb that follows, adverbs between them or not.
private func isAuxiliary(at index: Int, in words: [String]) -> Bool {
  for word in words[(index + 1)...] {
    if word == "not" { return true }
    if isAdverb(word)
      || ["also", "now", "again", "almost", "already", "still", "both", "since"].contains(word)
    {
      continue
    }
    return FunctionWords.be.contains(word) || word.hasSuffix("ed")
      || FunctionWords.irregularParticiples.contains(word)
      || FunctionWords.baseVerbs.contains(word)
  }
  return false
}

/// By its form: -ly, save -aly, which ends nouns (cardiomegaly, anomaly), and listed words.
private func isAdverb(_ word: String) -> Bool {
  word.hasSuffix("ly") && !word.hasSuffix("aly") && !FunctionWords.notAdverbs.contains(word)
}

private func looksLikeVerb(_ word: String) -> Bool {
  if FunctionWords.baseVerbs.contains(word) || FunctionWords.be.contains(word) { return true }
  if word.hasSuffix("ing") && word != "scarring" && word != "thickening" { return true }
  return word.hasSuffix("ed")
    || word.hasSuffix("s") && FunctionWords.baseVerbs.contains(String(word.dropLast()))
}

/// A cardinal number in digits, with or without a unit written on to it ("2.5", "3-4", "8mm").
private func isNumeral(_ word: String) -> Bool {
  guard let first = word.unicodeScalars.first,
    first.properties.generalCategory == .decimalNumber
  else { return false }
  for ordinal in ["st", "nd", "rd", "th"] where word.hasSuffix(ordinal) { return false }
  return true
}
