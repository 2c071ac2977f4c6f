/// Text as it may stand in HTML and XML, between tags and in quoted attributes. What XML cannot hold
/// becomes U+FFFD.
package func escaped(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "\n", "\t": result.unicodeScalars.append(scalar)
    case _ where scalar.value < 32 || scalar.value == 0xfffe || scalar.value == 0xffff:
      result += "\u{fffd}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}

/// RFC 4648, with padding.
package func base64(_ bytes: [UInt8]) -> String {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  var text: [UInt8] = []
  text.reserveCapacity((bytes.count + 2) / 3 * 4)
  var start = 0
  while start < bytes.count {
    let count = min(3, bytes.count - start)
    var word = Int(bytes[start]) << 16
    if count > 1 { word |= Int(bytes[start + 1]) << 8 }
    if count > 2 { word |= Int(bytes[start + 2]) }
    for digit in 0..<4 {
      text.append(digit <= count ? alphabet[word >> (18 - 6 * digit) & 63] : UInt8(ascii: "="))
    }
    start += 3
  }
  return String(decoding: text, as: UTF8.self)
}

/// A row of a two-column table: what, and its value, as plain text.
package struct Fact: Sendable, Hashable {
  package let name: String
  package let value: String

  package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// A table of facts, each name heading its row.
func table(_ facts: [Fact], caption: String) -> String {
  let rows = facts.map { fact in
    "<tr><th scope=\"row\">\(escaped(fact.name))</th><td>\(escaped(fact.value))</td></tr>"
  }
  return "<table class=\"facts\"><caption>\(escaped(caption))</caption><tbody>"
    + rows.joined(separator: "\n") + "</tbody></table>"
}

/// Sentences as a list; nothing when there are none.
func list(_ sentences: [String]) -> String {
  guard !sentences.isEmpty else { return "" }
  let items = sentences.map { "<li>\(escaped($0))</li>" }
  return "<ul class=\"remarks\">\(items.joined(separator: "\n"))</ul>"
}

/// A number with so many digits behind the point, without an exponent; a long dash for what is no
/// number.
package func decimal(_ value: Double, digits: Int) -> String {
  var scale = 1.0
  for _ in 0..<digits { scale *= 10 }
  let scaled = (abs(value) * scale).rounded()
  guard scaled < 1e15 else { return value.isFinite ? "\(value)" : "–" }
  let (whole, rest) = Int(scaled).quotientAndRemainder(dividingBy: Int(scale))
  let sign = value < 0 && scaled > 0 ? "−" : ""
  guard digits > 0 else { return sign + "\(whole)" }
  let fraction = String(rest)
  return sign + "\(whole)." + String(repeating: "0", count: digits - fraction.count) + fraction
}
