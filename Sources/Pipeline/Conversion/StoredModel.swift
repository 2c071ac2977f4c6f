import ByteIO
import JSONText
import NativeFormat

/// What a .plumb holds, to be stored in another way; nil when the source is none.
///
/// - Throws: when it is damaged, or parts from elsewhere are asked for.
func storedStock(_ request: ConversionRequest) throws -> ConversionStock? {
  guard let source = request.source, regularFileExists(source), try NativeFile.isNative(source)
  else { return nil }
  let others = [
    ("--unet", request.unet), ("--vae", request.vae), ("--text-encoder", request.textEncoder),
    ("--tokenizer", request.tokenizer), ("--scheduler", request.scheduler),
    ("--io", request.ioNames.first?.theirs), ("--latent-size", request.latentSize.map(String.init)),
    ("--scaling-factor", request.scalingFactor.map { "\($0)" }),
  ]
  for case (let option, .some) in others {
    throw PipelineError.badOption(
      name: option, reason: "\(source) is a .plumb, whose parts stay what they are")
  }
  let file = try NativeFile(path: source)
  var content = NativeContent()
  content.graphs = file.graphs
  content.components = file.components
  content.tokenizer = file.tokenizer
  content.scheduler = file.scheduler
  content.provenance = file.provenance
  content.provenance["stored_from"] = .string(file.identity)
  let weights = file.tensors.map { tensor in
    ConvertedModel.Weight(
      name: tensor.name, byteCount: tensor.byteCount,
      load: { try file.tensor(named: tensor.name) }, release: {})
  }
  return ConversionStock(
    weights: weights, byteAxes: byteAxes(file.graphs), content: content, unused: [])
}
