import JSONText
import PhraseWords
import TestSupport
import Testing

/// How often the content-word rules and a trained tagger (see tools/words/tag-phrases.py) say the
/// same of a word. The rules were written while looking at the development half alone.
@Test(arguments: ["development", "held-out"])
func agreementWithTagger(half: String) throws {
  let golden = try goldenCase("words", half)
  let kept = try #require(golden.document["kept"]?.arrayValue)
  let tags = try #require(golden.document["tags"]?.arrayValue)
  #expect(golden.strings.count >= 120)
  try #require(kept.count == golden.strings.count && tags.count == kept.count)
  var count = 0
  var agreed = 0
  var differing: [String] = []
  for (position, phrase) in golden.strings.enumerated() {
    let expected = try #require(kept[position].arrayValue)
    let words = words(of: phrase)
    try #require(expected.count == words.count)
    for (index, isContent) in contentWords(words).enumerated() {
      count += 1
      if isContent == expected[index].boolValue {
        agreed += 1
      } else {
        differing.append("\(words[index])/\(tags[position].arrayValue?[index].stringValue ?? "?")")
      }
    }
  }
  let share = Double(agreed) / Double(count)
  #expect(count >= 800)
  let list = differing.joined(separator: " ")
  #expect(share >= 0.97, "\(agreed) of \(count) words agree; differing: \(list)")
}
