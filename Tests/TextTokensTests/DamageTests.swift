import ByteIO
import TestSupport
import TextTokens
import Testing

/// Damaged tokenizer files give an error or a tokenizer, never a crash.
@Test(arguments: ["clip-quick", "bert-deflated", "sd2-tiny/tokenizer"])
func damagedFiles(folder: String) throws {
  let path = try goldenFolderPath("checkpoints/" + folder)
  var files = TokenizerFiles()
  for name in TokenizerFiles.names where fileExists(path + "/" + name) {
    files[name] = try readSmallFile(path + "/" + name, maximum: 16 << 20)
  }
  var state: UInt64 = 0x9E37_79B9_7F4A_7C15
  func random(below limit: Int) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Int(state % UInt64(limit))
  }
  let bytes: [UInt8] = [0x00, 0x20, 0x22, 0x2C, 0x2D, 0x30, 0x39, 0x5B, 0x7D, 0x80, 0xFF]
  var refused = 0
  for name in TokenizerFiles.names {
    guard let whole = files[name], !whole.isEmpty else { continue }
    for round in 0..<100 {
      var damaged = files
      if name != "tokenizer.json" && round.isMultiple(of: 2) { damaged.tokenizerJSON = nil }
      var text = whole
      switch round % 3 {
      case 0: text.removeSubrange(random(below: text.count)...)
      case 1:
        for _ in 0...random(below: 3) {
          text[random(below: text.count)] = bytes[random(below: bytes.count)]
        }
      default:
        let start = random(below: text.count)
        text.removeSubrange(start..<min(text.count, start + 1 + random(below: 20)))
      }
      damaged[name] = text
      do {
        let encoding = try Tokenizer(files: damaged).encode("Left lung, 2 caf\u{E9}s", length: 8)
        #expect(encoding.ids.count == 8)
      } catch {
        refused += 1
        #expect(!"\(error)".isEmpty)
      }
    }
  }
  #expect(refused > 50)
}
