import JSONText
import Naming

private let requiredColumns = ["image", "phrase", "category", "x", "y", "width", "height"]
private let optionalColumns = ["id"]

/// The annotations of a CSV file: a header that names the columns `image`, `phrase`, `category`,
/// `x`, `y`, `width`, `height` and, if there are any, `id`, in any order; a row for each box.
/// Pictures and classes are numbered from 1 as they appear, and so are rows without ids.
func csvAnnotations(_ bytes: [UInt8], file: String) throws -> [ManifestAnnotation] {
  func refused(_ line: Int, _ reason: String) -> EvaluationError {
    .manifest(file: file, place: "line \(line)", reason: reason)
  }
  let mark: [UInt8] = [0xef, 0xbb, 0xbf]
  guard
    let text = String(
      validating: bytes.starts(with: mark) ? bytes.dropFirst(3) : bytes[...], as: UTF8.self)
  else { throw EvaluationError.manifest(file: file, place: "the whole", reason: "it is not UTF-8") }
  let rows = try CSVText(text, refused: refused).rows
  guard let header = rows.first else {
    throw EvaluationError.manifest(file: file, place: "the whole", reason: "it is empty")
  }
  var columns: [String: Int] = [:]
  for (index, name) in header.fields.enumerated() {
    guard (requiredColumns + optionalColumns).contains(name) else {
      let near = nearestName(to: name, among: requiredColumns + optionalColumns)
      throw refused(
        header.line,
        "there is no column '\(name)'" + (near.map { "; did you mean '\($0)'?" } ?? ""))
    }
    guard columns.updateValue(index, forKey: name) == nil else {
      throw refused(header.line, "the column '\(name)' is there twice")
    }
  }
  for name in requiredColumns where columns[name] == nil {
    throw refused(header.line, "the column '\(name)' is missing")
  }
  var images = Numbering()
  var categories = Numbering()
  return try rows.dropFirst().enumerated().map { index, row in
    guard row.fields.count == header.fields.count else {
      throw refused(
        row.line, "\(row.fields.count) fields where \(header.fields.count) are expected")
    }
    func text(_ column: String) throws -> String {
      let field = columns[column].map { row.fields[$0] } ?? ""
      guard !field.isEmpty else { throw refused(row.line, "'\(column)' is empty") }
      return field
    }
    func number(_ column: String) throws -> Double {
      let field = try text(column)
      guard let number = Double(field), number.isFinite else {
        throw refused(row.line, "'\(column)' has to be a number, not '\(field)'")
      }
      return number
    }
    let (image, category) = (try text("image"), try text("category"))
    return ManifestAnnotation(
      place: "line \(row.line)",
      id: columns["id"] == nil ? .number(index + 1) : .text(try text("id")),
      image: ManifestImage(id: images.number(of: image), path: image, width: nil, height: nil),
      category: ManifestCategory(id: categories.number(of: category), name: category),
      phrase: try text("phrase"),
      region: TruthRegion(
        x: try number("x"), y: try number("y"), width: try number("width"),
        height: try number("height"), mask: .none))
  }
}

/// Numbers from 1 for texts as they appear.
private struct Numbering {
  private var numbers: [ExactString: Int] = [:]

  mutating func number(of text: String) -> ManifestIdentifier {
    let next = numbers.count + 1
    let number = numbers[ExactString(text)] ?? next
    numbers[ExactString(text)] = number
    return .number(number)
  }
}
