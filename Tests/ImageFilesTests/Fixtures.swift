import Foundation
import ImageFiles
import TestSupport
import Testing

/// Where the package lies, from this file's own place.
let packageRoot = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

let validPictures = packageRoot.appending(path: "formats/fixtures/valid/pictures")
let malformedPictures = packageRoot.appending(path: "formats/fixtures/malformed/pictures")

func pictureNames(_ folder: URL) -> [String] {
  let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
  return names.filter { $0.hasSuffix(".png") || $0.hasSuffix(".jpg") }.sorted()
}

func bytes(_ folder: URL, _ name: String) throws -> [UInt8] {
  try bytes(path: folder.appending(path: name).path)
}

func bytes(path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(filePath: path)))
}

/// The error that decoding gives, or nil.
func decodingError(_ bytes: [UInt8], _ name: String = "x") -> ImageError? {
  do throws(ImageError) {
    _ = try decodeImage(bytes: bytes, name: name)
    return nil
  } catch {
    return error
  }
}

func randomImage(_ width: Int, _ height: Int, seed: UInt64) -> RGBImage {
  var random = TestRandom(state: seed)
  return RGBImage(
    width: width, height: height,
    pixels: (0..<3 * width * height).map { _ in UInt8.random(in: 0...255, using: &random) })
}
