import ByteIO
import JSONText

/// What stands around every page's own part; all of it HTML.
struct PageFrame {
  var title, heading, subtitle: String
  /// The id of what a keyboard can skip to, and its name.
  var start, startName: String
  /// What needs no script.
  var plain: String
  var program: String
}

/// Puts a page together: one HTML file with its style, its script and its data inside, which loads
/// nothing. A content security policy forbids the network, and any script or style but the page's
/// own, which it knows by their digests.
///
/// - Parameters:
///   - template: HTML for the page's main part, with places such as `{{words}}`.
///   - parts: HTML for the template's places.
///   - data: what the script finds as JSON in the element `data`.
func page(
  _ frame: PageFrame, template: [UInt8], script: [[UInt8]], parts: [String: String], data: JSONValue
) throws -> String {
  func text(_ files: [[UInt8]]) -> String {
    String(decoding: Array(files.joined(separator: [UInt8(ascii: "\n")])), as: UTF8.self)
  }
  func source(_ text: String) throws -> String {
    "'sha256-\(base64(try SHA256.digest(of: Array(text.utf8))))'"
  }
  let style = text([PackageResources.page_css]), script = text(script)
  let policy = [
    "default-src 'none'", "script-src \(try source(script))", "style-src \(try source(style))",
    "img-src data:", "base-uri 'none'", "form-action 'none'",
  ]
  return filled(
    text([PackageResources.frame_html]),
    [
      "title": frame.title, "heading": frame.heading, "subtitle": frame.subtitle,
      "start": frame.start, "startName": frame.startName, "plain": frame.plain,
      "program": frame.program, "policy": policy.joined(separator: "; "), "style": style,
      "main": filled(text([template]), parts), "data": embedded(data), "script": script,
    ])
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

func numbers(_ values: [Double]) -> JSONValue { .array(values.map { .number($0) }) }

func integers(_ values: [Int]) -> JSONValue { .array(values.map { .integer(Int64($0)) }) }

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
