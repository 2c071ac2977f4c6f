import PhraseWords
import Testing

private func kept(_ phrase: String) -> String {
  let words = words(of: phrase)
  return zip(words, contentWords(words)).filter(\.1).map(\.0).joined(separator: " ")
}

@Test(arguments: [
  ("there is a new right lower lobe opacity", "new right lower lobe opacity"),
  ("no pneumothorax is seen.", "pneumothorax seen."),
  ("The heart is not enlarged", "heart enlarged"),
  ("Left, more than right; effusions (small)", "Left, right; effusions (small)"),
  ("2 nodules of 8mm and 1.5 cm", "nodules cm"),
  ("sixth rib, 3rd nodule", "sixth rib, 3rd nodule"),
  ("slightly increased cardiomegaly with an anomaly", "increased cardiomegaly anomaly"),
  ("it has clearly worsened", "worsened"), ("it has a tube", "has tube"),
  ("edema has not been seen", "edema seen"), ("does not change", "change"),
  ("the lungs have also cleared", "lungs cleared"), ("has since cleared", "cleared"),
  ("likely represents edema", "represents edema"), ("likely edema", "likely edema"),
  ("most likely edema", "edema"), ("edema is likely", "edema likely"),
  ("is no longer visible", "visible"), ("a longer scar", "longer scar"),
  ("next to the hilum", "hilum"), ("atelectasis and/or pneumonia", "atelectasis pneumonia"),
  ("atelectasis/pneumonia", "atelectasis/pneumonia"),
  ("left-sided 3-4 nodules", "left-sided nodules"),
  ("the patient's chest", "patient's chest"), ("it's large", "large"), ("-- , ...", ""),
  ("N\u{f3}dulo \u{201C}opacity\u{201D}", "N\u{f3}dulo \u{201C}opacity\u{201D}"), ("", ""),
])
func contentWordRules(phrase: String, expected: String) {
  #expect(kept(phrase) == expected)
}
