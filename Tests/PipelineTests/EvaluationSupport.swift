import ByteIO
import JSONText
import Pipeline
import TensorBase
import TensorFiles
import TestSupport
import Testing

/// Pictures of 256 × 256 for evaluations.
let phantomFolder = goldenFolder + "/phantom/test-30"
let phantomManifest = phantomFolder + "/manifest.json"

/// A COCO-style manifest of pictures of 256 × 256.
func coco(
  images: [String] = [
    #"{"id": 1, "file_name": "phantom-3-0000.png", "width": 256, "height": 256}"#
  ],
  categories: [String] = [#"{"id": 1, "name": "nodule"}"#], annotations: [String]
) -> String {
  """
  {"images": [\(images.joined(separator: ", "))],
   "categories": [\(categories.joined(separator: ", "))],
   "annotations": [\(annotations.joined(separator: ",\n"))]}
  """
}

/// An annotation of picture and category 1.
func annotation(
  _ id: Int, box: [Double] = [64, 64, 64, 64], phrase: String = "a nodule", also: String = ""
) -> String {
  #"{"id": \#(id), "image_id": 1, "category_id": 1, "bbox": \#(box), "label_text": "\#(phrase)"\#(also)}"#
}

/// An evaluation of a trivial map on the side of the phantoms.
func request(_ manifest: String, _ folder: String) -> EvaluationRequest {
  var request = EvaluationRequest(manifestPath: manifest, folder: folder)
  request.maps = .uniform
  request.side = 256
  request.picturesFolder = phantomFolder
  request.resamples = 20
  return request
}

func write(_ text: String, to path: String) throws { try writeFile(Array(text.utf8), to: path) }

func text(_ path: String) throws -> String {
  String(decoding: try readSmallFile(path, maximum: 1 << 28), as: UTF8.self)
}

/// The lines of a folder's pairs.jsonl.
func pairs(_ folder: String) throws -> [JSONValue] {
  try text(folder + "/pairs.jsonl").split(separator: "\n").map {
    try JSONValue(parsing: Array($0.utf8))
  }
}

let evaluationFiles = ["pairs.jsonl", "predictions.json", "run.json", "scores.json"]

/// Both folders hold the same four files, byte for byte.
func expectSame(_ a: String, _ b: String, sourceLocation: SourceLocation = #_sourceLocation) throws
{
  #expect(try folderListing(a) == evaluationFiles, sourceLocation: sourceLocation)
  for name in evaluationFiles {
    #expect(
      try text(a + "/" + name) == text(b + "/" + name), "\(name)", sourceLocation: sourceLocation)
  }
}

/// The evaluation is refused with a sentence that holds all `parts`.
func expectRefused(
  _ request: EvaluationRequest, _ parts: [String], sourceLocation: SourceLocation = #_sourceLocation
) {
  expectThrown(parts, sourceLocation: sourceLocation) { _ = try evaluate(request) }
}

func expectThrown(
  _ parts: [String], sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) {
  do {
    try body()
    Issue.record("it was taken", sourceLocation: sourceLocation)
  } catch {
    for part in parts {
      #expect("\(error)".contains(part), "'\(part)': \(error)", sourceLocation: sourceLocation)
    }
  }
}

/// A map of 256 × 256: 1 in the box's pixels, else 0.
func boxMap(_ x: Int, _ y: Int, _ width: Int, _ height: Int) -> Tensor {
  var values = [Float](repeating: 0, count: 256 * 256)
  for row in y..<y + height { for column in x..<x + width { values[row * 256 + column] = 1 } }
  return Tensor(floats: values, shape: [256, 256])
}
