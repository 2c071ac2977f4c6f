import ByteIO
import JSONText
import Reports
import Testing

private let hostile = "</script><img src=x onerror=alert(1)> & \"quoted\" {{data}} '\u{2028}"

private func page(
  phrases: Int = 1, text: String = "left effusion", isMerged: Bool = true, hasTaps: Bool = true
) -> GroundingPage {
  let map = ByteMap(height: 2, width: 2, values: [0, 0.25, 0.5, 1])
  let layer = GroundingPage.Layer(
    name: "mid.attn2", height: 1, width: 1, bytes: [0, 1, 2, 3], lows: [0, 0, 0, 0],
    highs: [1, 1, 1, 2])
  let pass = GroundingPage.Pass(
    key: "image", title: "With the picture", steps: [1, 2], stepCount: 2, timesteps: [501, 1],
    tokens: ["[CLS]", text], kept: [1], layers: [layer])
  let phrase = GroundingPage.Phrase(
    text: text,
    words: [
      .init(text: text, tokens: [text], positions: [1], isKept: true, map: map),
      .init(text: "the", tokens: ["the"], positions: [2], isKept: false, map: nil),
    ],
    warnings: [text], box: [1, 2, 3, 4], outline: [[1, 2, 3, 2, 3, 4]],
    maps: [.init(key: "map", title: "Final map", meaning: text, values: map)],
    merging: isMerged ? .init(similarity: 0.25) : nil, found: [Fact(text, text)],
    times: [.init(stage: text, seconds: 1.5, remark: text)], passes: hasTaps ? [pass] : [],
    tapRemark: text)
  return GroundingPage(
    picture: PagePicture(
      name: text, png: [1, 2, 3], width: 8, height: 8, crop: [0, 0, 8, 8],
      facts: [Fact(text, text)]),
    phrases: Array(repeating: phrase, count: phrases), model: [Fact(text, text)],
    settings: [Fact(text, text)], remarks: [text], program: text)
}

/// What stands between the last `start` and the next `end`.
private func part(_ html: String, from start: String, to end: String) throws -> String {
  let pieces = html.components(by: start)
  let rest = try #require(pieces.count > 1 ? pieces.last : nil)
  return try #require(rest.components(by: end).first)
}

extension String {
  fileprivate func components(by separator: String) -> [String] {
    var result: [String] = []
    var rest = self[...]
    while let range = rest.firstRange(of: separator) {
      result.append(String(rest[..<range.lowerBound]))
      rest = rest[range.upperBound...]
    }
    return result + [String(rest)]
  }
}

@Suite struct GroundingPageTests {
  @Test func theDataIsWhatItWas() throws {
    let html = try page(text: hostile).html()
    let text = try part(html, from: "id=\"data\">", to: "</script>")
    let data = try JSONValue(parsing: Array(text.utf8))
    let phrase = try #require(data["phrases"]?.arrayValue?.first)
    #expect(phrase["text"]?.stringValue == hostile)
    #expect(data["picture"]?["png"]?.stringValue == "AQID")
    #expect(phrase["box"]?.arrayValue?.compactMap(\.doubleValue) == [1, 2, 3, 4])
    let maps = try #require(phrase["maps"]?.arrayValue)
    #expect(maps.compactMap { $0["key"]?.stringValue } == ["map", "word-0"])
    #expect(maps[0]["bytes"]?.stringValue == base64([0, 64, 128, 255]))
    #expect(maps[0]["low"]?.doubleValue == 0 && maps[0]["high"]?.doubleValue == 1)
    let pass = try #require(phrase["passes"]?.arrayValue?.first)
    #expect(pass["tokens"]?.arrayValue?.last?.stringValue == hostile)
    let layer = try #require(pass["layers"]?.arrayValue?.first)
    // 1, 1, 1, 2 as little-endian floats.
    #expect(layer["highs"]?.stringValue == "AACAPwAAgD8AAIA/AAAAQA==")
  }

  /// Text of the user becomes text, wherever it stands.
  @Test func hostileTextStaysText() throws {
    for phrases in [1, 2] {
      let html = try page(phrases: phrases, text: hostile).html()
      #expect(!html.contains("<img"))
      #expect(!html.contains("onerror=alert(1)>"))
      // The page's own two scripts, and no more.
      #expect(html.components(by: "<script").count == 3)
      #expect(html.components(by: "</script").count == 3)
      #expect(html.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt; &amp; &quot;quoted"))
      #expect(html.contains("{{data}}"), "a phrase may look like a place of the template")
    }
  }

  /// The policy forbids the network and knows the script and style by their digests.
  @Test func policy() throws {
    let html = try page().html()
    let policy = try part(html, from: "Content-Security-Policy\" content=\"", to: "\">")
    func digest(_ text: String) throws -> String {
      "'sha256-" + base64(try SHA256.digest(of: Array(text.utf8))) + "'"
    }
    let script = try part(html, from: "<script>", to: "</script>")
    let style = try part(html, from: "<style>", to: "</style>")
    #expect(
      policy.components(by: "; ") == [
        "default-src 'none'", "script-src \(try digest(script))", "style-src \(try digest(style))",
        "img-src data:", "base-uri 'none'", "form-action 'none'",
      ])
    for word in ["http:", "https:", " style=\"", "@import", "url("] {
      #expect(!html.contains(word), "\(word)")
    }
  }

  @Test func whatIsNotThereHasNoSection() throws {
    let whole = try page().html()
    for part in ["Bias merging", "id=\"step\"", "not a medical device", "501", "0.375", "0.563"] {
      #expect(whole.contains(part), "\(part)")
    }
    #expect(!whole.contains("<legend>Phrases"), "one phrase is no choice")
    #expect(try page(phrases: 2).html().contains("<legend>Phrases"))
    #expect(!(try page(isMerged: false).html().contains("Bias merging")))
    #expect(!(try page(hasTaps: false).html().contains("id=\"step\"")))
  }
}

@Suite struct MarkupTests {
  @Test func base64OfAllLengths() {
    let cases: [([UInt8], String)] = [
      ([], ""), ([0x66], "Zg=="), ([0x66, 0x6f], "Zm8="), ([0x66, 0x6f, 0x6f], "Zm9v"),
      ([0xff, 0xfe, 0xfd, 0], "//79AA=="),
    ]
    for (bytes, text) in cases { #expect(base64(bytes) == text) }
  }

  @Test func decimals() {
    #expect(decimal(0.0625, digits: 3) == "0.063")
    #expect(decimal(-1.5, digits: 0) == "−2")
    #expect(decimal(-0.001, digits: 2) == "0.00")
    #expect(decimal(12, digits: 2) == "12.00")
    #expect(decimal(.nan, digits: 2) == "–")
  }

  @Test func levels() {
    let map = ByteMap(height: 1, width: 4, values: [-1, 0, 1, 3])
    #expect(map.bytes == [0, 64, 128, 255] && map.low == -1 && map.high == 3)
    #expect(ByteMap(height: 1, width: 2, values: [5, 5]).bytes == [0, 0])
    #expect(ByteMap(height: 1, width: 1, levels: [7]).high == 255)
  }
}
