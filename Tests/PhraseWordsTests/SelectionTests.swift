import PhraseWords
import Testing

@Test func selectionSyntax() throws {
  #expect(try WordSelection(parsing: "content") == .content)
  #expect(try WordSelection(parsing: "ALL") == .all)
  #expect(try WordSelection(parsing: "3,0, 2,3") == .indices([0, 2, 3]))
  for name in ["disease:Pleural Effusion", "disease:pleural-effusion", "Disease:PLEURALEFFUSION"] {
    #expect(try WordSelection(parsing: name) == .disease(.pleuralEffusion))
  }
  for disease in Disease.allCases {
    #expect(try WordSelection(parsing: "disease:" + disease.rawValue) == .disease(disease))
  }
}

@Test(arguments: ["", "some", "1,,2", "-1", "1;2", "0x1", "1,", "99999999999999999999"])
func badSelections(text: String) {
  #expect(throws: PhraseError.unknownSelection(text)) { try WordSelection(parsing: text) }
}

@Test func unknownDiseases() {
  let error = PhraseError.unknownDisease("pnuemonia", nearest: "Pneumonia")
  #expect(throws: error) { try WordSelection(parsing: "disease:pnuemonia") }
  #expect("\(error)".contains("did you mean 'Pneumonia'?"))
  #expect("\(error)".contains("Lung Opacity"))
  #expect(throws: PhraseError.unknownDisease("", nearest: nil)) {
    try WordSelection(parsing: "disease:")
  }
}

@Test func selectedWords() throws {
  let phrase = " small  left\tpleural effusion is seen"
  let content = try selectWords(of: phrase, .content)
  #expect(content.words == ["small", "left", "pleural", "effusion", "is", "seen"])
  #expect(content.text == "small left pleural effusion is seen")
  #expect(content.isKept == [true, true, true, true, false, true])
  #expect(!content.usesAllTokens && content.warnings.isEmpty)
  #expect(try selectWords(of: phrase, .all).isKept.allSatisfy { $0 })
  #expect(
    try selectWords(of: phrase, .indices([0, 5])).isKept
      == [true, false, false, false, false, true])
  let disease = try selectWords(of: "Small PLEURAL effusion.", .disease(.pleuralEffusion))
  #expect(disease.isKept == [false, true, true])
  #expect(disease.usesAllTokens && disease.warnings.isEmpty)
  let other = try selectWords(of: phrase, .disease(.edema))
  #expect(other.isKept.allSatisfy { $0 })
  #expect(other.usesAllTokens)
  #expect(other.warnings == [.diseaseNotNamed(.edema)])
}

@Test func selectionsThatFail() {
  #expect(throws: PhraseError.emptyPhrase) { try selectWords(of: " \n", .all) }
  #expect(throws: PhraseError.nothingSelected(phrase: "there is no")) {
    try selectWords(of: "there is no", .content)
  }
  #expect(throws: PhraseError.noSuchWord(index: 2, wordCount: 2)) {
    try selectWords(of: "left lung", .indices([0, 2]))
  }
}

@Test func tokenPositions() throws {
  // [CLS] small pneumo ##thorax is seen [SEP]
  let words = try selectWords(of: "small pneumothorax is seen", .content)
  let tokens = try selectTokens(of: words, subwordCounts: [1, 2, 1, 1], length: 77)
  #expect(tokens.positions == [1, 2, 5])
  #expect(tokens.positionsWithStart == [0, 1, 2, 5])
  #expect(tokens.wordPositions == [1..<2, 2..<4, 4..<5, 5..<6])
  #expect(tokens.warnings.isEmpty)
  let disease = try selectWords(of: "small pneumothorax is seen", .disease(.pneumothorax))
  #expect(
    try selectTokens(of: disease, subwordCounts: [1, 2, 1, 1], length: 77).positions == [2, 3])
  let none = try selectWords(of: "small pneumothorax is seen", .disease(.edema))
  let all = try selectTokens(of: none, subwordCounts: [1, 2, 1, 1], length: 77)
  #expect(all.positions == [1, 2, 3, 4, 5])
  #expect(all.warnings == [.diseaseNotNamed(.edema)])
}

@Test func truncatedPhrases() throws {
  let words = try selectWords(of: "small apical pneumothorax", .all)
  // Positions 1…4 are seen; the third word has its first token there, the rest is lost.
  let part = try selectTokens(of: words, subwordCounts: [1, 2, 3], length: 6)
  #expect(part.positions == [1, 2, 4])
  #expect(part.wordPositions == [1..<2, 2..<4, 4..<5])
  #expect(part.warnings == [.truncated(words: ["pneumothorax"], tokensLost: 2)])
  let less = try selectTokens(of: words, subwordCounts: [1, 2, 3], length: 5)
  #expect(less.positions == [1, 2])
  #expect(less.wordPositions[2].isEmpty)
  #expect(less.warnings == [.truncated(words: ["pneumothorax"], tokensLost: 3)])
  let exact = try selectTokens(of: words, subwordCounts: [1, 2, 3], length: 8)
  #expect(exact.warnings.isEmpty)
  let last = try selectWords(of: "small apical pneumothorax", .indices([2]))
  #expect(throws: PhraseError.nothingSeen(length: 5)) {
    try selectTokens(of: last, subwordCounts: [1, 2, 3], length: 5)
  }
}

@Test func wordsWithoutTokens() throws {
  let words = try selectWords(of: "left \u{200B} lung", .all)
  let tokens = try selectTokens(of: words, subwordCounts: [1, 0, 1], length: 77)
  #expect(tokens.positions == [1, 2])
  #expect(tokens.warnings == [.wordsWithoutTokens(["\u{200B}"])])
  #expect(throws: PhraseError.countMismatch(words: 3, counts: 2)) {
    try selectTokens(of: words, subwordCounts: [1, 1], length: 77)
  }
}
