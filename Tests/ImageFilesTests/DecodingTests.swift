import Foundation
import ImageFiles
import TestSupport
import Testing

@Suite struct DecodingTests {
  static let valid = pictureNames(validPictures)
  static let malformed = pictureNames(malformedPictures)

  @Test func fixturesAreThere() {
    #expect(Self.valid.count >= 45)
    #expect(Self.malformed.count >= 35)
  }

  @Test(arguments: valid) func decodesToTheSamePixels(name: String) throws {
    let sizes = try #require(
      try JSONSerialization.jsonObject(
        with: Data(contentsOf: validPictures.appending(path: "sizes.json"))) as? [String: [Int]])
    let size = try #require(sizes[name])
    let expected = try bytes(validPictures, String(name.dropLast(4)) + ".rgb")
    let image = try decodeImage(
      bytes: bytes(validPictures, name), name: name, appliesOrientation: false)
    #expect([image.width, image.height] == size)
    let different = zip(image.pixels, expected).filter { $0 != $1 }.count
    #expect(image.pixels.count == expected.count)
    #expect(different == 0, "\(different) of \(expected.count) samples differ")
  }

  @Test(arguments: malformed) func refusesWithTheNamedError(name: String) throws {
    let error = try #require(decodingError(try bytes(malformedPictures, name), name))
    let expected = try #require(name.split(separator: ".").first.map(String.init))
    let given =
      switch error {
      case .empty: "empty"
      case .notAPicture: "notAPicture"
      case .truncated: "truncated"
      case .corrupt: "corrupt"
      case .unsupported: "unsupported"
      case .tooLarge: "tooLarge"
      case .outOfMemory: "outOfMemory"
      case .notEncoded: "notEncoded"
      }
    #expect(given == expected, "\(error)")
    #expect(error.description.contains(name))
    #expect(!error.description.contains("  ") && !error.description.hasSuffix(": "))
  }

  @Test func otherFormatsAreCalledByTheirName() throws {
    let dicom = decodingError([UInt8](repeating: 0, count: 128) + "DICM".utf8)
    #expect(dicom == .notAPicture(name: "x", lookingLike: "a DICOM file"))
    #expect(
      dicom?.description == "x looks like a DICOM file; convert it to PNG or JPEG first")
  }

  /// Every proper beginning of a picture is refused, and none crashes.
  @Test(arguments: valid.filter { $0 != "trailing-bytes.png" })
  func refusesEveryBeginning(name: String) throws {
    let whole = try bytes(validPictures, name)
    for length in 0..<whole.count {
      let error = decodingError([UInt8](whole[..<length]))
      #expect(error != nil, "the first \(length) of \(whole.count) bytes were taken as a picture")
    }
  }

  /// Whatever single bytes are changed, decoding ends in a picture or an error; in a PNG, whose
  /// chunks have checksums, always in an error, but for the bytes after its end.
  @Test(arguments: valid) func survivesChangedBytes(name: String) throws {
    let whole = try bytes(validPictures, name)
    let isPNG = name.hasSuffix(".png") && name != "trailing-bytes.png"
    var random = TestRandom(state: 7)
    for position in whole.indices {
      var changed = whole
      changed[position] ^= UInt8.random(in: 1...255, using: &random)
      let error = decodingError(changed)
      if isPNG { #expect(error != nil, "byte \(position) changed, and nothing was noticed") }
    }
  }

  @Test func survivesNoise() {
    var random = TestRandom(state: 99)
    let starts: [[UInt8]] = [
      [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], [0xFF, 0xD8, 0xFF],
    ]
    for round in 0..<400 {
      let noise = (0..<Int.random(in: 0..<600, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      #expect(decodingError(starts[round % 2] + noise) != nil)
    }
  }
}

@Suite struct EncodingTests {
  @Test(arguments: [(1, 1), (3, 5), (64, 1), (1, 64), (101, 67)])
  func roundTrips(width: Int, height: Int) throws {
    let image = randomImage(width, height, seed: UInt64(width * 1000 + height))
    let encoded = try encodePNG(image)
    #expect(try decodeImage(bytes: encoded, name: "x") == image)
  }

  @Test func givesTheSameBytesTwice() throws {
    let image = randomImage(200, 120, seed: 3)
    #expect(try encodePNG(image) == encodePNG(image))
  }

  @Test func compresses() throws {
    let flat = RGBImage(width: 1000, height: 1000, filledWith: (10, 20, 30))
    #expect(try encodePNG(flat).count < 20_000)
  }
}
