import JSONText

/// Why a tokenizer cannot be built from what was given.
package enum TokenizerError: Error, Equatable, CustomStringConvertible {
  /// None of the files that define a vocabulary was given.
  case noVocabulary
  case missingFile(String, neededBy: String)
  case unreadable(file: String, JSONError)
  case notUTF8(file: String)
  /// A setting that this program does not implement, such as a normaliser.
  case unsupported(file: String, key: String, value: String)
  case malformed(file: String, key: String, expected: String)
  case unknownToken(String, role: String)
  case duplicateID(Int, String, String)
  case idOutOfRange(Int, token: String)
  case badMerge(line: Int, String)

  package var description: String {
    switch self {
    case .noVocabulary:
      "The tokenizer has no vocabulary; expected tokenizer.json, or vocab.txt, or vocab.json with "
        + "merges.txt."
    case .missingFile(let file, let neededBy):
      "The tokenizer lacks \(file), which \(neededBy) needs."
    case .unreadable(let file, let error):
      "The tokenizer's \(file) cannot be read: \(error)"
    case .notUTF8(let file):
      "The tokenizer's \(file) is not valid UTF-8."
    case .unsupported(let file, let key, let value):
      "The tokenizer's \(file) sets \(key) to \(value), which is not supported."
    case .malformed(let file, let key, let expected):
      "The tokenizer's \(file) has an unusable \(key); expected \(expected)."
    case .unknownToken(let token, let role):
      "The tokenizer's \(role) token '\(token)' is not in its vocabulary."
    case .duplicateID(let id, let first, let second):
      "The tokenizer's vocabulary gives the id \(id) to both '\(first)' and '\(second)'."
    case .idOutOfRange(let id, let token):
      "The tokenizer's vocabulary gives '\(token)' the id \(id); ids must be small and not negative."
    case .badMerge(let line, let text):
      "Merge \(line) of the tokenizer, '\(text)', is not two tokens of the vocabulary whose join is "
        + "a token too."
    }
  }
}
