import ByteIO
import Grounding
import ImageFiles
import JSONText
import TensorBase
import TensorFiles

extension GroundingResult {
  /// Writes `map.npy`, `overlay.png`, `result.json` and `maps.safetensors` to a folder, which is
  /// made when it is missing. Each file is written whole or not at all.
  ///
  /// - Returns: things the user should know.
  public func write(to folder: String) throws -> [String] {
    try makeFolder(folder)
    try writeNPY(
      Tensor(floats: maps.map.values, shape: [maps.map.height, maps.map.width]),
      to: folder + "/map.npy")
    try writeSafetensors(
      mapTensors + tapTensors, metadata: metadata, to: folder + "/maps.safetensors")
    let overlay = renderOverlay(overlayContent)
    try writeFile(try encodePNG(overlay.image), to: folder + "/overlay.png")
    try writeFile(Array((json.text(indent: 2) + "\n").utf8), to: folder + "/result.json")
    return overlay.warning.map { [$0] } ?? []
  }

  var mapTensors: [(name: String, tensor: Tensor)] {
    func tensor(_ raster: Raster<Float>) -> Tensor {
      Tensor(floats: raster.values, shape: [raster.height, raster.width])
    }
    func tensor(_ raster: Raster<UInt8>) -> Tensor {
      Tensor(type: .u8, shape: [raster.height, raster.width], bytes: raster.values)
    }
    func tensor(_ raster: Raster<Bool>) -> Tensor {
      Tensor(
        type: .u8, shape: [raster.height, raster.width], bytes: raster.values.map { $0 ? 1 : 0 })
    }
    var tensors: [(name: String, tensor: Tensor)] = [
      ("map", tensor(maps.map)), ("activation", tensor(maps.activation)),
      ("mask", tensor(maps.mask.large)),
    ]
    if let merging = maps.merging {
      tensors += [
        ("image_bias", tensor(merging.imageBias)), ("text_bias", tensor(merging.textBias)),
        ("merged", tensor(merging.merged)),
      ]
    }
    return tensors
  }

  var tapTensors: [(name: String, tensor: Tensor)] {
    guard let taps else { return [] }
    var tensors: [(name: String, tensor: Tensor)] = [
      (
        "input_ids",
        Tensor(int64s: taps.ids.map { Int64($0) }, shape: [1, taps.ids.count])
      ),
      ("text", Tensor(floats: taps.state.values, shape: Shape(taps.state.shape))),
      ("latent_mean", Tensor(floats: taps.latentMean, shape: Shape(taps.latent))),
      ("latent_logvar", Tensor(floats: taps.latentLogVariance, shape: Shape(taps.latent))),
    ]
    tensors += taps.image.tensors(layers: settings.layers, prefix: "image/")
    if let text = taps.text { tensors += text.tensors(layers: settings.layers, prefix: "text/") }
    return tensors
  }

  /// What `plumb ground --from` needs to know of the taps.
  private var metadata: [String: String] {
    [
      "format": "plumb maps 1",
      "phrase": phrase,
      "words": JSONValue.array(words.map(\.json)).text(),
      "tokens": JSONValue.array(settings.tokens.map { .integer(Int64($0)) }).text(),
      "layers": JSONValue.array(settings.layers.map { .string($0) }).text(),
      "steps": String(settings.options.steps),
      "last": String(settings.options.last),
      "guidance": JSONValue.number(settings.options.guidance).text(),
      "seed": String(settings.options.seed),
      "first_step": String(settings.options.steps - (taps?.image.steps ?? settings.options.steps)),
      "image": settings.imageFile,
      "image_sha256": settings.imageDigest,
      "crop_side": String(crop.side),
      "original_size": "[\(crop.originalWidth),\(crop.originalHeight)]",
      "model": settings.modelFile,
      "model_identity": settings.modelIdentity,
    ]
  }

  /// The content of `result.json`.
  var json: JSONValue {
    func box(_ numbers: [Double]?) -> JSONValue {
      numbers.map { .array($0.map { .number($0) }) } ?? .null
    }
    var stages = JSONObject()
    for (stage, seconds) in seconds { stages[stage] = .number((seconds * 1000).rounded() / 1000) }
    let options = settings.options
    return .object([
      "phrase": .string(phrase),
      "words": .array(words.map(\.json)),
      "box": .object(["original": box(boxInOriginal), "crop": box(boxInCrop)]),
      "threshold": .number(maps.mask.threshold),
      "bbm": .bool(maps.merging != nil),
      "ssim": similarity.map { .number($0) } ?? .null,
      "image": .object([
        "file": .string(settings.imageFile), "sha256": .string(settings.imageDigest),
        "width": .integer(Int64(crop.originalWidth)),
        "height": .integer(Int64(crop.originalHeight)),
        "crop_side": .integer(Int64(crop.side)), "map_side": .integer(Int64(mapSide)),
      ]),
      "taps": .array(settings.layers.map { .string($0) }),
      "steps": .integer(Int64(options.steps)),
      "last": .integer(Int64(options.last)),
      "seed": .integer(Int64(bitPattern: options.seed)),
      "guidance": .number(options.guidance),
      "seconds": .object(stages),
      "model": .object([
        "file": .string(settings.modelFile), "identity": .string(settings.modelIdentity),
      ]),
      "warnings": .array(warnings.map { .string($0) }),
    ])
  }

  private var overlayContent: OverlayContent {
    OverlayContent(
      image: picture, crop: crop, map: maps.map.values, mapSide: maps.map.width,
      mask: maps.mask.large.values.map { $0 ? 1 : 0 },
      box: boxInCrop.map { ImageBox(x0: $0[0], y0: $0[1], x1: $0[2], y1: $0[3]) },
      words: words.map { OverlayWord($0.text, isKept: $0.isKept) })
  }
}

extension GroundedWord {
  var json: JSONValue {
    .object([
      "word": .string(text), "tokens": .array(tokens.map { .string($0) }),
      "positions": .array(positions.map { .integer(Int64($0)) }), "kept": .bool(isKept),
    ])
  }

  init(json: JSONValue) throws {
    guard let text = json["word"]?.stringValue, let tokens = json["tokens"]?.arrayValue,
      let positions = json["positions"]?.arrayValue, let isKept = json["kept"]?.boolValue
    else {
      throw PipelineError.badSetting(file: "metadata", key: "words", expected: "a list of words")
    }
    self.init(
      text: text, tokens: tokens.compactMap(\.stringValue),
      positions: positions.compactMap(\.intValue), isKept: isKept)
  }
}

/// Writes a file in one atomic step.
func writeFile(_ bytes: [UInt8], to path: String) throws {
  var writer = try AtomicFileWriter(path: path)
  try writer.append(bytes)
  try writer.commit()
}
