import ByteIO
import JSONText
import Pipeline
import TensorBase
import TensorFiles
import TestSupport
import Testing

/// Scores that can be worked out by hand: maps of ones in a square of zeros.
@Suite struct EvaluationScoreTests {
  private func evaluated(
    _ annotations: [String], maps: [String: Tensor], in folder: TemporaryFolder,
    change: (inout EvaluationRequest) -> Void = { _ in }
  ) throws -> [JSONValue] {
    let manifest = folder.file("manifest.json")
    try write(coco(annotations: annotations), to: manifest)
    try makeFolder(folder.file("maps"))
    for (id, map) in maps { try writeNPY(map, to: folder.file("maps/\(id).npy")) }
    var request = request(manifest, folder.file("out"))
    request.maps = .folder(folder.file("maps"))
    change(&request)
    _ = try evaluate(request)
    return try pairs(folder.file("out"))
  }

  private func score(_ pair: JSONValue, _ name: String) -> Double? {
    pair["results"]?["map"]?["scores"]?[name]?.doubleValue
  }

  /// The filter of orphans takes a square's four corners; its filled box lacks the last row and
  /// column.
  @Test func theRightBox() throws {
    let folder = try temporaryFolder()
    let pair = try #require(
      evaluated([annotation(1)], maps: ["1": boxMap(64, 64, 64, 64)], in: folder).first)
    let (inside, outside, box): (Double, Double, Double) =
      (4092 / 4096, 61440 / 61444, 3969 / 4096)
    #expect(score(pair, "iou") == inside)
    #expect(score(pair, "miou") == (inside + outside) / 2)
    #expect(score(pair, "box_iou") == box)
    #expect(score(pair, "auc_roc") == 1 && score(pair, "pointing") == 1)
    #expect(pair["results"]?["map"]?["scores"]?["cnr"] == .null)
    #expect(score(pair, "centre_distance") == 0)
    #expect(
      pair["results"]?["map"]?["box"] == .array([64, 64, 64, 64].map { .number($0) }))
    #expect(pair["truth_pixels"]?.intValue == 4096 && pair["boxes"]?.intValue == 1)
    let predictions = try JSONValue(
      parsing: Array(try text(folder.file("out/predictions.json")).utf8))
    #expect(
      predictions
        == .array([
          .object([
            "image_id": .integer(1), "category_id": .integer(1),
            "bbox": .array([64, 64, 64, 64].map { .number($0) }), "score": .number(1),
          ])
        ]))
  }

  @Test func theWrongBox() throws {
    let folder = try temporaryFolder()
    let pair = try #require(
      evaluated([annotation(1)], maps: ["1": boxMap(128, 64, 64, 64)], in: folder).first)
    #expect(score(pair, "iou") == 0 && score(pair, "box_iou") == 0)
    // 4096 of the 61440 places outside are above those inside, the others equal.
    let area: Double = (61440 - 4096) / 2 / 61440
    #expect(score(pair, "auc_roc") == area)
    #expect(score(pair, "pointing") == 0 && score(pair, "centre_distance") == 64)
  }

  @Test func boxesOfOnePhraseAreOnePair() throws {
    let folder = try temporaryFolder()
    let map = Tensor(
      floats: zip(boxMap(64, 64, 64, 64).floats, boxMap(160, 64, 32, 32).floats).map { $0 + $1 },
      shape: [1, 256, 256])
    let found = try evaluated(
      [
        annotation(7), annotation(8, box: [0, 0, 32, 32], phrase: "another"),
        annotation(9, box: [160, 64, 32, 32]),
      ], maps: ["7": map, "8": boxMap(0, 0, 32, 32)], in: folder)
    #expect(found.compactMap { $0["id"]?.intValue } == [7, 8])
    #expect(found.compactMap { $0["boxes"]?.intValue } == [2, 1])
    #expect(found[0]["truth_pixels"]?.intValue == 4096 + 1024)
    let share: Double = (5120 - 8) / 5120
    #expect(score(found[0], "iou") == share)
    #expect(score(found[0], "centre_distance") == nil)
  }

  @Test func masksAreTheTruthWhereTheyAre() throws {
    // Columns 64 and 65, rows 10 to 19.
    let runs = [64 * 256 + 10, 10, 246, 10, 65536 - (65 * 256 + 20)]
    let mask = #", "segmentation": {"size": [256, 256], "counts": \#(runs)}"#
    for usesMasks in [true, false] {
      let folder = try temporaryFolder()
      let found = try evaluated(
        [annotation(1, also: mask), annotation(2, box: [0, 0, 10, 20], phrase: "other")],
        maps: ["1": boxMap(64, 10, 2, 10), "2": boxMap(0, 0, 10, 20)], in: folder
      ) { $0.usesMasks = usesMasks }
      #expect(found[0]["truth_pixels"]?.intValue == (usesMasks ? 20 : 4096))
      #expect(found[1]["truth_pixels"]?.intValue == 200)
    }
  }

  @Test func halfPixelsBelongToTheCentre() throws {
    let folder = try temporaryFolder()
    let found = try evaluated(
      [annotation(1, box: [9.6, 9.4, 2, 2.2])], maps: ["1": boxMap(0, 0, 9, 9)], in: folder)
    // Columns with centres in 9.6 … 11.6: 10, 11; rows in 9.4 … 11.6: 9, 10, 11.
    #expect(found[0]["truth_pixels"]?.intValue == 6)
  }

  @Test func flatMapsAndTruthsThatCoverAll() throws {
    let folder = try temporaryFolder()
    let flat = Tensor(floats: [Float](repeating: 3, count: 64), shape: [8, 8])
    let found = try evaluated(
      [annotation(1), annotation(2, box: [0, 0, 256, 256], phrase: "all")],
      maps: ["1": flat, "2": flat], in: folder)
    #expect(found[0]["results"]?["map"]?["flat"] == .bool(true))
    #expect(score(found[0], "auc_roc") == 0)
    #expect(found[1]["results"] == .object([:]))
    #expect(found[1]["left_out"]?.stringValue?.contains("covers all") == true)
    let scores = try JSONValue(parsing: Array(try text(folder.file("out/scores.json")).utf8))
    #expect(scores["pairs"]?.intValue == 2 && scores["left_out"]?.intValue == 1)
    #expect(scores["results"]?["map"]?["flat"]?.intValue == 1)
    #expect(scores["results"]?["map"]?["all"]?["pairs"]?.intValue == 1)
    #expect(try text(folder.file("out/predictions.json")) == "[]\n")
  }

  @Test func mapsInSafetensors() throws {
    let folder = try temporaryFolder()
    let map = boxMap(64, 64, 64, 64)
    let first = try evaluated([annotation(1)], maps: ["1": map], in: folder)
    try removeFile(folder.file("maps/1.npy"))
    try writeSafetensors(
      [(name: "other", tensor: flatTensor), (name: "map", tensor: map.converted(to: .f16))],
      to: folder.file("maps/1.safetensors"))
    var again = request(folder.file("manifest.json"), folder.file("again"))
    again.maps = .folder(folder.file("maps"))
    _ = try evaluate(again)
    #expect(try pairs(folder.file("again")) == first)
  }

  private let flatTensor = Tensor(floats: [1], shape: [1])

  @Test func unusableMaps() throws {
    let folder = try temporaryFolder()
    let path = folder.file("maps/1.npy")
    _ = try evaluated([annotation(1)], maps: ["1": boxMap(0, 0, 9, 9)], in: folder)
    var again = request(folder.file("manifest.json"), folder.file("again"))
    again.maps = .folder(folder.file("maps"))
    for (tensor, part) in [
      (Tensor(floats: [1, 2, 3, 4, 5, 6], shape: [2, 3]), "[2, 3]"),
      (Tensor(floats: [1, 2, 3, 4], shape: [4]), "[4]"),
      (Tensor(int64s: [1, 2, 3, 4], shape: [2, 2]), "i64"),
      (Tensor(floats: [1, .nan, 3, 4], shape: [2, 2]), "NaN"),
    ] {
      try writeNPY(tensor, to: path)
      again.folder = folder.file("again-\(part)")
      expectRefused(again, ["1.npy", part])
    }
    try removeFile(path)
    again.folder = folder.file("none")
    expectRefused(again, ["there is no map of pair 1", "1.npy"])
    #expect(!folderExists(again.folder))
    again.maps = .folder(folder.file("nowhere"))
    expectRefused(again, ["nowhere", "no such folder"])
  }

  @Test func csvIsAsCOCO() throws {
    let folder = try temporaryFolder()
    let expected = try evaluated(
      [annotation(1), annotation(2, box: [1.5, 2, 30, 40], phrase: "b, \\\"c\\\"")],
      maps: ["1": boxMap(64, 64, 64, 64), "2": boxMap(0, 0, 9, 9)], in: folder)
    let csv = folder.file("m.csv")
    try write(
      "\u{feff}x,y,width,height,image,category,phrase\r\n"
        + "64,64,64,64,phantom-3-0000.png,nodule,a nodule\r\n\r\n"
        + "1.5,2,30,40,phantom-3-0000.png,nodule,\"b, \"\"c\"\"\"", to: csv)
    var again = request(csv, folder.file("again"))
    again.maps = .folder(folder.file("maps"))
    _ = try evaluate(again)
    #expect(try pairs(folder.file("again")) == expected)
  }
}
