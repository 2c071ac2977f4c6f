import ByteIO
import JSONText

/// Puts a page together: one HTML file with its style, its script and its data inside, which loads
/// nothing. A content security policy forbids the network, and any script or style but the page's
/// own, which it knows by their digests.
///
/// - Parameters:
///   - template: HTML with places such as `{{title}}`.
///   - parts: HTML for the template's places.
///   - data: what the script finds as JSON in the element `data`.
func page(
  template: [UInt8], style: [[UInt8]], script: [[UInt8]], parts: [String: String], data: JSONValue
) throws -> String {
  func text(_ files: [[UInt8]]) -> String {
    String(decoding: Array(files.joined(separator: [UInt8(ascii: "\n")])), as: UTF8.self)
  }
  func source(_ text: String) throws -> String {
    "'sha256-\(base64(try SHA256.digest(of: Array(text.utf8))))'"
  }
  let (style, script) = (text(style), text(script))
  let policy = [
    "default-src 'none'", "script-src \(try source(script))", "style-src \(try source(style))",
    "img-src data:", "base-uri 'none'", "form-action 'none'",
  ]
  var parts = parts
  parts["policy"] = policy.joined(separator: "; ")
  parts["style"] = style
  parts["script"] = script
  parts["data"] = embedded(data)
  return filled(String(decoding: template, as: UTF8.self), parts)
}

/// JSON that can stand inside of a script element: no character in it means anything to HTML.
func embedded(_ json: JSONValue) -> String {
  var bytes: [UInt8] = []
  let text = json.utf8Text()
  bytes.reserveCapacity(text.count)
  for byte in text {
    switch byte {
    case UInt8(ascii: "<"): bytes += Array("\\u003c".utf8)
    case UInt8(ascii: ">"): bytes += Array("\\u003e".utf8)
    case UInt8(ascii: "&"): bytes += Array("\\u0026".utf8)
    default: bytes.append(byte)
    }
  }
  return String(decoding: bytes, as: UTF8.self)
}

/// Puts each part in its place. What a part says is not looked at again.
private func filled(_ template: String, _ parts: [String: String]) -> String {
  var result = ""
  var rest = template[...]
  while let place = rest.firstRange(of: "{{") {
    result += rest[..<place.lowerBound]
    rest = rest[place.upperBound...]
    guard let end = rest.firstRange(of: "}}"), let part = parts[String(rest[..<end.lowerBound])]
    else { preconditionFailure("the template has a place for what is not there") }
    result += part
    rest = rest[end.upperBound...]
  }
  return result + rest
}
